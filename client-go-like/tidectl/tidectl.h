/*
 * tidectl - what the commands share: who the server is, what it has, and how failures are told.
 *
 * A command returns its exit code: 0, or 1 after it has said why on stderr.
 */
#ifndef TIDEWATCH_TIDECTL_TIDECTL_H
#define TIDEWATCH_TIDECTL_TIDECTL_H

#include <tidewatch/tidewatch.h>

#include "client-go-like/tidectl/flags.h"

struct tidectl {
    struct flags flags;
    const char *program; /* for usage */
    tw_config *config;
    tw_client *client;
    tw_discovery *discovery;
    const char *ns; /* the one to work in; NULL with -A */
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
/* Writes to stdout at once, for whoever reads line by line, and empties `out`. False when nobody
 * reads any more. */
bool tidectl_write(struct buf *out);

struct command {
    const char *name, *usage, *help;
    unsigned flags;
    int (*run)(struct tidectl *t);
};

int tidectl_get(struct tidectl *t);
int tidectl_create(struct tidectl *t);
int tidectl_apply(struct tidectl *t);
int tidectl_delete(struct tidectl *t);
int tidectl_api_resources(struct tidectl *t);
int tidectl_version(struct tidectl *t);

#endif
