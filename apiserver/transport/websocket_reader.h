/*
 * websocket_reader - what a WebSocket client sends, read by libwslay as RFC 6455 wants it. No
 * sockets here: bytes in, callbacks and a close code out.
 *
 *   bytes as they come --websocket_read()--> on_message, on_ping, on_pong    and, once, a close
 * code
 *
 * Shape    libwslay's context takes 9 KB, so it lives only while part of a message is here: a
 * client that says nothing costs nothing. Owner    whoever holds the struct;
 * websocket_reader_release() ends it. Threads  one. Errors   each violation is a close code: 1002
 * protocol, 1007 no UTF-8, 1009 too large, 1011 no memory.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_WEBSOCKET_READER_H
#define TIDEWATCH_APISERVER_TRANSPORT_WEBSOCKET_READER_H

#include "base/buf.h"

struct websocket_reading;

/* RFC 6455, section 7.4.1: those we say ourselves. */
enum websocket_close {
    WEBSOCKET_CLOSE_NORMAL = 1000,
    WEBSOCKET_CLOSE_GOING_AWAY = 1001,
    WEBSOCKET_CLOSE_PROTOCOL_ERROR = 1002,
    WEBSOCKET_CLOSE_NO_CODE = 1005, /* never sent: stands for a close frame without a code */
    WEBSOCKET_CLOSE_NOT_UTF8 = 1007,
    WEBSOCKET_CLOSE_TOO_LARGE = 1009,
    WEBSOCKET_CLOSE_NO_MEMORY = 1011,
};

enum { WEBSOCKET_MESSAGE_MAX = 64 << 10 };

struct websocket_reader_ops {
    void (*on_message)(void *user, struct bytes message); /* text or binary, whole */
    void (*on_ping)(void *user, struct bytes payload);
    void (*on_pong)(void *user, struct bytes payload);
};

/* Zeroed but for `ops` and `user` is ready. Between messages it keeps nothing else. */
struct websocket_reader {
    const struct websocket_reader_ops *ops;
    void *user;
    struct websocket_reading *reading; /* what has begun, and the reader's own; or NULL */
};

/* 0: go on. Else the peer has closed or must be closed: the code to answer with (its own, or
 * WEBSOCKET_CLOSE_NO_CODE, or that of its fault); nothing may be read after it. The callbacks must
 * not release the reader. */
uint16_t websocket_read(struct websocket_reader *reader, struct bytes input);
void websocket_reader_release(struct websocket_reader *reader);

#endif
