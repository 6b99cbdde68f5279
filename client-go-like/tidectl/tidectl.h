/*
 * tidectl - what the commands share: who the server is, what it has, and how failures are told.
 *
 * A command returns its exit code: 0, EXIT_FAILED after it has said why on stderr, or one of those
 * below. The table of them stands in the man page: scripts rely on it.
 */
#ifndef TIDEWATCH_TIDECTL_TIDECTL_H
#define TIDEWATCH_TIDECTL_TIDECTL_H

#include <tidewatch/tidewatch.h>

#include "client-go-like/tidectl/flags.h"

enum {
    EXIT_FAILED = 1,    /* also: differences (diff), no (auth can-i), as kubectl */
    EXIT_GAVE_UP = 3,   /* a watch found no server for --give-up-after */
    EXIT_NOT_UNTIL = 4, /* a watch ended before its --until was met */
};

enum dry_run { DRY_RUN_NONE, DRY_RUN_CLIENT, DRY_RUN_SERVER };

struct command;

struct tidectl {
    struct flags flags;
    const struct command *command;
    tw_config *config;
    tw_client *client;
    tw_discovery *discovery;
    const char *ns; /* the one to work in; NULL with -A */
    int verbosity;
    enum dry_run dry_run;
};

/* Connects nothing yet. False after saying why not. */
bool tidectl_begin(struct tidectl *t);
void tidectl_end(struct tidectl *t);

/* Says an error as kubectl does: "Error from server (NotFound): ...". Frees it; always returns 1.
 */
int tidectl_fail(tw_error *error);
/* The same with "error when creating \"x\": " before the message. */
int tidectl_fail_doing(tw_error *error, const char *doing);
/* "error: ..." */
int tidectl_say(const char *format, ...) PRINTF_LIKE(1, 2);
int tidectl_say_no_memory(void);
/* Writes to stdout at once, for whoever reads line by line, and empties `out`. False when nobody
 * reads any more. */
bool tidectl_write(struct buf *out);
/* The same, and releases `out`: the end of a command. */
int tidectl_finish(struct buf *out, int rc);
/* "30", "30s", "1m30s", "2h" in milliseconds. False after saying that it is none. */
bool tidectl_duration(const char *text, unsigned *ret_ms);
void tidectl_sleep_ms(unsigned ms);

#endif
