/*
 * controller - brings the world to what the objects of informers say, one key at a time.
 *
 *   informers --keys--> work queue --N workers--> your reconcile()
 *                           ^------ after a failure, or when it asks to be called again
 *
 * Shape    client-go's controller pattern in one piece. reconcile() is given the namespace and name
 *          of something that may have changed, reads the cache, and does what has to be done. It is
 *          never run twice at once for one key. A failure is tried again after 5 ms, doubling to
 *          1000 s; success forgets them.
 * Owner    tw_controller_free(), before its informers are freed. It borrows them.
 * Threads  reconcile() runs in the controller's threads, map functions in those of handlers; all
 *          calls from any thread but those.
 * Errors   what reconcile() returns goes to on_error and to a retry; nothing ends a controller but
 *          tw_controller_stop().
 */
#ifndef TIDEWATCH_CONTROLLER_H
#define TIDEWATCH_CONTROLLER_H

#include <tidewatch/informer.h>
#include <tidewatch/workqueue.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_controller tw_controller;

/* `ns` is "" for what has none. With TW_OK and *ret_again_ms set it is called again after that
 * time. `reterr` may be filled, and is freed by the controller. */
typedef tw_status tw_reconcile_fn(void *user, const char *ns, const char *name,
                                  uint64_t *ret_again_ms, tw_error **reterr);

typedef struct tw_controller_options {
    tw_reconcile_fn *reconcile;
    void *user;
    unsigned workers; /* 0: 1 */
    /* May be NULL. `retries`: how often this key has failed in a row. */
    void (*on_error)(void *user, const char *ns, const char *name, unsigned retries,
                     const tw_error *error);
    tw_queue_options queue;
} tw_controller_options;

TW_API tw_status tw_controller_new(const tw_controller_options *options,
                                   tw_controller **ret_controller, tw_error **reterr);
/* Stops it too. */
TW_API void tw_controller_free(tw_controller *controller);

/* Says by tw_controller_enqueue() what a change of `object` concerns. */
typedef void tw_map_fn(void *user, tw_controller *controller, tw_object *object);
/* From now on each change of the informer's objects is enqueued: the object itself with `map` NULL.
 * Of an update `map` sees the old object too. Before the start. */
TW_API tw_status tw_controller_watch(tw_controller *controller, tw_informer *informer,
                                     tw_map_fn *map, void *user, tw_error **reterr);
/* `ns` NULL or "": none. */
TW_API tw_status tw_controller_enqueue(tw_controller *controller, const char *ns, const char *name);

/* Waits until all its informers have synced, which must have been started, then starts the workers.
 * TW_ERR_TIMEOUT: not within sync_ms, and nothing was started. Once. */
TW_API tw_status tw_controller_start(tw_controller *controller, unsigned sync_ms,
                                     tw_error **reterr);
/* What is queued is still done, for drain_ms at most; then waits for the calls under way. */
TW_API void tw_controller_stop(tw_controller *controller, unsigned drain_ms);
/* Its queue, for figures. */
TW_API tw_queue *tw_controller_queue(tw_controller *controller);

#ifdef __cplusplus
}
#endif
#endif
