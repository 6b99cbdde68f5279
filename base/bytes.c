#include "base/bytes.h"

#include <stdlib.h>

int bytes_cmp(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len != 0 ? memcmp(a.ptr, b.ptr, len) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool bytes_ieq(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool bytes_starts_with(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && bytes_eq(bytes_of(b.ptr, prefix.len), prefix);
}

bool bytes_ends_with(struct bytes b, struct bytes suffix)
{
    return b.len >= suffix.len &&
           bytes_eq(bytes_of(b.ptr + (b.len - suffix.len), suffix.len), suffix);
}

size_t bytes_find(struct bytes b, char c)
{
    const char *at = b.len != 0 ? memchr(b.ptr, c, b.len) : NULL;

    return at != NULL ? (size_t)(at - b.ptr) : b.len;
}

struct bytes bytes_from(struct bytes b, size_t start)
{
    if (start >= b.len)
        return bytes_of(NULL, 0);
    return bytes_of(b.ptr + start, b.len - start);
}

/* Eight bytes are looked at as one number; the last eight may overlap those before. */
bool bytes_are_plain(struct bytes b, unsigned char least, unsigned char other)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t odd = 0;

    if (b.len < sizeof(odd))
        return false;
    for (size_t i = 0; i < b.len; i += sizeof(odd)) {
        size_t at = i < b.len - sizeof(odd) ? i : b.len - sizeof(odd);
        uint64_t eight;

        memcpy(&eight, b.ptr + at, sizeof(eight));
        odd |= eight | (eight - ones * least) | (eight + ones) | ((eight ^ ones * other) - ones);
    }
    return (odd & ones * 0x80) == 0;
}

struct bytes bytes_trim(struct bytes b)
{
    while (b.len != 0 && strchr(" \t\r\n", b.ptr[0]) != NULL && b.ptr[0] != '\0') {
        b.ptr++;
        b.len--;
    }
    while (b.len != 0 && strchr(" \t\r\n", b.ptr[b.len - 1]) != NULL && b.ptr[b.len - 1] != '\0')
        b.len--;
    return b;
}

struct bytes bytes_cut(struct bytes *rest, char sep)
{
    size_t at = bytes_find(*rest, sep);
    struct bytes head = bytes_of(rest->ptr, at);

    if (at == rest->len)
        *rest = bytes_of(NULL, 0);
    else
        *rest = bytes_of(rest->ptr + at + 1, rest->len - at - 1);
    return head;
}

bool bytes_to_u64(struct bytes b, uint64_t *ret)
{
    uint64_t n = 0;

    if (b.len == 0)
        return false;
    for (size_t i = 0; i < b.len; i++) {
        unsigned digit = (unsigned)(unsigned char)b.ptr[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)digit, &n))
            return false;
    }
    *ret = n;
    return true;
}

char *bytes_dup(struct bytes b)
{
    char *copy = malloc(b.len + 1);

    if (copy == NULL)
        return NULL;
    if (b.len != 0)
        memcpy(copy, b.ptr, b.len);
    copy[b.len] = '\0';
    return copy;
}
