/*
 * watchload - opens N watches, writes events, and prints what reaches them: deliveries/s, latency
 * from the write's first byte to receipt, the server's CPU a delivery and memory a watch.
 *
 *   watchload --port=P [--watchers=1000] [--streams=0] [--events=100] [--burst=1] [--size=300]
 *             [--pid=SERVER] [--protobuf=0]
 *
 * streams=0 is HTTP/1.1, one connection a watch; else HTTP/2 with so many watches a connection.
 * The first `protobuf` of the watchers ask for protobuf, the others for JSON.
 * A round writes `burst` events at once (pipelined), and ends when every watcher has all of them.
 */
#include "load.h"

#include <nghttp2/nghttp2.h>

static const char watch_path[] =
    "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=%s&timeoutSeconds=3600";
static const char marker[] = "bench-round"; /* in JSON and in protobuf */

struct peer {
    int fd;
    nghttp2_session *session; /* HTTP/2 only */
    size_t matched;           /* how much of the marker the last bytes hold */
};

static long delivered, awaited;
static uint64_t round_began, received_bytes;
static uint32_t *samples;
static size_t sample_count;
static char path[256];
static long protobuf_left;

/* Counts the events in a piece of a stream: each holds the marker once. Pieces may cut anywhere, so
 * a cut marker is followed from piece to piece. */
static void count_events(struct peer *peer, const char *data, size_t len)
{
    const char *end = data + len;

    received_bytes += len;
    while (data < end) {
        if (peer->matched == 0) {
            data = memchr(data, marker[0], (size_t)(end - data));
            if (data == NULL)
                return;
        }
        if (*data == marker[peer->matched]) {
            data++;
            if (++peer->matched == sizeof(marker) - 1) {
                peer->matched = 0;
                samples[sample_count++] = (uint32_t)(now_us() - round_began);
                delivered++;
            }
        } else if (peer->matched == 0) {
            data++;
        } else {
            peer->matched = 0;
        }
    }
}

/* What the next watch is to be told in. */
static const char *next_accept(void)
{
    return protobuf_left-- > 0 ? "application/vnd.kubernetes.protobuf;stream=watch"
                               : "application/json";
}

/* ---- HTTP/2 ---- */

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    (void)session, (void)flags, (void)stream;
    count_events(user, (const char *)data, len);
    return 0;
}

static long h2_heads;

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session, (void)user;
    h2_heads += frame->hd.type == NGHTTP2_HEADERS;
    return 0;
}

static void h2_flush(struct peer *peer)
{
    const uint8_t *data;
    ssize_t len;

    while ((len = nghttp2_session_mem_send(peer->session, &data)) > 0)
        for (ssize_t at = 0; at < len;) {
            ssize_t n = write(peer->fd, data + at, (size_t)(len - at));

            if (n < 0 && errno != EAGAIN)
                die("write");
            at += n > 0 ? n : 0;
        }
}

#define NV(name, value)                                                                            \
    {                                                                                              \
        (uint8_t *)(name), (uint8_t *)(value), strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE   \
    }

static void h2_open(struct peer *peer, long streams)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 24}, {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    nghttp2_nv head[] = {NV(":method", "GET"), NV(":scheme", "http"), NV(":authority", "x"),
                         NV(":path", path), NV("accept", "")};
    nghttp2_session_callbacks *callbacks;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new(&peer->session, callbacks, peer);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(peer->session, 0, settings, 2);
    nghttp2_session_set_local_window_size(peer->session, 0, 0, 1 << 28);
    for (long i = 0; i < streams; i++) {
        const char *accept = next_accept();

        head[4] = (nghttp2_nv)NV("accept", accept);
        nghttp2_submit_request(peer->session, NULL, head, 5, NULL, NULL);
    }
    h2_flush(peer);
}

/* ---- both ---- */

static void h1_open(struct peer *peer)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\nAccept: %s\r\n\r\n", path,
                       next_accept());

    if (write(peer->fd, text, (size_t)len) != len)
        die("write");
}

static long h1_heads;

static void on_readable(struct peer *peer)
{
    static char in[1 << 18];
    ssize_t n;

    while ((n = read(peer->fd, in, sizeof(in))) > 0) {
        if (peer->session == NULL) {
            h1_heads += memmem(in, (size_t)n, "HTTP/1.1 200", 12) != NULL;
            count_events(peer, in, (size_t)n);
        } else {
            if (nghttp2_session_mem_recv(peer->session, (uint8_t *)in, (size_t)n) < 0)
                die("HTTP/2");
            h2_flush(peer);
        }
    }
    if (n == 0 || errno != EAGAIN)
        die("the server closed a watch");
}

static void poll_once(int poller)
{
    struct epoll_event events[512];
    int n = epoll_wait(poller, events, 512, 30000);

    if (n <= 0)
        die("nothing for 30 s");
    for (int i = 0; i < n; i++)
        on_readable(events[i].data.ptr);
}

