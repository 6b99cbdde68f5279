/*
 * internal - what the files of the watch cache share: the cache, a resource of it, a watcher.
 *
 *   watch_cache.c  state, feeding, reading        watcher.c  a watch from its start to its end
 *   interest.c     what a watch asks for          pump.c     what a watch sends, and when
 *   snapshot.c     the first state of a watch     behind.c   reading on from the log on disk
 *   mux*.c         many watches on one stream
 */
#ifndef TIDEWATCH_APISERVER_WATCH_INTERNAL_H
#define TIDEWATCH_APISERVER_WATCH_INTERNAL_H

#include "apiserver/watch/consistency.h"
#include "apiserver/watch/dispatcher.h"
#include "apiserver/watch/history.h"
#include "apiserver/watch/watcher.h"
#include "apiserver/watch/window.h"
#include "base/counter.h"
#include "base/tree.h"

/* Written by the cache's loop alone, read by anyone. */
struct counter {
    _Atomic uint64_t n;
};
static inline void counter_add(struct counter *counter, uint64_t n)
{
    count_own(&counter->n, n);
}

/* One resource: what its storage prefix names, whatever version it is asked for in. */
struct resource {
    struct watch_cache *cache;
    struct tree objects;  /* whole key -> struct object; a key is malloc'ed, once for each entry */
    uint64_t changed_rev; /* of its last event, or since when it is known */
    struct window window;
    struct dispatcher dispatcher;
    struct list watchers;      /* all that have a stream, by in_resource */
    struct snapshot *snapshot; /* the last one taken, while anyone holds it */
    struct bytes prefix;
    char prefix_data[];
};

enum { LISTENERS_MAX = 8 };

struct watch_cache {
    struct watch_cache_options options;
    struct map resources;    /* prefix -> struct resource */
    struct resource *latest; /* that was asked for: most events are of the one before */
    struct map interests;    /* the filter's text -> struct interest */
    uint64_t rev;
    uint64_t known_rev;      /* nothing has happened since to a resource that is not in the map */
    uint64_t dispatched_rev; /* idle watchers have been told of everything up to here */
    struct {
        watch_cache_listener *call;
        void *user;
    } listeners[LISTENERS_MAX];
    size_t listener_count;
    struct list ready;       /* watchers to pump, by link */
    struct list turn_end;    /* stands in `ready` behind those that this turn pumps */
    struct list muxes;       /* all that have a stream, by in_cache */
    struct list ready_muxes; /* to pump, by ready */
    struct list ended_muxes; /* without a stream, but a read of the log is still out; by in_cache */
    struct list ended; /* without a stream, but a read of the log is still out; by in_resource */
    struct watcher *writing; /* inside its sink's write(); NULL again if it went with its sink */
    struct consistency consistency;
    struct loop_task pump_task; /* at the end of a turn in which some are ready */
    struct {
        struct counter objects, watchers, events_applied, events_sent, bytes_sent;
        struct counter bookmarks_sent, behind_reads, expired;
        struct counter checks_passed, checks_failed, checks_broken;
        struct counter events_encoded[FRAMING_COUNT];
    } stats;
};

/* The resource of that prefix, made if need be. NULL without memory. */
struct resource *watch_cache_resource(struct watch_cache *cache, struct bytes prefix);
/* Drops a resource without objects and watchers; a watch from before now will ask the log. */
void watch_cache_forget(struct watch_cache *cache, struct resource *resource);

/* ---- snapshot: references to what is in a filter's scope at one moment, in key order. Watches
 * that begin at the same state share one. ---- */
struct snapshot {
    size_t refs;
    struct resource *resource;
    uint64_t rev;
    enum scope scope;
    struct bytes scope_text;
    struct object **objects;
    size_t count, capacity;
};
/* A reference; NULL without memory. */
struct snapshot *snapshot_take(struct resource *resource, const struct filter *filter);
void snapshot_unref(struct snapshot *snapshot);

/* ---- interest: what a watch asks for. Never changes, and watches that ask for the same share one;
 * the loop counts, a history thread may read. ---- */
struct interest {
    size_t refs;
    struct watch_cache *shared_by; /* it stands in that map of interests; NULL: in none */
    struct filter filter;
    struct watch_format format;
    char text[]; /* the filter's */
};
/* A reference, with the spec's selectors in it; NULL without memory, and they are the caller's. */
struct interest *interest_take(struct watch_cache *cache, const struct watch_spec *spec);
void interest_unref(struct interest *interest);

/* ---- watcher ---- */
enum watcher_state { WATCHER_INITIAL, WATCHER_LIVE, WATCHER_BEHIND, WATCHER_ENDED };

