/*
 * watch - the ways to be told: one watch, of one cursor, and what its request asks it to be.
 *
 *   handle_watch -> options -> way: check() -> struct watch_spec -> way: start()
 *
 * A way is a row: it says whether a request wants it, and starts the watch into its sink.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_WATCH_H
#define TIDEWATCH_APISERVER_HANDLERS_WATCH_H

#include "apiserver/handlers/selection.h"

struct watch_way {
    bool (*wanted)(const struct api_request *api);
    /* What only this way asks of a request; may change the options. */
    enum status (*check)(struct api_request *api, struct list_options *options,
                         struct error *reterr);
    /* How long it lasts, from timeoutSeconds (0: not given). */
    uint64_t (*timeout_s)(uint64_t asked_s);
    /* Takes the request and the selectors. */
    void (*start)(struct api_request *api, const struct watch_spec *spec);
};

/* The state of an api_request that is to become a watch. */
struct watch_request {
    struct selection selection;
    struct view view;
    const struct watch_way *way;
    void *own; /* the way's */
};

/* What the rows of watch.c mean of the options, at revision `now`. */
void watch_spec_begin(struct watch_spec *spec, const struct list_options *options, uint64_t now);
/* A name in the path and one in the selector must agree. BAD_REQUEST. */
MUST_CHECK enum status watch_check_name(const struct request_info *info,
                                        const struct list_options *options, struct error *reterr);
/* Takes the HTTP request out of the api_request's hands: from here on it is a stream's. */
struct http_request *watch_become_stream(struct api_request *api);

extern const struct watch_way watch_by_long_poll, watch_by_push, watch_by_stream;

#endif
