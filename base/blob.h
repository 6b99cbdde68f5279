/*
 * blob - bytes that nobody changes any more, shared by reference: encoded once, sent to many.
 *
 * Owner    each holder owns one reference; the last blob_unref() frees.
 * Threads  ref and unref from any thread.
 * Errors   the makers return NULL without memory.
 */
#ifndef TIDEWATCH_BASE_BLOB_H
#define TIDEWATCH_BASE_BLOB_H

#include "base/bytes.h"

#include <stdatomic.h>

struct blob {
    atomic_uint refs;
    size_t len;
    const char *data; /* behind this struct, or memory taken over by blob_take() */
    void (*on_free)(void *user);
    void *user;
};

/* Copies `bytes`. */
struct blob *blob_new(struct bytes bytes);
/* Takes over malloc'ed memory, with success only. */
struct blob *blob_take(char *data, size_t len);
struct blob *blob_ref(struct blob *blob);
/* Drops a reference (NULL is fine). Returns NULL, for `b = blob_unref(b)`. */
struct blob *blob_unref(struct blob *blob);

/* Who has the only reference is told when the last one goes, on any thread. */
void blob_on_free(struct blob *blob, void (*on_free)(void *user), void *user);
bool blob_is_shared(const struct blob *blob);

static inline struct bytes blob_bytes(const struct blob *blob)
{
    return bytes_of(blob->data, blob->len);
}

#endif
