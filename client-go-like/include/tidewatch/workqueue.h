/*
 * workqueue - keys of what has to be done, each by one worker at a time.
 *
 *   add --> [ key ][ key ] --tw_queue_get()--> a worker --tw_queue_done()--> gone, or again
 *             ^                                             if it was added meanwhile
 *   add_after, add_rate_limited: later
 *
 * Shape    client-go's util/workqueue: a key that waits already is not added twice; one that is
 *          being worked on is given out again only after its tw_queue_done(). Retries wait as long
 *          as the slower of two limiters says: 5 ms doubling to 1000 s for each key, and 10 a
 *          second (100 at once) for all together.
 * Owner    tw_queue_free(), after its workers have ended. A key that was given out is borrowed
 *          until its tw_queue_done().
 * Threads  any.
 * Errors   TW_ERR_NO_MEMORY adds nothing. After tw_queue_shut_down() adding does nothing.
 */
#ifndef TIDEWATCH_WORKQUEUE_H
#define TIDEWATCH_WORKQUEUE_H

#include <tidewatch/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_queue tw_queue;

typedef enum tw_queue_metric {
    TW_QUEUE_DEPTH,      /* keys that wait to be given out, now */
    TW_QUEUE_ADDS,       /* 1, each time a key is added that did not wait already */
    TW_QUEUE_RETRIES,    /* 1, each time a key is added for later */
    TW_QUEUE_LATENCY_MS, /* that a key has waited */
    TW_QUEUE_WORK_MS,    /* that a key was worked on */
} tw_queue_metric;
/* Called without a lock, in the thread in which it happens. */
typedef void tw_queue_metric_fn(void *user, tw_queue_metric metric, uint64_t value);

typedef struct tw_queue_options {
    unsigned retry_first_ms, retry_max_ms; /* 0: 5, 1,000,000 */
    double retries_per_s;                  /* 0: 10 */
    unsigned retry_burst;                  /* 0: 100 */
    tw_queue_metric_fn *on_metric;
    void *user;
} tw_queue_options;

/* `options` may be NULL. */
TW_API tw_status tw_queue_new(const tw_queue_options *options, tw_queue **ret_queue,
                              tw_error **reterr);
TW_API void tw_queue_free(tw_queue *queue);

TW_API tw_status tw_queue_add(tw_queue *queue, const char *key);
/* Of two times for one key the earlier counts. */
TW_API tw_status tw_queue_add_after(tw_queue *queue, const char *key, uint64_t delay_ms);
TW_API tw_status tw_queue_add_rate_limited(tw_queue *queue, const char *key);
/* The key has succeeded, or is given up: its next retry is its first. */
TW_API void tw_queue_forget(tw_queue *queue, const char *key);
/* Retries since it was last forgotten. */
TW_API unsigned tw_queue_num_requeues(tw_queue *queue, const char *key);

/* TW_OK: a key, to be given to tw_queue_done(). TW_ERR_TIMEOUT. TW_END: shut down, and empty. */
TW_API tw_status tw_queue_get(tw_queue *queue, unsigned timeout_ms, const char **ret_key);
TW_API void tw_queue_done(tw_queue *queue, const char *key);
/* How many wait to be given out, those for later not counted. */
TW_API size_t tw_queue_len(tw_queue *queue);

/* Adds nothing from now on, drops what was for later; workers get what is left, then TW_END. */
TW_API void tw_queue_shut_down(tw_queue *queue);
/* And waits until all that was left is done. TW_ERR_TIMEOUT. */
TW_API tw_status tw_queue_shut_down_with_drain(tw_queue *queue, unsigned timeout_ms);

typedef struct tw_queue_status {
    size_t depth, waiting, working; /* to be given out, for later, given out */
    uint64_t adds, retries;
    uint64_t unfinished_ms; /* of all work under way, together */
    uint64_t longest_ms;    /* of it, the longest */
} tw_queue_status;
TW_API void tw_queue_get_status(tw_queue *queue, tw_queue_status *ret_status);

#ifdef __cplusplus
}
#endif
#endif
