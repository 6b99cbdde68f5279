/*
 * expiry - which key ends next: a binary heap of index entries by wall time.
 *
 * Shape    zeroed is empty and valid. A slot has its own copy of the time: a group may change an
 *          entry's, and the heap is in order all the same until expiry_place() tells it.
 * Threads  the writer's only.
 * Errors   only expiry_reserve() needs memory; with room reserved nothing else can fail.
 */
#ifndef TIDEWATCH_STORAGE_EXPIRY_H
#define TIDEWATCH_STORAGE_EXPIRY_H

#include "base/base.h"

struct entry;

struct expiry_slot {
    int64_t at_ms;
    struct entry *entry;
};

struct expiry {
    struct expiry_slot *slots;
    size_t count, capacity;
};

void expiry_release(struct expiry *expiry);
/* Makes room for `count` entries in all; false without memory. */
bool expiry_reserve(struct expiry *expiry, size_t count);
/* Puts the entry where its expires_ms belongs, or takes it out when that is 0. */
void expiry_place(struct expiry *expiry, struct entry *entry);
/* Takes out and returns the first entry whose time is not after `now_ms`; NULL: none is due. */
struct entry *expiry_pop(struct expiry *expiry, int64_t now_ms);
/* Wall time of the next end; 0: nothing expires. */
int64_t expiry_next_ms(const struct expiry *expiry);

#endif
