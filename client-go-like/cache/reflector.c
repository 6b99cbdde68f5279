#include "client-go-like/cache/reflector.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/rand.h"
#include "client-go-like/cache/store.h"
#include "client-go-like/rest/path.h"

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

static const char *const state_names[] = {
    [TW_REFLECTOR_CONNECTING] = "connecting",
    [TW_REFLECTOR_SYNCING] = "syncing",
    [TW_REFLECTOR_LIVE] = "live",
    [TW_REFLECTOR_STALE] = "stale",
    [TW_REFLECTOR_FORBIDDEN] = "forbidden",
    [TW_REFLECTOR_STOPPED] = "stopped",
};

const char *tw_reflector_state_name(tw_reflector_state state)
{
    return (size_t)state < ARRAY_LEN(state_names) ? state_names[state] : "";
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
    r->idle_ms = env->idle_ms;
    r->list_first = options != NULL && options->list_first;
    init_locks(r);
    st = copy_texts(r, resource, options != NULL ? options : &none) ? TW_OK
                                                                    : tw_fail_no_memory(reterr);
    if (st == TW_OK)
        st = client_acquire(client, &r->http, reterr);
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

/* ---- what others see ---- */

void reflector_set_state(tw_reflector *r, tw_reflector_state state)
{
    pthread_mutex_lock(&r->lock);
    if (r->status.state == TW_REFLECTOR_LIVE || state == TW_REFLECTOR_LIVE)
        r->live_ms = r->env.now_ms();
    r->status.state = state;
    if (state == TW_REFLECTOR_LIVE)
        r->status.error[0] = '\0';
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void reflector_note(tw_reflector *r, const tw_error *error)
{
    int code = tw_error_code(error);
    bool synced;

    if (tw_error_status(error) == TW_ERR_STOPPED)
        return;
    pthread_mutex_lock(&r->lock);
    snprintf(r->status.error, sizeof(r->status.error), "%s", tw_error_message(error));
    synced = r->status.synced;
    pthread_mutex_unlock(&r->lock);
    reflector_set_state(r, code == 401 || code == 403 ? TW_REFLECTOR_FORBIDDEN
                           : synced                   ? TW_REFLECTOR_STALE
                                                      : TW_REFLECTOR_CONNECTING);
}

void reflector_count(tw_reflector *r, uint64_t *counter)
{
    pthread_mutex_lock(&r->lock);
    (*counter)++;
    pthread_mutex_unlock(&r->lock);
}

void reflector_heard(tw_reflector *r)
{
    pthread_mutex_lock(&r->lock);
    r->heard_ms = r->env.now_ms();
    pthread_mutex_unlock(&r->lock);
}

void reflector_set_synced(tw_reflector *r)
{
    pthread_mutex_lock(&r->lock);
    r->status.synced = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool reflector_set_rv(tw_reflector *r, const char *rv)
{
    char *copy;

    if (*rv == '\0' || (r->rv != NULL && strcmp(rv, r->rv) == 0))
        return true;
    if ((copy = strdup(rv)) == NULL)
        return false;
    free(r->rv);
    r->rv = copy;
    r->moved = true;
    pthread_mutex_lock(&r->lock);
    snprintf(r->status.resource_version, sizeof(r->status.resource_version), "%s", rv);
    pthread_mutex_unlock(&r->lock);
    return true;
}

void tw_reflector_get_status(tw_reflector *r, tw_reflector_status *ret_status)
{
    uint64_t now = r->env.now_ms();

    pthread_mutex_lock(&r->lock);
    *ret_status = r->status;
    ret_status->stale_ms = r->status.state == TW_REFLECTOR_LIVE ? 0 : now - r->live_ms;
    ret_status->silent_ms = now - r->heard_ms;
    pthread_mutex_unlock(&r->lock);
}

tw_status tw_reflector_wait_synced(tw_reflector *r, unsigned timeout_ms)
{
    uint64_t until_ms = clock_monotonic_ms() + timeout_ms;
    struct timespec until = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};
    tw_status st = TW_ERR_TIMEOUT;
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    while (!r->status.synced && r->status.state != TW_REFLECTOR_STOPPED && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&r->changed, &r->lock, &until);
    if (r->status.synced)
        st = TW_OK;
    else if (r->status.state == TW_REFLECTOR_STOPPED)
        st = TW_ERR_STOPPED;
    pthread_mutex_unlock(&r->lock);
    return st;
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

    return r->env.pause(r->http, wait_ms, NULL);
}

/* One ListAndWatch: from nothing, or from where we were, until a new list is due. */
static tw_status run_round(tw_reflector *r, tw_error **reterr)
{
    bool open = false;
    tw_status st = TW_END;

    if (!r->list_first)
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
        if (reflector_back_off(r) == TW_ERR_STOPPED)
            break;
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
