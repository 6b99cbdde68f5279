#include "client-go-like/leaderelection/elector.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/wait.h"

enum {
    LEASE_DURATION_MS = 15 * 1000,
    RENEW_DEADLINE_MS = 10 * 1000,
    RETRY_PERIOD_MS = 2 * 1000,
    JITTER_TENTHS = 12, /* a candidate waits up to 1.2 periods more */
    RELEASED_DURATION_MS = 1000,
};

static tw_status real_pause(tw_elector *e, unsigned pause_ms)
{
    uint64_t until_ms = wait_deadline(pause_ms);
    bool in_time = true;

    pthread_mutex_lock(&e->lock);
    while (!atomic_load(&e->stop) && in_time)
        in_time = wait_until(&e->changed, &e->lock, until_ms);
    pthread_mutex_unlock(&e->lock);
    return atomic_load(&e->stop) ? TW_ERR_STOPPED : TW_OK;
}

const struct elector_env elector_real_env = {
    .now_ms = clock_monotonic_ms,
    .wall_us = clock_wall_us,
    .random_below = rand_below,
    .pause = real_pause,
    .ask = lease_ask,
};

/* ---- making and freeing ---- */

/* Host name and a UUID, as kube-controller-manager does. */
static char *own_identity(void)
{
    char host[256] = "", uuid[UUID_LEN + 1], *identity = NULL;

    if (gethostname(host, sizeof(host) - 1) != 0)
        strcpy(host, "localhost");
    uuid_new(uuid);
    return asprintf(&identity, "%s_%s", host, uuid) >= 0 ? identity : NULL;
}

static tw_status check_options(tw_elector_options *o, tw_error **reterr)
{
    o->lease_duration_ms = o->lease_duration_ms != 0 ? o->lease_duration_ms : LEASE_DURATION_MS;
    o->renew_deadline_ms = o->renew_deadline_ms != 0 ? o->renew_deadline_ms : RENEW_DEADLINE_MS;
    o->retry_period_ms = o->retry_period_ms != 0 ? o->retry_period_ms : RETRY_PERIOD_MS;
    if (o->lease_ns == NULL || *o->lease_ns == '\0' || o->lease_name == NULL ||
        *o->lease_name == '\0' || o->on_started_leading == NULL)
        return tw_fail(reterr, TW_ERR_ARGUMENT,
                       "an elector needs a lease's namespace and name, and on_started_leading");
    if (o->lease_duration_ms <= o->renew_deadline_ms)
        return tw_fail(reterr, TW_ERR_ARGUMENT,
                       "lease_duration_ms must be greater than renew_deadline_ms");
    if (o->renew_deadline_ms <= (uint64_t)o->retry_period_ms * JITTER_TENTHS / 10)
        return tw_fail(reterr, TW_ERR_ARGUMENT,
                       "renew_deadline_ms must be greater than 1.2 times retry_period_ms");
    return TW_OK;
}

tw_status elector_new(tw_client *client, const tw_elector_options *options,
                      const struct elector_env *env, tw_elector **ret_elector, tw_error **reterr)
{
    tw_elector_options checked = *options;
    tw_status st = check_options(&checked, reterr);
    tw_elector *e;

    if (st != TW_OK)
        return st;
    if ((e = calloc(1, sizeof(*e))) == NULL)
        return tw_fail_no_memory(reterr);
    e->options = checked;
    e->env = *env;
    pthread_mutex_init(&e->lock, NULL);
    wait_init(&e->changed);
    e->ns = strdup(checked.lease_ns);
    e->name = strdup(checked.lease_name);
    e->identity = checked.identity != NULL ? strdup(checked.identity) : own_identity();
    e->reported = strdup("");
    e->record.holder = strdup("");
    if (e->ns == NULL || e->name == NULL || e->identity == NULL || e->reported == NULL ||
        e->record.holder == NULL)
        st = tw_fail_no_memory(reterr);
    if (st == TW_OK && client != NULL) {
        e->client = tw_client_ref(client);
        st = client_acquire(client, &e->http, reterr);
    }
    if (st == TW_OK)
        *ret_elector = e;
    else
        tw_elector_free(e);
    return st;
}

tw_status tw_elector_new(tw_client *client, const tw_elector_options *options,
                         tw_elector **ret_elector, tw_error **reterr)
{
    return elector_new(client, options, &elector_real_env, ret_elector, reterr);
}

