#include <tidewatch/controller.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "client-go-like/object.h"
#include "client-go-like/workqueue/workqueue.h"

enum { WORKERS_MAX = 64, GET_MS = 60 * 1000 };

struct source {
    struct list link;
    tw_controller *controller;
    tw_informer *informer;
    tw_handler *handler;
    tw_map_fn *map;
    void *user;
};

struct tw_controller {
    tw_controller_options options;
    tw_queue *queue;
    struct list sources;
    pthread_t workers[WORKERS_MAX];
    size_t worker_count; /* running */
    atomic_bool stop;
};

tw_status tw_controller_new(const tw_controller_options *options, tw_controller **ret_controller,
                            tw_error **reterr)
{
    tw_controller *c;
    tw_status st;

    if (options->reconcile == NULL || options->workers > WORKERS_MAX)
        return tw_fail(reterr, TW_ERR_ARGUMENT,
                       "a controller needs a reconcile function and at most %d workers",
                       WORKERS_MAX);
    if ((c = calloc(1, sizeof(*c))) == NULL)
        return tw_fail_no_memory(reterr);
    c->options = *options;
    list_init(&c->sources);
    st = tw_queue_new(&options->queue, &c->queue, reterr);
    if (st == TW_OK)
        *ret_controller = c;
    else
        free(c);
    return st;
}

void tw_controller_free(tw_controller *c)
{
    if (c == NULL)
        return;
    tw_controller_stop(c, 0);
    list_for_each(&c->sources, it) {
        struct source *source = list_entry(it, struct source, link);

        tw_informer_remove_handler(source->informer, source->handler);
        free(source);
    }
    tw_queue_free(c->queue);
    free(c);
}

/* ---- what comes in ---- */

tw_status tw_controller_enqueue(tw_controller *c, const char *ns, const char *name)
{
    struct buf key = {0};
    tw_status st = TW_ERR_NO_MEMORY;

    if (ns != NULL && *ns != '\0') {
        buf_append_str(&key, ns);
        buf_append_char(&key, '/');
    }
    buf_append_str(&key, name);
    buf_append_char(&key, '\0');
    if (!key.failed)
        st = tw_queue_add(c->queue, key.data);
    buf_release(&key);
    return st;
}

/* Without memory for a key the change would be lost: the handler waits until there is some. */
static void enqueue_object(struct source *source, tw_object *object)
{
    tw_controller *c = source->controller;
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    if (source->map != NULL) {
        source->map(source->user, c, object);
        return;
    }
    while (tw_controller_enqueue(c, tw_object_namespace(object), tw_object_name(object)) != TW_OK &&
           !atomic_load(&c->stop))
        nanosleep(&pause, NULL);
}

static void on_add(void *user, tw_object *object, bool initial)
{
    (void)initial;
    enqueue_object(user, object);
}

static void on_update(void *user, tw_object *old, tw_object *object)
{
    struct source *source = user;

    if (source->map != NULL && old != object)
        enqueue_object(source, old);
    enqueue_object(source, object);
}

static void on_delete(void *user, tw_object *object, bool tombstone)
{
    (void)tombstone;
    enqueue_object(user, object);
}

tw_status tw_controller_watch(tw_controller *c, tw_informer *informer, tw_map_fn *map, void *user,
                              tw_error **reterr)
{
    struct source *source = calloc(1, sizeof(*source));
    tw_handler_options options = {on_add, on_update, on_delete, source, 0, 0};
    tw_status st;

    if (source == NULL)
        return tw_fail_no_memory(reterr);
    *source = (struct source){.controller = c, .informer = informer, .map = map, .user = user};
    st = tw_informer_add_handler(informer, &options, &source->handler, reterr);
    if (st == TW_OK)
        list_append(&c->sources, &source->link);
    else
        free(source);
    return st;
}

/* ---- the workers ---- */

static void settle(tw_controller *c, const char *key, tw_status st, uint64_t again_ms)
{
    if (st != TW_OK) {
        tw_queue_add_rate_limited(c->queue, key);
        return;
    }
    tw_queue_forget(c->queue, key);
    if (again_ms != 0)
        tw_queue_add_after(c->queue, key, again_ms);
}

static void work_on(tw_controller *c, const char *key)
{
    char *ns = strdup(key), *slash = ns != NULL ? strchr(ns, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : ns;
    uint64_t again_ms = 0;
    tw_error *error = NULL;
    tw_status st = TW_ERR_NO_MEMORY;

    if (slash != NULL)
        *slash = '\0';
    if (ns != NULL) {
        st =
            c->options.reconcile(c->options.user, slash != NULL ? ns : "", name, &again_ms, &error);
        if (st != TW_OK && c->options.on_error != NULL)
            c->options.on_error(c->options.user, slash != NULL ? ns : "", name,
                                tw_queue_num_requeues(c->queue, key), error);
    }
    tw_error_free(error);
    settle(c, key, st, again_ms);
    tw_queue_done(c->queue, key);
    free(ns);
}

static void *work(void *user)
{
    tw_controller *c = user;
    const char *key;
    tw_status st;

    while ((st = tw_queue_get(c->queue, GET_MS, &key)) != TW_END)
        if (st == TW_OK)
            work_on(c, key);
    return NULL;
}

static tw_status start_workers(tw_controller *c, size_t count, tw_error **reterr)
{
    sigset_t all, before;
    int rc = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    while (rc == 0 && c->worker_count < count) {
        rc = pthread_create(&c->workers[c->worker_count], NULL, work, c);
        c->worker_count += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return TW_OK;
    tw_controller_stop(c, 0);
    return tw_fail(reterr, TW_ERR_NO_MEMORY, "cannot start a thread");
}

tw_status tw_controller_start(tw_controller *c, unsigned sync_ms, tw_error **reterr)
{
    uint64_t until_ms = clock_monotonic_ms() + sync_ms;

    if (c->worker_count != 0)
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a controller starts once");
    list_for_each(&c->sources, it) {
        uint64_t now_ms = clock_monotonic_ms();
        tw_status st =
            tw_informer_wait_synced(list_entry(it, struct source, link)->informer,
                                    now_ms < until_ms ? (unsigned)(until_ms - now_ms) : 0);

        if (st != TW_OK)
            return tw_fail(reterr, st, "an informer has not synced");
    }
    return start_workers(c, c->options.workers != 0 ? c->options.workers : 1, reterr);
}

void tw_controller_stop(tw_controller *c, unsigned drain_ms)
{
    atomic_store(&c->stop, true);
    if (c->worker_count == 0)
        tw_queue_shut_down(c->queue);
    else if (tw_queue_shut_down_with_drain(c->queue, drain_ms) != TW_OK)
        queue_drop(c->queue);
    while (c->worker_count != 0)
        pthread_join(c->workers[--c->worker_count], NULL);
}

tw_queue *tw_controller_queue(tw_controller *c)
{
    return c->queue;
}