/* There may be a hundred thousand: what can be shared, or is never there together, is. */
struct watcher {
    struct list link;        /* in its bucket's idle, or in the cache's ready */
    struct list in_resource; /* in the resource's watchers, or in the cache's ended */
    struct resource *resource;
    struct bucket *bucket;
    struct interest *interest;
    const struct watch_sink_ops *ops;
    void *sink;                  /* NULL: ended, or not started */
    struct watch_permit *permit; /* or NULL */
    uint64_t cursor; /* everything up to here was handed to the stream, or did not match */
    uint64_t told;   /* the greatest revision the client has been told of */
    struct snapshot *snapshot; /* INITIAL: what is sent, from initial_at on */
    struct log_read *read;     /* BEHIND: under way */
    struct loop_timer timer;
    uint64_t deadline; /* loop time; UINT64_MAX: never */
    uint32_t initial_at;
    enum watcher_state state : 8;
    bool idle : 1;    /* LIVE, and in its bucket's list: its cursor is dispatched_rev, or more */
    bool stale : 1;   /* its kind's messages have changed: it tells nothing more, and ends */
    bool greeted : 1; /* what its framing begins with is out */
    bool initial_end : 1, bookmarks : 1, bookmark_due : 1;
    bool has_columns : 1; /* of a Table: the first event, which has them, is out */
    bool short_lived : 1; /* too short for a bookmark ahead of its deadline */
};

/* Puts the watcher on the ready list, out of its sleep if it is idle. */
void watcher_make_ready(struct watcher *watcher);
/* Ends the stream at an event boundary, after what can be written at once: the next events and,
 * when they were the last, a bookmark, if the state has moved on or if `bookmark_anyway`. The
 * watcher is gone. */
void watcher_finish(struct watcher *watcher, bool bookmark_anyway);
/* Ends it with an ERROR event. Its sink is ready. */
void watcher_fail(struct watcher *watcher, const struct error *err);
/* Cuts it, visibly: there is no memory to tell why. */
void watcher_abort(struct watcher *watcher);
/* At an event boundary, as it is. */
void watcher_end(struct watcher *watcher);
/* Takes it out of everything that could call it; its filter and format stay for who reads them. */
void watcher_leave(struct watcher *watcher);
/* The stream is no more: drops all, or what a read that is still out does not need. */
void watcher_release(struct watcher *watcher);

/* ---- pump ---- */
struct outbox {
    struct frame *frames[HTTP_STREAM_WRITE_MAX];
    size_t count, events, bookmarks, bytes;
};
/* One place is kept for a bookmark behind what else there is. */
enum { OUTBOX_FRAMES_MAX = HTTP_STREAM_WRITE_MAX - 1, OUTBOX_BYTES_MAX = 64 * 1024 };

static inline bool outbox_full(const struct outbox *out)
{
    return out->count >= OUTBOX_FRAMES_MAX || out->bytes >= OUTBOX_BYTES_MAX;
}
/* Takes the reference. False: `frame` is NULL. */
bool outbox_add(struct outbox *out, struct frame *frame);
void outbox_release(struct outbox *out);
/* Writes all of it (the sink is ready) and empties it. False: the sink went with it, and so did the
 * watcher. */
bool outbox_send(struct outbox *out, struct watcher *watcher);

void pump_init(struct watch_cache *cache);
/* Sends what the watcher has to say and its stream can take; the steps this took. */
size_t watcher_pump(struct watcher *watcher);
/* What one turn may cost: see pump.c. */
enum { ENCODE_STEPS = 16, PUMP_STEPS = 32, WATCHER_STEPS_MAX = 2048 };
/* Adds objects of the first state. OK: there are more; END: these were the last, and the watch is
 * LIVE; NO_MEMORY. */
enum status collect_initial(struct watcher *watcher, struct outbox *out, size_t *steps);
/* Into its bucket's list: it has been told of everything. */
static inline void watcher_fall_asleep(struct watcher *watcher)
{
    watcher->idle = true;
    list_append(&watcher->bucket->idle, &watcher->link);
}
/* Adds the next events of the window. OK: there are more; END: these were the last; NO_MEMORY. */
enum status collect_live(struct watcher *watcher, struct outbox *out, size_t *steps);
/* Adds a bookmark, if there is a revision that may be told; or the framing's heartbeat, for a watch
 * that wants no bookmarks. False without memory. */
bool collect_bookmark(struct watcher *watcher, struct outbox *out, bool initial_events_end);
/* Is it told now and then that nothing has happened? */
bool watcher_has_signs_of_life(const struct watcher *watcher);
bool watcher_is_behind(const struct watcher *watcher);
bool watcher_needs_columns(const struct watcher *watcher);

/* ---- behind ---- */
/* Asks of the log what this watch needs of an event, besides what others have asked; at first
 * `asked` is behind_asks_least. */
void behind_ask(const struct watcher *watcher, struct events_asked *asked);
extern const struct events_asked behind_asks_least;
/* What a client is told of a read that failed. */
void behind_explain(struct error *reterr, uint64_t after_rev, enum status st,
                    const struct error *why);
/* Asks the log for what one write can take; goes on from there. The sink is ready. */
void behind_read(struct watcher *watcher);
/* Sends what a read has brought, as soon as the sink can take it. */
void behind_go_on(struct watcher *watcher);
/* Drops a read that has been answered. False: its answer is still to come. */
bool behind_drop(struct watcher *watcher);
/* Drops a read whose answer will not come any more. */
void behind_forget(struct watcher *watcher);

/* ---- mux ---- */
/* As watcher_pump(), of the mux with that link in ready_muxes. */
size_t mux_pump(struct list *ready);
void mux_end_all(struct watch_cache *cache);
/* Frees those whose read of the log will not come back any more. */
void mux_forget_all(struct watch_cache *cache);

#endif
