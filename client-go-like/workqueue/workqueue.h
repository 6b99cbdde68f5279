/*
 * workqueue - a tw_queue from the inside. Internal.
 */
#ifndef TIDEWATCH_CLIENT_WORKQUEUE_WORKQUEUE_H
#define TIDEWATCH_CLIENT_WORKQUEUE_WORKQUEUE_H

#include <tidewatch/workqueue.h>

/* With a clock of the caller's, in ms. A wait ends early when its time has come on that clock and
 * queue_wake() was called. */
tw_status queue_new(const tw_queue_options *options, uint64_t (*now_ms)(void), tw_queue **ret_queue,
                    tw_error **reterr);
void queue_wake(tw_queue *queue);
/* Takes out what waits to be given out: for who ends without doing it. */
void queue_drop(tw_queue *queue);

#endif
