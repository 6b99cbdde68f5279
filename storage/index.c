#include "storage/index.h"

#include <stdlib.h>

void index_release(struct index *index)
{
    for (struct map_slot *it = map_next(&index->map, NULL); it != NULL;
         it = map_next(&index->map, it)) {
        struct entry *entry = it->value;

        value_unref(entry->value);
        free(entry);
    }
    map_release(&index->map);
    expiry_release(&index->expiry);
}

struct entry *index_find(const struct index *index, struct bytes key)
{
    return map_get(&index->map, key);
}

struct entry *index_make(struct index *index, struct bytes key)
{
    struct entry *entry = index_find(index, key);

    if (entry != NULL)
        return entry;
    entry = calloc(1, sizeof(*entry) + key.len);
    if (entry == NULL)
        return NULL;
    entry->key_len = key.len;
    memcpy(entry->key, key.ptr, key.len);
    if (!map_put(&index->map, entry_key(entry), entry)) {
        free(entry);
        return NULL;
    }
    return entry;
}

void index_drop(struct index *index, struct entry *entry)
{
    entry->expires_ms = 0;
    expiry_place(&index->expiry, entry);
    map_remove(&index->map, entry_key(entry));
    value_unref(entry->value);
    free(entry);
}

uint64_t index_rev(const struct index *index, struct bytes key)
{
    const struct entry *entry = index_find(index, key);

    return entry != NULL && entry->value != NULL ? entry->value->rev : 0;
}

static int compare_entries(const void *a, const void *b)
{
    return bytes_cmp(entry_key(*(struct entry *const *)a), entry_key(*(struct entry *const *)b));
}

struct entry **index_sorted(const struct index *index, size_t *ret_count)
{
    struct entry **entries = malloc((index->map.count + 1) * sizeof(struct entry *));
    size_t count = 0;

    if (entries == NULL)
        return NULL;
    for (struct map_slot *it = map_next(&index->map, NULL); it != NULL;
         it = map_next(&index->map, it))
        entries[count++] = it->value;
    qsort(entries, count, sizeof(struct entry *), compare_entries);
    *ret_count = count;
    return entries;
}
