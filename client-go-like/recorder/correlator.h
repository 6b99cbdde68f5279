/*
 * correlator - which events are the same, similar, or too many. Internal. Not locked.
 *
 *   event --> combine similar --> count the same --> limit each object --> skip, create or patch
 *
 * Rules and numbers: CG tools/record/events_cache.go. Memory is bounded: of each kind of knowledge
 * the 4,096 entries used last are kept.
 */
#ifndef TIDEWATCH_CLIENT_RECORDER_CORRELATOR_H
#define TIDEWATCH_CLIENT_RECORDER_CORRELATOR_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

enum {
    CORRELATOR_ENTRIES = 4096,
    CORRELATOR_SIMILAR = 10,                 /* messages of one reason, then they are combined */
    CORRELATOR_INTERVAL_MS = 10 * 60 * 1000, /* within which they are similar */
    CORRELATOR_BURST = 25,
    CORRELATOR_REFILL_S = 5 * 60,
};

/* Texts are borrowed; none is NULL. */
struct event_text {
    const char *component, *host;
    const char *kind, *ns, *name, *uid, *api_version;
    const char *type, *reason, *message;
};

struct known;

struct known_list { /* zeroed is empty */
    struct map map;
    struct list used; /* the one used last is at the end; initialised with the first */
};

struct correlator { /* zeroed knows nothing */
    struct known_list similar, same, objects;
};

enum verdict_event {
    EVENT_SKIP,
    EVENT_CREATE,
    EVENT_PATCH,
};

struct correlated {
    enum verdict_event verdict;
    uint64_t count;
    int64_t first_s;   /* when it was first seen, wall clock */
    const char *name;  /* of the Event; borrowed until the next call */
    struct bytes text; /* the message to show; borrowed until the next call */
    struct buf message;
};

void correlator_release(struct correlator *correlator);
/* False without memory. `correlated` is zeroed at first, and used again for each event; its message
 * is released by the caller. `new_name` is the name if it becomes a new Event. */
bool correlator_see(struct correlator *correlator, const struct event_text *event, uint64_t now_ms,
                    int64_t wall_s, const char *new_name, struct correlated *correlated);

#endif
