/*
 * lock_file - "<database>.lock": keeps a second process out, and knows which runs wrote the
 * database.
 *
 * Each start of a store is a run with an id of its own, written here and into the database. A
 * database whose run the lock file does not know did not come to its place by running there: it was
 * restored from a backup, and its revisions must not go on as if nothing had happened since.
 *
 * A new run is written here beside the old one, then into the database, then here alone: no crash
 * in between makes a store look like a stranger's, and no copy from an earlier run like the store.
 *
 * Errors   CONFLICT: another process has it; IO.
 */
#ifndef TIDEWATCH_STORAGE_LOCK_FILE_H
#define TIDEWATCH_STORAGE_LOCK_FILE_H

#include "base/error.h"
#include "base/rand.h"

struct lock_file {
    int fd; /* -1: not open */
    char runs[2][UUID_LEN + 1];
};

MUST_CHECK enum status lock_file_open(struct lock_file *lock, const char *database,
                                      struct error *reterr);
bool lock_file_knows(const struct lock_file *lock, const char *run);
MUST_CHECK enum status lock_file_write(struct lock_file *lock, const char *old_run,
                                       const char *new_run, struct error *reterr);
/* The file stays: its name must not be taken by a second lock while a third holds the first. */
void lock_file_close(struct lock_file *lock);

#endif
