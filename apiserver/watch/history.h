/*
 * history - reads of the past that block on the disk, done on threads of their own.
 *
 * A job is asked for on a loop, runs on a history thread, and comes back to its loop. Users take
 * turns: behind a hundred jobs of one, a job of another is next.
 * Owner    the caller keeps a job until its on_done() has run; there is no cancel: forget it by
 *          setting a flag of your own.
 * Threads  history_submit() from any loop; on_done() on the loop of the job.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_HISTORY_H
#define TIDEWATCH_APISERVER_WATCH_HISTORY_H

#include "apiserver/transport/loop.h"
#include "storage/storage.h"

struct history;

struct history_job {
    void (*run)(struct history_job *job, struct storage *storage); /* on a history thread */
    void (*on_done)(struct history_job *job);                      /* on `loop` */
    struct loop *loop;
    uint64_t user;            /* who it is for, a hash; 0: the server */
    uint64_t round;           /* the history's own */
    struct loop_task task;    /* the history's own */
    struct history_job *next; /* the history's own */
};

struct history *history_new(struct storage *storage, unsigned threads);
void history_submit(struct history *history, struct history_job *job);
/* Finishes the jobs under way, answers none after it returns. */
void history_free(struct history *history);

#endif
