/*
 * http1_chunks - looks at the chunks of a request body before libh2o decodes them, strictly.
 *
 * libh2o 2.2.5 reads a chunk's size up to the first byte that is no digit and skips the rest of the
 * line, lets a bare line feed end it, and waits for 2^63 bytes when told to. What passes here is
 * RFC 9112, section 7.1, to the letter, so nobody in front of us can have read it in another way.
 * What chunks are together is libh2o's to count.
 *
 *   bytes as they come --http1_chunks_look()--> go on, or a refusal
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

/* `input` is what came since the last call; begin with `at` CHUNK_SIZE_BEGIN. 0, or the status to
 * refuse with: 400, or 413 for a chunk of more than `max`. What is behind the last one is not
 * looked at. */
int http1_chunks_look(struct http1_chunks *chunks, struct bytes input, size_t max);

#endif
