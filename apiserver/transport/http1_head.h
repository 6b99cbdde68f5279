/*
 * http1_head - reads the head of an HTTP/1 request strictly, on bytes that libh2o has accepted.
 *
 * libh2o 2.2.5 lets through what RFC 9112 calls request smuggling: no Host or two, Content-Length
 * beside Transfer-Encoding, differing Content-Lengths, folded lines, bare line feeds. It also keeps
 * the framing headers to itself. So the handler's view is made here, from the bytes themselves.
 *
 *   input bytes --http1_head_read()--> method, target, authority, headers   or a refusal
 *
 * Shape    all spans point into the input; header names are lower-case there (libh2o does that).
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
    size_t len;      /* with the empty line */
    const char *why; /* of a refusal */
};

/* 0, or the status to refuse with. Without memory the arena says so. */
int http1_head_read(struct bytes input, struct arena *arena, struct http1_head *ret_head);

/* True when the empty line that ends a head is in `input`. Looks from `*scanned` on, and moves it,
 * at last to the length of the head. */
bool http1_head_is_complete(struct bytes input, uint32_t *scanned);

enum { HTTP1_HEADERS_MAX = 100 };
/* Has a complete head more headers than that? libh2o's answer is no Status. */
bool http1_head_has_too_many(struct bytes head);

/* Whether a complete head speaks of chunks, in any spelling: it may not have been accepted yet. */
bool http1_head_is_chunked(struct bytes head);

#endif
