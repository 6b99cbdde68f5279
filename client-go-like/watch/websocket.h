/*
 * websocket - the frames of a watch over a WebSocket become messages; pings are answered and sent.
 * Internal.
 *
 *   http body --frames--> websocket_next() --one message--> decode
 *        ^---- pong, ping, close: masked, by http_send()
 *
 * Rules    RFC 6455 for a client: frames from the server are not masked, ours are; a close is
 *          answered. What follows what is decided here: libwslay's frame layer reads heads and
 *          masks (see apiserver/transport/websocket_reader.c for what its message layer gets
 * wrong). Owner    in place; borrows the http. A message lives until the next call. Threads  the
 * reader's.
 */
#ifndef TIDEWATCH_CLIENT_WATCH_WEBSOCKET_H
#define TIDEWATCH_CLIENT_WATCH_WEBSOCKET_H

#include "client-go-like/rest/http.h"

enum { WEBSOCKET_CONTROL_MAX = 125 };

struct wslay_frame_context;

struct websocket {
    struct http *http;
    struct wslay_frame_context *wslay;
    size_t max; /* of a message */
    struct buf message;
    uint8_t opcode; /* of the message under way; 0: none */
    bool whole;     /* `message` was handed out */
    bool in_frame;
    uint64_t frame_left;
    char control[WEBSOCKET_CONTROL_MAX];
    size_t control_len;
    uint64_t ping_ms, ping_at_ms; /* between two pings; when the next is due */
    tw_error *end_error;          /* why nothing could be sent */
};

tw_status websocket_open(struct websocket *ws, struct http *http, size_t max, unsigned ping_ms,
                         tw_error **reterr);
/* Says goodbye, as far as the socket takes it at once. */
void websocket_leave(struct websocket *ws);
void websocket_release(struct websocket *ws);
/* TW_OK: a message. TW_ERR_TIMEOUT, *reterr NULL: more bytes are needed. TW_END: closed in good
 * order. TW_ERR_BROKEN, TW_ERR_PROTOCOL: closed for that reason, or by us. */
tw_status websocket_next(struct websocket *ws, struct bytes *ret_message, bool *ret_is_binary,
                         tw_error **reterr);
/* Sends a ping if it is time. *ret_wait_ms: until the next one is due. */
tw_status websocket_ping(struct websocket *ws, unsigned *ret_wait_ms, tw_error **reterr);

#endif
