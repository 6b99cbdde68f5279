/*
 * informerload - what an informer costs: to sync, to hold, to follow, to read.
 *
 *   informerload [--objects=100000] [--size=1024] [--events=300000] [--mode=list|stream]
 *                [--form=json|protobuf] [--handlers=0|1]     protobuf: the watch; lists are JSON
 *   informerload --serve=PORT ...     only the server, for an informer of another make: the changes
 *                                     begin with a line on its input
 *   informerload --url=URL [--form=json|protobuf] ...    another server: it prints "synced", and
 *                                     counts `events` changes after a line on its input
 *
 * It brings a server of its own, which sends made-up bytes as fast as the socket takes them: a list
 * of `objects` ConfigMaps of `size` bytes (or the same as a streaming list), then a watch with
 * `events` changes of them. So the client is what is measured, at most slowed by a thread that
 * makes them up. Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <tidewatch/tidewatch.h>

enum { CHUNK_EVENTS = 1000 };

static size_t objects = 100000, size = 1024, events = 300000;
static tw_framing framing = TW_FRAMING_JSON;
static size_t handlers; /* 0 or 1 */
static int listener;
static _Atomic(double) server_cpu_s;
static atomic_size_t sent;   /* bytes of answers */
static atomic_bool may_send; /* the changes, once the first state was measured */

static double seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now_s(void)
{
    return seconds(CLOCK_MONOTONIC);
}

/* What the client has computed: all of the process, less the server. */
static double client_cpu_s(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID) - atomic_load(&server_cpu_s);
}

static void die(const char *what)
{
    fprintf(stderr, "informerload: %s\n", what);
    exit(1);
}

/* ---- the server ---- */

/* As a cluster's ConfigMaps look: labels, annotations, some keys. Returns its length. */
static int put_object(char *to, size_t n, size_t rv)
{
    static const char format[] =
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"object-%07zu\","
        "\"namespace\":\"ns-%02zu\",\"uid\":\"2f8b1c52-0b4c-4f0c-9d0e-%012zu\",\"resourceVersion\":"
        "\"%zu\",\"creationTimestamp\":\"2024-01-01T00:00:00Z\",\"labels\":{\"app\":\"app-%zu\","
        "\"tier\":\"backend\",\"team\":\"tides\"},\"annotations\":{\"owner\":\"team-%zu\","
        "\"checksum\":\"%032zu\"}},\"data\":{\"one.conf\":\"";
    int len = sprintf(to, format, n, n % 50, n, rv, n % 1000, n % 20, n * 31);
    static const char end[] = "\"}}";
    size_t left = size > (size_t)len + 200 ? size - (size_t)len - sizeof(end) : 200;

    for (size_t i = 0; i < left; i++)
        to[len++] = i % 64 == 63 && i + 80 < left ? ' ' : (char)('a' + i % 23);
    for (size_t key = 0; key < 3 && left > 160; key++) { /* some more keys out of it */
        size_t at = (size_t)len - 160 + key * 40;
        char name[32];
        int name_len = sprintf(name, "\",\"key-%zu\":\"", key);

        memcpy(to + at, name, (size_t)name_len);
    }
    memcpy(to + len, end, sizeof(end) - 1);
    return len + (int)sizeof(end) - 1;
}

/* ---- the same in protobuf; each returns the end of what it wrote ---- */

static char *put_bytes(char *to, unsigned number, const char *data, size_t len)
{
    *to++ = (char)(number << 3 | 2);
    for (size_t left = len; (left >> 7) != 0 || (*to++ = (char)left, false); left >>= 7)
        *to++ = (char)(left | 0x80);
    memcpy(to, data, len);
    return to + len;
}

static char *put_text(char *to, unsigned number, const char *format, ...)
{
    char text[64];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return put_bytes(to, number, text, (size_t)len);
}

/* An entry of a map. */
static char *put_entry(char *to, unsigned number, const char *key, const char *value)
{
    char entry[128], *end = put_text(entry, 1, "%s", key);

    end = put_text(end, 2, "%s", value);
    return put_bytes(to, number, entry, (size_t)(end - entry));
}

