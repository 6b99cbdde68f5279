/*
 * client - a connection that makes calls, as cheap as a load needs it.
 *
 *   call --client_send()--> HTTP/1.1: one at a time | HTTP/2: many | NATS: lines
 *        <-- on_head(), on_data() piece by piece, on_done()
 *
 * A call that streams has no end: its bytes come as they are on the wire, chunk sizes, WebSocket
 * headers and all, since who counts marks in them need not know.
 * Threads  one. Errors  end the program: a load that is not what was asked for measures nothing.
 */
#ifndef TIDEWATCH_TESTS_BENCH_CLIENT_H
#define TIDEWATCH_TESTS_BENCH_CLIENT_H

#include "wire.h"

enum protocol { HTTP1, HTTP2, NATS };

struct request {
    const char *method, *path;
    const char *headers; /* "name: value\r\n" each, names in lower case; "" for none */
    const char *body;
    size_t body_len;
    bool open_ended; /* HTTP/2: the request does not end with its body */
};

struct call {
    void (*on_head)(struct call *call);
    void (*on_data)(struct call *call, const char *data, size_t len);
    void (*on_done)(struct call *call);
    void *user;
    bool streams;
    int status; /* 200 for a NATS subscription; with gRPC 0 .. 16 replaces it at the end */
    /* client.c's */
    char *body;
    size_t body_len, body_at;
    bool open_ended;
};

struct client;

/* Connection number `number` to the port; its events come by way of `poller`. */
struct client *client_new(enum protocol protocol, int port, bool tls, unsigned number, int poller);
/* The call is the client's until on_done(). */
void client_send(struct client *client, struct call *call, const struct request *request);
/* Waits so long for something and calls back; false: nothing came. */
bool clients_poll(int poller, int timeout_ms);

#endif