/* Asks for the object's resourceVersion, making it if it is not there. */
static void prepare(int writer, char *ret_rv)
{
    static const char body[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
        "\"bench-watch\"},\"data\":{}}";
    char text[1024], answer[16384], *at;
    ssize_t n;

    snprintf(text, sizeof(text),
             "POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             sizeof(body) - 1, body);
    if (write(writer, text, strlen(text)) < 0 || read(writer, answer, sizeof(answer)) <= 0)
        die("prepare");
    snprintf(text, sizeof(text),
             "GET /api/v1/namespaces/default/configmaps?limit=1 HTTP/1.1\r\n"
             "Host: x\r\n\r\n");
    if (write(writer, text, strlen(text)) < 0 ||
        (n = read(writer, answer, sizeof(answer) - 1)) <= 0)
        die("prepare");
    answer[n] = '\0';
    at = strstr(answer, "\"resourceVersion\":\"");
    snprintf(ret_rv, 32, "%.*s", at != NULL ? (int)strcspn(at + 19, "\"") : 1,
             at != NULL ? at + 19 : "0");
}

static void write_burst(int writer, long round, long burst, size_t size)
{
    size_t room = (size_t)burst * (size + 512), len = 0;
    char *text = malloc(room), *body = malloc(size + 256);

    for (long i = 0; i < burst; i++) {
        int body_len =
            sprintf(body,
                    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                    "\"bench-watch\"},\"data\":{\"bench-round\":\"%ld\",\"k\":\"%0*d\"}}",
                    round * burst + i, (int)size, 7);

        len += (size_t)sprintf(text + len,
                               "PUT /api/v1/namespaces/default/configmaps/bench-watch HTTP/1.1\r\n"
                               "Host: x\r\nContent-Length: %d\r\n\r\n%s",
                               body_len, body);
    }
    round_began = now_us();
    for (size_t at = 0; at < len;) {
        ssize_t n = write(writer, text + at, len - at);

        if (n < 0)
            die("write");
        at += (size_t)n;
    }
    free(text);
    free(body);
}

/* Takes the writer's answers in, without waiting for them. */
static void drop_answers(int writer)
{
    char answer[65536];

    while (recv(writer, answer, sizeof(answer), MSG_DONTWAIT) > 0)
        ;
}

int main(int argc, char **argv)
{
    long watchers = flag_int(argc, argv, "watchers", 1000),
         streams = flag_int(argc, argv, "streams", 0);
    long events = flag_int(argc, argv, "events", 100), burst = flag_int(argc, argv, "burst", 1);
    long pid = flag_int(argc, argv, "pid", 0), size = flag_int(argc, argv, "size", 300);
    int port = (int)flag_int(argc, argv, "port", 8080), poller = epoll_create1(0), writer;
    long connections = streams > 0 ? (watchers + streams - 1) / streams : watchers;
    struct peer *peers = calloc((size_t)connections, sizeof(*peers));
    double cpu, rss, busy_us = 0;
    uint64_t began;
    char rv[32];

    protobuf_left = flag_int(argc, argv, "protobuf", 0);
    raise_fd_limit();
    samples = calloc((size_t)(watchers * burst) * (size_t)(events / burst + 1), sizeof(*samples));
    writer = dial(port, 0, true);
    prepare(writer, rv);
    snprintf(path, sizeof(path), watch_path, rv);
    rss = rss_kib(pid);
    began = now_us();
    for (long i = 0; i < connections; i++) {
        struct epoll_event want = {.events = EPOLLIN, .data.ptr = &peers[i]};

        peers[i].fd = dial(port, (unsigned)i, false);
        epoll_ctl(poller, EPOLL_CTL_ADD, peers[i].fd, &want);
        if (streams > 0)
            h2_open(&peers[i], i < connections - 1 ? streams : watchers - streams * i);
        else
            h1_open(&peers[i]);
    }
    while ((streams > 0 ? h2_heads : h1_heads) < watchers)
        poll_once(poller);
    printf("{\"watchers\":%ld,\"streams\":%ld,\"open_ms\":%.1f,", watchers, streams,
           (double)(now_us() - began) / 1000);
    printf("\"rss_kib_a_watch\":%.2f,", (rss_kib(pid) - rss) / (double)watchers);
    cpu = cpu_us(pid);
    for (long round = 0; round < events / burst; round++) {
        awaited += watchers * burst;
        write_burst(writer, round, burst, (size_t)size);
        while (delivered < awaited)
            poll_once(poller);
        busy_us += (double)(now_us() - round_began);
        drop_answers(writer);
    }
    cpu = cpu_us(pid) - cpu;
    printf("\"events\":%ld,\"burst\":%ld,\"deliveries_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"max_ms\":%.2f,\"server_us_a_delivery\":%.2f}\n",
           events, burst, (double)delivered * 1e6 / busy_us,
           percentile_ms(samples, sample_count, 0.5), percentile_ms(samples, sample_count, 0.99),
           percentile_ms(samples, sample_count, 1), cpu / (double)delivered);
    return 0;
}
