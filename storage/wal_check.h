/*
 * wal_check - is what follows the end of a write-ahead log just a torn tail, or were changes lost?
 *
 * sqlite takes a log up to its first damaged frame, and is silent about the rest: a flipped bit
 * there would take back every commit behind it. But each commit was synced before the next one
 * began, so after a crash at most one, which nobody was told of, can stand behind a damaged frame.
 * Two or more, of which one goes on from the other, were acknowledged, and the store must not open
 * without them. What a full disk left of a commit that was refused goes on from nothing.
 *
 * What it cannot see: damage within the very last commit; a log that was cut between two; and in a
 * frame whose head lies across two sectors (two in 64) that it ended the last commit but one, when
 * its mark may as well be an older frame's, beside which the power left a part of this one.
 * Format: https://www.sqlite.org/fileformat2.html#walformat
 */
#ifndef TIDEWATCH_STORAGE_WAL_CHECK_H
#define TIDEWATCH_STORAGE_WAL_CHECK_H

#include "base/error.h"

/* `path` of the log, which may be missing or empty. To be called before sqlite opens it. */
MUST_CHECK enum status wal_check(const char *path, struct error *reterr);

#endif
