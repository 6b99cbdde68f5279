/*
 * mux_parts - what the files of a mux share.
 *
 *   mux.c        a mux from its start to its end     mux_merge.c   what it sends, in which order
 *   mux_frame.c  labels in front of frames           mux_behind.c  reading on from the log on disk
 */
#ifndef TIDEWATCH_APISERVER_WATCH_MUX_PARTS_H
#define TIDEWATCH_APISERVER_WATCH_MUX_PARTS_H

#include "apiserver/watch/internal.h"
#include "apiserver/watch/mux.h"

struct member {
    struct list link; /* in members, or dropped */
    struct mux *mux;
    struct watcher *watcher;
    uint64_t place; /* members are in the order they were added: ties of a revision, too */
    uint64_t next;  /* while merging: the next revision of its window; NEVER: none */
    struct bytes id;
    char id_text[];
};

/* Below where a member began there is nothing to come back to: the greatest revision of those, and
 * the last member that began there. */
struct mux_ids {
    uint64_t begun_rev, begun_place;
    bool none; /* a member has failed: see mux.h */
};

struct mux_read;

struct mux {
    struct mux_options options;
    struct list in_cache, ready;
    struct http_stream *stream;
    struct list members; /* by link */
    struct list awake;   /* their watchers that may have something to tell, by link */
    struct list dropped; /* members that have ended, but the read may still look at them */
    size_t count;
    uint64_t last_place;
    struct list notes; /* words about members, to be sent first */
    size_t note_count;
    struct mux_read *read;
    unsigned generation; /* a read of an earlier one is of no use */
    struct loop_timer timer;
    uint64_t bookmark_at, deadline;
    struct mux_ids ids;
    uint64_t told_rev; /* the greatest revision that was told of, be it of an event or a cut */
    bool greeted, bookmark_due;
    bool behind; /* mux_collect() has found that the log must be read */
    bool broken; /* to be cut: no memory, or the client asks more than it reads */
    bool writing, gone;
};

static inline bool mux_is_sse(const struct mux *mux)
{
    return mux->options.framing == FRAMING_SSE;
}
static inline struct member *member_of(const struct watcher *watcher)
{
    return watcher->sink;
}

/* May an event of the member have the id that says so? */
static inline bool mux_ids_allow(const struct mux_ids *ids, const struct member *member,
                                 uint64_t rev)
{
    return !ids->none &&
           (rev > ids->begun_rev || (rev == ids->begun_rev && member->place >= ids->begun_place));
}

/* ---- mux.c ---- */
void mux_make_ready(struct mux *mux);
/* Queues words about a member; takes the frame's reference (NULL: no memory). */
void mux_note(struct mux *mux, struct frame *frame);
/* Ends a member, with the reason. */
void mux_fail(struct member *member, const struct error *err);
/* The last reference to a mux without a stream is gone. */
void mux_release(struct mux *mux);

/* ---- mux_frame.c ---- */
/* The id of a server-sent event: none; what is in the way of resuming; or a revision. */
enum { MUX_NO_ID = 0 };
#define MUX_FORGET_ID UINT64_MAX
/* A frame of a line, with `id` (empty: none) in front, framed as the mux frames. Takes the
 * reference to `line`; NULL if that is NULL, or without memory. */
struct frame *mux_label(struct frame *line, struct bytes id, enum watch_framing framing,
                        uint64_t rev);
struct frame *mux_encode_word(const char *type, struct bytes id, enum watch_framing framing);
struct frame *mux_encode_cut(uint64_t rev, enum watch_framing framing, bool with_id);

/* ---- mux_merge.c ---- */
/* Fills the outbox. OK: there is more, if not in the windows then in the log; END: all are told of
 * everything; NO_MEMORY. */
enum status mux_collect(struct mux *mux, struct outbox *out, size_t *steps);
/* The words alone, as many as one write takes. */
void mux_take_notes(struct mux *mux, struct outbox *out);

/* ---- mux_behind.c ---- */
/* Asks the log for what one write can take, for all members that are awake. */
void mux_read_log(struct mux *mux);
/* Takes what a read has brought. OK; NO_MEMORY. */
enum status mux_take_read(struct mux *mux, struct outbox *out);
bool mux_read_is_done(const struct mux *mux);

#endif
