/*
 * retry - again, when somebody else was faster: client-go's util/retry.
 *
 *   read -> change -> write --409 Conflict--> a short pause -> read -> change -> write ..
 *
 * Threads  everything runs in the caller's.
 * Errors   what the last attempt ended with.
 */
#ifndef TIDEWATCH_RETRY_H
#define TIDEWATCH_RETRY_H

#include <tidewatch/verbs.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_backoff {
    unsigned steps;    /* attempts in all */
    unsigned pause_ms; /* before the second */
    double factor;     /* by which each next pause is longer */
    double jitter;     /* up to so much of a pause is added to it */
} tw_backoff;

/* For a value that several write now and then; and for one that is fought over. */
#define TW_BACKOFF_RETRY                                                                           \
    {                                                                                              \
        5, 10, 1.0, 0.1                                                                            \
    }
#define TW_BACKOFF_DEFAULT                                                                         \
    {                                                                                              \
        4, 10, 5.0, 0.1                                                                            \
    }

/* One attempt. It reads afresh: what it knew from the last one is what was in conflict. */
typedef tw_status tw_attempt_fn(void *user, tw_error **reterr);
/* Attempts it until it does not end in a Conflict. `backoff` NULL: TW_BACKOFF_RETRY. */
TW_API tw_status tw_retry_on_conflict(const tw_backoff *backoff, tw_attempt_fn *attempt, void *user,
                                      tw_error **reterr);

/* Makes `*ret_changed` of `now`; NULL with TW_OK: nothing to do. */
typedef tw_status tw_modify_fn(void *user, const tw_object *now, tw_object **ret_changed,
                               tw_error **reterr);
/* Gets, changes and updates an object, with TW_BACKOFF_RETRY. The result is the object as it is
 * then. `options` may be NULL; its subresource is the one read and written. */
TW_API tw_status tw_modify(tw_client *client, const tw_resource *resource, const char *ns,
                           const char *name, tw_modify_fn *change, void *user,
                           const tw_write_options *options, tw_object **ret_object,
                           tw_error **reterr);

#ifdef __cplusplus
}
#endif
#endif
