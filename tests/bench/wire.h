/*
 * wire - a connection's bytes, in the clear or over TLS (any certificate will do).
 */
#ifndef TIDEWATCH_TESTS_BENCH_WIRE_H
#define TIDEWATCH_TESTS_BENCH_WIRE_H

#include "load.h"

struct ssl_st;

struct wire {
    int fd;
    struct ssl_st *ssl; /* NULL: in the clear */
};

/* Connects, and shakes hands if `alpn` ("h2", "http/1.1") is not NULL; reads do not block then. */
void wire_open(struct wire *wire, int port, unsigned number, const char *alpn);
/* As read(): 0 is the end, -1 nothing for now. */
ssize_t wire_read(struct wire *wire, void *data, size_t len);
/* All of it, waiting if need be. */
void wire_write(struct wire *wire, const void *data, size_t len);

#endif
