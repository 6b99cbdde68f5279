/*
 * reflector - a tw_reflector from the inside, and what a test may put in its place. Internal.
 *
 *   reflector.c        the thread, the rounds
 *   reflector_status.c what others may see
 *   reflector_list.c   step 2: LIST in pages
 *   reflector_sync.c   step 1: the streaming list
 *   reflector_watch.c  step 3: following a watch; the events' way into the store
 *
 * Steps and numbers: client-go tools/cache/reflector.go. Where we differ, it says so.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_REFLECTOR_H
#define TIDEWATCH_CLIENT_CACHE_REFLECTOR_H

#include <tidewatch/reflector.h>

#include <pthread.h>
#include <stdatomic.h>

#include "client-go-like/cache/backoff.h"
#include "client-go-like/watch/stream.h"

/* Time, chance and patience; the defaults are reflector_real_env. */
struct reflector_env {
    uint64_t (*now_ms)(void);
    uint64_t (*random_below)(uint64_t bound);
    /* As http_pause(). */
    tw_status (*pause)(struct http *http, unsigned pause_ms, tw_error **reterr);
    unsigned connect_ms, first_byte_ms;
    unsigned idle_ms, idle_max_ms; /* silence borne at first, and at most, after learning */
    unsigned short_watch_ms;       /* a watch that ends sooner with nothing is an error */
    unsigned unsynced_ms;          /* a streaming list may last so long without its end marker */
    unsigned internal_error_ms;    /* as in tw_bounds */
};
extern const struct reflector_env reflector_real_env;

enum {
    REFLECTOR_PAGE = 500,           /* CG tools/pager */
    REFLECTOR_WATCH_MIN_S = 5 * 60, /* a watch lasts 5 to 10 min */
};

/* What an informer is told, in the reflector's thread. Any may be NULL. */
struct reflector_hooks {
    /* The store is complete up to `rv`: after events that were read together, and bookmarks, also
     * where that is no news. */
    void (*on_version)(void *user, const char *rv);
    /* The store has held a whole state (each time again). */
    void (*on_synced)(void *user);
    /* Before a resumed watch: is this still the server that gave the version? TW_END: no, list. */
    tw_status (*on_resume)(void *user, tw_error **reterr);
    void *user;
};

struct tw_reflector {
    tw_client *client;
    tw_store *store;
    struct http *http; /* one connection for lists and watches alike */
    struct reflector_env env;
    char *group, *version, *name, *kind, *api_version;
    char *ns, *label_selector, *field_selector;
    tw_resource resource;
    tw_status_fn *on_status;
    tw_metric_fn *on_metric;
    void *user;
    bool list_first, metadata_only, strip;
    tw_transform_fn *transform;
    void *transform_user;
    struct reflector_hooks hooks;
    tw_framing framing;
    tw_transport transport;
    pthread_t thread;
    bool started, joined; /* the owner's: start, stop and free are one thread's */
    atomic_bool stop;

    /* the thread's own */
    struct stream stream;
    struct backoff backoff;
    unsigned idle_ms;         /* the present bound on silence */
    bool knows_rhythm;        /* it follows from bookmarks that came */
    unsigned silent_ends;     /* in a row, since the last of them */
    char *rv;                 /* lastSyncResourceVersion; NULL: none yet */
    bool resumes;             /* the first round watches from `rv`, without a list */
    bool rv_unavailable;      /* the server has said it cannot serve `rv` */
    bool paginated;           /* the server pages lists at rv=0: page the others too */
    bool rv_moves;            /* events of this stream may set `rv` */
    bool moved;               /* `rv` changed in this stream */
    uint64_t opened_ms, seen; /* of this stream: when, and how many events */
    uint64_t bookmark_ms;     /* when its last bookmark came; 0: none yet */
    uint64_t internal_ms;     /* since when the server has internal errors; 0: it has none */

    pthread_mutex_t lock; /* what follows */
    pthread_cond_t changed;
    tw_reflector_status status; /* stale_ms, silent_ms are worked out when asked */
    uint64_t live_ms, heard_ms; /* when last */
};

/* What a failure asks for. */
enum verdict {
    VERDICT_STOP,    /* we are asked to end */
    VERDICT_LATER,   /* connection refused, 429: wait, then the same again */
    VERDICT_EXPIRED, /* 410, or a resourceVersion from the future */
    VERDICT_OTHER,
};
enum verdict reflector_judge(const tw_error *error);

tw_status reflector_new(tw_client *client, const tw_resource *resource,
                        const tw_reflector_options *options, tw_store *store,
                        const struct reflector_env *env, tw_reflector **ret_reflector,
                        tw_error **reterr);

/* Before the start: the store holds the state at `rv` already. */
tw_status reflector_resume_at(tw_reflector *r, const char *rv);

/* ---- what others see: reflector_status.c ---- */
void reflector_set_state(tw_reflector *r, tw_reflector_state state);
/* Shows why something failed, and whether we are not allowed to. */
void reflector_note(tw_reflector *r, const tw_error *error);
/* Tells the metric, and adds to the counter of `status` that it has, if any. */
void reflector_count(tw_reflector *r, tw_metric metric, uint64_t value);
void reflector_heard(tw_reflector *r);
/* All that an event of `len` bytes counts for, at once. */
void reflector_count_event(tw_reflector *r, size_t len);
/* False without memory. */
bool reflector_set_rv(tw_reflector *r, const char *rv);
/* The store holds a whole state now: wakes tw_reflector_wait_synced(). */
void reflector_set_synced(tw_reflector *r);

/* ---- for the steps ---- */
/* Waits as the backoff says. TW_OK or TW_ERR_STOPPED. */
tw_status reflector_back_off(tw_reflector *r);

/* Step 1. TW_OK: synced, and r->stream goes on. TW_END: this server cannot, list instead. */
tw_status reflector_sync(tw_reflector *r, tw_error **reterr);
/* Step 2. */
tw_status reflector_list(tw_reflector *r, tw_error **reterr);
/* Step 3, until something asks for a new list. With `open`, r->stream is open already. */
tw_status reflector_follow(tw_reflector *r, bool open, tw_error **reterr);

/* Replaces a reference by what the transform makes of it. */
tw_status reflector_transform(tw_reflector *r, tw_object **object, tw_error **reterr);
/* Opens r->stream: the streaming list, or a watch from r->rv. */
tw_status reflector_open(tw_reflector *r, bool initial_events, tw_error **reterr);
void reflector_close(tw_reflector *r);
/* The next event that is of our kind; an ERROR event has become a failure. */
tw_status reflector_next(tw_reflector *r, tw_event *ret_event, tw_error **reterr);

#endif
