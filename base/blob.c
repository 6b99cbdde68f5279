#include "base/blob.h"

#include <stdlib.h>

struct blob *blob_new(struct bytes bytes)
{
    struct blob *blob = malloc(sizeof(*blob) + bytes.len);

    if (blob == NULL)
        return NULL;
    atomic_init(&blob->refs, 1);
    blob->on_free = NULL;
    blob->len = bytes.len;
    blob->data = (const char *)(blob + 1);
    if (bytes.len != 0)
        memcpy(blob + 1, bytes.ptr, bytes.len);
    return blob;
}

struct blob *blob_take(char *data, size_t len)
{
    struct blob *blob = malloc(sizeof(*blob));

    if (blob == NULL)
        return NULL;
    atomic_init(&blob->refs, 1);
    blob->on_free = NULL;
    blob->len = len;
    blob->data = data;
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

struct blob *blob_unref(struct blob *blob)
{
    if (blob == NULL || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    if (blob->on_free != NULL)
        blob->on_free(blob->user);
    if (blob->data != (const char *)(blob + 1))
        free((char *)blob->data);
    free(blob);
    return NULL;
}

void blob_on_free(struct blob *blob, void (*on_free)(void *user), void *user)
{
    assert(!blob_is_shared(blob) && blob->on_free == NULL);
    blob->on_free = on_free;
    blob->user = user;
}

bool blob_is_shared(const struct blob *blob)
{
    return atomic_load_explicit(&blob->refs, memory_order_acquire) > 1;
}
