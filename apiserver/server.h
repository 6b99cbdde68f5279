/*
 * server - all parts put together: the one file that knows every one of them.
 *
 * Threads  main (signals), one a loop, storage's writer, the history readers.
 */
#ifndef TIDEWATCH_APISERVER_SERVER_H
#define TIDEWATCH_APISERVER_SERVER_H

#include "apiserver/config.h"

struct server;

/* Opens storage, binds the listeners, starts the threads and returns when it serves. The addresses
 * are printed on stdout. */
MUST_CHECK enum status server_start(const struct config *config, struct server **ret_server,
                                    struct error *reterr);
/* Reads the files of certificates, tokens and keys again. On failure what was there goes on. */
MUST_CHECK enum status server_reload(struct server *server, struct error *reterr);
/* Returns once every loop has taken a turn: while one hangs, it does too. */
void server_check(struct server *server);
/* Ends watches cleanly, lets answers under way finish, stops the threads, closes storage. */
void server_stop(struct server *server);

#endif
