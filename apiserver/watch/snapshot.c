#include "apiserver/watch/internal.h"

#include <stdlib.h>

void snapshot_unref(struct snapshot *snapshot)
{
    if (snapshot == NULL || --snapshot->refs > 0)
        return;
    if (snapshot->resource->snapshot == snapshot)
        snapshot->resource->snapshot = NULL;
    for (size_t i = 0; i < snapshot->count; i++)
        object_unref(snapshot->objects[i]);
    free(snapshot->objects);
    free((char *)snapshot->scope_text.ptr);
    free(snapshot);
}

static bool add(struct snapshot *snapshot, struct object *object)
{
    if (snapshot->count == snapshot->capacity) {
        size_t capacity = snapshot->capacity != 0 ? snapshot->capacity * 2 : 16;
        struct object **bigger = realloc(snapshot->objects, capacity * sizeof(struct object *));

        if (bigger == NULL)
            return false;
        snapshot->objects = bigger;
        snapshot->capacity = capacity;
    }
    snapshot->objects[snapshot->count++] = object_ref(object);
    return true;
}

static bool fill(struct snapshot *snapshot, const struct filter *filter)
{
    struct bytes from = filter_key_prefix(filter);
    struct tree_cursor cursor = tree_seek(&snapshot->resource->objects, from, false);

    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;) {
        if (!bytes_starts_with(slot->key, from))
            break;
        if (filter_in_scope(filter, bytes_from(slot->key, filter->prefix_len)) &&
            !add(snapshot, slot->value))
            return false;
    }
    return true;
}

static bool is_still_right(const struct snapshot *snapshot, const struct filter *filter)
{
    return snapshot != NULL && snapshot->rev >= snapshot->resource->changed_rev &&
           snapshot->scope == filter->scope &&
           bytes_eq(snapshot->scope_text, filter_scope_text(filter));
}

struct snapshot *snapshot_take(struct resource *resource, const struct filter *filter)
{
    struct snapshot *snapshot = resource->snapshot;

    if (is_still_right(snapshot, filter)) {
        snapshot->refs++;
        return snapshot;
    }
    snapshot = malloc(sizeof(*snapshot));
    if (snapshot == NULL)
        return NULL;
    *snapshot = (struct snapshot){
        .refs = 1, .resource = resource, .rev = resource->cache->rev, .scope = filter->scope};
    snapshot->scope_text.ptr = bytes_dup(filter_scope_text(filter));
    if (snapshot->scope_text.ptr == NULL || !fill(snapshot, filter)) {
        snapshot_unref(snapshot);
        return NULL;
    }
    snapshot->scope_text.len = filter_scope_text(filter).len;
    resource->snapshot = snapshot;
    return snapshot;
}
