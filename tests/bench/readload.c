/*
 * readload - keeps C readers busy, and prints answers/s, latency, bytes/s, and the server's CPU and
 * memory.
 */
#include "client.h"

static const char usage[] =
    "readload --port=P [--path=/api/v1/namespaces/default/configmaps/bench-0] [--readers=64]\n"
    "         [--count=100000] [--rate=R] [--http=1|2] [--streams=64] [--tls=1] [--gzip=1]\n"
    "         [--accept=TYPE] [--pages=1] [--pid=SERVER,..]\n"
    "\n"
    "--pages follows `continue` from page to page, and counts a whole list as one; --rate asks\n"
    "so many times a second.\n";

struct reader {
    struct call call;
    struct client *client;
    struct reader *next; /* idle */
    uint64_t began_us;
    char path[4096];
    char begin[4096]; /* of the answer: where its `continue` is */
    size_t begin_len;
};

static const char *path, *pids;
static char headers[512];
static bool pages;
static long count, started, done, failed;
static uint64_t bytes;
static double rss_most;
static struct reader *idle;
static struct samples latency;

static void ask(struct reader *r)
{
    r->begin_len = 0;
    client_send(r->client, &r->call,
                &(struct request){.method = "GET", .path = r->path, .headers = headers});
}

static void start(struct reader *r)
{
    started++;
    r->began_us = now_us();
    snprintf(r->path, sizeof(r->path), "%s", path);
    ask(r);
}

static void on_data(struct call *call, const char *data, size_t len)
{
    struct reader *r = call->user;
    size_t room = sizeof(r->begin) - 1 - r->begin_len, take = len < room ? len : room;

    bytes += len;
    if (!pages)
        return;
    memcpy(r->begin + r->begin_len, data, take);
    r->begin[r->begin_len += take] = '\0';
}

static bool has_next_page(struct reader *r)
{
    static const char name[] = "\"continue\":\"";
    const char *token = pages ? strstr(r->begin, name) : NULL;

    if (token == NULL || token[sizeof(name) - 1] == '"')
        return false;
    token += sizeof(name) - 1;
    snprintf(r->path, sizeof(r->path), "%s%ccontinue=%.*s", path,
             strchr(path, '?') != NULL ? '&' : '?', (int)strcspn(token, "\""), token);
    return true;
}

static void on_done(struct call *call)
{
    struct reader *r = call->user;

    failed += call->status != 200;
    if (has_next_page(r)) {
        ask(r);
        return;
    }
    samples_add(&latency, now_us() - r->began_us);
    if (++done % 16 == 0 && rss_kib(pids) > rss_most)
        rss_most = rss_kib(pids);
    r->next = idle;
    idle = r;
}

static void open_readers(int argc, char **argv, long readers, int poller)
{
    enum protocol protocol = flag_int(argc, argv, "http", 1) == 2 ? HTTP2 : HTTP1;
    long streams = flag_int(argc, argv, "streams", 64);
    struct reader *all = calloc((size_t)readers, sizeof(*all));
    struct client *client = NULL;

    for (long i = 0; i < readers; i++) {
        if (client == NULL || protocol == HTTP1 || i % streams == 0)
            client = client_new(protocol, flag_port(argc, argv),
                                flag_int(argc, argv, "tls", 0) != 0, (unsigned)i, poller);
        all[i].call = (struct call){.on_data = on_data, .on_done = on_done, .user = &all[i]};
        all[i].client = client;
        all[i].next = idle;
        idle = &all[i];
    }
}

static void run(int poller, long rate)
{
    uint64_t began = now_us();

    while (done < count) {
        while (idle != NULL && started < count &&
               (rate == 0 || now_us() >= began + (uint64_t)(started * 1000000 / rate))) {
            struct reader *r = idle;

            idle = r->next;
            start(r);
        }
        if (!clients_poll(poller, rate != 0 ? 1 : 60000) && rate == 0)
            die("no answer for 60 s");
    }
}

int main(int argc, char **argv)
{
    const char *accept = flag(argc, argv, "accept", "");
    long readers = flag_int(argc, argv, "readers", 64);
    int poller = epoll_create1(0);
    uint64_t began;
    double cpu, took, rss;

    flags_check(argc, argv, usage);
    raise_fd_limit();
    path = flag(argc, argv, "path", "/api/v1/namespaces/default/configmaps/bench-0");
    pids = flag(argc, argv, "pid", "");
    count = flag_int(argc, argv, "count", 100000);
    pages = flag_int(argc, argv, "pages", 0) != 0;
    snprintf(headers, sizeof(headers), "%s%s%s%s",
             flag_int(argc, argv, "gzip", 0) != 0 ? "accept-encoding: gzip\r\n" : "",
             accept[0] != '\0' ? "accept: " : "", accept, accept[0] != '\0' ? "\r\n" : "");
    open_readers(argc, argv, readers, poller);
    rss = rss_most = rss_kib(pids);
    cpu = cpu_us(pids);
    began = now_us();
    run(poller, flag_int(argc, argv, "rate", 0));
    took = (double)(now_us() - began) / 1e6;
    cpu = cpu_us(pids) - cpu;
    printf("{\"readers\":%ld,\"answers\":%ld,\"failed\":%ld,\"per_s\":%.1f,\"mb_per_s\":%.1f,",
           readers, done, failed, (double)done / took, (double)bytes / took / 1e6);
    samples_print(&latency);
    printf("\"server_us\":%.2f,\"server_mb_per_cpu_s\":%.1f,\"rss_more_mib\":%.1f}\n",
           cpu / (double)done, cpu > 0 ? (double)bytes / cpu : 0, (rss_most - rss) / 1024);
    return failed != 0;
}
