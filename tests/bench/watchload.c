/*
 * watchload - opens N watches, writes events, and prints what reaches them: deliveries/s, latency
 * from the call that writes to receipt, the server's CPU a delivery and memory a watch.
 */
#include "writers.h"

static const char usage[] =
    "watchload --port=P [--watchers=1000] [--events=100] [--pid=SERVER,..] [--http=1|2]\n"
    "          [--streams=100] [--burst=1 | --rate=R | --flood=1] [--writers=1] [--matching=N]\n"
    "          [--target=kube|raw|etcd|nats] [--kind=lines|events|websocket|chunked]\n"
    "          [--accept=TYPE] [--protobuf=0] [--token=BEARER] [--tls=1] [--watch=PATH]\n"
    "          [--write=PATH] [--size=700] [--object=MEMBERS] [--op=update|create|patch]\n"
    "          [--write-port=P] [--write-http=1|2] [--hold=1] [--resume=K]\n"
    "\n"
    "Rounds (the default) write `burst` events at once and end when every watcher has all of\n"
    "them; --rate writes so many a second, whatever becomes of them; --flood keeps the writers\n"
    "busy, so that events come faster than they can be sent one by one. `matching` is how many of\n"
    "the watchers get an event, if not all do. The first `protobuf` watchers ask for that. --hold\n"
    "opens, prints and ends; --resume=K writes nothing, but waits for K events of the past, from\n"
    "the revision that --watch names.\n";

struct watcher {
    struct call call;
    struct stamp_scan scan;
};

static unsigned long opened, delivered;
static uint64_t bytes;
static struct samples latency;

static void on_head(struct call *call)
{
    if (call->status != 200 && call->status != 101)
        die("a watch was refused");
    opened++;
}

static void on_stamp(void *user, uint64_t stamp_us)
{
    (void)user;
    if (stamp_us == 0)
        return; /* what was there before */
    samples_add(&latency, now_us() - stamp_us);
    delivered++;
}

static void on_data(struct call *call, const char *data, size_t len)
{
    struct watcher *watcher = call->user;

    bytes += len;
    stamp_scan(&watcher->scan, data, len, on_stamp, NULL);
}

static void on_done(struct call *call)
{
    (void)call;
    die("the server ended a watch");
}

static void wait_for(int poller, const unsigned long *count, unsigned long wanted)
{
    while (*count < wanted)
        if (!clients_poll(poller, 60000))
            die("nothing for 60 s");
}

/* All at once, each would wait for all: with TLS longer than a server allows for a handshake. */
enum { OPENING_MAX = 512 };

static void open_watches(struct target *target, unsigned count, unsigned protobuf, unsigned streams,
                         int poller)
{
    struct watcher *all = calloc(count, sizeof(*all));
    struct client *client = NULL;
    struct request request;

    for (unsigned i = 0; i < count; i++) {
        if (target->protocol != HTTP2 || i % streams == 0)
            client = client_new(target->protocol, target->port, target->tls, i, poller);
        all[i].call = (struct call){.on_head = on_head,
                                    .on_data = on_data,
                                    .on_done = on_done,
                                    .user = &all[i],
                                    .streams = true};
        target_watch(target, i, &request);
        if (i < protobuf)
            request.headers = "accept: application/vnd.kubernetes.protobuf;stream=watch\r\n";
        client_send(client, &all[i].call, &request);
        if (target->protocol == HTTP2 && i % streams != streams - 1)
            continue;
        while (clients_poll(poller, 0))
            ;
        if (i >= OPENING_MAX)
            wait_for(poller, &opened, i - OPENING_MAX);
    }
    wait_for(poller, &opened, count);
}

static double rounds(struct writers *writers, int poller, unsigned long events, unsigned long burst,
                     unsigned long matching)
{
    double busy_us = 0;

    for (unsigned long sent = 0; sent < events; sent += burst) {
        uint64_t began = now_us();

        for (unsigned long i = 0; i < burst; i++)
            while (!writers_start(writers))
                clients_poll(poller, 1000);
        wait_for(poller, &delivered, (sent + burst) * matching);
        busy_us += (double)(now_us() - began);
        wait_for(poller, &writers->done, sent + burst);
    }
    return busy_us;
}

