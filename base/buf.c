#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_release(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

static bool has_room(const struct buf *buf, size_t more)
{
    return more <= buf->capacity - buf->len && !buf->failed;
}

/* Not inline: what has room, as most appends do, shall not carry its registers about. The first
 * block is as large as what is asked for, by one who knows what will be; then sizes double. */
static __attribute__((noinline)) bool grow(struct buf *buf, size_t more)
{
    size_t need, capacity = buf->capacity != 0 ? buf->capacity : more > 64 ? more : 64;
    char *data;

    if (buf->failed || __builtin_add_overflow(buf->len, more, &need)) {
        buf->failed = true;
        return false;
    }
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

bool buf_reserve(struct buf *buf, size_t more)
{
    return has_room(buf, more) || grow(buf, more);
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
    if (buf_reserve(buf, 1))
        buf->data[buf->len++] = c;
}

void buf_append_str(struct buf *buf, const char *str)
{
    buf_append(buf, str, strlen(str));
}

void buf_append_u64(struct buf *buf, uint64_t n)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof(digits);

    while (n >= 10) {
        const char *pair = pairs + n % 100 * 2;

        digits[--at] = pair[1];
        digits[--at] = pair[0];
        n /= 100;
    }
    if (n != 0 || at == sizeof(digits))
        digits[--at] = (char)('0' + n);
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
