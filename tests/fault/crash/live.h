/*
 * live - a store that is driven while a trace is recorded, and the history of what it said.
 *
 * Owner    the history has references to the values, until history_free().
 * Threads  on_batch() fills the history on the store's writer thread; read it when that has ended.
 * Errors   what cannot fail on a sound disk ends the program.
 */
#ifndef TIDEWATCH_TESTS_FAULT_CRASH_LIVE_H
#define TIDEWATCH_TESTS_FAULT_CRASH_LIVE_H

#include "storage/storage.h"

enum { HISTORY_KEYS = 24, HISTORY_KEY_LEN = 8 };

struct change { /* revision `index + 1` */
    enum event_type type;
    char key[HISTORY_KEY_LEN];
    struct value *value;
    uint64_t prev_rev;
    uint64_t digest; /* of the state it leaves */
    bool ends_group;
};

struct history {
    struct change *changes;
    size_t count, capacity;
};

void history_free(struct history *history);
/* The first `count` changes of another. */
void history_copy(struct history *to, const struct history *from, size_t count);
/* What one object adds to the digest of a state. */
uint64_t history_digest(struct bytes key, const struct value *value);

/* Makes a store in `folder`, fills it and empties it again: groups, compactions, checkpoints with
 * and without a reader in the way, a backup, an end and a second start. */
void live_workload(const char *folder, uint64_t seed, struct history *history);
/* Opens the store in `folder`, writes a little, closes it. `history` has what is there. */
void live_go_on(const char *folder, uint64_t seed, struct history *history);

#endif
