/*
 * http - one exchange at a time over a kept connection, on libcurl's multi interface. Internal.
 *
 *   IDLE --start--> WAITING --status line--> READING --step: END--> DONE --finish--> IDLE
 *   any state --http_stop(), from any thread--> TW_ERR_STOPPED
 *
 * Shape    the caller drives it: http_step() does what the socket allows and returns when bytes
 *          came or its time is up. Nothing happens between two steps, so a slow caller slows the
 *          server.
 * Owner    one user at a time; the request's texts are borrowed until http_finish().
 * Threads  http_stop() from any thread, everything else from the user's.
 * Errors   no wait is without a bound (struct http_bounds), whatever the caller's own time is.
 */
#ifndef TIDEWATCH_CLIENT_REST_HTTP_H
#define TIDEWATCH_CLIENT_REST_HTTP_H

#include "client-go-like/config/login.h"

struct http;

/* 0 in any: without this bound. */
struct http_bounds {
    unsigned connect_ms;    /* name, TCP and TLS together */
    unsigned first_byte_ms; /* from the request to the status line */
    unsigned idle_ms;       /* of waiting without a byte of the body */
    uint64_t deadline_ms;   /* clock_monotonic_ms() at which all must be over */
    size_t body_max;        /* bytes held in http_body() at once */
};

enum {
    HTTP_CONNECT_MS = 10 * 1000,
    HTTP_FIRST_BYTE_MS = 20 * 1000,
    HTTP_IDLE_MS = 25 * 1000, /* two bookmarks of every 10 s and a half: less than 30 s in all */
};
#define HTTP_BODY_MAX ((size_t)1 << 30)

enum http_version {
    HTTP_VERSION_ANY, /* HTTP/2 where TLS can agree on it, else HTTP/1.1 */
    HTTP_VERSION_1_1,
    HTTP_VERSION_2, /* over http:// with prior knowledge */
};

struct http_request {
    const char *method;
    const char *path;         /* with its query, escaped */
    const char *accept;       /* NULL: application/json */
    const char *content_type; /* NULL: application/json, if there is a body */
    struct bytes body;
    const struct credentials *credentials; /* NULL: those of the config alone */
    struct bytes if_none_match;            /* an ETag; empty: none */
    bool gzip;                             /* offer it: for answers that end */
    enum http_version version;
    bool websocket; /* a GET that becomes one: code 101, and then its frames are the body */
    struct http_bounds bounds;
};

tw_status http_new(const tw_config *config, struct http **ret_http, tw_error **reterr);
void http_free(struct http *http);

tw_status http_start(struct http *http, const struct http_request *request, tw_error **reterr);
/* TW_OK: bytes or headers came. TW_ERR_TIMEOUT with *reterr NULL: nothing in `wait_ms`; with an
 * error: a bound was reached. TW_END: the answer is complete. */
tw_status http_step(struct http *http, unsigned wait_ms, tw_error **reterr);
/* Another bound on silence, from now on. */
void http_set_idle(struct http *http, unsigned idle_ms);
/* Sends behind the handshake of a WebSocket; what the socket does not take now goes with the next
 * steps. TW_ERR_BROKEN: the peer does not take it. */
tw_status http_send(struct http *http, struct bytes data, tw_error **reterr);
/* Ends the exchange, complete or not. */
void http_finish(struct http *http);
void http_stop(struct http *http);
/* Sleeps; TW_ERR_STOPPED as soon as someone stops it. */
tw_status http_pause(struct http *http, unsigned pause_ms, tw_error **reterr);
/* Makes a stopped one usable again. */
void http_restart(struct http *http);

/* ---- many at once on one thread ---- */
/* A hub moves the bytes of all its exchanges, over connections they share. Their http_step() never
 * waits: give it 0 ms. */
struct http_hub;
tw_status http_hub_new(struct http_hub **ret_hub, tw_error **reterr);
/* After all its exchanges. */
void http_hub_free(struct http_hub *hub);
tw_status http_new_in(struct http_hub *hub, const tw_config *config, struct http **ret_http,
                      tw_error **reterr);
/* Readable when http_hub_turn() has something to do. */
int http_hub_fd(const struct http_hub *hub);
/* Moves what can be moved now. */
tw_status http_hub_turn(struct http_hub *hub, tw_error **reterr);
/* Makes the fd readable at `due_ms` (clock_monotonic_ms(); 0: never) at the latest. After every
 * turn and every http_start(). */
void http_hub_arm(struct http_hub *hub, uint64_t due_ms);
/* When a bound of the present exchange will be reached unless a byte comes; 0: never. */
uint64_t http_due_ms(const struct http *http);

/* ---- many threads, one connection ---- */
/* A line has a thread that moves the bytes of many exchanges, over one connection where the server
 * speaks HTTP/2. Each is used as any other, by a thread of its own; http_step() waits for what the
 * line's thread brings.
 *
 * Slow     what its user does not take waits in memory, HTTP_LINE_ROOM of it; then nothing more is
 *          read for anyone on the line, for HTTP_LINE_PATIENCE_MS at most: after that the exchange
 *          ends (TW_ERR_BROKEN), and the next of the same http has a connection of its own.
 * Dead     when nobody on the line has heard a byte for HTTP_LINE_QUIET_MS (or 2/5 of the shortest
 *          idle_ms, if that is less) it asks for /livez; with no byte for as long again the
 *          connection is given up, and all exchanges end (TW_ERR_BROKEN). So it is too when one
 *          breaks in a way that is the connection's. (libcurl sends no HTTP/2 PING for a multi.) */
enum {
    HTTP_LINE_MEMBERS = 64, /* a server allows 100 streams at least (RFC 9113, 6.5.2) */
    HTTP_LINE_ROOM = 256 * 1024,
    HTTP_LINE_PATIENCE_MS = 1000,
    HTTP_LINE_QUIET_MS = 10 * 1000,
};
struct http_line;
/* On one of `lines`, to which one is added when all are full; at first NULL. One thread at a time.
 */
tw_status http_new_on(struct http_line **lines, const tw_config *config, struct http **ret_http,
                      tw_error **reterr);
/* After all their exchanges. */
void http_lines_free(struct http_line *lines);
/* Was it made by http_new_on()? */
bool http_has_line(const struct http *http);

/* ---- of the present exchange ---- */
/* The status code once the headers have come, before that 0. */
int http_code(const struct http *http);
/* What has come and was not consumed; the caller consumes with buf_consume(). */
struct buf *http_body(struct http *http);
const char *http_content_type(const struct http *http);
/* "" without one. */
const char *http_etag(const struct http *http);
/* Seconds from Retry-After, -1 without one. */
int http_retry_after_s(const struct http *http);
/* Each `Warning: 299` text, in order, each ended by NUL; 64 KiB of them at most. */
struct bytes http_warnings(const struct http *http);

#endif
