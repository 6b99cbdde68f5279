/*
 * http2 - what the HTTP/2 files share: the session, requests coming in, answers going out, pushes.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP2_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP2_H

#include "apiserver/transport/server.h"

struct http2 {
    struct conn *conn;
    nghttp2_session *session;
    struct list streams;
    struct list awake;       /* streams that have output again: nghttp2 is told of each in turn */
    struct list handed_over; /* streams whose frames are all in `out` */
    struct buf out;    /* on its way to the kernel; one write at a time is the back-pressure */
    size_t bodies_len; /* of the requests that are not complete, together */
    uint64_t debt_ms;  /* http2_charge() */
    bool in_session;   /* nghttp2 is up the stack: it must not be entered again */
    bool paused;       /* does not read before the socket takes what we have */
    bool ending;       /* closes when `out` has left */
    bool goaway_sent;
    uint32_t pushes;         /* streams that are pushed, now */
    uint32_t pushes_refused; /* reset by the client */
    struct loop_timer ping;
    uint64_t pinged_ms; /* 0: no answer is awaited */
};

/* From its first header to nghttp2's on_stream_close(). */
struct h2_stream {
    struct http_stream base;
    struct http2 *h2;
    struct list link;
    struct list queued;      /* in `awake`, or in `handed_over` */
    struct request *request; /* NULL: answered */
    struct loop_timer
        timer;         /* for the rest of the request; then for the client to take the answer */
    struct blob *body; /* a plain answer, */
    size_t sent;       /* of it, or of the frame at batch.at */
    struct frame_batch batch; /* or what a stream writes */
    char *authority;          /* of the request, for what it makes us push; or NULL */
    int32_t id;
    int32_t pushed_by;  /* 0: the client opened it */
    uint32_t moved_ms;  /* when it did last; turns over */
    bool head_done : 1; /* the request's */
    bool streaming : 1;
    bool ended : 1;
    bool wants_push : 1; /* has been told that there is no room */
    bool tunnel : 1;     /* of an extended CONNECT: the client may send at any time */
    bool asleep : 1;     /* nghttp2 waits for nghttp2_session_resume_data() */
    bool had_turn : 1;   /* has sent since it was resumed */
};

extern const struct http_engine_ops http2_engine_ops;

/* A body is whole, or nobody wants it. */
void http2_drop_body(struct http2 *h2, size_t len);
/* At the end of the turn, what all streams have written goes out in one write. */
void http2_flush_soon(struct http2 *h2);
/* Frees it. The client has left, or everything is done: tells whoever has to know. */
void h2_stream_gone(struct h2_stream *stream);
/* Resumes the stream that has waited longest; false when none waits. */
bool h2_stream_resume_next(struct http2 *h2);
/* All frames were sent and the socket has taken them. */
void h2_stream_on_handed_over(struct h2_stream *stream);
/* What the client of a tunnel sends, and that it sends no more. */
void h2_stream_on_bytes(struct h2_stream *stream, struct bytes bytes);
void h2_stream_on_client_end(struct h2_stream *stream);
void h2_stream_reset(struct h2_stream *stream, uint32_t error_code);

/* Takes `ms` from the connection's budget; false when that is used up. What a client may cost us
 * without asking anything: it gets one ms a ms, and can save up HTTP2_BUDGET_MS. */
bool http2_charge(struct http2 *h2, uint32_t ms);
enum {
    HTTP2_BUDGET_MS = 6000,
    HTTP2_RESET_MS = 30,     /* 200 resets at once, 33 a second (CVE-2023-44487, CVE-2025-8671) */
    HTTP2_IDLE_FRAME_MS = 5, /* 1200 PING, SETTINGS, PRIORITY, empty DATA, or tiny DATA
                                of ours; 200 a second */
};

enum status h2_stream_push(struct http_stream *base, struct bytes path,
                           const struct http_response *response);
/* A pushed stream is over: there is room for another. */
void http2_push_gone(struct h2_stream *stream);
/* May the client be sent pushed answers? */
bool http2_can_push(struct http2 *h2);
void http2_set_push_callbacks(nghttp2_session_callbacks *callbacks);

/* Submits status and headers of an answer; false without memory. `length` NULL: it is not known, or
 * not to be told. */
bool h2_stream_submit_head(struct h2_stream *stream, const struct http_response *response,
                           const size_t *length, bool has_body);
void h2_stream_output_started(struct h2_stream *stream);
void h2_stream_init_timer(struct h2_stream *stream);

static inline nghttp2_nv http2_nv(struct bytes name, struct bytes value)
{
    return (nghttp2_nv){.name = (uint8_t *)name.ptr,
                        .value = (uint8_t *)value.ptr,
                        .namelen = name.len,
                        .valuelen = value.len};
}

/* nghttp2's callbacks for what comes in (http2_request.c). */
void http2_set_request_callbacks(nghttp2_session_callbacks *callbacks);

#endif
