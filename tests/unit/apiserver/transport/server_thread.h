/*
 * server_thread - an HTTP server on its own thread, for tests, and a raw client to poke it with.
 *
 *   GET /echo    answers what it has seen, one thing a line     /big     8 MiB of 'x'
 *   /stream      becomes the stream of `test->stream`           /later   stays with `test->later`
 *   /forget      as /later, without on_gone               /204     no content
 */
#ifndef TIDEWATCH_TESTS_UNIT_SERVER_THREAD_H
#define TIDEWATCH_TESTS_UNIT_SERVER_THREAD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apiserver/transport/http.h"
#include "base/buf.h"
#include "unit/test.h"

/* libh2o keeps freed buffers in lists of each thread, which nobody frees when a thread ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\n";
}

enum { WAIT_S = 20, STREAMS_MAX = 64, BIG = 8 << 20 };

struct server_test {
    struct loop *loop;
    struct http_server *server;
    struct http_limits limits;
    pthread_t thread;
    char *url;
    int port;

    /* The loop's. */
    struct http_request *later;
    struct http_stream *streams[STREAMS_MAX], *stream;
    size_t stream_count;
    bool write_when_ready, can_push;
    struct blob *big;

    /* Of both threads. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int requests, ready, gone, later_gone, drained, messages;
    struct buf message; /* the last of a WebSocket */
};

static inline void happened(struct server_test *test, int *what)
{
    pthread_mutex_lock(&test->mutex);
    ++*what;
    pthread_cond_broadcast(&test->changed);
    pthread_mutex_unlock(&test->mutex);
}

/* Waits until `*what` has reached `count`; false when it takes too long. */
static inline bool wait_for(struct server_test *test, const int *what, int count)
{
    struct timespec until;
    int late = 0;
    bool reached;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&test->mutex);
    while (*what < count && late == 0)
        late = pthread_cond_timedwait(&test->changed, &test->mutex, &until);
    reached = *what >= count;
    pthread_mutex_unlock(&test->mutex);
    return reached;
}

static inline int value_of(struct server_test *test, const int *what)
{
    int value;

    pthread_mutex_lock(&test->mutex);
    value = *what;
    pthread_mutex_unlock(&test->mutex);
    return value;
}

/* ---- the handler ---- */

static inline void write_text(struct http_stream *stream, const char *text)
{
    struct frame *frame = frame_new(bytes_str(text));

    http_stream_write(stream, &frame, 1);
    frame_unref(frame);
}

static inline void on_stream_ready(void *user)
{
    struct server_test *test = user;

    if (test->write_when_ready && test->stream != NULL && http_stream_ready(test->stream)) {
        struct frame *frame = frame_new(blob_bytes(test->big));

        http_stream_write(test->stream, &frame, 1);
        frame_unref(frame);
    }
    happened(test, &test->ready);
}

static inline void on_stream_gone(void *user)
{
    struct server_test *test = user;

    test->stream = NULL;
    happened(test, &test->gone);
}

/* The last message is kept; "bye" and "break" end the stream, cleanly or not. */
static inline void on_stream_message(void *user, struct bytes message)
{
    struct server_test *test = user;
    struct http_stream *stream = test->stream;

    pthread_mutex_lock(&test->mutex);
    test->message.len = 0;
    buf_append_bytes(&test->message, message);
    pthread_mutex_unlock(&test->mutex);
    happened(test, &test->messages);
    if (!bytes_eq_str(message, "bye") && !bytes_eq_str(message, "break"))
        return;
    test->stream = NULL;
    if (bytes_eq_str(message, "bye"))
        http_stream_end(stream);
    else
        http_stream_abort(stream);
}

static const struct http_stream_handler test_stream_handler = {
    .on_ready = on_stream_ready, .on_gone = on_stream_gone, .on_message = on_stream_message};

static inline void on_later_gone(struct http_request *req)
{
    struct server_test *test = req->user;

    test->later = NULL;
    happened(test, &test->later_gone);
}

static inline void reply_text(struct http_request *req, int status, struct bytes text)
{
    const struct http_header headers[] = {{BYTES("content-type"), BYTES("text/plain")},
                                          {BYTES("x-split"), BYTES("a\r\nset-cookie: b")},
                                          {BYTES("Content-Length"), BYTES("3")}};
    struct http_response response = {.status = status, .headers = headers, .header_count = 3};

    response.body = blob_new(text);
    http_reply(req, &response);
    blob_unref(response.body);
}

static inline void reply_echo(struct http_request *req)
{
    struct buf text = {0};

    buf_appendf(&text, "method %.*s\ntarget %.*s\nauthority %.*s\nversion %d\n",
                BYTES_FMT(req->method), BYTES_FMT(req->target), BYTES_FMT(req->authority),
                (int)req->version);
    for (size_t i = 0; i < req->header_count; i++)
        buf_appendf(&text, "%.*s=%.*s\n", BYTES_FMT(req->headers[i].name),
                    BYTES_FMT(req->headers[i].value));
    buf_appendf(&text, "body %zu %.*s\n", req->body.len,
                (int)(req->body.len < 100 ? req->body.len : 100), req->body.ptr);
    buf_appendf(&text, "peer %.*s.", BYTES_FMT(req->peer));
    reply_text(req, 200, buf_bytes(&text));
    buf_release(&text);
}

