/*
 * watch_event - one change as watchers see it, and its encodings: each made once, shared by all.
 *
 *   struct event --watch_batch_new()--> watch_event --window of each loop--> watch_event_encode()
 *                                          encodings: {ADDED, v1 JSON} -> frame
 *                                                     {MODIFIED, v1 JSON} -> frame ..
 *
 * The same change is ADDED to one watch and MODIFIED to another (selectors), whole to one and a row
 * of a Table to the next, a line of JSON or a server-sent event: an encoding is known by the type
 * and by the format.
 *
 * Owner    counted; each batch and each window that holds it has a reference.
 * Threads  all of them: what it says never changes. Encodings are added under its lock, and never
 * taken away, so that the many who ask for one that is there take no lock.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_WATCH_EVENT_H
#define TIDEWATCH_APISERVER_WATCH_WATCH_EVENT_H

#include <pthread.h>

#include "apiserver/registry/view.h"
#include "apiserver/transport/frame.h"
#include "storage/storage.h"

/* What a change is to one watch; NONE: out of its sight. */
enum watch_type { WATCH_NONE, WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED };

struct encoding;

struct watch_event {
    atomic_uint refs;
    uint32_t key_len, prefix_len; /* of key; of the resource part of it */
    uint64_t rev;
    struct object *object; /* as it is now; NULL: deleted */
    struct object *prev;   /* as it was before; NULL: created, or nobody asks */
    pthread_mutex_t lock;  /* to add an encoding */
    _Atomic(struct encoding *) encodings;
    uint32_t encoding_count;
    bool created;
    char key[];
};

/* Without memory NULL. Takes references of its own. */
struct watch_event *watch_event_new(const struct event *event);
struct watch_event *watch_event_ref(struct watch_event *event);
/* Drops a reference (NULL is fine). */
void watch_event_unref(struct watch_event *event);

static inline struct bytes watch_event_key(const struct watch_event *event)
{
    return bytes_of(event->key, event->key_len);
}
/* What follows the resource part: "namespace/name", or "name". */
static inline struct bytes watch_event_suffix(const struct watch_event *event)
{
    return bytes_of(event->key + event->prefix_len, event->key_len - event->prefix_len);
}
/* The bytes it keeps in memory, its encodings in one format included. */
size_t watch_event_cost(const struct watch_event *event);

/* How events stand in a stream one behind the other. */
enum watch_framing {
    FRAMING_LINES,    /* {"type":..,"object":..} and a newline: the API's own */
    FRAMING_SSE,      /* id, event and data of a server-sent event (HTML standard, section 9.2) */
    FRAMING_PROTOBUF, /* a length in 4 bytes, big-endian, and a WatchEvent; the view is protobuf's
                       */
    FRAMING_COUNT
};
/* For metrics: "json", "sse", "protobuf". */
const char *watch_framing_name(enum watch_framing framing);

/* How a watch wants its objects. */
struct watch_format {
    const struct kind *kind;
    struct view view;
    enum watch_framing framing;
    uint64_t id; /* equal for all that encode to the same bytes, on whatever loop */
};
struct watch_format watch_format_of(const struct kind *kind, struct view view,
                                    enum watch_framing framing);

/* False: the object was changed, but nothing that this format shows of it: only a projection can
 * miss a change, and it is looked at once a format. */
bool watch_event_shows(struct watch_event *event, enum watch_type type,
                       const struct watch_format *format);
/* The event as `type`, framed; a reference for the caller. `*ret_made` is set if it had to be
 * encoded now. NULL without memory. */
struct frame *watch_event_encode(struct watch_event *event, enum watch_type type,
                                 const struct watch_format *format, bool *ret_made);
/* The same for this one watch only: the first event of a Table, an event read from the log. */
struct frame *watch_event_encode_own(const struct watch_event *event, enum watch_type type,
                                     const struct watch_format *format, bool with_columns);
/* The other frames of a watch: an object of the first state, a bookmark, the error that ends it. An
 * object of the first state has no id: with it a client would resume behind objects that it was not
 * sent yet. */
struct frame *watch_encode_initial(const struct object *object, const struct watch_format *format,
                                   bool with_columns);
struct frame *watch_encode_bookmark(uint64_t rev, const struct watch_format *format,
                                    bool initial_events_end, bool with_columns);
struct frame *watch_encode_error(const struct error *err, enum watch_framing framing);
/* What a stream begins with; NULL also if there is nothing (see watch_framing_greets()). */
struct frame *watch_encode_greeting(enum watch_framing framing);
bool watch_framing_greets(enum watch_framing framing);
/* A sign of life that is no event, for a framing that has one; it says where to resume from if
 * `rev` is not 0. */
struct frame *watch_encode_heartbeat(uint64_t rev, enum watch_framing framing);
bool watch_framing_has_heartbeat(enum watch_framing framing);

/* The length of the resource part of a key: up to and with its second '/', or the third one in
 * "custom/"; the whole length if there is none. */
size_t resource_prefix_len(struct bytes key);

struct watch_batch {
    atomic_uint refs;
    uint64_t rev;
    size_t count;
    struct watch_event *events[];
};

#endif
