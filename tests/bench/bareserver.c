/*
 * bareserver - the physical limit: as little as can stand between a socket and N sockets.
 */
#include <sys/uio.h>

#include "load.h"

static const char usage[] =
    "bareserver PORT\n"
    "\n"
    "GET /sub opens a stream of chunks; a POST's body is one event, sent to every stream with the\n"
    "others of the same turn, one writev a stream and turn. Any other GET has the same 1 KB "
    "answer.\n"
    "One thread, no parser worth the name, nothing durable, and a slow reader ends the program.\n";

enum { EVENTS_MAX = 1024, IN_MAX = 65536, WATCHERS_MAX = 200000 };

struct conn {
    int fd;
    size_t len;
    char *in;
};

static struct iovec events[EVENTS_MAX];
static int event_count;
static int watchers[WATCHERS_MAX];
static size_t watcher_count;
static char page[1400];

static void send_all(int fd, const char *data, size_t len)
{
    if (write(fd, data, len) != (ssize_t)len)
        die("a reader is too slow");
}

static void keep_event(const char *body, size_t len)
{
    char *chunk = malloc(len + 32);
    int head = sprintf(chunk, "%zx\r\n", len);

    memcpy(chunk + head, body, len);
    memcpy(chunk + head + len, "\r\n", 2);
    events[event_count++] = (struct iovec){chunk, (size_t)head + len + 2};
}

static void send_events(void)
{
    for (size_t i = 0; i < watcher_count; i++)
        if (writev(watchers[i], events, event_count) < 0)
            die("a reader is too slow");
    for (int i = 0; i < event_count; i++)
        free(events[i].iov_base);
    event_count = 0;
}

/* Answers the request at the start of `in`; 0: it is not whole. */
static size_t answer(struct conn *c, const char *in, size_t len)
{
    static const char stream[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const char *end = memmem(in, len, "\r\n\r\n", 4), *length;
    size_t head = end != NULL ? (size_t)(end + 4 - in) : 0, body = 0;

    if (end == NULL)
        return 0;
    if (in[0] == 'P' && (length = memmem(in, head, "ontent-length: ", 15)) != NULL)
        body = strtoul(length + 15, NULL, 10);
    if (len < head + body)
        return 0;
    if (in[0] == 'P') {
        keep_event(in + head, body);
        send_all(c->fd, ok, sizeof(ok) - 1);
    } else if (memcmp(in, "GET /sub", 8) == 0) {
        send_all(c->fd, stream, sizeof(stream) - 1);
        watchers[watcher_count++] = c->fd;
        free(c->in);
        c->in = NULL;
    } else {
        send_all(c->fd, page, strlen(page));
    }
    return head + body;
}

static void on_readable(struct conn *c)
{
    size_t at = 0, used;
    ssize_t n;

    if (c->in == NULL)
        c->in = malloc(IN_MAX);
    n = read(c->fd, c->in + c->len, IN_MAX - c->len);
    if (n <= 0) {
        close(c->fd);
        c->len = 0;
        return;
    }
    c->len += (size_t)n;
    while (c->in != NULL && (used = answer(c, c->in + at, c->len - at)) > 0)
        at += used;
    c->len = c->in != NULL ? c->len - at : 0;
    if (c->in != NULL && c->len > 0)
        memmove(c->in, c->in + at, c->len);
}

static void accept_all(int listener, int poller)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof(*c));
        struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};

        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &want);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 16384) != 0)
        die("listen");
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = NULL}, got[512];
    int poller, listener;

    flags_check(argc, argv, usage);
    poller = epoll_create1(0);
    listener = listen_on(argc > 1 ? atoi(argv[1]) : 8080);
    raise_fd_limit();
    snprintf(page, sizeof(page),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n"
             "{\"k\":\"%01015d\"}\n",
             7);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &want);
    for (;;) {
        int n = epoll_wait(poller, got, 512, -1);

        for (int i = 0; i < n; i++) {
            if (got[i].data.ptr == NULL)
                accept_all(listener, poller);
            else
                on_readable(got[i].data.ptr);
        }
        if (event_count > 0)
            send_events();
    }
}