static char *put_metadata(char *to, size_t n, size_t rv)
{
    char text[64];

    to = put_text(to, 1, "object-%07zu", n);
    to = put_text(to, 3, "ns-%02zu", n % 50);
    to = put_text(to, 5, "2f8b1c52-0b4c-4f0c-9d0e-%012zu", n);
    to = put_text(to, 6, "%zu", rv);
    to = put_bytes(to, 8, "\x08\x80\x9e\xc8\xac\x06", 6); /* 2024-01-01T00:00:00Z */
    sprintf(text, "app-%zu", n % 1000);
    to = put_entry(to, 11, "app", text);
    to = put_entry(to, 11, "team", "tides"); /* sorted, as encoders do */
    to = put_entry(to, 11, "tier", "backend");
    sprintf(text, "%032zu", n * 31);
    to = put_entry(to, 12, "checksum", text);
    sprintf(text, "team-%zu", n % 20);
    return put_entry(to, 12, "owner", text);
}

/* Data of the size that it has in JSON, under one key. */
static char *put_data(char *to, size_t len)
{
    char *text = malloc(2 * (len + 32)), *entry = text + len + 32, *end;

    if (text == NULL)
        die("no memory");
    for (size_t i = 0; i < len; i++)
        text[i] = i % 64 == 63 ? ' ' : (char)('a' + i % 23);
    end = put_text(entry, 1, "one.conf");
    end = put_bytes(end, 2, text, len);
    to = put_bytes(to, 2, entry, (size_t)(end - entry));
    free(text);
    return to;
}

/* In the envelope that each object of Kubernetes' has: its magic number, and runtime.Unknown. */
static char *put_envelope(char *to, const char *object, size_t len)
{
    static const char magic[] = {'k', '8', 's', '\0'};
    char type[32], *end = put_text(type, 1, "v1");

    end = put_text(end, 2, "ConfigMap");
    memcpy(to, magic, sizeof(magic));
    to = put_bytes(to + sizeof(magic), 1, type, (size_t)(end - type));
    to = put_bytes(to, 2, object, len);
    to = put_text(to, 3, "");
    return put_text(to, 4, "");
}

static size_t put_event_protobuf(char *to, const char *type, size_t n, size_t rv)
{
    enum { OTHERS = 320 }; /* what all but the data takes, about */
    size_t room = size + 4 * OTHERS, len;
    char *parts = malloc(3 * room), *meta = parts + room, *raw = meta + room, *end;

    if (parts == NULL)
        die("no memory");
    end = put_metadata(meta, n, rv);
    if (strcmp(type, "BOOKMARK") == 0)
        end = put_entry(end, 12, "k8s.io/initial-events-end", "true");
    end = put_bytes(parts, 1, meta, (size_t)(end - meta));
    if (strcmp(type, "BOOKMARK") != 0)
        end = put_data(end, size > OTHERS ? size - OTHERS : OTHERS / 2);
    end = put_envelope(raw, parts, (size_t)(end - parts));
    end = put_bytes(meta, 1, raw, (size_t)(end - raw));
    len = (size_t)(end - meta);
    end = put_text(to + 4, 1, "%s", type);
    end = put_bytes(end, 2, meta, len);
    len = (size_t)(end - to) - 4;
    for (unsigned i = 0; i < 4; i++)
        to[i] = (char)(len >> (24 - 8 * i));
    free(parts);
    return len + 4;
}

/* ---- sending ---- */

