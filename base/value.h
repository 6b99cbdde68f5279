/*
 * value - one stored version of one thing: its bytes, and the revision that wrote it.
 *
 * Storage keeps and hands out values without looking inside; the apiserver's values are objects
 * (codec/object.h), which begin with this struct. So one parsed image is shared by the store, every
 * loop's watch cache and every event.
 *
 *   made by a handler --submitted--> `rev` set by the writer, once --published--> read only, shared
 *
 * Owner    each holder owns one reference.
 * Threads  ref and unref from any thread; nobody writes after publishing.
 */
#ifndef TIDEWATCH_BASE_VALUE_H
#define TIDEWATCH_BASE_VALUE_H

#include "base/bytes.h"

#include <stdatomic.h>

struct value {
    atomic_uint refs;
    uint32_t len; /* of data */
    uint64_t rev; /* 0 until committed */
    const char *data;
    void (*destroy)(struct value *value); /* frees the whole of it */
};

static inline struct value *value_ref(struct value *value)
{
    atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
    return value;
}

/* Drops a reference (NULL is fine). Returns NULL, for `v = value_unref(v)`. */
static inline struct value *value_unref(struct value *value)
{
    if (value != NULL && atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) == 1)
        value->destroy(value);
    return NULL;
}

static inline struct bytes value_bytes(const struct value *value)
{
    return bytes_of(value->data, value->len);
}

/* A plain value that copies `bytes`; NULL without memory. */
struct value *value_new(struct bytes bytes, uint64_t rev);

#endif
