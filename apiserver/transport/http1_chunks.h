/*
 * http1_chunks - takes a request body out of its chunks, strictly: RFC 9112, section 7.1, to the
 * letter, so that nobody in front of us can have read it in another way.
 *
 *   bytes as they come --http1_chunks_read()--> the body, closed up in place   or a refusal
 *
 * Shape    a state machine over spans; it keeps no bytes.
 * Errors   a refusal is the HTTP status; the connection must be closed.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_HTTP1_CHUNKS_H
#define TIDEWATCH_APISERVER_TRANSPORT_HTTP1_CHUNKS_H

#include "base/bytes.h"

enum http1_chunks_at {
    CHUNKS_NONE, /* there are none, or they are over */
    CHUNK_SIZE_BEGIN,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNKS_TRAILER_BEGIN,
    CHUNKS_TRAILER,
    CHUNKS_TRAILER_LF,
    CHUNKS_LAST_LF,
};

struct http1_chunks {
    enum http1_chunks_at at;
    uint32_t line; /* bytes of the line so far: of a size with its extensions, of a trailer */
    uint64_t left; /* of the chunk; while its size is read, that size */
};

/* Takes what came since the last call off `input`, and puts what is data behind the `*len` bytes of
 * `body`, which lies in front of the input or begins with it; begin with `at` CHUNK_SIZE_BEGIN.
 * What is behind the last chunk stays in `input`. 0, or the status to refuse with: 400, or 413 for
 * a chunk or body of more than `max`. */
int http1_chunks_read(struct http1_chunks *chunks, struct bytes *input, char *body, size_t *len,
                      size_t max);

#endif
