#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_release(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

bool buf_reserve(struct buf *buf, size_t more)
{
    size_t need, capacity = buf->capacity != 0 ? buf->capacity : 64;
    char *data;

    if (buf->failed || __builtin_add_overflow(buf->len, more, &need)) {
        buf->failed = true;
        return false;
    }
    if (need <= buf->capacity)
        return true;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    data = realloc(buf->data, capacity);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
    if (len == 0 || !buf_reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_append_str(struct buf *buf, const char *str)
{
    buf_append(buf, str, strlen(str));
}

void buf_append_u64(struct buf *buf, uint64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    buf_append(buf, digits + at, sizeof(digits) - at);
}

void buf_vappendf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0 || !buf_reserve(buf, (size_t)len + 1)) {
        buf->failed = true;
        return;
    }
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
    buf->len += (size_t)len;
}

void buf_appendf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vappendf(buf, format, args);
    va_end(args);
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len == 0)
        return;
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
}

struct blob *buf_to_blob(struct buf *buf)
{
    struct blob *blob = buf->failed ? NULL : blob_take(buf->data, buf->len);

    if (blob != NULL)
        *buf = (struct buf){0};
    else
        buf_release(buf);
    return blob;
}
