/*
 * bytes - a borrowed span of memory: never owned, never NUL-terminated by promise, may hold NULs.
 */
#ifndef TIDEWATCH_BASE_BYTES_H
#define TIDEWATCH_BASE_BYTES_H

#include "base/base.h"

#include <string.h>

struct bytes {
    const char *ptr;
    size_t len;
};

/* For a string literal, in code and in static tables. */
#define BYTES(literal) ((struct bytes){"" literal, sizeof(literal) - 1})
#define BYTES_INIT(literal)                                                                        \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
/* For printf("%.*s", BYTES_FMT(b)). */
#define BYTES_FMT(b) (int)(b).len, (b).ptr

static inline struct bytes bytes_of(const char *ptr, size_t len)
{
    return (struct bytes){ptr, len};
}

static inline struct bytes bytes_str(const char *str)
{
    return (struct bytes){str, str != NULL ? strlen(str) : 0};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool bytes_eq_str(struct bytes a, const char *str)
{
    return bytes_eq(a, bytes_str(str));
}

/* Byte order, the shorter first when one begins the other. */
int bytes_cmp(struct bytes a, struct bytes b);
/* ASCII letters compare without case. */
bool bytes_ieq(struct bytes a, struct bytes b);
/* As most text from outside is, quickly seen. True: no byte is below `least`, above '~', or
 * `other`. False: look at each. */
bool bytes_are_plain(struct bytes b, unsigned char least, unsigned char other);
bool bytes_starts_with(struct bytes b, struct bytes prefix);
bool bytes_ends_with(struct bytes b, struct bytes suffix);
/* The index of the first `c`, or b.len. */
size_t bytes_find(struct bytes b, char c);
/* From `start` to the end; empty when start is past it. */
struct bytes bytes_from(struct bytes b, size_t start);
struct bytes bytes_trim(struct bytes b);

/* Cuts `*rest` at the first `sep`: returns what stands before, leaves what stands behind.
 * Without `sep` it returns all and leaves `*rest` empty with ptr NULL. */
struct bytes bytes_cut(struct bytes *rest, char sep);

/* Decimal digits only (no sign, no blank, not empty); false on overflow too. */
bool bytes_to_u64(struct bytes b, uint64_t *ret);

/* A NUL-terminated heap copy, or NULL without memory. */
char *bytes_dup(struct bytes b);

#endif
