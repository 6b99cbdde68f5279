#include "client-go-like/cache/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/cache/channel.h"
#include "client-go-like/cache/object_map.h"

enum { KEY_MAX = 63 + 1 + 253 }; /* a namespace is a DNS label, a name at most a DNS subdomain */

struct tw_store {
    pthread_mutex_t writing; /* one writer at a time, deliveries included: they keep their order */
    pthread_mutex_t lock;    /* guards `objects`; held for a lookup or a swap only */
    struct object_map objects;
    tw_change_fn *on_change;
    void *user;
    tw_channel *channel;
    const atomic_bool *stop;
    bool replaced; /* the first list is in */
};

tw_status tw_store_new(tw_store **ret_store, tw_error **reterr)
{
    tw_store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_init(&store->writing, NULL);
    pthread_mutex_init(&store->lock, NULL);
    *ret_store = store;
    return TW_OK;
}

void tw_store_free(tw_store *store)
{
    if (store == NULL)
        return;
    object_map_release(&store->objects);
    pthread_mutex_destroy(&store->writing);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

void tw_store_on_change(tw_store *store, tw_change_fn *on_change, void *user)
{
    store->on_change = on_change;
    store->user = user;
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

/* ---- readers ---- */

tw_object *tw_store_get(tw_store *store, const char *ns, const char *name)
{
    bool has_ns = ns != NULL && *ns != '\0';
    char key[KEY_MAX + 1];
    int len = snprintf(key, sizeof(key), "%s%s%s", has_ns ? ns : "", has_ns ? "/" : "", name);
    tw_object *object;

    if (len < 0 || len > KEY_MAX)
        return NULL;
    pthread_mutex_lock(&store->lock);
    object = object_map_get(&store->objects, bytes_of(key, (size_t)len));
    if (object != NULL)
        tw_object_ref(object);
    pthread_mutex_unlock(&store->lock);
    return object;
}

tw_status tw_store_list(tw_store *store, tw_list **ret_list)
{
    tw_list *list;

    pthread_mutex_lock(&store->lock);
    list = object_map_list(&store->objects);
    pthread_mutex_unlock(&store->lock);
    if (list == NULL)
        return TW_ERR_NO_MEMORY;
    *ret_list = list;
    return TW_OK;
}

size_t tw_store_count(tw_store *store)
{
    size_t count;

    pthread_mutex_lock(&store->lock);
    count = store->objects.map.count;
    pthread_mutex_unlock(&store->lock);
    return count;
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

static void deliver_put(tw_store *store, tw_object *object, tw_object *old, bool initial)
{
    tw_change change = {.object = object, .old = old, .initial = initial};

    change.type = old != NULL ? TW_CHANGE_UPDATED : TW_CHANGE_ADDED;
    if (old == NULL || !is_same_version(object, old))
        deliver(store, &change);
}

static tw_status put(tw_store *store, tw_object *object)
{
    tw_object *old = NULL;
    bool ok;

    pthread_mutex_lock(&store->writing);
    pthread_mutex_lock(&store->lock);
    ok = object_map_put(&store->objects, object, &old);
    pthread_mutex_unlock(&store->lock);
    if (ok)
        deliver_put(store, object, old, false);
    pthread_mutex_unlock(&store->writing);
    tw_object_unref(old);
    return ok ? TW_OK : TW_ERR_NO_MEMORY;
}

tw_status tw_store_add(tw_store *store, tw_object *object)
{
    return put(store, object);
}

tw_status tw_store_update(tw_store *store, tw_object *object)
{
    return put(store, object);
}

/* The object given is the last state (a DELETED event carries it), not the one that was stored. */
tw_status tw_store_delete(tw_store *store, tw_object *object)
{
    tw_change change = {.type = TW_CHANGE_DELETED, .object = object};
    tw_object *old;

    pthread_mutex_lock(&store->writing);
    pthread_mutex_lock(&store->lock);
    old = object_map_remove(&store->objects, object->key);
    pthread_mutex_unlock(&store->lock);
    if (old != NULL)
        deliver(store, &change);
    pthread_mutex_unlock(&store->writing);
    tw_object_unref(old);
    return TW_OK;
}

static bool fill(struct object_map *map, const tw_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        tw_object *twice = NULL;

        if (!object_map_put(map, list->items[i], &twice))
            return false;
        tw_object_unref(twice);
    }
    return true;
}

/* What differs between the old map and the new one: the list's order first, then what is gone. */
static void deliver_difference(tw_store *store, const struct object_map *old, const tw_list *list)
{
    tw_object *object;

    for (size_t i = 0; i < list->count; i++) {
        object = list->items[i];
        if (object_map_get(&store->objects, object->key) == object) /* not listed again later */
            deliver_put(store, object, object_map_get(old, object->key), !store->replaced);
    }
    object_map_each(old, object) {
        tw_change change = {.type = TW_CHANGE_DELETED, .object = object, .tombstone = true};

        if (object_map_get(&store->objects, object->key) == NULL)
            deliver(store, &change);
    }
}

tw_status tw_store_replace(tw_store *store, const tw_list *list)
{
    struct object_map fresh = {0}, old;

    if (!fill(&fresh, list)) {
        object_map_release(&fresh);
        return TW_ERR_NO_MEMORY;
    }
    pthread_mutex_lock(&store->writing);
    pthread_mutex_lock(&store->lock);
    old = store->objects;
    store->objects = fresh;
    pthread_mutex_unlock(&store->lock);
    deliver_difference(store, &old, list);
    store->replaced = true;
    pthread_mutex_unlock(&store->writing);
    object_map_release(&old);
    return TW_OK;
}
