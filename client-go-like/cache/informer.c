#include "client-go-like/cache/informer.h"

#include <stdlib.h>

#include "client-go-like/cache/informer_file.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/rest/path.h"

/* ---- what the store and the reflector tell us ---- */

/* Under the store's `writing`. */
static void on_change(void *user, const tw_change *change)
{
    tw_informer *informer = user;

    pthread_mutex_lock(&informer->lock);
    list_for_each(&informer->handlers, it) {
        delta_fifo_push_change(&list_entry(it, tw_handler, link)->fifo, change);
    }
    pthread_mutex_unlock(&informer->lock);
}

static void push_and_wake(tw_handler *handler, struct delta delta)
{
    delta_fifo_push(&handler->fifo, delta);
    delta_fifo_wake(&handler->fifo);
}

static void mark_synced(tw_handler *handler)
{
    if (handler->sync_marked)
        return;
    handler->sync_marked = true;
    push_and_wake(handler, (struct delta){.type = DELTA_SYNCED});
}

static void on_synced(void *user)
{
    tw_informer *informer = user;

    pthread_mutex_lock(&informer->lock);
    informer->synced = true;
    list_for_each(&informer->handlers, it) {
        mark_synced(list_entry(it, tw_handler, link));
    }
    pthread_mutex_unlock(&informer->lock);
}

/* For the file alone. Without memory it is left out: a later one says more. */
static void on_version(void *user, const char *rv)
{
    tw_informer *informer = user;
    struct delta delta = {.type = DELTA_VERSION};

    if (informer->file_handler == NULL || (delta.rv = strdup(rv)) == NULL)
        return;
    if (atomic_exchange(&informer->wants_snapshot, false))
        delta.snapshot = tw_store_snapshot(informer->store);
    push_and_wake(informer->file_handler, delta);
}

static tw_status on_resume(void *user, tw_error **reterr)
{
    tw_informer *informer = user;

    return informer_file_check(informer->file, informer->reflector->http, reterr);
}

/* ---- life ---- */

void informer_selection(struct buf *out, const tw_resource *resource, const tw_informer_options *o)
{
    path_begin(out, resource, o->ns, NULL);
    path_query(out, "fieldSelector", o->field_selector);
    path_query(out, "labelSelector", o->label_selector);
    path_query(out, "as", o->metadata_only ? "PartialObjectMetadata" : NULL);
}

/* Loads the file, and has a handler keep it. */
static tw_status attach_file(tw_informer *informer, tw_client *client, const tw_resource *resource,
                             const tw_informer_options *o, tw_error **reterr)
{
    static const tw_handler_options none;
    struct buf selection = {0};
    tw_status st;

    buf_append_str(&selection, client_server(client));
    buf_append_str(&selection, o->keep_all ? "\nall " : "\n");
    informer_selection(&selection, resource, o);
    st = informer_file_new(informer, client, o->cache_file, &selection, &informer->file, reterr);
    if (st == TW_OK) {
        st = informer_file_load(informer->file);
        if (st == TW_ERR_NO_MEMORY)
            return tw_fail_no_memory(reterr);
        atomic_store(&informer->wants_snapshot, st != TW_OK);
        st = handler_new(informer, &none, &informer->file_handler, reterr);
    }
    if (st != TW_OK)
        return st;
    informer->file_handler->on_delta = informer_file_on_delta;
    informer->file_handler->to.user = informer->file;
    informer_join(informer, informer->file_handler, false);
    return handler_start(informer->file_handler, reterr);
}

static tw_status make_parts(tw_informer *informer, tw_client *client, const tw_resource *resource,
                            const tw_informer_options *o, const struct reflector_env *env,
                            tw_error **reterr)
{
    tw_reflector_options options = {
        .ns = o->ns,
        .label_selector = o->label_selector,
        .field_selector = o->field_selector,
        .list_first = o->list_first,
        .metadata_only = o->metadata_only,
        .strip = !o->keep_all,
        .transform = o->transform,
        .transform_user = o->transform_user,
        .framing = o->framing,
        .transport = o->transport,
        .bounds = o->bounds,
        .on_status = o->on_status,
        .on_metric = o->on_metric,
        .user = o->user,
    };
    tw_status st = tw_store_new(&informer->store, reterr);

    if (st == TW_OK)
        st = reflector_new(client, resource, &options, informer->store, env, &informer->reflector,
                           reterr);
    if (st != TW_OK)
        return st;
    tw_store_on_change(informer->store, on_change, informer);
    store_on_delivered(informer->store, informer_wake);
    informer->reflector->hooks = (struct reflector_hooks){
        .on_version = on_version, .on_synced = on_synced, .user = informer};
    if (o->cache_file != NULL) {
        informer->reflector->hooks.on_resume = on_resume;
        st = attach_file(informer, client, resource, o, reterr);
    }
    return st;
}

