#include "client-go-like/cache/reflector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "client-go-like/cache/denied.h"

static const char *const state_names[] = {
    [TW_REFLECTOR_CONNECTING] = "connecting",
    [TW_REFLECTOR_SYNCING] = "syncing",
    [TW_REFLECTOR_LIVE] = "live",
    [TW_REFLECTOR_STALE] = "stale",
    [TW_REFLECTOR_FORBIDDEN] = "forbidden",
    [TW_REFLECTOR_STOPPED] = "stopped",
    [TW_REFLECTOR_GONE] = "gone",
};

const char *tw_reflector_state_name(tw_reflector_state state)
{
    return (size_t)state < ARRAY_LEN(state_names) ? state_names[state] : "";
}

/* Not under the lock: it may ask for the status itself. */
static void tell(tw_reflector *r)
{
    tw_reflector_status status;

    if (r->on_status == NULL)
        return;
    tw_reflector_get_status(r, &status);
    r->on_status(r->user, &status);
}

/* With the lock held. */
static void set_state_locked(tw_reflector *r, tw_reflector_state state)
{
    if (r->status.state == TW_REFLECTOR_LIVE || state == TW_REFLECTOR_LIVE)
        r->live_ms = r->env.now_ms();
    r->status.state = state;
    if (state != TW_REFLECTOR_FORBIDDEN)
        r->status.denied = (tw_denied){0};
    if (state == TW_REFLECTOR_LIVE)
        r->status.error[0] = '\0';
    pthread_cond_broadcast(&r->changed);
}

void reflector_set_state(tw_reflector *r, tw_reflector_state state)
{
    pthread_mutex_lock(&r->lock);
    set_state_locked(r, state);
    pthread_mutex_unlock(&r->lock);
    tell(r);
}

static tw_reflector_state state_after(const tw_reflector *r, const tw_error *error)
{
    switch (tw_error_code(error)) {
    case 401:
    case 403:
        return TW_REFLECTOR_FORBIDDEN;
    case 404:
        return TW_REFLECTOR_GONE;
    default:
        return r->status.synced ? TW_REFLECTOR_STALE : TW_REFLECTOR_CONNECTING;
    }
}

void reflector_note(tw_reflector *r, const tw_error *error)
{
    tw_reflector_state state;

    if (tw_error_status(error) == TW_ERR_STOPPED)
        return;
    pthread_mutex_lock(&r->lock);
    snprintf(r->status.error, sizeof(r->status.error), "%s", tw_error_message(error));
    state = state_after(r, error);
    set_state_locked(r, state);
    if (state == TW_REFLECTOR_FORBIDDEN)
        denied_read(tw_error_message(error), &r->status.denied);
    pthread_mutex_unlock(&r->lock);
    tell(r);
}

void reflector_count(tw_reflector *r, tw_metric metric, uint64_t value)
{
    uint64_t *const counters[TW_METRIC_COUNT] = {
        [TW_METRIC_LISTS] = &r->status.lists,
        [TW_METRIC_RELISTS] = &r->status.relists,
        [TW_METRIC_WATCHES] = &r->status.watches,
        [TW_METRIC_EVENTS] = &r->status.events,
        [TW_METRIC_DROPPED] = &r->status.dropped,
        [TW_METRIC_BYTES] = &r->status.bytes,
        [TW_METRIC_DECODE_ERRORS] = &r->status.decode_errors,
        [TW_METRIC_BACKOFFS] = &r->status.backoffs,
    };

    if (counters[metric] != NULL) {
        pthread_mutex_lock(&r->lock);
        *counters[metric] += value;
        pthread_mutex_unlock(&r->lock);
    }
    if (r->on_metric != NULL)
        r->on_metric(r->user, metric, value);
}

void reflector_heard(tw_reflector *r)
{
    pthread_mutex_lock(&r->lock);
    r->heard_ms = r->env.now_ms();
    pthread_mutex_unlock(&r->lock);
}

void reflector_count_event(tw_reflector *r, size_t len)
{
    pthread_mutex_lock(&r->lock);
    r->heard_ms = r->env.now_ms();
    r->status.events++;
    r->status.bytes += len;
    pthread_mutex_unlock(&r->lock);
    if (r->on_metric == NULL)
        return;
    r->on_metric(r->user, TW_METRIC_EVENTS, 1);
    r->on_metric(r->user, TW_METRIC_BYTES, len);
}

void reflector_set_synced(tw_reflector *r)
{
    pthread_mutex_lock(&r->lock);
    r->status.synced = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->hooks.on_synced != NULL)
        r->hooks.on_synced(r->hooks.user);
    tell(r);
}

static bool move_to(tw_reflector *r, const char *rv)
{
    char *copy = strdup(rv);

    if (copy == NULL)
        return false;
    free(r->rv);
    r->rv = copy;
    r->moved = true;
    pthread_mutex_lock(&r->lock);
    snprintf(r->status.resource_version, sizeof(r->status.resource_version), "%s", rv);
    pthread_mutex_unlock(&r->lock);
    return true;
}

bool reflector_set_rv(tw_reflector *r, const char *rv)
{
    if (*rv == '\0')
        return true;
    if ((r->rv == NULL || strcmp(rv, r->rv) != 0) && !move_to(r, rv))
        return false;
    if (r->hooks.on_version != NULL)
        r->hooks.on_version(r->hooks.user, rv);
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
