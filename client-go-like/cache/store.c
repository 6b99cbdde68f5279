#include "client-go-like/cache/store.h"

#include <stdlib.h>

#include "client-go-like/cache/channel.h"

static struct store_version *new_version(uint64_t number, size_t index_count)
{
    struct store_version *version =
        calloc(1, sizeof(*version) + index_count * sizeof(version->indexes[0]));

    if (version == NULL)
        return NULL;
    version->version.number = number;
    version->index_count = index_count;
    return version;
}

tw_status tw_store_new(tw_store **ret_store, tw_error **reterr)
{
    tw_store *store = calloc(1, sizeof(*store));
    struct store_version *first = new_version(1, 0);

    if (store == NULL || first == NULL) {
        free(store);
        free(first);
        return tw_fail_no_memory(reterr);
    }
    pthread_mutex_init(&store->writing, NULL);
    versions_init(&store->versions, &first->version, store_entry_end);
    *ret_store = store;
    return TW_OK;
}

void tw_store_on_change(tw_store *store, tw_change_fn *on_change, void *user)
{
    store->on_change = on_change;
    store->user = user;
}

void store_on_delivered(tw_store *store, void (*on_delivered)(void *user))
{
    store->on_delivered = on_delivered;
}

void tw_store_deliver_to(tw_store *store, tw_channel *channel)
{
    store->channel = channel;
}

void store_set_stop(tw_store *store, const atomic_bool *stop)
{
    pthread_mutex_lock(&store->writing);
    store->stop = stop;
    pthread_mutex_unlock(&store->writing);
}

/* ---- an edit: from the current version to the next; `writing` is held ---- */

static struct store_version *current(const tw_store *store)
{
    return (struct store_version *)versions_current(&store->versions); /* its first member */
}

/* The next version, which begins as a copy of the current one. */
static struct store_version *begin(tw_store *store, size_t index_count)
{
    const struct store_version *last = current(store);
    struct store_version *next = new_version(last->version.number + 1, index_count);

    if (next == NULL)
        return NULL;
    next->objects = last->objects;
    for (size_t i = 0; i < last->index_count && i < index_count; i++)
        next->indexes[i] = last->indexes[i];
    store->edit.now = next->version.number;
    return next;
}

static void publish(tw_store *store, struct store_version *next)
{
    struct cow_mortal *dead = store->edit.dead;

    store->edit.dead = NULL;
    versions_publish(&store->versions, &next->version, dead);
}

static struct cow_tree *tree_of(struct store_version *version, const struct store_entry *entry)
{
    return entry->index < 0 ? &version->objects : &version->indexes[entry->index];
}

/* Room for all that putting `put` and removing `gone` may copy. */
static bool reserve(tw_store *store, const struct store_version *version,
                    const struct store_entry *put, const struct store_entry *gone)
{
    size_t changes = 0;
    uint32_t depth = version->objects.depth;

    for (; put != NULL; put = put->sibling)
        changes++;
    for (; gone != NULL; gone = gone->sibling)
        changes++;
    for (size_t i = 0; i < version->index_count; i++)
        if (version->indexes[i].depth > depth)
            depth = version->indexes[i].depth;
    return cow_reserve(&store->edit, depth, changes);
}

/* Buries an entry and its siblings, which leave their trees; its own tree is the caller's. */
static void drop_entries(tw_store *store, struct store_version *version, struct store_entry *entry)
{
    for (struct store_entry *it = entry; it != NULL; it = it->sibling) {
        if (it != entry)
            cow_remove(&store->edit, tree_of(version, it), it->key);
        cow_bury(&store->edit, &it->mortal);
    }
}

/* What they replace has been dropped. */
static void put_entries(tw_store *store, struct store_version *version, struct store_entry *entry)
{
    for (; entry != NULL; entry = entry->sibling) {
        entry->mortal.born = store->edit.now;
        cow_put(&store->edit, tree_of(version, entry), entry->key, entry);
    }
}

