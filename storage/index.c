#include "storage/index.h"

#include <stdlib.h>

void index_init(struct index *index)
{
    *index = (struct index){0};
    pthread_mutex_init(&index->lock, NULL);
}

static void entry_free(struct entry *entry)
{
    value_unref(entry->value);
    versions_release(&entry->versions);
    free(entry);
}

void index_release(struct index *index)
{
    struct tree_cursor cursor = tree_seek(&index->tree, BYTES(""), false);

    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;)
        entry_free(slot->value);
    tree_release(&index->tree);
    expiry_release(&index->expiry);
    pthread_mutex_destroy(&index->lock);
}

struct entry *index_find(const struct index *index, struct bytes key)
{
    struct tree_slot *slot = tree_find(&index->tree, key);

    return slot != NULL ? slot->value : NULL;
}

struct entry *index_add(struct index *index, struct bytes key)
{
    struct entry *entry = calloc(1, sizeof(*entry) + key.len);

    if (entry == NULL)
        return NULL;
    entry->key_len = (uint32_t)key.len;
    memcpy(entry->key, key.ptr, key.len);
    if (!tree_put(&index->tree, entry_key(entry), entry)) {
        free(entry);
        return NULL;
    }
    return entry;
}

struct entry *index_make(struct index *index, struct bytes key)
{
    struct entry *entry = index_find(index, key);

    return entry != NULL ? entry : index_add(index, key);
}

void index_drop_empty(struct index *index, struct entry *entry)
{
    if (entry->value != NULL || entry->versions.newest != 0)
        return;
    entry->expires_ms = 0;
    expiry_place(&index->expiry, entry);
    tree_remove(&index->tree, entry_key(entry), NULL);
    entry_free(entry);
}

void index_forget(struct index *index, struct bytes key, uint64_t rev)
{
    struct entry *entry = index_find(index, key);

    if (entry == NULL)
        return;
    versions_remove(&entry->versions, rev);
    index_drop_empty(index, entry);
}

void index_loaded(struct index *index, uint64_t floor)
{
    struct tree_cursor cursor = tree_seek(&index->tree, BYTES(""), false);

    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;) {
        struct entry *entry = slot->value;

        versions_reverse(&entry->versions);
        if (entry->value == NULL && entry->versions.newest <= floor)
            versions_release(&entry->versions);
    }
}

/* The keys are copied: an entry may go as soon as the lock is given up. */
static void pick(struct picks *picks, uint64_t rev, struct bytes key)
{
    picks->versions[picks->count++] = (struct version){rev, bytes_of(NULL, key.len)};
    buf_append_bytes(&picks->keys, key);
}

/* Only now do they stay where they are. */
static void point_at_keys(struct picks *picks)
{
    const char *at = picks->keys.data;

    for (size_t i = 0; i < picks->count; i++) {
        picks->versions[i].key.ptr = at;
        at += picks->versions[i].key.len;
    }
}

enum status index_pick(struct index *index, uint64_t rev, struct bytes prefix, struct buf *from,
                       struct picks *picks)
{
    struct tree_cursor cursor;
    struct tree_slot *slot = NULL;
    enum status st = STATUS_END;

    picks->count = picks->keys.len = 0;
    pthread_mutex_lock(&index->lock);
    cursor = tree_seek(&index->tree, buf_bytes(from), false);
    for (size_t looked = 0; (slot = tree_next(&cursor)) != NULL; looked++) {
        uint64_t at = versions_at(&((const struct entry *)slot->value)->versions, rev);

        if (!bytes_starts_with(slot->key, prefix))
            break;
        if (looked == PICKS_MAX) {
            from->len = 0;
            buf_append_bytes(from, slot->key);
            st = STATUS_OK;
            break;
        }
        if (at != 0)
            pick(picks, at, slot->key);
    }
    pthread_mutex_unlock(&index->lock);
    point_at_keys(picks);
    return picks->keys.failed || from->failed ? STATUS_NO_MEMORY : st;
}

bool index_stands(struct index *index, const struct version *version, uint64_t rev)
{
    const struct entry *entry;
    bool stands;

    pthread_mutex_lock(&index->lock);
    entry = index_find(index, version->key);
    stands = entry != NULL && versions_at(&entry->versions, rev) == version->rev;
    pthread_mutex_unlock(&index->lock);
    return stands;
}
