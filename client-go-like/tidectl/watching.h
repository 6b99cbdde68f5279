/*
 * watching - a `get -w` under way: get_watch.c lists, watches and comes back; watch_print.c prints
 * one change; live.c keeps a table in place; watch_stats.c counts.
 */
#ifndef TIDEWATCH_TIDECTL_WATCHING_H
#define TIDEWATCH_TIDECTL_WATCHING_H

#include "client-go-like/cache/backoff.h"
#include "client-go-like/tidectl/condition.h"
#include "client-go-like/tidectl/get.h"
#include "client-go-like/tidectl/printed.h"

struct live;

struct watch_stats {
    uint64_t began_ms, heard_ms; /* heard: the server, last */
    uint64_t added, modified, deleted, bookmarks, bytes;
    unsigned reconnects, lists;
};

struct watching {
    struct get *g;
    struct target target; /* the collection, also for one name */
    char *field_selector;
    struct table table;
    struct buf out;
    struct printed printed;
    struct live *live; /* NULL: lines */
    bool listed_once;
    char *rv;
    unsigned idle_ms;
    struct backoff backoff;
    struct watch_stats stats;
    /* how it ends */
    struct arena arena;
    struct condition until;
    bool has_until, met; /* --until */
    uint64_t lines;
    uint64_t deadline_ms;         /* --timeout; 0: none */
    uint64_t lost_ms;             /* since when the server gives no answer; 0: it does */
    unsigned give_up_ms;          /* 0: never */
    bool closed, failed, gave_up; /* closed: nobody reads stdout any more */
};

/* An item of a list or of an event: printed unless it has been in this state. */
void watch_print_listed(struct watching *w, const struct answer *answer, const struct json *item);
void watch_print_event(struct watching *w, const tw_event *event);
/* What was printed and is not in the new list was deleted while we were away. */
void watch_print_missing(struct watching *w);
/* All that was made is written. */
void watch_flush(struct watching *w);
/* Takes a resourceVersion to go on from. */
void watch_take_rv(struct watching *w, const char *rv);

/* SIGUSR1 tells, SIGINT and SIGTERM end: from here on they only leave a note. */
void watch_stats_catch_signals(void);
/* Tells if SIGUSR1 came. The signal that wants us to end, or 0. */
int watch_stats_poll(const struct watching *w);
void watch_stats_tell(const struct watching *w);

#endif
