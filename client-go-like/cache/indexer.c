#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/cache/store.h"

enum { KEY_MAX = 63 + 1 + 253 }; /* a namespace is a DNS label, a name at most a DNS subdomain */

struct store_version *store_take(tw_store *store)
{
    return (struct store_version *)versions_take(&store->versions); /* its first member */
}

/* A tw_snapshot is a store_version that was taken. */
static const struct store_version *version_of(const tw_snapshot *snapshot)
{
    return (const struct store_version *)snapshot;
}

tw_snapshot *tw_store_snapshot(tw_store *store)
{
    return (tw_snapshot *)store_take(store);
}

void tw_snapshot_release(tw_snapshot *snapshot)
{
    if (snapshot != NULL)
        versions_drop(&((struct store_version *)snapshot)->version);
}

size_t tw_snapshot_count(const tw_snapshot *snapshot)
{
    return version_of(snapshot)->objects.count;
}

tw_object *tw_snapshot_get(const tw_snapshot *snapshot, const char *ns, const char *name)
{
    size_t ns_len = ns != NULL ? strlen(ns) : 0, name_len = strlen(name), len = 0;
    const struct store_entry *entry;
    char key[KEY_MAX];

    if (ns_len + 1 + name_len > sizeof(key))
        return NULL;
    if (ns_len != 0) {
        memcpy(key, ns, ns_len);
        key[ns_len] = '/';
        len = ns_len + 1;
    }
    memcpy(key + len, name, name_len);
    entry = cow_get(&version_of(snapshot)->objects, bytes_of(key, len + name_len));
    return entry != NULL ? entry->object : NULL;
}

/* ---- walks ---- */

/* Those whose key begins with `prefix`. */
static void walk(const struct cow_tree *tree, struct bytes prefix, tw_object_fn *fn, void *user)
{
    struct cow_cursor at = cow_seek(tree, prefix);
    const struct store_entry *entry;

    while ((entry = cow_next(&at, NULL)) != NULL)
        if (!bytes_starts_with(entry->key, prefix) || !fn(user, entry->object))
            return;
}

/* The objects of no namespace stand between the others. */
static void walk_without_namespace(const struct cow_tree *tree, tw_object_fn *fn, void *user)
{
    struct cow_cursor at = cow_seek(tree, bytes_of("", 0));
    const struct store_entry *entry;

    while ((entry = cow_next(&at, NULL)) != NULL)
        if (bytes_find(entry->key, '/') == entry->key.len && !fn(user, entry->object))
            return;
}

/* NULL: there is no such index. */
static const struct cow_tree *tree_of(const struct store_version *version, const char *index)
{
    const tw_store *store = container_of(version->version.all, tw_store, versions);

    for (size_t i = 0; i < version->index_count; i++)
        if (strcmp(store->indexes[i].name, index) == 0)
            return &version->indexes[i];
    return NULL;
}

static tw_status walk_index(const struct cow_tree *tree, const char *value, char end,
                            tw_object_fn *fn, void *user)
{
    struct buf prefix = {0};
    tw_status st = TW_ERR_NO_MEMORY;

    buf_append_str(&prefix, value);
    buf_append_char(&prefix, end);
    if (!prefix.failed) {
        walk(tree, buf_bytes(&prefix), fn, user);
        st = TW_OK;
    }
    buf_release(&prefix);
    return st;
}

tw_status tw_snapshot_each(const tw_snapshot *snapshot, const char *index, const char *value,
                           tw_object_fn *fn, void *user)
{
    const struct store_version *version = version_of(snapshot);
    const struct cow_tree *tree;

    if (index == NULL) {
        walk(&version->objects, bytes_of("", 0), fn, user);
        return TW_OK;
    }
    if (strcmp(index, TW_INDEX_NAMESPACE) == 0) { /* keys begin with it: no tree of its own */
        if (*value != '\0')
            return walk_index(&version->objects, value, '/', fn, user);
        walk_without_namespace(&version->objects, fn, user);
        return TW_OK;
    }
    tree = tree_of(version, index);
    return tree != NULL ? walk_index(tree, value, '\0', fn, user) : TW_ERR_ARGUMENT;
}

struct values {
    struct buf last; /* the value seen last, and its NUL */
    bool any;
    tw_text_fn *fn;
    void *user;
};

/* False ends the walk. */
static bool tell_value(struct values *values, struct bytes value)
{
    if (values->any && bytes_eq(bytes_of(values->last.data, values->last.len - 1), value))
        return true;
    values->any = true;
    values->last.len = 0;
    buf_append_bytes(&values->last, value);
    buf_append_char(&values->last, '\0');
    return !values->last.failed && values->fn(values->user, values->last.data);
}

tw_status tw_snapshot_each_value(const tw_snapshot *snapshot, const char *index, tw_text_fn *fn,
                                 void *user)
{
    const struct store_version *version = version_of(snapshot);
    bool by_ns = strcmp(index, TW_INDEX_NAMESPACE) == 0;
    const struct cow_tree *tree = by_ns ? &version->objects : tree_of(version, index);
    struct values values = {.fn = fn, .user = user};
    struct cow_cursor at;
    const struct store_entry *entry;
    tw_status st;

    if (tree == NULL)
        return TW_ERR_ARGUMENT;
    at = cow_seek(tree, bytes_of("", 0));
    while ((entry = cow_next(&at, NULL)) != NULL) {
        size_t slash = bytes_find(entry->key, '/');
        size_t ns_len = slash < entry->key.len ? slash : 0;

        if (!tell_value(&values, bytes_of(entry->key.ptr, by_ns ? ns_len : entry->value_len)))
            break;
    }
    st = values.last.failed ? TW_ERR_NO_MEMORY : TW_OK;
    buf_release(&values.last);
    return st;
}

/* ---- straight from the store ---- */

tw_object *tw_store_get(tw_store *store, const char *ns, const char *name)
{
    tw_snapshot *snapshot = tw_store_snapshot(store);
    tw_object *object = tw_snapshot_get(snapshot, ns, name);

    if (object != NULL)
        tw_object_ref(object);
    tw_snapshot_release(snapshot);
    return object;
}

size_t tw_store_count(tw_store *store)
{
    tw_snapshot *snapshot = tw_store_snapshot(store);
    size_t count = tw_snapshot_count(snapshot);

    tw_snapshot_release(snapshot);
    return count;
}

struct listing {
    tw_list *list;
    bool failed;
};

static bool add_to_list(void *user, tw_object *object)
{
    struct listing *listing = user;

    listing->failed = !list_add(listing->list, object);
    return !listing->failed;
}

tw_status tw_store_by_index(tw_store *store, const char *index, const char *value,
                            tw_list **ret_list, tw_error **reterr)
{
    struct listing listing = {.list = list_new()};
    tw_snapshot *snapshot;
    tw_status st;

    if (listing.list == NULL)
        return tw_fail_no_memory(reterr);
    snapshot = tw_store_snapshot(store);
    st = tw_snapshot_each(snapshot, index, value, add_to_list, &listing);
    tw_snapshot_release(snapshot);
    if (st == TW_ERR_ARGUMENT)
        tw_fail(reterr, st, "there is no index %s", index);
    else if (st != TW_OK || listing.failed)
        st = tw_fail_no_memory(reterr);
    if (st == TW_OK)
        *ret_list = listing.list;
    else
        tw_list_free(listing.list);
    return st;
}

tw_status tw_store_list(tw_store *store, tw_list **ret_list)
{
    return tw_store_by_index(store, NULL, NULL, ret_list, NULL);
}
