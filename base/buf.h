/*
 * buf - a growing run of bytes, the one string builder.
 *
 * Shape    zeroed is empty and valid (`struct buf buf = {0}`); data is not NUL-terminated.
 * Owner    whoever holds the struct; release it, or take its memory with buf_to_blob().
 * Errors   running out of memory is sticky: appends do nothing from then on and `failed` is set, so
 *          that a caller builds without checks and looks once, at the end.
 */
#ifndef TIDEWATCH_BASE_BUF_H
#define TIDEWATCH_BASE_BUF_H

#include "base/blob.h"
#include "base/bytes.h"

#include <stdarg.h>

struct buf {
    char *data;
    size_t len, capacity;
    bool failed;
};

void buf_release(struct buf *buf);
/* Makes room for `more` bytes behind the end; false without memory. */
bool buf_reserve(struct buf *buf, size_t more);
void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_char(struct buf *buf, char c);
void buf_append_str(struct buf *buf, const char *str);
void buf_append_u64(struct buf *buf, uint64_t n);
void buf_appendf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vappendf(struct buf *buf, const char *format, va_list args);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);

static inline void buf_append_bytes(struct buf *buf, struct bytes b)
{
    buf_append(buf, b.ptr, b.len);
}

static inline struct bytes buf_bytes(const struct buf *buf)
{
    return bytes_of(buf->data, buf->len);
}

/* Ends the buf and gives its bytes as a blob, which is the caller's. NULL if the buf has failed. */
struct blob *buf_to_blob(struct buf *buf);

#endif
