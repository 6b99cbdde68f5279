/*
 * load - what the load tools share: flags, sockets, percentiles, and what the kernel says of a
 * server.
 */
#ifndef TIDEWATCH_TESTS_BENCH_LOAD_H
#define TIDEWATCH_TESTS_BENCH_LOAD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what);
uint64_t now_us(void);

/* For --help prints `usage` and ends; so it does, with 2, when there is a flag that `usage` does
 * not name. */
void flags_check(int argc, char **argv, const char *usage);
/* --name=value among the arguments, or `fallback`. */
const char *flag(int argc, char **argv, const char *name, const char *fallback);
long flag_int(int argc, char **argv, const char *name, long fallback);
/* --port, which has no default: load belongs on the server that was named, and on no other. */
int flag_port(int argc, char **argv);

/* Connects to a port of this machine, from 127.0.0.1 and on: local ports end at some 28,000 for
 * one address. */
int dial(int port, unsigned number, bool blocking);
void raise_fd_limit(void);

/* Of the processes in a list like "12,34"; 0 without one. */
double cpu_us(const char *pids);
double rss_kib(const char *pids);
/* Memory that the kernel has for itself, of the whole machine: a difference says something only
 * when nothing else goes on, and has both ends of a connection in it. */
double kernel_kib(void);

/* Latencies: all of them up to a bound, then every second one, and so on. */
struct samples {
    uint32_t *us;
    size_t count;
    uint64_t seen, every;
};
void samples_add(struct samples *samples, uint64_t us);
/* Prints "p50_ms":.., "p99_ms":.., "p999_ms":.., "max_ms":.. */
void samples_print(struct samples *samples);

#endif
