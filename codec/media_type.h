/*
 * media_type - one Accept or Content-Type value taken apart (RFC 9110 sections 8.3 and 12.5.1).
 */
#ifndef TIDEWATCH_CODEC_MEDIA_TYPE_H
#define TIDEWATCH_CODEC_MEDIA_TYPE_H

#include "base/arena.h"

struct media_param {
    struct bytes name, value; /* unquoted */
};

struct media_type {
    struct bytes type, subtype; /* "application", "json"; "*" for a wildcard */
    struct media_param params[16];
    size_t param_count;
    unsigned q; /* 0 .. 1000 */
};

/* The value of a parameter, or ptr NULL. Names compare without case. */
struct bytes media_type_param(const struct media_type *type, const char *name);
bool media_type_is(const struct media_type *type, const char *full); /* "application/json" */
/* One media type; false if it is none. */
bool media_type_parse(struct bytes text, struct media_type *ret_type);
/* The clauses of an Accept header, best q first, in header order among equals; unusable clauses and
 * q=0 are left out. At most 64. */
size_t media_type_parse_accept(struct arena *arena, struct bytes header,
                               struct media_type **ret_types);

#endif
