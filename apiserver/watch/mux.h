/*
 * mux - many watches told on one stream, in one order of revisions.
 *
 *   member "pods"   cursor, filter --\
 *   member "nodes"  cursor, filter ---+--> the least revision first --> {"id":"pods","type":..}
 *   member "maps"   cursor, filter --/                                  {"type":"BOOKMARK",..}
 *
 * A member is a watcher without a stream of its own: it sleeps and wakes in the dispatcher as any
 * other, and the mux takes from the windows of those that are awake. Who is furthest behind is told
 * first; if what one needs has left its window, the log on disk is read once for all of them. So
 * revisions rise, but for a member that is added with an older one: it catches up first.
 *
 *   SUBSCRIBED      a member begins; what has its id and stands before belongs to another
 *   ADDED ..        as in any watch, labelled; a first state comes whole, ahead of what happens
 * next BOOKMARK        with an id: the end of a first state. Without: the cut: everything at or
 * below its revision, of all members that have begun, has been sent ERROR           with an id:
 * this member has ended, or never began. Without: nothing has changed UNSUBSCRIBED    a member has
 * ended
 *
 * There is no queue but of these words about members, and it has an end: who asks more than it
 * reads is cut. The frames of events are those of all watches of lines, with the label put in
 * front.
 *
 * Server-sent events have as id "42.pods": members up to "pods", in the order they were added, have
 * been told of 42, those behind it of what was before. A cut has "42". There is no id below the
 * revision that a member began at, nor once a member has failed: a client that comes back with it
 * would leave out what it was never told.
 *
 * Owner    the watch cache, from mux_start() until the stream ends or is gone.
 * Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_MUX_H
#define TIDEWATCH_APISERVER_WATCH_MUX_H

#include "apiserver/watch/watcher.h"

enum { MUX_MEMBERS_MAX = 128 };

struct mux;

struct mux_options {
    struct watch_cache *cache;
    enum watch_framing framing; /* lines or server-sent events */
    bool fixed;                 /* ends with its last member */
    uint64_t timeout_ms;        /* the stream ends cleanly after so long */
    /* A message of the client's, borrowed; NULL: they are dropped. */
    void (*on_message)(void *user, struct bytes message);
    void (*on_gone)(void *user); /* the mux is no more, however it ended; or NULL */
    void *user;
};

/* NULL without memory. */
struct mux *mux_new(const struct mux_options *options);
/* Answers `req` with its stream. Like on_gone(), this may be the end of it. */
void mux_start(struct mux *mux, struct http_request *req, const struct http_header *headers,
               size_t header_count);

size_t mux_count(const struct mux *mux);
bool mux_has(const struct mux *mux, struct bytes id);
/* Adds a member, of an id it does not have (copied; letters, digits, `.`, `_`, `-`, `/`), and says
 * so. Takes the selectors in any case; bookmarks, framing and timeout of the spec are the mux's
 * own. NO_MEMORY. */
MUST_CHECK enum status mux_add(struct mux *mux, struct bytes id, const struct watch_spec *spec);
/* Takes a member away, if there is one, and says so in any case. */
void mux_remove(struct mux *mux, struct bytes id);
/* Tells an error: of a member that never began, or (id empty) of something the client said. */
void mux_refuse(struct mux *mux, struct bytes id, const struct error *err);

#endif