static double paced(struct writers *writers, int poller, unsigned long events, long rate,
                    unsigned long matching)
{
    uint64_t began = now_us();

    for (unsigned long sent = 0; sent < events;) {
        uint64_t due = began + sent * 1000000 / (uint64_t)rate, now = now_us();

        if (now >= due && writers_start(writers))
            sent++;
        else
            clients_poll(poller, now >= due ? 1000 : (int)((due - now + 999) / 1000));
    }
    wait_for(poller, &delivered, events * matching);
    return (double)(now_us() - began);
}

static double flood(struct writers *writers, int poller, unsigned long events,
                    unsigned long matching)
{
    uint64_t began = now_us();

    writers_keep_busy(writers, events);
    wait_for(poller, &delivered, events * matching);
    return (double)(now_us() - began);
}

int main(int argc, char **argv)
{
    long watchers = flag_int(argc, argv, "watchers", 1000),
         events = flag_int(argc, argv, "events", 100), rate = flag_int(argc, argv, "rate", 0),
         burst = flag_int(argc, argv, "burst", 1), resumed = flag_int(argc, argv, "resume", 0);
    bool floods = flag_int(argc, argv, "flood", 0) != 0;
    long writing = flag_int(argc, argv, "writers", burst > 1 ? burst : floods ? 64 : 1);
    unsigned long matching = (unsigned long)flag_int(argc, argv, "matching", watchers);
    unsigned streams = (unsigned)flag_int(argc, argv, "streams", 100);
    const char *pids = flag(argc, argv, "pid", "");
    int poller = epoll_create1(0);
    struct writers writers = {0};
    struct target target;
    double cpu, rss, kernel, busy_us;
    uint64_t began;

    flags_check(argc, argv, usage);
    raise_fd_limit();
    target_from_flags(&target, argc, argv);
    target_prepare(&target, (unsigned)writing);
    rss = rss_kib(pids);
    kernel = kernel_kib();
    began = now_us();
    open_watches(&target, (unsigned)watchers, (unsigned)flag_int(argc, argv, "protobuf", 0),
                 streams, poller);
    printf("{\"watchers\":%ld,\"open_ms\":%.1f,\"rss_kib_a_watch\":%.2f,"
           "\"kernel_kib_a_watch\":%.2f,",
           watchers, (double)(now_us() - began) / 1000, (rss_kib(pids) - rss) / (double)watchers,
           (kernel_kib() - kernel) / (double)watchers);
    if (resumed > 0)
        wait_for(poller, &delivered, (unsigned long)resumed);
    printf("\"resumed_per_s\":%.0f,", (double)resumed * 1e6 / (double)(now_us() - began));
    if (resumed > 0 || flag_int(argc, argv, "hold", 0) != 0)
        events = 0;
    /* only now: a connection that says nothing while watches are opened may be closed */
    writers_open(&writers, &target, (unsigned)writing, streams, poller);
    bytes = delivered = 0;
    cpu = cpu_us(pids);
    busy_us = rate > 0 ? paced(&writers, poller, (unsigned long)events, rate, matching)
              : floods
                  ? flood(&writers, poller, (unsigned long)events, matching)
                  : rounds(&writers, poller, (unsigned long)events, (unsigned long)burst, matching);
    cpu = cpu_us(pids) - cpu;
    printf("\"events\":%ld,\"deliveries_per_s\":%.0f,\"bytes_a_delivery\":%.0f,", events,
           busy_us > 0 ? (double)delivered * 1e6 / busy_us : 0,
           (double)bytes / (double)(delivered + !delivered));
    samples_print(&latency);
    printf("\"server_us_a_delivery\":%.3f,\"server_us_an_event\":%.1f,\"failed\":%lu}\n",
           cpu / (double)(delivered + !delivered), cpu / (double)(events + !events),
           writers.failed);
    return writers.failed != 0;
}
