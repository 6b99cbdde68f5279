/*
 * watcher - one watch: a cursor on the revision log, a filter and a stream. It has no queue.
 *
 *   INITIAL  sends the state at one revision as ADDED, then the marker if it was asked for
 *   LIVE     caught up with the window, or reading on in it
 *   BEHIND   what it needs has left the window: reads the log on disk, in pieces, off the loop
 *   ENDED    the stream is closing
 *
 * Each time its stream can take bytes it pulls the next matching events, several in one write.
 * A reader that takes nothing costs nothing but its cursor; one that history has passed gets
 * ERROR 410 Expired and the end.
 * Selector transitions, what DELETED carries: k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go.
 *
 * Owner    the watch cache, from watcher_start() on, until the stream ends or is gone.
 * Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_WATCHER_H
#define TIDEWATCH_APISERVER_WATCH_WATCHER_H

#include "apiserver/watch/watch_cache.h"

struct watch_spec {
    const struct kind *kind;       /* the watcher takes its own reference */
    struct bytes namespace, name;  /* empty: all; copied */
    struct label_selector *labels; /* owned by the watcher from here on */
    struct field_selector *fields; /* the same */
    struct view view;
    uint64_t since;   /* events with a greater revision */
    bool initial;     /* send the state at watch_cache_rev() first; `since` is then unused */
    bool initial_end; /* and mark its end by the annotated bookmark */
    bool bookmarks;
    uint64_t timeout_ms; /* > 0: the stream ends cleanly after so long */
};

/* Answers `req` with a watch stream. Never fails towards the caller: whatever goes wrong is told to
 * the client (ERROR event, or a reply). `headers` are added to the response's own. */
void watcher_start(struct watch_cache *cache, struct http_request *req,
                   const struct watch_spec *spec, const struct http_header *headers,
                   size_t header_count);
/* Ends a watch that is accepted but can only fail: status 200, one ERROR event, clean end. */
void watcher_refuse(struct http_request *req, const struct error *err,
                    const struct http_header *headers, size_t header_count);
/* Ends all watches cleanly: at shutdown. */
void watch_cache_end_watchers(struct watch_cache *cache);
/* Ends the watches of one resource (by its storage prefix): its CRD is gone. */
void watch_cache_end_resource(struct watch_cache *cache, struct bytes prefix);

#endif
