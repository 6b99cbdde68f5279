/*
 * store - the objects of one kind by "namespace/name", and what changed in them.
 *
 *   reflector --replace, add, update, delete--> [ store ] --tw_change--> handler or channel
 *                                                  |
 *                                 tw_store_get(), tw_store_list() from any thread
 *
 * Shape    an ordered map of references, of which each write makes a new version; indexer.h has
 *          indexes and snapshots. A change is delivered after readers can see it, in the order
 *          it happened; an object put again with the same resourceVersion is no change.
 * Owner    tw_store_free(); objects given out are references of the caller's.
 * Threads  all calls from any thread. A handler runs in the writer's thread and must not write to
 *          the store; readers never wait for a writer.
 * Errors   TW_ERR_NO_MEMORY leaves the store as it was.
 */
#ifndef TIDEWATCH_STORE_H
#define TIDEWATCH_STORE_H

#include <tidewatch/object.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_change_type {
    TW_CHANGE_ADDED,
    TW_CHANGE_UPDATED,
    TW_CHANGE_DELETED
} tw_change_type;

typedef struct tw_change {
    tw_change_type type;
    tw_object *object; /* as it is now; when deleted, the last state known */
    tw_object *old;    /* TW_CHANGE_UPDATED: what it replaced, else NULL */
    bool tombstone;    /* deleted while nobody watched: `object` may be older than its last state */
    bool initial;      /* belongs to the first list */
    bool replaced;     /* found by a list, not told by a watch */
} tw_change;

/* ---- channel: a bounded queue of changes between a store and one or more readers ---- */
typedef struct tw_channel tw_channel;

TW_API tw_status tw_channel_new(size_t capacity, tw_channel **ret_channel, tw_error **reterr);
/* TW_OK: a change, to tw_change_release(). TW_ERR_TIMEOUT: none within timeout_ms. TW_END: closed
 * and empty. */
TW_API tw_status tw_channel_next(tw_channel *channel, unsigned timeout_ms, tw_change *ret_change);
/* Writers drop from now on; readers get what is left, then TW_END. */
TW_API void tw_channel_close(tw_channel *channel);
/* After its store and its readers are done with it. */
TW_API void tw_channel_free(tw_channel *channel);
TW_API void tw_change_release(tw_change *change);

/* ---- store ---- */
typedef struct tw_store tw_store;
/* The change is borrowed for the call. */
typedef void tw_change_fn(void *user, const tw_change *change);

TW_API tw_status tw_store_new(tw_store **ret_store, tw_error **reterr);
TW_API void tw_store_free(tw_store *store);
/* One handler and one channel at most, both set before the first write. A full channel makes the
 * writer wait: a slow reader slows the watch, not memory. */
TW_API void tw_store_on_change(tw_store *store, tw_change_fn *on_change, void *user);
TW_API void tw_store_deliver_to(tw_store *store, tw_channel *channel);

/* NULL if absent. */
TW_API tw_object *tw_store_get(tw_store *store, const char *ns, const char *name);
/* A snapshot, in byte order of the keys. */
TW_API tw_status tw_store_list(tw_store *store, tw_list **ret_list);
TW_API size_t tw_store_count(tw_store *store);

/* `object` is referenced, not taken over. Adding what is there updates it, and the other way. */
TW_API tw_status tw_store_add(tw_store *store, tw_object *object);
TW_API tw_status tw_store_update(tw_store *store, tw_object *object);
TW_API tw_status tw_store_delete(tw_store *store, tw_object *object);
/* Makes the store hold exactly `list`, in one step for readers; what is missing from it is
 * delivered as deleted, with tombstone set. */
TW_API tw_status tw_store_replace(tw_store *store, const tw_list *list);

#ifdef __cplusplus
}
#endif
#endif