/* The entries of an object in place of its old ones, of which the first is given. */
static tw_status put_object(tw_store *store, struct store_version *version, tw_object *object,
                            const struct store_entry **ret_old)
{
    struct store_entry *entry = NULL, *old = NULL;
    tw_status st = store_entry_new(store, object, version->index_count, &entry);

    if (st != TW_OK)
        return st;
    if (version->index_count != 0) /* else it has no siblings to be removed */
        old = cow_get(&version->objects, entry->key);
    if (!reserve(store, version, entry, old)) {
        store_entry_free(entry);
        return TW_ERR_NO_MEMORY;
    }
    entry->mortal.born = store->edit.now;
    old = cow_put(&store->edit, &version->objects, entry->key, entry);
    drop_entries(store, version, old);
    put_entries(store, version, entry->sibling);
    *ret_old = old;
    return TW_OK;
}

/* ---- writers; `writing` is held from the change to the end of its delivery ---- */

static void deliver(tw_store *store, const tw_change *change)
{
    if (store->on_change != NULL)
        store->on_change(store->user, change);
    if (store->channel != NULL)
        channel_push(store->channel, change, store->stop);
}

static bool is_same_version(const tw_object *a, const tw_object *b)
{
    const char *version = tw_object_resource_version(a);

    return *version != '\0' && strcmp(version, tw_object_resource_version(b)) == 0;
}

static tw_status put_one(tw_store *store, struct store_version *next, struct store_change *change)
{
    const struct store_entry *old = NULL;
    tw_status st = put_object(store, next, change->object, &old);

    if (st != TW_OK)
        return st;
    change->old = old != NULL ? tw_object_ref(old->object) : NULL;
    change->is_news = old == NULL || !is_same_version(change->object, old->object);
    return TW_OK;
}

static tw_status remove_one(tw_store *store, struct store_version *next,
                            struct store_change *change)
{
    struct store_entry *entry = cow_get(&next->objects, change->object->key);

    change->old = NULL;
    change->is_news = entry != NULL;
    if (entry == NULL)
        return TW_OK;
    if (!reserve(store, next, entry, NULL))
        return TW_ERR_NO_MEMORY;
    cow_remove(&store->edit, &next->objects, entry->key);
    drop_entries(store, next, entry);
    return TW_OK;
}

static tw_status apply_one(tw_store *store, struct store_version *next, struct store_change *change)
{
    if (change->type == TW_EVENT_DELETED)
        return remove_one(store, next, change);
    if (change->type != TW_EVENT_BOOKMARK)
        return put_one(store, next, change);
    *change = (struct store_change){.type = change->type, .object = change->object};
    return TW_OK;
}

/* A deletion tells the last state, which its event carries, not the one that was stored. */
static void deliver_one(tw_store *store, const struct store_change *done)
{
    tw_change change = {.object = done->object, .old = done->old, .type = TW_CHANGE_DELETED};

    if (done->type != TW_EVENT_DELETED)
        change.type = done->old != NULL ? TW_CHANGE_UPDATED : TW_CHANGE_ADDED;
    deliver(store, &change);
}

static void end_delivery(tw_store *store)
{
    if (store->on_delivered != NULL)
        store->on_delivered(store->user);
}

tw_status store_apply(tw_store *store, struct store_change *changes, size_t count, size_t *ret_done)
{
    struct store_version *next;
    tw_status st = TW_ERR_NO_MEMORY;
    size_t done = 0, told = 0;

    pthread_mutex_lock(&store->writing);
    next = begin(store, current(store)->index_count);
    while (next != NULL && done < count && (st = apply_one(store, next, &changes[done])) == TW_OK)
        done++;
    if (done != 0)
        publish(store, next);
    else
        free(next);
    for (size_t i = 0; i < done; i++) {
        if (!changes[i].is_news)
            continue;
        deliver_one(store, &changes[i]);
        told++;
    }
    if (told != 0)
        end_delivery(store);
    pthread_mutex_unlock(&store->writing);
    for (size_t i = 0; i < done; i++)
        tw_object_unref(changes[i].old);
    *ret_done = done;
    return st;
}

