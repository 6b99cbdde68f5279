#include "client-go-like/cache/reflector.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "client-go-like/cache/store.h"
#include "client-go-like/rest/path.h"
#include "client-go-like/watch/watch.h"

const struct reflector_env reflector_real_env = {
    .now_ms = clock_monotonic_ms,
    .random_below = rand_below,
    .pause = http_pause,
    .connect_ms = HTTP_CONNECT_MS,
    .first_byte_ms = HTTP_FIRST_BYTE_MS,
    .idle_ms = HTTP_IDLE_MS,
    .idle_max_ms = 3 * 60 * 1000,
    .short_watch_ms = 1000,
    .unsynced_ms = 30 * 1000,
};

/* What the caller wants otherwise. */
static void set_bounds(tw_reflector *r, const tw_bounds *b)
{
    const struct {
        unsigned *to, from;
    } rows[] = {
        {&r->env.connect_ms, b->connect_ms},
        {&r->env.first_byte_ms, b->first_byte_ms},
        {&r->env.idle_ms, b->idle_ms},
        {&r->env.idle_max_ms, b->idle_max_ms},
        {&r->backoff.first_ms, b->backoff_ms},
        {&r->backoff.max_ms, b->backoff_max_ms},
        {&r->env.internal_error_ms, b->internal_error_ms},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].from != 0)
            *rows[i].to = rows[i].from;
    if (r->env.idle_max_ms < r->env.idle_ms)
        r->env.idle_max_ms = r->env.idle_ms;
    r->idle_ms = r->env.idle_ms;
}

/* ---- making and freeing ---- */

static bool copy_text(char **to, const char *from, bool ok)
{
    return ok && (from == NULL || *from == '\0' || (*to = strdup(from)) != NULL);
}

static bool copy_texts(tw_reflector *r, const tw_resource *resource, const tw_reflector_options *o)
{
    struct buf api_version = {0};
    bool ok = true;

    ok = copy_text(&r->group, resource->group, ok);
    ok = copy_text(&r->version, resource->version, ok);
    ok = copy_text(&r->name, resource->resource, ok);
    ok = copy_text(&r->kind, resource->kind, ok);
    ok = copy_text(&r->ns, o->ns, ok);
    ok = copy_text(&r->label_selector, o->label_selector, ok);
    ok = copy_text(&r->field_selector, o->field_selector, ok);
    path_api_version(&api_version, resource);
    ok = copy_text(&r->api_version, path_end(&api_version), ok && !api_version.failed);
    buf_release(&api_version);
    r->resource = (tw_resource){r->group != NULL ? r->group : "", r->version, r->name,
                                r->kind != NULL ? r->kind : "", resource->namespaced};
    return ok;
}

static void init_locks(tw_reflector *r)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->changed, &attr);
    pthread_condattr_destroy(&attr);
}

tw_status reflector_new(tw_client *client, const tw_resource *resource,
                        const tw_reflector_options *options, tw_store *store,
                        const struct reflector_env *env, tw_reflector **ret_reflector,
                        tw_error **reterr)
{
    static const tw_reflector_options none;
    tw_reflector *r;
    tw_status st;

    if (resource->version == NULL || *resource->version == '\0' || resource->resource == NULL ||
        *resource->resource == '\0')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a resource needs a version and a name");
    if ((r = calloc(1, sizeof(*r))) == NULL)
        return tw_fail_no_memory(reterr);
    r->client = tw_client_ref(client);
    r->store = store;
    r->env = *env;
    if (options == NULL)
        options = &none;
    r->list_first = options->list_first;
    r->metadata_only = options->metadata_only;
    r->strip = options->strip;
    r->transform = options->transform;
    r->transform_user = options->transform_user;
    r->framing = options->framing;
    r->transport = options->transport;
    r->on_status = options->on_status;
    r->on_metric = options->on_metric;
    r->user = options->user;
    set_bounds(r, &options->bounds);
    init_locks(r);
    st = copy_texts(r, resource, options) ? TW_OK : tw_fail_no_memory(reterr);
    if (st == TW_OK)
        st = watch_acquire(client, r->transport, &r->http, reterr);
    if (st == TW_OK)
        *ret_reflector = r;
    else
        tw_reflector_free(r);
    return st;
}

tw_status tw_reflector_new(tw_client *client, const tw_resource *resource,
                           const tw_reflector_options *options, tw_store *store,
                           tw_reflector **ret_reflector, tw_error **reterr)
{
    return reflector_new(client, resource, options, store, &reflector_real_env, ret_reflector,
                         reterr);
}

