/*
 * tally - how much of something each of many holds: connections of an address, watches of a user.
 *
 *   tally_take(t, BYTES("10.0.0.7"), 1000, &entry) ... tally_return(entry)
 *
 * Who holds an entry may also hold so much of something else that all share, bytes of buffers: as
 * much as is free, so that there is room for the next who comes, whoever holds all he can.
 *
 * Owner    an entry lives while anything of it is held, so nobody's name is kept for nothing.
 * Threads  any.
 * Errors   TOO_MANY_REQUESTS, NO_MEMORY; nothing is taken then.
 */
#ifndef TIDEWATCH_BASE_TALLY_H
#define TIDEWATCH_BASE_TALLY_H

#include <pthread.h>

#include "base/map.h"
#include "base/status.h"

struct tally {
    pthread_mutex_t lock;
    struct map entries;
    uint64_t shared; /* of what they share, by all entries */
};
struct tally_entry;

void tally_init(struct tally *tally);
/* All entries have been returned. */
void tally_release(struct tally *tally);
/* So many more for `key`, if it does not hold more than `max` then. */
MUST_CHECK enum status tally_take(struct tally *tally, struct bytes key, uint64_t count,
                                  uint64_t max, struct tally_entry **ret_entry);
/* NULL is fine. */
void tally_return(struct tally_entry *entry, uint64_t count);

/* `more` of what is shared, of which there is `max` (0: without bound). False: nothing is taken. */
MUST_CHECK bool tally_grow(struct tally_entry *entry, uint64_t more, uint64_t max);
/* By all of them. */
uint64_t tally_shared(struct tally *tally);
void tally_shrink(struct tally_entry *entry, uint64_t less);

#endif
