/*
 * members - many members of one object found and dropped at once. Private to codec's patches.
 *
 * json_get() and json_remove() walk: right for one member, quadratic for a patch of a hundred
 * thousand. Here a big object is indexed once, and dropped members are swept out together.
 *
 * Owner    members_end() must follow members_init(), also after a failure.
 * Errors   without memory for the index finding walks, so answers stay right.
 */
#ifndef TIDEWATCH_CODEC_MEMBERS_H
#define TIDEWATCH_CODEC_MEMBERS_H

#include "base/map.h"
#include "codec/json.h"

struct members {
    struct json *object;
    size_t count;     /* it has at first */
    struct map index; /* empty: walk */
    bool dropped;
};

/* About `lookups` members will be asked for. Members added later are not found. */
void members_init(struct members *m, struct json *object, size_t lookups);
struct json *members_find(const struct members *m, struct bytes key);
/* Marks a member, which goes with members_end(). NULL is fine. */
void members_drop(struct members *m, struct json *member);
void members_end(struct members *m);

#endif
