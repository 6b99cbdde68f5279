/*
 * httpload - keeps C connections busy with one kind of request, and prints requests/s and latency.
 *
 *   httpload --port=P [--mode=get|create|list] [--connections=64] [--count=100000] [--size=1024]
 *            [--path=/api/v1/namespaces/default/configmaps] [--pid=SERVER]
 *
 * `create` posts ConfigMaps of `size` bytes of data by generateName; `get` reads --path + /bench,
 * which it makes first; `list` reads --path.
 */
#include "load.h"

struct connection {
    int fd;
    char in[16384];
    size_t have;
    size_t body_left; /* of the answer, once its head is in */
    bool in_body;
    uint64_t sent_us;
};

static char *request;
static size_t request_len;
static long left, answered, failed;
static uint64_t bytes;
static uint32_t *latencies;

static void build_request(const char *mode, const char *path, size_t size)
{
    char *data = malloc(size + 1), *body = malloc(size + 512);
    size_t len = 0;

    memset(data, 'x', size);
    data[size] = '\0';
    request = malloc(size + 2048);
    if (strcmp(mode, "create") == 0) {
        len = (size_t)sprintf(body,
                              "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                              "\"generateName\":\"bench-\"},\"data\":{\"k\":\"%s\"}}",
                              data);
        request_len = (size_t)sprintf(request,
                                      "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                      "application/json\r\nContent-Length: %zu\r\n\r\n%s",
                                      path, len, body);
    } else {
        request_len = (size_t)sprintf(request, "GET %s%s HTTP/1.1\r\nHost: x\r\n\r\n", path,
                                      strcmp(mode, "get") == 0 ? "/bench" : "");
    }
    free(data);
    free(body);
}

static void make_object(int port, const char *path, size_t size)
{
    int fd = dial(port, 0, true);
    char *body = malloc(size + 512), *text = malloc(size + 1024), answer[4096];
    size_t len = (size_t)sprintf(body,
                                 "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{"
                                 "\"name\":\"bench\"},\"data\":{\"k\":\"%0*d\"}}",
                                 (int)size, 7);
    size_t total =
        (size_t)sprintf(text,
                        "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        path, len, body);

    if (write(fd, text, total) != (ssize_t)total || read(fd, answer, sizeof(answer)) <= 0)
        die("make the object");
    free(body);
    free(text);
    close(fd);
}

static void send_next(struct connection *c)
{
    if (left == 0)
        return;
    left--;
    c->sent_us = now_us();
    for (size_t at = 0; at < request_len;) {
        ssize_t n = write(c->fd, request + at, request_len - at);

        if (n < 0 && errno != EAGAIN)
            die("write");
        at += n > 0 ? (size_t)n : 0;
    }
}

static void on_answer(struct connection *c)
{
    latencies[answered++] = (uint32_t)(now_us() - c->sent_us);
    c->in_body = false;
    send_next(c);
}

/* Reads the head when it is whole; false: more is needed. */
static bool read_head(struct connection *c)
{
    char *end = memmem(c->in, c->have, "\r\n\r\n", 4), *length;
    size_t head;

    if (end == NULL)
        return false;
    head = (size_t)(end + 4 - c->in);
    *end = '\0';
    failed += c->in[9] != '2';
    length = strcasestr(c->in, "content-length:");
    c->body_left = length != NULL ? strtoul(length + 15, NULL, 10) : 0;
    c->in_body = true;
    c->have -= head;
    memmove(c->in, c->in + head, c->have);
    return true;
}

static void on_readable(struct connection *c)
{
    ssize_t n;

    while ((n = read(c->fd, c->in + c->have, sizeof(c->in) - 1 - c->have)) > 0) {
        bytes += (uint64_t)n;
        c->have += (size_t)n;
        while (c->in_body || read_head(c)) {
            size_t take = c->have < c->body_left ? c->have : c->body_left;

            c->body_left -= take;
            c->have -= take;
            memmove(c->in, c->in + take, c->have);
            if (c->body_left != 0)
                break;
            on_answer(c);
        }
    }
    if (n == 0)
        die("the server closed a connection");
}

int main(int argc, char **argv)
{
    const char *mode = flag(argc, argv, "mode", "get");
    const char *path = flag(argc, argv, "path", "/api/v1/namespaces/default/configmaps");
    long count = flag_int(argc, argv, "count", 100000), pid = flag_int(argc, argv, "pid", 0);
    long connections = flag_int(argc, argv, "connections", 64);
    int port = (int)flag_int(argc, argv, "port", 8080), poller = epoll_create1(0);
    struct connection *all = calloc((size_t)connections, sizeof(*all));
    uint64_t began;
    double cpu, seconds;

    raise_fd_limit();
    left = count;
    latencies = calloc((size_t)count, sizeof(*latencies));
    if (strcmp(mode, "get") == 0)
        make_object(port, path, (size_t)flag_int(argc, argv, "size", 1024));
    build_request(mode, path, (size_t)flag_int(argc, argv, "size", 1024));
    for (long i = 0; i < connections; i++) {
        struct epoll_event want = {.events = EPOLLIN, .data.ptr = &all[i]};

        all[i].fd = dial(port, (unsigned)i, false);
        epoll_ctl(poller, EPOLL_CTL_ADD, all[i].fd, &want);
    }
    cpu = cpu_us(pid);
    began = now_us();
    for (long i = 0; i < connections; i++)
        send_next(&all[i]);
    while (answered < count) {
        struct epoll_event events[256];
        int n = epoll_wait(poller, events, 256, 30000);

        if (n <= 0)
            die("no answer for 30 s");
        for (int i = 0; i < n; i++)
            on_readable(events[i].data.ptr);
    }
    seconds = (double)(now_us() - began) / 1e6;
    cpu = cpu_us(pid) - cpu;
    printf(
        "{\"mode\":\"%s\",\"connections\":%ld,\"requests\":%ld,\"failed\":%ld,\"per_s\":%.0f,"
        "\"mb_per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"server_us\":%.2f}\n",
        mode, connections, count, failed, (double)count / seconds, (double)bytes / seconds / 1e6,
        percentile_ms(latencies, (size_t)count, 0.5), percentile_ms(latencies, (size_t)count, 0.99),
        percentile_ms(latencies, (size_t)count, 1), cpu / (double)count);
    return failed != 0;
}