tw_status informer_new(tw_client *client, const tw_resource *resource,
                       const tw_informer_options *options, const struct reflector_env *env,
                       tw_informer **ret_informer, tw_error **reterr)
{
    static const tw_informer_options none;
    tw_informer *informer = calloc(1, sizeof(*informer));
    tw_status st;

    if (informer == NULL)
        return tw_fail_no_memory(reterr);
    pthread_mutex_init(&informer->lock, NULL);
    list_init(&informer->handlers);
    informer->now_ms = env->now_ms;
    st = make_parts(informer, client, resource, options != NULL ? options : &none, env, reterr);
    if (st == TW_OK)
        *ret_informer = informer;
    else
        tw_informer_free(informer);
    return st;
}

tw_status tw_informer_new(tw_client *client, const tw_resource *resource,
                          const tw_informer_options *options, tw_informer **ret_informer,
                          tw_error **reterr)
{
    return informer_new(client, resource, options, &reflector_real_env, ret_informer, reterr);
}

tw_status tw_informer_start(tw_informer *informer, tw_error **reterr)
{
    bool first;

    pthread_mutex_lock(&informer->lock);
    first = !informer->started;
    informer->started = true;
    pthread_mutex_unlock(&informer->lock);
    return first ? tw_reflector_start(informer->reflector, reterr) : TW_OK;
}

void tw_informer_stop(tw_informer *informer)
{
    pthread_mutex_lock(&informer->lock);
    informer->stopped = true;
    list_for_each(&informer->handlers, it) {
        delta_fifo_close(&list_entry(it, tw_handler, link)->fifo); /* a writer may wait for it */
    }
    pthread_mutex_unlock(&informer->lock);
    if (informer->file != NULL)
        informer_file_stop(informer->file);
    tw_reflector_stop(informer->reflector);
    list_for_each(&informer->handlers, it) {
        handler_join(list_entry(it, tw_handler, link));
    }
}

void tw_informer_free(tw_informer *informer)
{
    if (informer == NULL)
        return;
    if (informer->reflector != NULL)
        tw_informer_stop(informer);
    list_for_each(&informer->handlers, it) {
        handler_free(list_entry(it, tw_handler, link));
    }
    tw_reflector_free(informer->reflector);
    informer_file_free(informer->file);
    tw_store_free(informer->store);
    pthread_mutex_destroy(&informer->lock);
    free(informer);
}

/* ---- what others may ask ---- */

tw_store *tw_informer_store(tw_informer *informer)
{
    return informer->store;
}

tw_status tw_informer_wait_synced(tw_informer *informer, unsigned timeout_ms)
{
    return tw_reflector_wait_synced(informer->reflector, timeout_ms);
}

bool tw_informer_has_synced(tw_informer *informer)
{
    tw_reflector_status status;

    tw_reflector_get_status(informer->reflector, &status);
    return status.synced;
}

void tw_informer_get_status(tw_informer *informer, tw_reflector_status *ret_status)
{
    tw_reflector_get_status(informer->reflector, ret_status);
}

void informer_wake(void *user)
{
    tw_informer *informer = user;

    pthread_mutex_lock(&informer->lock);
    list_for_each(&informer->handlers, it) {
        delta_fifo_wake(&list_entry(it, tw_handler, link)->fifo);
    }
    pthread_mutex_unlock(&informer->lock);
}

/* ---- handlers ---- */

/* Gives it what is there, and from now on every change: `writing` keeps both apart. */
void informer_join(tw_informer *informer, tw_handler *handler, bool replays)
{
    tw_store *store = informer->store;

    pthread_mutex_lock(&store->writing);
    pthread_mutex_lock(&informer->lock);
    if (replays && tw_store_count(store) != 0)
        push_and_wake(handler,
                      (struct delta){.type = DELTA_REPLAY, .snapshot = tw_store_snapshot(store)});
    if (informer->synced)
        mark_synced(handler);
    if (informer->stopped)
        delta_fifo_close(&handler->fifo);
    list_append(&informer->handlers, &handler->link);
    pthread_mutex_unlock(&informer->lock);
    pthread_mutex_unlock(&store->writing);
}

tw_status tw_informer_add_handler(tw_informer *informer, const tw_handler_options *options,
                                  tw_handler **ret_handler, tw_error **reterr)
{
    tw_handler *handler = NULL;
    tw_status st = handler_new(informer, options, &handler, reterr);

    if (st != TW_OK)
        return st;
    st = handler_start(handler, reterr);
    if (st != TW_OK) {
        handler_free(handler);
        return st;
    }
    informer_join(informer, handler, true);
    if (ret_handler != NULL)
        *ret_handler = handler;
    return TW_OK;
}

void tw_informer_remove_handler(tw_informer *informer, tw_handler *handler)
{
    delta_fifo_close(&handler->fifo); /* first: a writer that holds the lock may wait for it */
    pthread_mutex_lock(&informer->lock);
    list_remove(&handler->link);
    pthread_mutex_unlock(&informer->lock);
    handler_free(handler);
}
