#include <tidewatch/retry.h>

#include <time.h>

#include "base/rand.h"
#include "client-go-like/fail.h"

static void pause_for(double pause_ms)
{
    uint64_t ns = (uint64_t)(pause_ms * 1e6);
    struct timespec left = {.tv_sec = (time_t)(ns / 1000000000),
                            .tv_nsec = (long)(ns % 1000000000)};

    while (nanosleep(&left, &left) != 0)
        ;
}

static bool is_conflict(tw_status st, const tw_error *error)
{
    return st == TW_ERR_SERVER && strcmp(tw_error_reason(error), "Conflict") == 0;
}

tw_status tw_retry_on_conflict(const tw_backoff *backoff, tw_attempt_fn *attempt, void *user,
                               tw_error **reterr)
{
    static const tw_backoff standard = TW_BACKOFF_RETRY;
    const tw_backoff *b = backoff != NULL ? backoff : &standard;
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    double pause_ms = b->pause_ms;
    tw_status st = attempt(user, error);

    for (unsigned i = 1; i < b->steps && is_conflict(st, *error); i++) {
        double chance = (double)rand_below(1000000) / 1e6;

        pause_for(pause_ms * (1 + b->jitter * chance));
        pause_ms *= b->factor;
        tw_error_clear(error);
        st = attempt(user, error);
    }
    tw_error_free(own);
    return st;
}

struct modification {
    tw_client *client;
    const tw_resource *resource;
    const char *ns, *name;
    tw_modify_fn *change;
    void *user;
    const tw_write_options *options;
    tw_object **ret_object;
};

static tw_status modify_once(void *user, tw_error **reterr)
{
    const struct modification *m = user;
    const tw_get_options get = {.subresource = m->options != NULL ? m->options->subresource : NULL};
    tw_object *now = NULL, *changed = NULL, *then = NULL;
    tw_status st = tw_get_with(m->client, m->resource, m->ns, m->name, &get, &now, reterr);

    if (st == TW_OK)
        st = m->change(m->user, now, &changed, reterr);
    if (st == TW_OK && changed == NULL) {
        then = now;
        now = NULL;
    } else if (st == TW_OK) {
        st = tw_update_with(m->client, m->resource, m->ns, changed, m->options, &then, reterr);
    }
    tw_object_unref(changed);
    tw_object_unref(now);
    if (st == TW_OK && m->ret_object != NULL)
        *m->ret_object = then;
    else
        tw_object_unref(then);
    return st;
}

tw_status tw_modify(tw_client *client, const tw_resource *resource, const char *ns,
                    const char *name, tw_modify_fn *change, void *user,
                    const tw_write_options *options, tw_object **ret_object, tw_error **reterr)
{
    struct modification m = {client, resource, ns, name, change, user, options, ret_object};

    return tw_retry_on_conflict(NULL, modify_once, &m, reterr);
}
