#include "client-go-like/cache/store.h"

#include <stdlib.h>

struct tw_index_values {
    struct store_entry *entry, **last; /* the object's, and where the next one is linked */
    int32_t index;
};

static struct store_entry *make_entry(tw_object *object, int32_t index, struct bytes value)
{
    size_t len = index >= 0 ? value.len + 1 + object->key.len : 0;
    struct store_entry *entry = malloc(sizeof(*entry) + len);

    if (entry == NULL)
        return NULL;
    *entry = (struct store_entry){.object = object, .index = index, .key = object->key};
    if (index < 0)
        return entry;
    entry->value_len = (uint32_t)value.len;
    memcpy(entry->text, value.ptr, value.len);
    entry->text[value.len] = '\0';
    if (object->key.len != 0)
        memcpy(entry->text + value.len + 1, object->key.ptr, object->key.len);
    entry->key = bytes_of(entry->text, len);
    return entry;
}

static bool has_value(const tw_index_values *values, struct bytes value)
{
    for (const struct store_entry *it = values->entry; it != NULL; it = it->sibling)
        if (it->index == values->index && bytes_eq(bytes_of(it->text, it->value_len), value))
            return true;
    return false;
}

tw_status tw_index_add(tw_index_values *values, const char *value)
{
    struct bytes text = bytes_str(value);
    struct store_entry *entry;

    if (has_value(values, text))
        return TW_OK;
    entry = make_entry(values->entry->object, values->index, text);
    if (entry == NULL)
        return TW_ERR_NO_MEMORY;
    *values->last = entry;
    values->last = &entry->sibling;
    return TW_OK;
}

tw_status store_entry_index(const tw_store *store, struct store_entry *entry, size_t index)
{
    const struct store_index *by = &store->indexes[index];
    tw_index_values values = {entry, &entry->sibling, (int32_t)index};

    while (*values.last != NULL)
        values.last = &(*values.last)->sibling;
    return by->fn(by->user, entry->object, &values);
}

tw_status store_entry_new(const tw_store *store, tw_object *object, size_t index_count,
                          struct store_entry **ret_entry)
{
    struct store_entry *entry = make_entry(object, -1, bytes_of("", 0));
    tw_status st = TW_OK;

    if (entry == NULL)
        return TW_ERR_NO_MEMORY;
    tw_object_ref(object);
    for (size_t i = 0; i < index_count && st == TW_OK; i++)
        st = store_entry_index(store, entry, i);
    if (st == TW_OK)
        *ret_entry = entry;
    else
        store_entry_free(entry);
    return st;
}

void store_entry_end(struct cow_mortal *mortal)
{
    struct store_entry *entry = (struct store_entry *)mortal; /* mortal is its first member */

    if (entry->index < 0)
        tw_object_unref(entry->object);
    free(entry);
}

void store_entry_free(struct store_entry *entry)
{
    while (entry != NULL) {
        struct store_entry *next = entry->sibling;

        store_entry_end(&entry->mortal);
        entry = next;
    }
}