static inline void on_test_request(void *user, struct http_request *req)
{
    static const struct http_header json = {BYTES_INIT("content-type"),
                                            BYTES_INIT("application/json")};
    const struct http_response head = {.status = 200, .headers = &json, .header_count = 1};
    struct server_test *test = user;

    test->can_push = req->can_push;
    if (bytes_starts_with(req->target, BYTES("/stream"))) {
        test->stream = http_start_stream(req, &head, &test_stream_handler, test);
        test->streams[test->stream_count++ % STREAMS_MAX] = test->stream;
    } else if (bytes_eq_str(req->target, "/later") || bytes_eq_str(req->target, "/forget")) {
        req->user = test;
        req->on_gone = bytes_eq_str(req->target, "/later") ? on_later_gone : NULL;
        test->later = req;
    } else if (bytes_eq_str(req->target, "/big")) {
        http_reply(req, &(struct http_response){.status = 200, .body = test->big});
    } else if (bytes_eq_str(req->target, "/204")) {
        http_reply(req, &(struct http_response){.status = 204});
    } else {
        reply_echo(req);
    }
    happened(test, &test->requests);
}

/* ---- the thread ---- */

static inline void *run_loop(void *user)
{
    struct server_test *test = user;

    loop_run(test->loop);
    return NULL;
}

static inline void start_on(struct server_test *test, const char *url)
{
    const struct http_server_options options = {.loop = test->loop = loop_new(),
                                                .limits = &test->limits,
                                                .on_request = on_test_request,
                                                .user = test};
    struct error err = {0};
    char *zeros = calloc(1, BIG);
    int fd;

    signal(SIGPIPE, SIG_IGN);
    memset(zeros, 'x', BIG);
    test->big = blob_take(zeros, BIG);
    CHECK(http_server_new(&options, &test->server, &err) == STATUS_OK);
    CHECK(http_listen(bytes_str(url), &fd, 1, &test->url, &err) == STATUS_OK);
    CHECK(http_server_accept_on(test->server, fd, &err) == STATUS_OK);
    if (strrchr(test->url, ':') != NULL)
        test->port = atoi(strrchr(test->url, ':') + 1);
    CHECK(pthread_create(&test->thread, NULL, run_loop, test) == 0);
}

static inline void init_test(struct server_test *test)
{
    *test = (struct server_test){.limits = http_limits_default};
    pthread_mutex_init(&test->mutex, NULL);
    pthread_cond_init(&test->changed, NULL);
}

static inline void start(struct server_test *test)
{
    start_on(test, "http://127.0.0.1:0");
}

static inline void stop(struct server_test *test)
{
    loop_stop(test->loop);
    pthread_join(test->thread, NULL);
    http_server_free(test->server);
    loop_free(test->loop);
    blob_unref(test->big);
    buf_release(&test->message);
    free(test->url);
}

/* Runs `call` on the loop, and waits until it has. */
struct loop_call {
    struct loop_task task;
    struct server_test *test;
    void (*call)(struct server_test *test);
    int done;
};

static inline void run_call(struct loop_task *task)
{
    struct loop_call *call = container_of(task, struct loop_call, task);

    call->call(call->test);
    happened(call->test, &call->done);
}

static inline void on_loop(struct server_test *test, void (*call)(struct server_test *test))
{
    struct loop_call it = {.task = {.run = run_call}, .test = test, .call = call};

    loop_post(test->loop, &it.task);
    CHECK(wait_for(test, &it.done, 1));
}

static inline void nothing_happens(void *user)
{
    (void)user;
}

static inline void nothing_to_do(struct server_test *test)
{
    (void)test;
}

/* ---- the client ---- */

static inline void bound_waits(int fd)
{
    const struct timeval bound = {.tv_sec = WAIT_S};

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
}

static inline void connect_socket(const struct server_test *test, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)test->port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bound_waits(fd);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static inline int connect_with_buffer(const struct server_test *test, int receive_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;

    if (receive_buffer != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connect_socket(test, fd);
    return fd;
}

static inline int connect_to(const struct server_test *test)
{
    return connect_with_buffer(test, 0);
}

/* False when the server does not take it (it may have closed). */
static inline bool send_bytes(int fd, const void *data, size_t len)
{
    size_t sent = 0;

    while (sent < len) {
        ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

static inline bool send_text(int fd, const char *text)
{
    return send_bytes(fd, text, strlen(text));
}

/* Reads until `needle` has come `times`; what was read is in `into`, which is a C string then. */
static inline bool read_until(int fd, const char *needle, int times, struct buf *into)
{
    for (;;) {
        char some[65536];
        int seen = 0;
        ssize_t n;

        buf_append_char(into, '\0');
        into->len--;
        for (const char *at = into->data; (at = strstr(at, needle)) != NULL; at++)
            seen++;
        if (seen >= times)
            return true;
        n = recv(fd, some, sizeof(some), 0);
        if (n <= 0)
            return false;
        buf_append(into, some, (size_t)n);
    }
}

/* Reads to the end; 0: the peer has closed, else the error. */
static inline int read_to_end(int fd, struct buf *into)
{
    char some[65536];
    ssize_t n;

    while ((n = recv(fd, some, sizeof(some), 0)) > 0)
        buf_append(into, some, (size_t)n);
    buf_append_char(into, '\0');
    into->len--;
    return n == 0 ? 0 : errno;
}

static inline bool contains(const struct buf *text, const char *needle)
{
    return text->data != NULL && strstr(text->data, needle) != NULL;
}

/* One request on its own connection, read to the end or to `needle`. The caller frees `data`. */
static inline struct buf ask(const struct server_test *test, const char *request,
                             const char *needle)
{
    struct buf answer = {0};
    int fd = connect_to(test);

    (void)send_text(fd, request);
    if (needle != NULL)
        CHECK(read_until(fd, needle, 1, &answer));
    else
        (void)read_to_end(fd, &answer);
    close(fd);
    return answer;
}

#endif
