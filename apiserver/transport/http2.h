/*
 * http2 - what the three HTTP/2 files share: the session, requests coming in, answers going out.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP2_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP2_H

#include "apiserver/transport/server.h"

struct http2 {
    struct conn *conn;
    nghttp2_session *session;
    struct list streams;
    struct list handed_over; /* streams whose frames are all in `out` */
    struct buf out;    /* on its way to the kernel; one write at a time is the back-pressure */
    size_t bodies_len; /* of the requests that are not complete, together */
    uint64_t debt_ms;  /* http2_charge() */
    bool in_session;   /* nghttp2 is up the stack: it must not be entered again */
    bool paused;       /* does not read before the socket takes what we have */
    bool ending;       /* closes when `out` has left */
    bool goaway_sent;
};

/* From its first header to nghttp2's on_stream_close(). */
struct h2_stream {
    struct http_stream base;
    struct http2 *h2;
    struct list link, handed_over;
    struct request *request; /* NULL: answered */
    struct loop_timer
        timer;         /* for the rest of the request; then for the client to take the answer */
    uint64_t moved_ms; /* when it did last */
    struct blob *body; /* a plain answer, */
    size_t sent;       /* of it, or of the frame at batch.at */
    struct frame_batch batch; /* or what a stream writes */
    int32_t id;
    bool head_done; /* the request's */
    bool streaming, ended;
    bool asleep; /* nghttp2 waits for nghttp2_session_resume_data() */
};

extern const struct http_engine_ops http2_engine_ops;

/* At the end of the turn, what all streams have written goes out in one write. */
void http2_flush_soon(struct http2 *h2);
/* Frees it. The client has left, or everything is done: tells whoever has to know. */
void h2_stream_gone(struct h2_stream *stream);
/* All frames were sent and the socket has taken them. */
void h2_stream_on_handed_over(struct h2_stream *stream);
void h2_stream_reset(struct h2_stream *stream, uint32_t error_code);

/* Takes `ms` from the connection's budget; false when that is used up. What a client may cost us
 * without asking anything: it gets one ms a ms, and can save up HTTP2_BUDGET_MS. */
bool http2_charge(struct http2 *h2, uint32_t ms);
enum {
    HTTP2_BUDGET_MS = 6000,
    HTTP2_RESET_MS = 30,     /* 200 resets at once, 33 a second (CVE-2023-44487, CVE-2025-8671) */
    HTTP2_IDLE_FRAME_MS = 5, /* 1200 PING, SETTINGS, PRIORITY, empty DATA; 200 a second */
};

/* nghttp2's callbacks for what comes in (http2_request.c). */
void http2_set_request_callbacks(nghttp2_session_callbacks *callbacks);

#endif