static tw_status write_one(tw_store *store, tw_event_type type, tw_object *object)
{
    struct store_change change = {.type = type, .object = object};
    size_t done;

    return store_apply(store, &change, 1, &done);
}

tw_status tw_store_add(tw_store *store, tw_object *object)
{
    return write_one(store, TW_EVENT_ADDED, object);
}

tw_status tw_store_update(tw_store *store, tw_object *object)
{
    return write_one(store, TW_EVENT_MODIFIED, object);
}

tw_status tw_store_delete(tw_store *store, tw_object *object)
{
    return write_one(store, TW_EVENT_DELETED, object);
}

/* ---- all at once ---- */

static void bury_trees(tw_store *store, const struct store_version *version)
{
    cow_bury_all(&store->edit, &version->objects);
    for (size_t i = 0; i < version->index_count; i++)
        cow_bury_all(&store->edit, &version->indexes[i]);
}

static tw_status fill(tw_store *store, struct store_version *version, const tw_list *list)
{
    const struct store_entry *twice;
    tw_status st = TW_OK;

    for (size_t i = 0; i < list->count && st == TW_OK; i++)
        st = put_object(store, version, list->items[i], &twice);
    return st;
}

/* Frees what was begun and not published. */
static void give_up(tw_store *store, struct store_version *version)
{
    struct cow_mortal *dead;

    bury_trees(store, version);
    dead = store->edit.dead;
    store->edit.dead = NULL;
    versions_free_mortals(&store->versions, dead);
    free(version);
}

static tw_object *object_in(const struct store_version *version, struct bytes key)
{
    const struct store_entry *entry = cow_get(&version->objects, key);

    return entry != NULL ? entry->object : NULL;
}

static void deliver_listed(tw_store *store, tw_object *object, tw_object *old)
{
    tw_change change = {.object = object,
                        .old = old,
                        .type = old != NULL ? TW_CHANGE_UPDATED : TW_CHANGE_ADDED,
                        .replaced = true,
                        .initial = !store->replaced};

    if (old == NULL || !is_same_version(object, old))
        deliver(store, &change);
}

/* What differs between the old version and the new one: the list's order first, then what is gone.
 */
static void deliver_difference(tw_store *store, const struct store_version *old,
                               const tw_list *list)
{
    const struct store_version *now = current(store);
    struct cow_cursor at = cow_seek(&old->objects, bytes_of("", 0));
    const struct store_entry *entry;

    for (size_t i = 0; i < list->count; i++) {
        tw_object *object = list->items[i];

        if (object_in(now, object->key) == object) /* not listed again later */
            deliver_listed(store, object, object_in(old, object->key));
    }
    while ((entry = cow_next(&at, NULL)) != NULL) {
        tw_change change = {.type = TW_CHANGE_DELETED,
                            .object = entry->object,
                            .tombstone = true,
                            .replaced = true};

        if (object_in(now, entry->key) == NULL)
            deliver(store, &change);
    }
}

static tw_status replace_locked(tw_store *store, const tw_list *list)
{
    struct store_version *last = current(store), *next = begin(store, last->index_count), *kept;
    tw_status st;

    if (next == NULL)
        return TW_ERR_NO_MEMORY;
    next->objects = (struct cow_tree){0};
    memset(next->indexes, 0, next->index_count * sizeof(next->indexes[0]));
    st = fill(store, next, list);
    if (st != TW_OK) {
        give_up(store, next);
        return st;
    }
    kept = store_take(store);
    bury_trees(store, last);
    publish(store, next);
    deliver_difference(store, kept, list);
    end_delivery(store);
    store->replaced = true;
    versions_drop(&kept->version);
    return TW_OK;
}

