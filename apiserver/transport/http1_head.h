/*
 * http1_head - reads the head of an HTTP/1 request, strictly.
 *
 * What RFC 9112 allows in two readings, or leaves to the reader, is refused: no Host or two,
 * Content-Length beside Transfer-Encoding, differing Content-Lengths, folded lines, bare line
 * feeds. So nobody in front of us can have read it in another way.
 *
 *   input bytes --http1_head_read()--> method, target, authority, headers   or a refusal
 *
 * Shape    all spans point into the input; header names are made lower-case there.
 * Errors   a refusal is the HTTP status with a literal for people; the connection must be closed.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP1_HEAD_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP1_HEAD_H

#include "apiserver/transport/http.h"

struct http1_head {
    struct bytes method, target, authority;
    enum http_version version;
    struct http_header *headers;
    size_t header_count;
    size_t len;          /* with the empty line */
    uint64_t body_len;   /* what Content-Length says */
    bool chunked;        /* the body comes in chunks */
    bool wants_continue; /* the client waits for a 100 before it sends the body */
    bool keep_alive;     /* the connection can go on after the answer */
    const char *why;     /* of a refusal */
};

enum { HTTP1_HEADERS_MAX = 100 };
/* 0, or the status to refuse with. Without memory the arena says so. */
int http1_head_read(char *input, size_t len, struct arena *arena, struct http1_head *ret_head);

/* True when the empty line that ends a head is in `input`. Looks from `*scanned` on, and moves it,
 * at last to the length of the head. */
bool http1_head_is_complete(struct bytes input, uint32_t *scanned);

/* False: whatever follows, no request begins like this. */
bool http1_head_may_begin(struct bytes input);

#endif
