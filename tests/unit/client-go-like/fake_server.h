/*
 * fake_server - an HTTP/1.1 server that plays a script, and remembers what it was asked.
 *
 *   the Nth request, on whatever connection --> the Nth step of the script
 *
 * Shape    one thread accepts, one more serves each connection. After the last step every request
 *          is left without an answer.
 * Owner    fake_start() .. fake_stop(); steps are borrowed.
 * Threads  fake_wait_requests() and fake_request() from the test's thread.
 */
#ifndef TIDEWATCH_TESTS_FAKE_SERVER_H
#define TIDEWATCH_TESTS_FAKE_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "unit/client-go-like/upgrade.h"
#include "unit/test.h"

enum fake_end {
    FAKE_ANSWER, /* with Content-Length; the connection is kept */
    FAKE_STREAM, /* chunked, and ended */
    FAKE_HOLD,   /* chunked, and left open until the client goes */
    FAKE_CUT,    /* chunked, and closed without the last chunk */
    FAKE_SILENT, /* nothing at all */
    FAKE_FRAMES, /* a WebSocket, and frames as they stand; left open */
};

struct fake_step {
    const char *body;
    enum fake_end end;
    int code;            /* 0: 200 */
    const char *headers; /* more of them, each with its \r\n */
    const char *type;    /* NULL: application/json */
    size_t len;          /* of the body; 0: it is a C string */
};

#define ANSWER(text)                                                                               \
    {                                                                                              \
        .body = (text), .end = FAKE_ANSWER                                                         \
    }
#define ANSWER_CODE(http, text)                                                                    \
    {                                                                                              \
        .body = (text), .end = FAKE_ANSWER, .code = (http)                                         \
    }
#define STREAM(text)                                                                               \
    {                                                                                              \
        .body = (text), .end = FAKE_STREAM                                                         \
    }
#define HOLD(text)                                                                                 \
    {                                                                                              \
        .body = (text), .end = FAKE_HOLD                                                           \
    }
#define CUT(text)                                                                                  \
    {                                                                                              \
        .body = (text), .end = FAKE_CUT                                                            \
    }
#define SILENT                                                                                     \
    {                                                                                              \
        .end = FAKE_SILENT                                                                         \
    }

enum { FAKE_REQUESTS_MAX = 256, FAKE_CONNECTIONS_MAX = 256, FAKE_WAIT_S = 20 };

/* The step for a request, in place of the Nth of the script; NULL: silence. */
typedef const struct fake_step *fake_choose_fn(const char *request);

struct fake_server {
    const struct fake_step *steps;
    size_t step_count;
    fake_choose_fn *choose; /* NULL: as the script goes */
    int listener, stop_pipe[2];
    uint16_t port;
    char url[64];
    pthread_t accepter, threads[FAKE_CONNECTIONS_MAX];
    size_t thread_count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *requests[FAKE_REQUESTS_MAX]; /* "GET /path\n" and the headers; then a blank line and the
                                          body */
    size_t request_count;
    size_t connection_count;
};

struct fake_connection {
    struct fake_server *server;
    int fd;
};

static _Thread_local bool fake_is_thread; /* is it one of the server's own? */

