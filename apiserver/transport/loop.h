/*
 * loop - one event loop on one thread: sockets (the transport's), timers, and tasks from other
 * threads.
 *
 * Owner    loop_new() makes it, loop_free() ends it after loop_run() has returned. It runs the
 * tasks that are still posted or deferred, so that their owners can let go; timers just stop.
 * Threads  everything but loop_post() and loop_stop() belongs to the thread that runs the loop.
 * Errors   loop_new() is NULL when the kernel gives no descriptors.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_LOOP_H
#define TIDEWATCH_APISERVER_TRANSPORT_LOOP_H

#include "base/base.h"

struct loop;

/* Something to do on the loop's thread. Embedded in its owner, who keeps it until it has run. */
struct loop_task {
    void (*run)(struct loop_task *task);
    struct loop_task *next; /* the loop's */
};

/* Fires once. Embedded in its owner; zeroed but for `on_fire` is "not running". */
struct loop_timer {
    void (*on_fire)(struct loop_timer *timer);
    uint64_t at_ms;
    size_t heap_at; /* the loop's: 1-based place, 0 is not running */
};

struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Runs until loop_stop(). Timers, then sockets, then tasks, then deferred tasks, again and again.
 */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Runs what is posted and deferred, until nothing is: for the end, when the loop runs no more. */
void loop_settle(struct loop *loop);

/* From any thread: run `task` on the loop, in the order of posting. One wake-up serves many. */
void loop_post(struct loop *loop, struct loop_task *task);
/* On the loop's thread: run `task` at the end of this turn, before the loop sleeps. Once, however
 * often it is asked for before it runs: a task that is deferred already stays where it is. */
void loop_defer(struct loop *loop, struct loop_task *task);

/* Monotonic, taken once a turn. */
uint64_t loop_now_ms(const struct loop *loop);
/* Starts, or moves, a timer. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

#endif