static void send_all(int fd, const char *data, size_t len)
{
    atomic_fetch_add(&sent, len);
    while (len != 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            pthread_exit(NULL);
        data += n;
        len -= (size_t)n;
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

struct out {
    int fd;
    char *data;
    size_t len;
    bool chunked;
    double cpu_s; /* of its thread, counted so far */
};

static void flush(struct out *out)
{
    char head[32];
    double cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID);

    atomic_store(&server_cpu_s, atomic_load(&server_cpu_s) + cpu_s - out->cpu_s);
    out->cpu_s = cpu_s;

    if (out->len == 0)
        return;
    if (out->chunked)
        send_all(out->fd, head, (size_t)sprintf(head, "%zx\r\n", out->len));
    send_all(out->fd, out->data, out->len);
    if (out->chunked)
        send_all(out->fd, "\r\n", 2);
    out->len = 0;
}

static void add_text(struct out *out, const char *text)
{
    out->len += (size_t)sprintf(out->data + out->len, "%s", text);
}

static void add_event(struct out *out, const char *type, size_t n, size_t rv)
{
    if (framing == TW_FRAMING_PROTOBUF) {
        out->len += put_event_protobuf(out->data + out->len, type, n, rv);
        return;
    }
    out->len += (size_t)sprintf(out->data + out->len, "{\"type\":\"%s\",\"object\":", type);
    out->len += (size_t)put_object(out->data + out->len, n, rv);
    add_text(out, "}\n");
}

#define HEAD(type) "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nTransfer-Encoding: chunked\r\n\r\n"

static void send_list(struct out *out)
{
    add_text(out, "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{"
                  "\"resourceVersion\":\"1000000\"},\"items\":[");
    for (size_t n = 0; n < objects; n++) {
        if (n != 0)
            add_text(out, ",");
        out->len += (size_t)put_object(out->data + out->len, n, 1000 + n);
        if (n % CHUNK_EVENTS == CHUNK_EVENTS - 1)
            flush(out);
    }
    add_text(out, "]}");
    flush(out);
    send_all(out->fd, "0\r\n\r\n", 5);
}

static void send_state(struct out *out)
{
    for (size_t n = 0; n < objects; n++) {
        add_event(out, "ADDED", n, 1000 + n);
        if (n % CHUNK_EVENTS == CHUNK_EVENTS - 1)
            flush(out);
    }
    if (framing == TW_FRAMING_PROTOBUF)
        add_event(out, "BOOKMARK", 0, 1000000);
    else
        add_text(out, "{\"type\":\"BOOKMARK\",\"object\":{\"apiVersion\":\"v1\",\"kind\":"
                      "\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"1000000\","
                      "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    flush(out);
}

static void send_changes(struct out *out)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct out all = {.fd = out->fd,
                      .data = malloc((size + 900) * CHUNK_EVENTS),
                      .chunked = true,
                      .cpu_s = out->cpu_s};
    char byte;

    if (all.data == NULL)
        die("no memory");
    while (!atomic_load(&may_send))
        nanosleep(&pause, NULL);
    for (size_t e = 0; e < events; e++) {
        add_event(&all, "MODIFIED", (e * 7919) % objects, 1000001 + e);
        if (e % CHUNK_EVENTS == CHUNK_EVENTS - 1 || e + 1 == events)
            flush(&all);
    }
    free(all.data);
    recv(out->fd, &byte, 1, 0); /* until the client goes */
}

static void *serve_one(void *user)
{
    char request[8192];
    int fd = (int)(intptr_t)user;
    struct out out = {.fd = fd, .data = malloc((size + 900) * (CHUNK_EVENTS + 2)), .chunked = true};

    if (out.data == NULL)
        die("no memory");
    for (;;) {
        ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

        if (n <= 0)
            break;
        request[n] = '\0';
        if (strstr(request, "watch=") == NULL) {
            send_text(fd, HEAD("application/json"));
            send_list(&out);
            continue;
        }
        send_text(fd, framing == TW_FRAMING_JSON
                          ? HEAD("application/json")
                          : HEAD("application/vnd.kubernetes.protobuf;stream=watch"));
        if (strstr(request, "sendInitialEvents=true") != NULL)
            send_state(&out);
        send_changes(&out);
    }
    close(fd);
    return NULL;
}

static void *serve(void *user)
{
    (void)user;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;

        if (fd >= 0 && pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

static int start_server(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(at);
    pthread_t thread;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&thread, NULL, serve, NULL) != 0)
        die("cannot listen");
    return ntohs(at.sin_port);
}

/* ---- the client ---- */

static size_t heap_in_use(void)
{
    struct mallinfo2 info;

    malloc_trim(0);
    info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static bool count_one(void *user, tw_object *object)
{
    size_t *count = user;

    *count += tw_object_name(object)[0] != '\0';
    return true;
}

static void count_update(void *user, tw_object *old, tw_object *object)
{
    (void)old;
    (void)object;
    atomic_fetch_add((atomic_size_t *)user, 1);
}

/* An informer that has its first state, and what that took. */
struct synced {
    tw_config *config;
    tw_client *client;
    tw_informer *informer;
    double s, cpu_s;
    size_t held; /* bytes of the heap */
};

static void sync_informer(const char *url, const tw_informer_options *options,
                          const tw_handler_options *handler, struct synced *ret)
{
    static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    double began, cpu;
    size_t before;

    if (tw_config_from_url(url, &ret->config, NULL) ||
        tw_client_new(ret->config, &ret->client, NULL) ||
        tw_informer_new(ret->client, &configmaps, options, &ret->informer, NULL) ||
        (handler != NULL && tw_informer_add_handler(ret->informer, handler, NULL, NULL)))
        die("no informer");
    before = heap_in_use();
    began = now_s();
    cpu = client_cpu_s();
    if (tw_informer_start(ret->informer, NULL) || tw_informer_wait_synced(ret->informer, 600000))
        die("not synced");
    ret->s = now_s() - began;
    ret->cpu_s = client_cpu_s() - cpu;
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL); /* the list's own memory goes */
    ret->held = heap_in_use() - before;
}

static void synced_release(struct synced *synced)
{
    tw_informer_free(synced->informer);
    tw_client_unref(synced->client);
    tw_config_free(synced->config);
}

/* As tests/bench/client_go does with client-go's informer. */
static void measure_at(const char *url, bool list_first)
{
    const struct timespec pause = {.tv_nsec = 5000000}; /* seldom: waking up is CPU, too */
    atomic_size_t updates = 0;
    tw_informer_options options = {.list_first = list_first, .framing = framing};
    tw_handler_options handler = {.on_update = count_update, .user = &updates};
    struct synced synced = {0};
    double began, cpu, events_s, events_cpu_s;

    sync_informer(url, &options, &handler, &synced);
    puts("synced");
    fflush(stdout);
    getchar();
    began = now_s();
    cpu = client_cpu_s();
    while (atomic_load(&updates) < events)
        nanosleep(&pause, NULL);
    events_s = now_s() - began;
    events_cpu_s = client_cpu_s() - cpu;
    printf("{\"sync_ms\":%.0f,\"sync_cpu_ms\":%.0f,\"bytes_per_object\":%.0f,\"events_per_s\":%.0f,"
           "\"event_cpu_us\":%.2f}\n",
           synced.s * 1000, synced.cpu_s * 1000, (double)synced.held / (double)objects,
           (double)events / events_s, events_cpu_s * 1e6 / (double)events);
    synced_release(&synced);
}

static void get_each(tw_store *store, size_t gets)
{
    for (size_t i = 0; i < gets; i++) {
        char ns[16], name[32];
        size_t n = i * 7919 % objects;

        sprintf(ns, "ns-%02zu", n % 50);
        sprintf(name, "object-%07zu", n);
        tw_object_unref(tw_store_get(store, ns, name));
    }
}

static size_t walk(tw_store *store)
{
    tw_snapshot *snapshot = tw_store_snapshot(store);
    size_t walked = 0;

    tw_snapshot_each(snapshot, NULL, NULL, count_one, &walked);
    tw_snapshot_release(snapshot);
    return walked;
}

/* Lets the server send its changes, and waits for the last; with a handler, until it was told. */
static void follow(tw_informer *informer, const atomic_size_t *updates)
{
    const struct timespec pause = {.tv_nsec = 5000000}; /* seldom: waking up is CPU, too */
    tw_reflector_status status;
    char last[32];

    sprintf(last, "%zu", 1000000 + events);
    atomic_store(&may_send, true);
    do {
        nanosleep(&pause, NULL);
        tw_informer_get_status(informer, &status);
    } while (strcmp(status.resource_version, last) != 0 ||
             (handlers != 0 && atomic_load(updates) < events));
}

static void measure(int port, bool list_first)
{
    tw_informer_options options = {.list_first = list_first, .framing = framing};
    atomic_size_t updates = 0;
    tw_handler_options handler = {.on_update = count_update, .user = &updates};
    struct synced synced = {0};
    size_t gets = 1000000, walked, sent_before;
    double began, cpu, events_s, events_cpu_s, get_s, walk_s;
    char url[64];

    sprintf(url, "http://127.0.0.1:%d", port);
    sync_informer(url, &options, handlers != 0 ? &handler : NULL, &synced);

    began = seconds(CLOCK_THREAD_CPUTIME_ID);
    get_each(tw_informer_store(synced.informer), gets);
    get_s = seconds(CLOCK_THREAD_CPUTIME_ID) - began;
    began = seconds(CLOCK_THREAD_CPUTIME_ID);
    walked = walk(tw_informer_store(synced.informer));
    walk_s = seconds(CLOCK_THREAD_CPUTIME_ID) - began;

    sent_before = atomic_load(&sent);
    began = now_s();
    cpu = client_cpu_s();
    follow(synced.informer, &updates);
    events_s = now_s() - began;
    events_cpu_s = client_cpu_s() - cpu;
    printf("{\"objects\":%zu,\"size\":%zu,\"sync_ms\":%.0f,\"sync_cpu_ms\":%.0f,"
           "\"bytes_per_object\":%.0f,\"get_ns\":%.0f,\"walk_ms\":%.2f,\"events_per_s\":%.0f,"
           "\"event_cpu_us\":%.2f,\"bytes_per_event\":%.0f}\n",
           objects, size, synced.s * 1000, synced.cpu_s * 1000,
           (double)synced.held / (double)objects, get_s * 1e9 / (double)gets, walk_s * 1000,
           (double)events / events_s, events_cpu_s * 1e6 / (double)events,
           (double)(atomic_load(&sent) - sent_before) / (double)events);
    if (walked != objects)
        die("the walk missed some");
    synced_release(&synced);
}

int main(int argc, char **argv)
{
    bool list_first = true;
    uint16_t port = 0;
    bool only_serve = false;
    const char *url = NULL;

    for (int i = 1; i < argc; i++) {
        if (sscanf(argv[i], "--objects=%zu", &objects) == 1 ||
            sscanf(argv[i], "--size=%zu", &size) == 1 ||
            sscanf(argv[i], "--events=%zu", &events) == 1 ||
            sscanf(argv[i], "--handlers=%zu", &handlers) == 1)
            continue;
        if (sscanf(argv[i], "--serve=%hu", &port) == 1)
            only_serve = true;
        else if (strncmp(argv[i], "--url=", 6) == 0)
            url = argv[i] + 6;
        else if (strcmp(argv[i], "--form=protobuf") == 0)
            framing = TW_FRAMING_PROTOBUF;
        else if (strcmp(argv[i], "--form=json") == 0)
            framing = TW_FRAMING_JSON;
        else if (strcmp(argv[i], "--mode=stream") == 0)
            list_first = false;
        else if (strcmp(argv[i], "--mode=list") != 0)
            die("usage: informerload [--objects=N] [--size=N] [--events=N] [--mode=list|stream] "
                "[--form=json|protobuf] [--handlers=0|1] [--serve=PORT] [--url=URL]");
    }
    if (objects == 0 || events == 0 || size == 0)
        die("nothing to do");
    if (only_serve) {
        printf("http://127.0.0.1:%d\n", start_server(port));
        fflush(stdout);
        getchar();
        atomic_store(&may_send, true);
        pause();
    } else if (url != NULL) {
        measure_at(url, list_first);
    } else {
        measure(start_server(0), list_first);
    }
    return 0;
}
