/*
 * watcher - one watch: a cursor on the revision log, a filter and a stream. It has no queue.
 *
 *   INITIAL  sends the state at one revision as ADDED, then the marker if it was asked for
 *   LIVE     caught up with the window, or reading on in it
 *   BEHIND   what it needs has left the window: reads the log on disk, in pieces, off the loop
 *   ENDED    the stream is closing
 *
 * Where its frames go is a sink: an open stream, or an answer that is given once (long polling).
 * Each time its sink can take bytes it pulls the next matching events, several in one write.
 * A reader that takes nothing costs nothing but its cursor; one that history has passed gets
 * ERROR 410 Expired and the end.
 * Selector transitions, what DELETED carries: k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go.
 *
 * Owner    the watch cache, from watcher_start() on, until the stream ends or is gone.
 * Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_WATCHER_H
#define TIDEWATCH_APISERVER_WATCH_WATCHER_H

#include "apiserver/watch/permit.h"
#include "apiserver/watch/watch_cache.h"
#include "apiserver/watch/watch_event.h"

struct watch_spec {
    const struct kind *kind;       /* the watcher takes its own reference */
    struct bytes namespace, name;  /* empty: all; copied */
    struct label_selector *labels; /* owned by the watcher from here on */
    struct field_selector *fields; /* the same */
    struct view view;              /* the watcher takes its own reference to a projection */
    enum watch_framing framing;
    uint64_t since;   /* events with a greater revision */
    bool initial;     /* send the state at watch_cache_rev() first; `since` is then unused */
    bool initial_end; /* and mark its end by the annotated bookmark */
    bool bookmarks;
    uint64_t timeout_ms;         /* > 0: the stream ends cleanly after so long */
    struct watch_permit *permit; /* owned by the watcher from here on; NULL: it may, for ever */
};
/* Lets go of what a watcher would own: for a spec of which none is made. */
void watch_spec_release(const struct watch_spec *spec);

/* Where a watch's frames go. */
struct watch_sink_ops {
    /* May it write now? */
    bool (*ready)(const void *sink);
    /* Takes references to the frames. `rev`: everything up to here has now been handed over, or did
     * not match. May call watcher_drop(). */
    void (*write)(void *sink, struct frame *const *frames, size_t count, uint64_t rev);
    /* There is no more for the time being. NULL: no matter. May call watcher_drop(). */
    void (*caught_up)(void *sink, uint64_t rev);
    /* The three ends; the watcher is gone when they return. At an event boundary, behind all that
     * was written; visibly broken, without memory; and by an error, which a sink that has no `fail`
     * gets as an ERROR event and an end. */
    void (*end)(void *sink, uint64_t rev);
    void (*abort)(void *sink);
    void (*fail)(void *sink, const struct error *err);
    /* NULL: the watcher writes by itself. Else it is a member of a mux (mux.h), and says here that
     * it may have something to tell; of the others only `end` and `fail` are called, and release
     * it. */
    void (*wake)(void *sink);
};
struct watcher;

/* Starts a watch into a sink, which lives as long as the watch; nothing is called before this
 * returns. NULL without memory. Takes the selectors and the permit in any case. */
struct watcher *watcher_new(struct watch_cache *cache, const struct watch_spec *spec,
                            const struct watch_sink_ops *ops, void *sink);
/* The sink can take frames: at first, and after each write when it can take more. */
void watcher_ready(struct watcher *watcher);
/* The sink is no more. */
void watcher_drop(struct watcher *watcher);

/* Answers `req` with a watch stream. Never fails towards the caller: whatever goes wrong is told to
 * the client (ERROR event, or a reply). `headers` are added to the response's own. */
void watcher_start(struct watch_cache *cache, struct http_request *req,
                   const struct watch_spec *spec, const struct http_header *headers,
                   size_t header_count);
/* Ends a watch that is accepted but can only fail: status 200, one ERROR event, clean end. */
void watcher_refuse(struct http_request *req, const struct error *err, enum watch_framing framing,
                    const struct http_header *headers, size_t header_count);
/* Ends all watches cleanly: at shutdown. */
void watch_cache_end_watchers(struct watch_cache *cache);
/* Ends the watches of one resource (by its storage prefix): its CRD is gone. */
void watch_cache_end_resource(struct watch_cache *cache, struct bytes prefix);
/* Ends those in protobuf: its messages change with the event that is being applied, and what comes
 * after it must not be told by the old ones. Who watches again gets the new ones, and misses
 * nothing. */
void watch_cache_end_protobuf(struct watch_cache *cache, struct bytes prefix);

#endif
