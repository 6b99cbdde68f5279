/*
 * store - a tw_store from the inside. Internal.
 *
 *   store.c     writers: the next version, and what changed
 *   store_entry.c  an object's entries: one by its key, one for each of its index values
 *   indexer.c   readers: versions, and walks over their trees
 *
 * Each write makes the next version of all trees, publishes it, and then delivers its changes. Many
 * at once (store_apply()) share one version: who reads sees all of them or none.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_STORE_H
#define TIDEWATCH_CLIENT_CACHE_STORE_H

#include <tidewatch/indexer.h>
#include <tidewatch/watch.h>

#include <stdatomic.h>

#include "client-go-like/cache/versions.h"
#include "client-go-like/object.h"

enum { STORE_INDEX_MAX = 16 };

/* What a tree holds. */
struct store_entry {
    struct cow_mortal mortal;
    tw_object *object; /* a reference in the entry by key; the others borrow it: they go together */
    struct store_entry *sibling; /* the writer's: the next entry of the same object */
    int32_t index;               /* -1: by key */
    uint32_t value_len;          /* of an index: key is "value NUL namespace/name" */
    struct bytes key;
    char text[];
};

struct store_version {
    struct version version;
    struct cow_tree objects;
    size_t index_count;
    struct cow_tree indexes[];
};

struct store_index {
    char *name;
    tw_index_fn *fn;
    void *user;
};

struct tw_store {
    pthread_mutex_t writing; /* one writer at a time, deliveries included: they keep their order */
    struct versions versions;
    struct cow_edit edit;
    struct store_index indexes[STORE_INDEX_MAX]; /* a version uses the first index_count */
    tw_change_fn *on_change;
    void *user;
    void (*on_delivered)(void *user); /* after the changes of each write; NULL: nobody asked */
    tw_channel *channel;
    const atomic_bool *stop;
    bool replaced; /* the first list is in */
};

/* One write of many. */
struct store_change {
    tw_event_type type; /* a bookmark changes nothing */
    tw_object *object;  /* borrowed */
    tw_object *old;     /* the store's own */
    bool is_news;
};
/* Writes them in this order, as one version, and delivers each. Those before the first failure are
 * done, and counted in *ret_done. */
tw_status store_apply(tw_store *store, struct store_change *changes, size_t count,
                      size_t *ret_done);
/* Told with what tw_store_on_change() was given. */
void store_on_delivered(tw_store *store, void (*on_delivered)(void *user));

/* While *stop is true a full channel drops instead of waiting. NULL takes it away. */
void store_set_stop(tw_store *store, const atomic_bool *stop);

struct store_version *store_take(tw_store *store);

/* The entries of an object: by key, then by `index_count` indexes, linked by sibling. */
tw_status store_entry_new(const tw_store *store, tw_object *object, size_t index_count,
                          struct store_entry **ret_entry);
/* Appends those of one more index. */
tw_status store_entry_index(const tw_store *store, struct store_entry *entry, size_t index);
/* All siblings. */
void store_entry_free(struct store_entry *entry);
/* One entry of a version that is gone. */
void store_entry_end(struct cow_mortal *mortal);

#endif
