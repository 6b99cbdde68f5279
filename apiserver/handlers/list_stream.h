/*
 * list_stream - a long list, sent while it is written: as much memory as a piece, whatever its
 * length, and a turn of its user (fair.h) for each piece.
 *
 * Owner    the items are the request's, which lives until the last piece has left.
 * Threads  the loop's.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_LIST_STREAM_H
#define TIDEWATCH_APISERVER_HANDLERS_LIST_STREAM_H

#include "apiserver/handlers/api.h"
#include "apiserver/registry/view.h"

struct list_items {
    struct view view;
    struct list_meta meta;
    struct object *const *items;
    size_t count;
};

enum { LIST_LONG = 1 << 20 }; /* bytes from which a list is sent in pieces */

/* Is nothing done to it that needs it whole: indenting, YAML, gzip? */
bool list_stream_suits(const struct api_request *api, const struct list_items *items);
/* Ends the request, whose release frees the items. */
void list_stream_start(struct api_request *api, const struct list_items *items);
/* Sends what is written already: it takes the body, which is there. */
void list_stream_send(struct api_request *api, struct finished_body finished);
/* The client sees that it is not whole. */
void list_stream_cut(struct list_stream *stream);

#endif