void tw_reflector_free(tw_reflector *r)
{
    if (r == NULL)
        return;
    tw_reflector_stop(r);
    client_release(r->client, r->http);
    tw_client_unref(r->client);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    char *texts[] = {r->group, r->version,        r->name,           r->kind, r->api_version,
                     r->ns,    r->label_selector, r->field_selector, r->rv};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        free(texts[i]);
    free(r);
}

tw_status reflector_resume_at(tw_reflector *r, const char *rv)
{
    if (!reflector_set_rv(r, rv))
        return TW_ERR_NO_MEMORY;
    r->resumes = true;
    return TW_OK;
}

tw_status reflector_transform(tw_reflector *r, tw_object **object, tw_error **reterr)
{
    tw_object *made = NULL;
    tw_status st;

    if (r->transform == NULL)
        return TW_OK;
    st = r->transform(r->transform_user, *object, &made);
    if (st != TW_OK)
        return tw_fail(reterr, st, "the transform failed for %.*s", BYTES_FMT((*object)->key));
    tw_object_unref(*object);
    *object = made;
    return TW_OK;
}

/* ---- the thread ---- */

enum verdict reflector_judge(const tw_error *error)
{
    int code = tw_error_code(error);

    if (tw_error_status(error) == TW_ERR_STOPPED)
        return VERDICT_STOP;
    if (tw_error_status(error) == TW_ERR_CONNECT || code == 429)
        return VERDICT_LATER;
    if (code == 410 || tw_error_has_cause(error, "ResourceVersionTooLarge"))
        return VERDICT_EXPIRED;
    return VERDICT_OTHER;
}

tw_status reflector_back_off(tw_reflector *r)
{
    unsigned wait_ms = backoff_next(&r->backoff, r->env.now_ms(), r->env.random_below);

    reflector_count(r, TW_METRIC_BACKOFFS, 1);
    reflector_count(r, TW_METRIC_BACKOFF_MS, wait_ms);
    return r->env.pause(r->http, wait_ms, NULL);
}

/* The first round of a store that was kept: a watch from where it ends. TW_END: list after all. */
static tw_status resume(tw_reflector *r, tw_error **reterr)
{
    tw_status st = r->hooks.on_resume != NULL ? r->hooks.on_resume(r->hooks.user, reterr) : TW_OK;

    if (st == TW_OK)
        st = reflector_open(r, false, reterr);
    if (st == TW_OK)
        reflector_set_synced(r);
    if (st == TW_END)
        r->rv_unavailable = true; /* another server's */
    if (st == TW_OK || st == TW_END || reflector_judge(*reterr) != VERDICT_LATER)
        r->resumes = false;
    return st;
}

/* One ListAndWatch: from nothing, or from where we were, until a new list is due. */
static tw_status run_round(tw_reflector *r, tw_error **reterr)
{
    bool open = false;
    tw_status st = TW_END;

    if (r->resumes)
        st = resume(r, reterr);
    else if (!r->list_first)
        st = reflector_sync(r, reterr);
    if (st == TW_OK)
        open = true;
    else if (st == TW_END)
        st = reflector_list(r, reterr);
    if (st == TW_OK)
        st = reflector_follow(r, open, reterr);
    reflector_close(r);
    return st;
}

static void *run(void *user)
{
    tw_reflector *r = user;
    sigset_t pipe_only;

    sigemptyset(&pipe_only); /* OpenSSL writes without MSG_NOSIGNAL; this thread is ours to mask */
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
    while (!atomic_load(&r->stop)) {
        tw_error *error = NULL;
        tw_status st = run_round(r, &error);

        if (st != TW_OK)
            reflector_note(r, error);
        tw_error_free(error);
        if (!atomic_load(&r->stop))
            (void)reflector_back_off(r);
    }
    reflector_set_state(r, TW_REFLECTOR_STOPPED);
    return NULL;
}

tw_status tw_reflector_start(tw_reflector *r, tw_error **reterr)
{
    if (r->started)
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a reflector starts once");
    r->live_ms = r->heard_ms = r->env.now_ms();
    store_set_stop(r->store, &r->stop);
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        return tw_fail(reterr, TW_ERR_NO_MEMORY, "cannot start a thread");
    r->started = true;
    return TW_OK;
}

void tw_reflector_stop(tw_reflector *r)
{
    atomic_store(&r->stop, true);
    if (!r->started || r->joined)
        return;
    http_stop(r->http);
    pthread_join(r->thread, NULL);
    r->joined = true;
    store_set_stop(r->store, NULL);
}
