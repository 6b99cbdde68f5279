#include <stdio.h>
#include <stdlib.h>

#include "apiserver/registry/registry_parts.h"

struct cached_document {
    struct document document;
    char *key, *group; /* group NULL: stale with any change */
};

/* FNV-1a, 128 bits (http://www.isthe.com/chongo/tech/comp/fnv/). An ETag names content among its
 * own predecessors; nobody gains by making two that are equal. Unlike bytes_hash() it is the same
 * in every process, so a client's cache outlives a restart. */
static void hash_text(struct bytes bytes, char ret_hex[33])
{
    const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
    unsigned __int128 hash = (unsigned __int128)0x6c62272e07bb0142ULL << 64 | 0x62b821756295c58dULL;

    for (size_t i = 0; i < bytes.len; i++) {
        hash ^= (unsigned char)bytes.ptr[i];
        hash *= prime;
    }
    snprintf(ret_hex, 33, "%016llX%016llX", (unsigned long long)(hash >> 64),
             (unsigned long long)hash);
}

static void cached_free(struct cached_document *cached)
{
    if (cached == NULL)
        return;
    blob_unref(cached->document.body);
    free(cached->key);
    free(cached->group);
    free(cached);
}

static void hand_out(const struct cached_document *cached, struct document *ret_document)
{
    *ret_document = cached->document;
    blob_ref(ret_document->body);
}

bool documents_get(struct registry *registry, struct bytes key, struct document *ret_document)
{
    const struct cached_document *cached = map_get(&registry->documents, key);

    if (cached != NULL)
        hand_out(cached, ret_document);
    return cached != NULL;
}

/* The blob's memory goes on behind its bytes with the hash, so that the hash lives as long. */
static struct blob *take_with_hash(struct buf *body, char ret_hash[33])
{
    size_t len = body->len;
    struct blob *blob;

    hash_text(buf_bytes(body), ret_hash);
    buf_append(body, ret_hash, 33);
    blob = buf_to_blob(body);
    if (blob != NULL)
        blob->len = len;
    return blob;
}

struct bytes documents_hash(const struct document *document)
{
    return bytes_str(document->body->data + document->body->len);
}

bool documents_put(struct registry *registry, struct bytes key, const char *group,
                   struct bytes content_type, struct buf *body, struct document *ret_document)
{
    struct cached_document *cached = calloc(1, sizeof(*cached));
    char hash[33];

    if (cached == NULL) {
        buf_release(body);
        return false;
    }
    cached->key = bytes_dup(key);
    cached->group = group != NULL ? bytes_dup(bytes_str(group)) : NULL;
    cached->document.content_type = content_type;
    cached->document.body = take_with_hash(body, hash);
    snprintf(cached->document.etag, sizeof(cached->document.etag), "\"%s\"", hash);
    if (cached->key == NULL || (group != NULL && cached->group == NULL) ||
        cached->document.body == NULL ||
        !map_put(&registry->documents, bytes_of(cached->key, key.len), cached)) {
        cached_free(cached);
        return false;
    }
    hand_out(cached, ret_document);
    return true;
}

static struct cached_document *find_stale(const struct registry *registry, const char *group)
{
    for (struct map_slot *it = map_next(&registry->documents, NULL); it != NULL;
         it = map_next(&registry->documents, it)) {
        struct cached_document *cached = it->value;

        if (group == NULL || cached->group == NULL || strcmp(cached->group, group) == 0)
            return cached;
    }
    return NULL;
}

void documents_forget(struct registry *registry, const char *group)
{
    struct cached_document *stale;

    while ((stale = find_stale(registry, group)) != NULL) {
        map_remove(&registry->documents, bytes_str(stale->key));
        cached_free(stale);
    }
}
