/*
 * leaderelection - one of many processes leads, by a Lease that it keeps renewing.
 *
 *   tw_elector_run():  candidate --acquired--> on_started_leading() .. renewing .. lost or stopped
 *                          ^                                             |
 *                          '-- run it again                on_stopped_leading()
 *
 * Shape    client-go's tools/leaderelection: a lease is over when it has not changed for its
 *          duration by our own clock, whatever clocks of others say. The leader renews every
 *          retry period and steps down after the renew deadline without success, before others may
 *          believe that the lease is over. No clock skew harms, but clocks that run at much
 *          different speeds do.
 * Owner    tw_elector_free(), when no thread runs it. It references its client; texts are copied.
 * Threads  tw_elector_run() uses its caller's thread, for the callbacks too; all else from any.
 * Errors   a server that cannot be reached is asked again; tw_elector_run() fails for want of
 *          memory only.
 */
#ifndef TIDEWATCH_LEADERELECTION_H
#define TIDEWATCH_LEADERELECTION_H

#include <tidewatch/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_elector tw_elector;

/* Renewing waits while a callback runs: start the work in a thread, and have on_stopped_leading()
 * return only when it has ended. Any but on_started_leading may be NULL. */
typedef struct tw_elector_options {
    const char *lease_ns, *lease_name;
    const char *identity;       /* unique among the candidates; NULL: host name and a UUID */
    unsigned lease_duration_ms; /* 0: 15,000 */
    unsigned renew_deadline_ms; /* 0: 10,000; less than the duration */
    unsigned retry_period_ms;   /* 0: 2,000; 1.2 times it less than the deadline */
    bool release_on_stop;       /* when stopped, let others lead at once */
    void (*on_started_leading)(void *user);
    void (*on_stopped_leading)(void *user);
    /* Each time another leads, or we do. */
    void (*on_new_leader)(void *user, const char *identity);
    void *user;
} tw_elector_options;

TW_API tw_status tw_elector_new(tw_client *client, const tw_elector_options *options,
                                tw_elector **ret_elector, tw_error **reterr);
TW_API void tw_elector_free(tw_elector *elector);

/* Waits until it leads, then until it does not. TW_OK: lost the lease; run it again to be a
 * candidate again. TW_ERR_STOPPED. */
TW_API tw_status tw_elector_run(tw_elector *elector, tw_error **reterr);
/* Ends tw_elector_run(), now or when it comes. */
TW_API void tw_elector_stop(tw_elector *elector);
/* Do we hold a lease that nobody else may think is over? */
TW_API bool tw_elector_is_leader(tw_elector *elector);
TW_API const char *tw_elector_identity(const tw_elector *elector);
/* Why it does not lead or renew: the last failure, "" without one. To be freed by free(); NULL
 * without memory. */
TW_API char *tw_elector_last_error(tw_elector *elector);

#ifdef __cplusplus
}
#endif
#endif