void tw_elector_free(tw_elector *e)
{
    if (e == NULL)
        return;
    if (e->client != NULL)
        client_release(e->client, e->http);
    tw_client_unref(e->client);
    tw_object_unref(e->lease);
    free(e->record.holder);
    free(e->ns);
    free(e->name);
    free(e->identity);
    free(e->reported);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* ---- what is known of the lease ---- */

static bool holds_lease(const tw_elector *e)
{
    return strcmp(e->record.holder, e->identity) == 0;
}

/* By our own clock, from when we last saw it change. */
static bool is_valid(const tw_elector *e)
{
    return e->env.now_ms() - e->observed_ms < e->record.duration_ms;
}

/* Takes the reference over. */
static tw_status observe(tw_elector *e, tw_object *lease, uint64_t now_ms)
{
    struct lease_record record;

    if (lease_read(lease, &record) != TW_OK) {
        tw_object_unref(lease);
        return TW_ERR_NO_MEMORY;
    }
    pthread_mutex_lock(&e->lock);
    free(e->record.holder);
    e->record = record;
    tw_object_unref(e->lease);
    e->lease = lease;
    e->observed_ms = now_ms;
    pthread_mutex_unlock(&e->lock);
    return TW_OK;
}

static void note(tw_elector *e, const char *what, const tw_error *error)
{
    pthread_mutex_lock(&e->lock);
    snprintf(e->error, sizeof(e->error), "%s: %s", what, tw_error_message(error));
    pthread_mutex_unlock(&e->lock);
}

/* ---- tryAcquireOrRenew ---- */

/* Writes the record that makes us the leader, over `old`. */
static tw_status claim(tw_elector *e, const tw_object *old, unsigned timeout_ms, tw_error **reterr)
{
    struct lease_record record = {.holder = e->identity,
                                  .duration_ms = e->options.lease_duration_ms};
    uint64_t now_ms = e->env.now_ms(); /* before asking: others count from later */
    tw_object *lease = NULL, *made = NULL;
    tw_status st;

    if (old != NULL && holds_lease(e)) {
        memcpy(record.acquired, e->record.acquired, sizeof(record.acquired));
        record.transitions = e->record.transitions;
    } else if (old != NULL) {
        record.transitions = e->record.transitions + 1;
    }
    st = lease_write(e, old, &record, &lease, reterr);
    if (st == TW_OK)
        st = e->env.ask(e, lease, old == NULL, timeout_ms, &made, reterr);
    tw_object_unref(lease);
    return st == TW_OK ? observe(e, made, now_ms) : st;
}

/* The lease as the server has it; TW_END: there is none. */
static tw_status look(tw_elector *e, unsigned timeout_ms, tw_error **reterr)
{
    tw_object *lease = NULL;
    tw_status st = e->env.ask(e, NULL, false, timeout_ms, &lease, reterr);

    if (st == TW_ERR_SERVER && tw_error_code(*reterr) == 404) {
        tw_error_clear(reterr);
        return TW_END;
    }
    if (st != TW_OK)
        return st;
    /* Unchanged, it is as old as when we first saw it so. */
    return observe(e, lease,
                   e->lease != NULL && lease_same_spec(lease, e->lease) ? e->observed_ms
                                                                        : e->env.now_ms());
}

/* True: we lead, for another duration. */
static bool try_to_lead(tw_elector *e, unsigned timeout_ms)
{
    uint64_t until_ms = e->env.now_ms() + timeout_ms, now_ms;
    tw_error *error = NULL;
    tw_status st = TW_ERR_TIMEOUT;

    if (holds_lease(e) && is_valid(e)) /* as a rule nobody has touched it: no need to look */
        st = claim(e, e->lease, timeout_ms, &error);
    now_ms = e->env.now_ms();
    if (st != TW_OK && now_ms < until_ms && !atomic_load(&e->stop)) {
        tw_error_clear(&error);
        st = look(e, (unsigned)(until_ms - now_ms), &error);
        now_ms = e->env.now_ms();
        if (st == TW_OK && e->record.holder[0] != '\0' && !holds_lease(e) && is_valid(e))
            return false; /* another's */
        if ((st == TW_OK || st == TW_END) && now_ms < until_ms)
            st = claim(e, st == TW_OK ? e->lease : NULL, (unsigned)(until_ms - now_ms), &error);
    }
    if (st != TW_OK && tw_error_status(error) != TW_ERR_STOPPED)
        note(e, e->name, error);
    tw_error_free(error);
    return st == TW_OK;
}

static void report_leader(tw_elector *e)
{
    char *holder;

    if (strcmp(e->reported, e->record.holder) == 0 || (holder = strdup(e->record.holder)) == NULL)
        return;
    free(e->reported);
    e->reported = holder;
    if (e->options.on_new_leader != NULL && *holder != '\0')
        e->options.on_new_leader(e->options.user, holder);
}

/* ---- candidate, leader ---- */

static tw_status acquire(tw_elector *e)
{
    unsigned period_ms = e->options.retry_period_ms;

    for (;;) {
        bool leads = try_to_lead(e, e->options.renew_deadline_ms);

        report_leader(e);
        if (atomic_load(&e->stop))
            return TW_ERR_STOPPED;
        if (leads)
            return TW_OK;
        if (e->env.pause(e, period_ms + (unsigned)e->env.random_below(
                                            (uint64_t)period_ms * JITTER_TENTHS / 10 + 1)) != TW_OK)
            return TW_ERR_STOPPED;
    }
}

/* False: the deadline passed without success. */
static bool renew_once(tw_elector *e)
{
    uint64_t deadline_ms = e->env.now_ms() + e->options.renew_deadline_ms;

    for (;;) {
        uint64_t now_ms = e->env.now_ms();

        if (now_ms >= deadline_ms || atomic_load(&e->stop))
            return false;
        if (try_to_lead(e, (unsigned)(deadline_ms - now_ms)))
            return true;
        if (!holds_lease(e)) /* client-go tries on until the deadline, for a lease it has lost */
            return false;
        if (e->env.now_ms() + e->options.retry_period_ms >= deadline_ms ||
            e->env.pause(e, e->options.retry_period_ms) != TW_OK)
            return false;
    }
}

static void renew(tw_elector *e)
{
    while (e->env.pause(e, e->options.retry_period_ms) == TW_OK) {
        bool renewed = renew_once(e);

        report_leader(e);
        if (!renewed)
            return;
    }
}

/* Lets others lead without waiting for the lease to end. */
static void release(tw_elector *e)
{
    struct lease_record record = {.holder = (char[]){""}, .duration_ms = RELEASED_DURATION_MS};
    tw_object *lease = NULL, *made = NULL;
    tw_error *error = NULL;
    tw_status st;

    if (e->http != NULL)
        http_restart(e->http);                          /* it was stopped with us */
    st = look(e, e->options.renew_deadline_ms, &error); /* a renewal cut off may have succeeded */
    if (st == TW_OK && holds_lease(e)) {
        record.transitions = e->record.transitions;
        st = lease_write(e, e->lease, &record, &lease, &error);
    } else if (st == TW_OK) {
        return;
    }
    if (st == TW_OK)
        st = e->env.ask(e, lease, false, e->options.renew_deadline_ms, &made, &error);
    if (st == TW_OK)
        observe(e, made, e->env.now_ms());
    else
        note(e, "cannot release", error);
    tw_object_unref(lease);
    tw_error_free(error);
}

tw_status tw_elector_run(tw_elector *e, tw_error **reterr)
{
    sigset_t pipe_only, before;
    tw_status st;

    sigemptyset(&pipe_only); /* OpenSSL writes without MSG_NOSIGNAL */
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    st = acquire(e);
    if (st == TW_OK) {
        e->options.on_started_leading(e->options.user);
        renew(e);
        /* client-go releases first; here nobody leads before our work has ended. */
        if (e->options.on_stopped_leading != NULL)
            e->options.on_stopped_leading(e->options.user);
        if (atomic_load(&e->stop) && e->options.release_on_stop)
            release(e);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!atomic_load(&e->stop))
        return TW_OK;
    return tw_fail(reterr, TW_ERR_STOPPED, "the elector was stopped");
}

/* ---- from other threads ---- */

void tw_elector_stop(tw_elector *e)
{
    atomic_store(&e->stop, true);
    if (e->http != NULL)
        http_stop(e->http);
    pthread_mutex_lock(&e->lock);
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

bool tw_elector_is_leader(tw_elector *e)
{
    bool leads;

    pthread_mutex_lock(&e->lock);
    leads = holds_lease(e) && is_valid(e);
    pthread_mutex_unlock(&e->lock);
    return leads;
}

const char *tw_elector_identity(const tw_elector *e)
{
    return e->identity;
}

char *tw_elector_last_error(tw_elector *e)
{
    char *error;

    pthread_mutex_lock(&e->lock);
    error = strdup(e->error);
    pthread_mutex_unlock(&e->lock);
    return error;
}
