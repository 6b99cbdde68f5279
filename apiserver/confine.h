/*
 * confine - from settings to the sandbox: which folders a server needs once it has started.
 *
 * Threads  main, before it has started any.
 */
#ifndef TIDEWATCH_APISERVER_CONFINE_H
#define TIDEWATCH_APISERVER_CONFINE_H

#include "apiserver/config.h"

/* Storage is open, sockets are bound, certificates made: what is used from now on is known. */
void confine(const struct config *config);

#endif
