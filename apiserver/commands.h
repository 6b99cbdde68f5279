/*
 * commands - what the program does instead of serving: `tidewatch verify`, `backup`, `restore`.
 *
 * Errors   words on stderr. 0: done; 1: it failed; 2: the command line makes no sense.
 */
#ifndef TIDEWATCH_APISERVER_COMMANDS_H
#define TIDEWATCH_APISERVER_COMMANDS_H

#include "base/buf.h"

/* argv[0] is the command's name. */
int command_run(int argc, char *const *argv);
/* A line for each, for --help. */
void commands_write_help(struct buf *out);

#endif
