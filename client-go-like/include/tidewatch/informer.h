/*
 * informer - a cache of one resource type that tells any number of handlers what changes in it.
 *
 *   server --reflector--> store --+--> queue --> handler        each with a thread of its own
 *                           |     +--> queue --> handler
 *              tw_informer_store(): reads without waiting
 *
 * Shape    client-go's shared informer. A handler is told each object's states in order: an add,
 *          its updates, its delete. One that joins late is told what is there as adds first. What
 *          a relist finds gone is a delete with `tombstone` set.
 * Owner    an informer references its client; tw_informer_free() stops it and frees its handlers.
 * Threads  all calls from any thread, but tw_informer_stop(), _free() and
 *          tw_informer_remove_handler() not from a handler of the same informer.
 * Slow     a handler that is slower than the changes makes its queue grow: some 64 bytes a change
 *          and what the change names. tw_handler_get_status() tells the depth; `queue_max` bounds
 *          it, and then the watch waits for the handler, and all other handlers with it.
 * Errors   an informer never gives up: tw_informer_get_status() says how it is.
 */
#ifndef TIDEWATCH_INFORMER_H
#define TIDEWATCH_INFORMER_H

#include <tidewatch/indexer.h>
#include <tidewatch/reflector.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_informer tw_informer;
typedef struct tw_handler tw_handler;

typedef struct tw_informer_options {
    const char *ns; /* NULL: all namespaces */
    const char *label_selector, *field_selector;
    bool list_first;            /* never ask for a streaming list */
    bool metadata_only;         /* names, labels, annotations, owners; all else is not even sent */
    bool keep_all;              /* else metadata.managedFields and the last-applied annotation go */
    tw_transform_fn *transform; /* of each object, before it is stored */
    void *transform_user;
    tw_framing framing; /* of what is sent; what is stored is the same */
    tw_transport transport;
    tw_bounds bounds;
    tw_status_fn *on_status; /* hears each change of state, in the reflector's thread */
    tw_metric_fn *on_metric;
    void *user; /* of both */
    /* Keeps the objects in this file too (its folder must exist), and goes on from there after a
     * restart, without a list: handlers are told what it holds at once, and the informer has synced
     * when the server goes on from there. A damaged file, or one of another cluster or selection,
     * is not used. One informer a file, and another file for another transform. */
    const char *cache_file;
} tw_informer_options;

/* `options` may be NULL; texts are copied. */
TW_API tw_status tw_informer_new(tw_client *client, const tw_resource *resource,
                                 const tw_informer_options *options, tw_informer **ret_informer,
                                 tw_error **reterr);
TW_API void tw_informer_free(tw_informer *informer);

/* The cache: read it, index it (tw_store_add_index()), never write to it. */
TW_API tw_store *tw_informer_store(tw_informer *informer);
/* Harmless twice. */
TW_API tw_status tw_informer_start(tw_informer *informer, tw_error **reterr);
/* TW_OK: the cache has held a whole state. TW_ERR_TIMEOUT, TW_ERR_STOPPED. */
TW_API tw_status tw_informer_wait_synced(tw_informer *informer, unsigned timeout_ms);
TW_API bool tw_informer_has_synced(tw_informer *informer);
TW_API void tw_informer_get_status(tw_informer *informer, tw_reflector_status *ret_status);
/* All zero without a cache_file. */
typedef struct tw_informer_file_status {
    bool loaded;        /* it held what we began with */
    uint64_t snapshots; /* how often it was written anew */
    uint64_t bytes;
    char error[256]; /* why it was not loaded, or cannot be written; tried again within a minute */
} tw_informer_file_status;
TW_API void tw_informer_get_file_status(tw_informer *informer, tw_informer_file_status *ret_status);
/* Ends the watch, then the handlers' threads, after the call each is in; what is still queued is
 * not told. Harmless twice. */
TW_API void tw_informer_stop(tw_informer *informer);

/* ---- handlers ---- */
/* Objects are borrowed for the call. Any function may be NULL. */
typedef struct tw_handler_options {
    /* `initial`: it was there when the handler joined, or when the informer began. */
    void (*on_add)(void *user, tw_object *object, bool initial);
    /* A resync gives the same object twice. */
    void (*on_update)(void *user, tw_object *old_object, tw_object *object);
    /* With `tombstone` it went while nobody watched: `object` may be older than its last state. */
    void (*on_delete)(void *user, tw_object *object, bool tombstone);
    void *user;
    unsigned resync_ms; /* tell every object again so often; 0: never, else 1 s at least */
    size_t queue_max;   /* 0: grows as it must */
} tw_handler_options;

/* Before or after the start. `ret_handler` may be NULL. */
TW_API tw_status tw_informer_add_handler(tw_informer *informer, const tw_handler_options *options,
                                         tw_handler **ret_handler, tw_error **reterr);
/* Waits for the call it is in; it is told nothing more, and freed. */
TW_API void tw_informer_remove_handler(tw_informer *informer, tw_handler *handler);
/* Has it been told the whole first state? */
TW_API bool tw_handler_has_synced(tw_handler *handler);

typedef struct tw_handler_status {
    bool synced;
    size_t depth, deepest; /* of its queue: now, and ever; a replay counts as one */
    uint64_t told;         /* calls made */
} tw_handler_status;
TW_API void tw_handler_get_status(tw_handler *handler, tw_handler_status *ret_status);

/* ---- factory: one informer for each type and selection, shared by all who ask ---- */
typedef struct tw_factory tw_factory;

/* Its informers share the client and its credentials, and over HTTP/2 one connection. */
TW_API tw_status tw_factory_new(tw_client *client, tw_factory **ret_factory, tw_error **reterr);
/* The informer is the factory's. Same resource, namespace, selectors and metadata_only: the same
 * informer, made with the options of the first who asked. */
TW_API tw_status tw_factory_informer(tw_factory *factory, const tw_resource *resource,
                                     const tw_informer_options *options, tw_informer **ret_informer,
                                     tw_error **reterr);
/* Starts those not started yet; call it again after asking for more. */
TW_API tw_status tw_factory_start(tw_factory *factory, tw_error **reterr);
/* All of them, within timeout_ms together. */
TW_API tw_status tw_factory_wait_synced(tw_factory *factory, unsigned timeout_ms);
/* Stops all. */
TW_API void tw_factory_shutdown(tw_factory *factory);
/* And frees its informers. */
TW_API void tw_factory_free(tw_factory *factory);

#ifdef __cplusplus
}
#endif
#endif