/* False once the client or the test has gone. */
static inline bool fake_readable(struct fake_connection *c)
{
    struct pollfd fds[] = {{c->fd, POLLIN, 0}, {c->server->stop_pipe[0], POLLIN, 0}};

    return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

/* Reads one request; false at the end of the connection. */
static inline bool fake_read(struct fake_connection *c, struct buf *in)
{
    for (;;) {
        const char *end = in->len != 0 ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL;

        if (end != NULL) {
            const char *length = memmem(in->data, in->len, "Content-Length: ", 16);
            size_t head = (size_t)(end - in->data) + 4;
            size_t body = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;

            if (in->len >= head + body) {
                in->len = head + body; /* no pipelining here */
                return true;
            }
        }
        if (!fake_readable(c) || !buf_reserve(in, 65536))
            return false;
        ssize_t got = recv(c->fd, in->data + in->len, 65536, 0);
        if (got <= 0)
            return false;
        in->len += (size_t)got;
    }
}

/* Remembers the request and gives its step, or NULL after the last. */
static inline const struct fake_step *fake_take(struct fake_server *s, const struct buf *in)
{
    const struct fake_step *step = NULL;
    char *text = bytes_dup(buf_bytes(in));

    pthread_mutex_lock(&s->lock);
    if (s->choose != NULL)
        step = s->choose(text);
    else if (s->request_count < s->step_count)
        step = &s->steps[s->request_count];
    if (s->request_count < FAKE_REQUESTS_MAX)
        s->requests[s->request_count++] = text;
    else
        free(text);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return step;
}

static inline void fake_send(int fd, const struct buf *out)
{
    size_t sent = 0;

    while (sent < out->len) {
        ssize_t n = send(fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

/* True to go on with the connection. */
static inline bool fake_play(struct fake_connection *c, const struct fake_step *step,
                             struct bytes request)
{
    struct buf out = {0};
    char ignored[256];
    size_t len = step == NULL || step->body == NULL ? 0
                 : step->len != 0                   ? step->len
                                                    : strlen(step->body);

    if (step == NULL || step->end == FAKE_SILENT) {
        fake_readable(c);
        return false;
    }
    if (step->end == FAKE_FRAMES) {
        append_upgrade(&out, request, false);
        buf_append(&out, step->body, len);
        fake_send(c->fd, &out);
        buf_release(&out);
        while (fake_readable(c) && recv(c->fd, ignored, sizeof(ignored), 0) > 0)
            ;
        return false;
    }
    buf_appendf(&out, "HTTP/1.1 %d X\r\nContent-Type: %s\r\n%s", step->code != 0 ? step->code : 200,
                step->type != NULL ? step->type : "application/json",
                step->headers != NULL ? step->headers : "");
    if (step->end == FAKE_ANSWER) {
        buf_appendf(&out, "Content-Length: %zu\r\n\r\n", len);
        buf_append(&out, step->body, len);
    } else {
        buf_append_str(&out, "Transfer-Encoding: chunked\r\n\r\n");
        if (len != 0) {
            buf_appendf(&out, "%zx\r\n", len);
            buf_append(&out, step->body, len);
            buf_append_str(&out, "\r\n");
        }
        if (step->end == FAKE_STREAM)
            buf_append_str(&out, "0\r\n\r\n");
    }
    fake_send(c->fd, &out);
    buf_release(&out);
    if (step->end == FAKE_HOLD)
        fake_readable(c);
    return step->end == FAKE_ANSWER || step->end == FAKE_STREAM;
}

static inline void *fake_serve(void *user)
{
    struct fake_connection *c = user;
    struct buf in = {0};

    fake_is_thread = true;
    while (fake_read(c, &in)) {
        const struct fake_step *step = fake_take(c->server, &in);

        if (!fake_play(c, step, buf_bytes(&in)))
            break;
        in.len = 0;
    }
    buf_release(&in);
    close(c->fd);
    free(c);
    return NULL;
}

static inline void *fake_accept(void *user)
{
    struct fake_server *s = user;
    struct pollfd fds[] = {{s->listener, POLLIN, 0}, {s->stop_pipe[0], POLLIN, 0}};

    fake_is_thread = true;
    while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
        int fd = accept(s->listener, NULL, NULL);
        struct fake_connection *c;

        if (fd < 0 || s->thread_count == FAKE_CONNECTIONS_MAX)
            continue;
        c = malloc(sizeof(*c));
        *c = (struct fake_connection){s, fd};
        pthread_create(&s->threads[s->thread_count++], NULL, fake_serve, c);
    }
    return NULL;
}

static inline struct fake_server *fake_start_with(const struct fake_step *steps, size_t count,
                                                  fake_choose_fn *choose, uint16_t port)
{
    struct fake_server *s = calloc(1, sizeof(*s));
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(addr);
    int on = 1;

    signal(SIGPIPE, SIG_IGN);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->steps = steps;
    s->step_count = count;
    s->choose = choose;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    CHECK(bind(s->listener, (struct sockaddr *)&addr, len) == 0);
    CHECK(listen(s->listener, 64) == 0 && pipe(s->stop_pipe) == 0);
    getsockname(s->listener, (struct sockaddr *)&addr, &len);
    s->port = ntohs(addr.sin_port);
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", s->port);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    pthread_create(&s->accepter, NULL, fake_accept, s);
    return s;
}

/* `port` 0: any free one. */
static inline struct fake_server *fake_start(const struct fake_step *steps, size_t count,
                                             uint16_t port)
{
    return fake_start_with(steps, count, NULL, port);
}

static inline void fake_stop(struct fake_server *s)
{
    CHECK(write(s->stop_pipe[1], "x", 1) == 1);
    pthread_join(s->accepter, NULL);
    for (size_t i = 0; i < s->thread_count; i++)
        pthread_join(s->threads[i], NULL);
    for (size_t i = 0; i < s->request_count; i++)
        free(s->requests[i]);
    close(s->listener);
    close(s->stop_pipe[0]);
    close(s->stop_pipe[1]);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

/* False if `count` requests have not come in time. */
static inline bool fake_wait_requests(struct fake_server *s, size_t count)
{
    struct timespec until;
    bool came;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FAKE_WAIT_S;
    pthread_mutex_lock(&s->lock);
    while (s->request_count < count && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    came = s->request_count >= count;
    pthread_mutex_unlock(&s->lock);
    return came;
}

/* Does the request's first line contain `text`? */
static inline bool fake_asked(struct fake_server *s, size_t index, const char *text)
{
    bool found = false;
    struct bytes line = {0};

    pthread_mutex_lock(&s->lock);
    if (index < s->request_count) {
        line = bytes_str(s->requests[index]);
        line.len = bytes_find(line, '\r');
        found = memmem(line.ptr, line.len, text, strlen(text)) != NULL;
    }
    if (!found)
        fprintf(stderr, "request %zu is: %.*s\nexpected in it: %s\n", index, BYTES_FMT(line), text);
    pthread_mutex_unlock(&s->lock);
    return found;
}

#endif
