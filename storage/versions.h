/*
 * versions - the revisions at which one key was written or deleted, those that reads may still ask
 * for: a rising run of numbers.
 *
 * Shape    zeroed is empty and valid. Most keys have one version, which needs no memory of its own.
 * Errors   only versions_reserve() needs memory; with room reserved nothing else can fail.
 */
#ifndef TIDEWATCH_STORAGE_VERSIONS_H
#define TIDEWATCH_STORAGE_VERSIONS_H

#include "base/base.h"

struct versions {
    uint64_t newest; /* 0: there is none */
    uint64_t *older; /* rising, from older[first] on */
    uint32_t first, count, capacity;
};

void versions_release(struct versions *versions);
/* Makes room for `more` pushes; false without memory. */
bool versions_reserve(struct versions *versions, uint32_t more);
/* Adds one that is newer than all. */
void versions_push(struct versions *versions, uint64_t rev);
/* Takes the newest out again. */
void versions_pop(struct versions *versions);
/* The newest that is not newer than `rev`; 0: there is none. */
uint64_t versions_at(const struct versions *versions, uint64_t rev);
/* Takes `rev` out, if it is there; the oldest goes in no time. */
void versions_remove(struct versions *versions, uint64_t rev);
/* For a run that was pushed from the newest on. */
void versions_reverse(struct versions *versions);

#endif
