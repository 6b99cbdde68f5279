/*
 * child - runs a program and takes what it prints. Internal.
 *
 * Shape    stdin is /dev/null, stdout is read, stderr is ours. It is waited for, and killed when
 *          its time is over.
 * Errors   TW_ERR_CONFIG: it cannot be run, or its exit code is not 0, or it prints too much;
 *          TW_ERR_TIMEOUT; TW_ERR_NO_MEMORY.
 */
#ifndef TIDEWATCH_CLIENT_CONFIG_CHILD_H
#define TIDEWATCH_CLIENT_CONFIG_CHILD_H

#include "base/buf.h"
#include "client-go-like/fail.h"

struct child {
    char *const *args; /* args[0] is looked up in $PATH unless it has a slash */
    char *const *env;  /* "NAME=value", before those of the process and instead of equal names */
    size_t output_max;
    unsigned time_ms;
};

/* `*ret_missing` is set if there is no such program. */
tw_status child_run(const struct child *child, struct buf *output, bool *ret_missing,
                    tw_error **reterr);

#endif
