/*
 * elector - a tw_elector from the inside, and what a test may put in its place. Internal.
 *
 *   elector.c      who leads: client-go's tryAcquireOrRenew, acquire, renew
 *   lease.c        the Lease object, read and written
 *   lease_http.c   asking the server
 *
 * Rules and numbers: CG tools/leaderelection/leaderelection.go. Where we differ, it says so.
 */
#ifndef TIDEWATCH_CLIENT_LEADERELECTION_ELECTOR_H
#define TIDEWATCH_CLIENT_LEADERELECTION_ELECTOR_H

#include <tidewatch/leaderelection.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "client-go-like/object.h"
#include "client-go-like/rest/http.h"

struct elector_env {
    uint64_t (*now_ms)(void);
    int64_t (*wall_us)(void);
    uint64_t (*random_below)(uint64_t bound);
    /* TW_OK, or TW_ERR_STOPPED as soon as someone stops us. */
    tw_status (*pause)(tw_elector *elector, unsigned pause_ms);
    /* One request, within `timeout_ms`. Without `body` GET the lease, else POST (`create`) or PUT.
     */
    tw_status (*ask)(tw_elector *elector, const tw_object *body, bool create, unsigned timeout_ms,
                     tw_object **ret_lease, tw_error **reterr);
};
extern const struct elector_env elector_real_env;

/* What a lease says (resourcelock.LeaderElectionRecord). */
struct lease_record {
    char *holder; /* "": nobody */
    uint64_t duration_ms;
    int64_t transitions;
    char acquired[RFC3339_MICRO_LEN + 16]; /* as the lease has it */
};

struct tw_elector {
    tw_client *client;
    struct http *http;
    struct elector_env env;
    tw_elector_options options;
    char *ns, *name, *identity;
    atomic_bool stop;
    char *reported;       /* to on_new_leader */
    pthread_mutex_t lock; /* what follows; written by the running thread alone */
    pthread_cond_t changed;
    tw_object *lease; /* as seen last */
    struct lease_record record;
    uint64_t observed_ms; /* when it was last seen to have changed */
    char error[256];
};

tw_status elector_new(tw_client *client, const tw_elector_options *options,
                      const struct elector_env *env, tw_elector **ret_elector, tw_error **reterr);

tw_status lease_read(const tw_object *lease, struct lease_record *ret_record);
/* Have both the same spec? */
bool lease_same_spec(const tw_object *a, const tw_object *b);
/* `old` (NULL: none) with a spec of `record`, renewed now; all else stays as it is. */
tw_status lease_write(const tw_elector *elector, const tw_object *old,
                      const struct lease_record *record, tw_object **ret_lease, tw_error **reterr);
tw_status lease_ask(tw_elector *elector, const tw_object *body, bool create, unsigned timeout_ms,
                    tw_object **ret_lease, tw_error **reterr);

#endif
