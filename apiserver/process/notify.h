/*
 * notify - tells who started the process how it is: the datagrams of sd_notify(3).
 *
 * Without NOTIFY_SOCKET in the environment nothing is sent, and nobody needs to care.
 *
 * Threads  main only.
 */
#ifndef TIDEWATCH_APISERVER_PROCESS_NOTIFY_H
#define TIDEWATCH_APISERVER_PROCESS_NOTIFY_H

#include "base/base.h"

/* Connects; to be called before the sandbox is entered. */
void notify_open(void);
void notify_close(void);

void notify_ready(void);
/* notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);
void notify_watchdog(void);
/* How often notify_watchdog() is to be called: half of WATCHDOG_USEC. 0: never. */
uint64_t notify_watchdog_ms(void);

#endif