tw_status tw_store_replace(tw_store *store, const tw_list *list)
{
    tw_status st;

    pthread_mutex_lock(&store->writing);
    st = replace_locked(store, list);
    pthread_mutex_unlock(&store->writing);
    return st;
}

void tw_store_free(tw_store *store)
{
    struct store_version *last;

    if (store == NULL)
        return;
    last = current(store);
    bury_trees(store, last);
    versions_free_mortals(&store->versions, store->edit.dead);
    cow_edit_release(&store->edit);
    for (size_t i = 0; i < last->index_count; i++)
        free(store->indexes[i].name);
    versions_release(&store->versions);
    pthread_mutex_destroy(&store->writing);
    free(store);
}

/* ---- one more index ---- */

/* The entries of one more index for what is there; they join their objects' entries only when no
 * more can fail. */
static tw_status fill_index(tw_store *store, struct store_version *version)
{
    size_t index = version->index_count - 1;
    struct cow_cursor at = cow_seek(&version->objects, bytes_of("", 0));
    struct store_entry *entry;

    while ((entry = cow_next(&at, NULL)) != NULL) {
        struct store_entry *last = entry, *first;
        tw_status st;

        while (last->sibling != NULL)
            last = last->sibling;
        st = store_entry_index(store, entry, index);
        first = last->sibling;
        if (st == TW_OK && !reserve(store, version, first, NULL))
            st = TW_ERR_NO_MEMORY;
        if (st == TW_OK) {
            put_entries(store, version, first);
        } else {
            store_entry_free(first);
            last->sibling = NULL;
            return st;
        }
    }
    return TW_OK;
}

/* Takes what fill_index() has added from the objects' entries again. */
static void unlink_index(struct store_version *version)
{
    struct cow_cursor at = cow_seek(&version->objects, bytes_of("", 0));
    struct store_entry *entry;

    while ((entry = cow_next(&at, NULL)) != NULL)
        for (struct store_entry *it = entry; it != NULL; it = it->sibling)
            while (it->sibling != NULL && (size_t)it->sibling->index + 1 == version->index_count)
                it->sibling = it->sibling->sibling;
}

static tw_status add_index_locked(tw_store *store, const struct store_index *index,
                                  tw_error **reterr)
{
    size_t count = current(store)->index_count;
    struct store_version *next;
    tw_status st;

    for (size_t i = 0; i < count; i++)
        if (strcmp(store->indexes[i].name, index->name) == 0)
            return tw_fail(reterr, TW_ERR_ARGUMENT, "there is an index %s already", index->name);
    if (count == STORE_INDEX_MAX || strcmp(index->name, TW_INDEX_NAMESPACE) == 0)
        return tw_fail(reterr, TW_ERR_ARGUMENT, "no room for the index %s", index->name);
    if ((next = begin(store, count + 1)) == NULL)
        return tw_fail_no_memory(reterr);
    store->indexes[count] = *index;
    st = fill_index(store, next);
    if (st == TW_OK) {
        publish(store, next);
        return TW_OK;
    }
    unlink_index(next);
    next->objects = (struct cow_tree){0}; /* the current version's */
    for (size_t i = 0; i < count; i++)
        next->indexes[i] = (struct cow_tree){0};
    give_up(store, next);
    return tw_fail(reterr, st, "the index %s cannot be made", index->name);
}

tw_status tw_store_add_index(tw_store *store, const char *name, tw_index_fn *fn, void *user,
                             tw_error **reterr)
{
    struct store_index index = {strdup(name), fn, user};
    tw_status st;

    if (index.name == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_lock(&store->writing);
    st = add_index_locked(store, &index, reterr);
    pthread_mutex_unlock(&store->writing);
    if (st != TW_OK)
        free(index.name);
    return st;
}
