#include "apiserver/transport/http1_chunks.h"

enum { LINE_MAX_LEN = 4096 }; /* as Go's net/http has it */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Field and extension text: no control characters but the tab. */
static bool is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7f);
}

/* Blanks before it are bad, but allowed. */
static bool is_extension(char c)
{
    return c == ';' || c == ' ' || c == '\t';
}

/* More digits than a limit has are refused when they come: a size never overflows. */
static int add_digit(struct http1_chunks *chunks, int digit, size_t max)
{
    chunks->left = chunks->left << 4 | (uint64_t)digit;
    chunks->at = CHUNK_SIZE;
    return chunks->left > max ? 413 : 0;
}

/* One byte that is not data. */
static int step(struct http1_chunks *chunks, char c, size_t max)
{
    enum http1_chunks_at next = CHUNKS_NONE;

    if (++chunks->line > LINE_MAX_LEN)
        return 400;
    switch (chunks->at) {
    case CHUNK_SIZE_BEGIN:
    case CHUNK_SIZE:
        if (hex_digit(c) >= 0)
            return add_digit(chunks, hex_digit(c), max);
        if (chunks->at == CHUNK_SIZE)
            next = c == '\r' ? CHUNK_SIZE_LF : is_extension(c) ? CHUNK_EXTENSION : CHUNKS_NONE;
        break;
    case CHUNK_EXTENSION:
        next = c == '\r' ? CHUNK_SIZE_LF : is_text(c) ? CHUNK_EXTENSION : CHUNKS_NONE;
        break;
    case CHUNK_SIZE_LF:
        next = c != '\n' ? CHUNKS_NONE : chunks->left > 0 ? CHUNK_DATA : CHUNKS_TRAILER_BEGIN;
        chunks->line = 0;
        break;
    case CHUNK_DATA_CR:
        next = c == '\r' ? CHUNK_DATA_LF : CHUNKS_NONE;
        break;
    case CHUNK_DATA_LF:
        next = c == '\n' ? CHUNK_SIZE_BEGIN : CHUNKS_NONE;
        chunks->line = 0;
        break;
    case CHUNKS_TRAILER_BEGIN:
        next = c == '\r' ? CHUNKS_LAST_LF : is_text(c) ? CHUNKS_TRAILER : CHUNKS_NONE;
        break;
    case CHUNKS_TRAILER:
        next = c == '\r' ? CHUNKS_TRAILER_LF : is_text(c) ? CHUNKS_TRAILER : CHUNKS_NONE;
        break;
    case CHUNKS_TRAILER_LF:
        next = c == '\n' ? CHUNKS_TRAILER_BEGIN : CHUNKS_NONE;
        chunks->line = 0;
        break;
    case CHUNKS_LAST_LF:
        chunks->at = CHUNKS_NONE;
        return c == '\n' ? 0 : 400;
    case CHUNKS_NONE:
    case CHUNK_DATA:
        break;
    }
    chunks->at = next;
    return next == CHUNKS_NONE ? 400 : 0;
}

/* A piece of data; returns how long it is. */
static size_t take_data(struct http1_chunks *chunks, struct bytes input, char *to)
{
    size_t len = chunks->left < input.len ? (size_t)chunks->left : input.len;

    memmove(to, input.ptr, len);
    chunks->left -= len;
    if (chunks->left == 0)
        chunks->at = CHUNK_DATA_CR;
    return len;
}

int http1_chunks_read(struct http1_chunks *chunks, struct bytes *input, char *body, size_t *len,
                      size_t max)
{
    int status = 0;

    while (input->len > 0 && chunks->at != CHUNKS_NONE && status == 0) {
        size_t took = 1;

        if (chunks->at == CHUNK_DATA) {
            took = take_data(chunks, *input, body + *len);
            *len += took;
        } else {
            status = step(chunks, *input->ptr, max);
            if (status == 0 && chunks->at == CHUNK_DATA && chunks->left > max - *len)
                status = 413;
        }
        *input = bytes_from(*input, took);
    }
    return status;
}
