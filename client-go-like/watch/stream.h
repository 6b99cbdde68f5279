/*
 * stream - an open watch: bytes of one http exchange become events. Internal.
 *
 *   http --bytes--> framer, or websocket --one frame--> decode JSON or protobuf --> tw_event
 *
 * What the server answers decides how it is read, not what was asked for: some have no protobuf.
 *
 * Shape    pulled by its reader, as http is; it reads on only when no whole event is pending.
 * Owner    in place; borrows the http between stream_open() and stream_close().
 * Threads  the reader's; http_stop() ends any wait.
 */
#ifndef TIDEWATCH_CLIENT_WATCH_STREAM_H
#define TIDEWATCH_CLIENT_WATCH_STREAM_H

#include <tidewatch/watch.h>

#include "client-go-like/rest/client.h"
#include "client-go-like/watch/websocket.h"
#include "codec/framer.h"

#define STREAM_FRAME_MAX ((size_t)16 << 20)

struct stream {
    struct http *http;
    struct framer framer;
    bool is_websocket, is_protobuf;
    struct websocket websocket;
    bool closed;          /* it, in good order */
    size_t frame_len;     /* of the last event */
    bool strip;           /* set after opening: as for object_from_tree() */
    struct arena scratch; /* of its reader, from event to event */
    tw_status ended; /* how, TW_OK while it has not; reported once the pending events are out */
    tw_error *end_error;
};

/* For an exchange that its owner starts, once its headers are here. */
void stream_begin(struct stream *stream, struct http *http);
/* Sends the request and waits until it is accepted. After a failure too: stream_close(). */
tw_status stream_open(struct stream *stream, tw_client *client, struct http *http,
                      struct http_request *request, tw_error **reterr);
/* As tw_watch_next(). */
tw_status stream_next(struct stream *stream, unsigned wait_ms, tw_event *ret_event,
                      tw_error **reterr);
/* The same of what has been read already; TW_ERR_TIMEOUT, *reterr NULL: no event of that is left.
 */
tw_status stream_next_read(struct stream *stream, tw_event *ret_event, tw_error **reterr);
void stream_close(struct stream *stream);
/* One frame into an event; `scratch` is emptied, and keeps its memory for the next. */
tw_status stream_decode(struct bytes frame, bool is_protobuf, bool strip, struct arena *scratch,
                        tw_event *ret_event, tw_error **reterr);

#endif
