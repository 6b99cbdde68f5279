/*
 * audit_log - lines on their way to a file, by a thread of its own: a slow disk stalls no request.
 *
 *   any loop --append--> [ at most QUEUE_MAX bytes ] --thread--> file
 *
 * What does not fit is dropped, and counted. audit_log_close() writes all that waits.
 *
 * Threads  append and stats from any; the rest from main.
 * Errors   IO, with the path.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_AUDIT_LOG_H
#define TIDEWATCH_APISERVER_AUTH_AUDIT_LOG_H

#include "base/buf.h"
#include "base/error.h"

struct audit_log;
struct audit_log_stats {
    uint64_t written, dropped; /* lines */
};

/* "-" is stdout. No thread runs yet, and what is appended waits. */
MUST_CHECK enum status audit_log_open(const char *path, struct audit_log **ret_log,
                                      struct error *reterr);
MUST_CHECK enum status audit_log_start(struct audit_log *log, struct error *reterr);
/* Goes on in a new file of that name: the old one was moved away. */
MUST_CHECK enum status audit_log_reopen(struct audit_log *log, struct error *reterr);
/* One whole line with its newline. */
void audit_log_append(struct audit_log *log, struct bytes line);
void audit_log_get_stats(struct audit_log *log, struct audit_log_stats *ret_stats);
void audit_log_close(struct audit_log *log);

#endif
