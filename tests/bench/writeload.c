/*
 * writeload - keeps W writers busy, and prints acknowledged writes/s, latency, and the server's CPU
 * a write.
 */
#include "writers.h"

static const char usage[] =
    "writeload --port=P [--writers=64] [--count=10000] [--seconds=S] [--rate=R] [--size=700]\n"
    "          [--pid=SERVER,..] [--op=create|update|patch] [--write=PATH] [--object=MEMBERS]\n"
    "          [--write-port=P] [--write-http=1|2] [--streams=100] [--tls=1]\n"
    "          [--target=kube|raw|etcd|nats]\n"
    "\n"
    "Writes `count` times, or for so many seconds. Over HTTP/2 `streams` writers share a\n"
    "connection. Updates and patches have an object a writer. --rate starts so many writes a\n"
    "second, each on a writer that has nothing to do; without it every writer is busy.\n";

static void busy(struct writers *all, int poller, unsigned long limit, uint64_t until)
{
    writers_keep_busy(all, limit);
    while (all->done < all->started) {
        if (!clients_poll(poller, 30000))
            die("no answer for 30 s");
        all->keep_busy = now_us() < until;
    }
}

static void paced(struct writers *all, int poller, unsigned long limit, uint64_t until, long rate)
{
    uint64_t began = now_us(), now = began;

    while ((now < until && all->started < limit) || all->done < all->started) {
        uint64_t due = began + all->started * 1000000 / (uint64_t)rate;

        if (now < due || now >= until || all->started == limit || !writers_start(all))
            clients_poll(poller, 1);
        now = now_us();
    }
}

int main(int argc, char **argv)
{
    long writers = flag_int(argc, argv, "writers", 64), rate = flag_int(argc, argv, "rate", 0);
    long count = flag_int(argc, argv, "count", 10000), seconds = flag_int(argc, argv, "seconds", 0);
    const char *pids = flag(argc, argv, "pid", "");
    unsigned long limit = seconds > 0 ? (unsigned long)-1 : (unsigned long)count;
    int poller = epoll_create1(0);
    struct writers all = {0};
    struct target target;
    uint64_t began, until;
    double cpu, took;

    flags_check(argc, argv, usage);
    raise_fd_limit();
    target_from_flags(&target, argc, argv);
    target_prepare(&target, strcmp(target.op, "create") != 0 ? (unsigned)writers : 0);
    writers_open(&all, &target, (unsigned)writers, (unsigned)flag_int(argc, argv, "streams", 100),
                 poller);
    cpu = cpu_us(pids);
    began = now_us();
    until = seconds > 0 ? began + (uint64_t)seconds * 1000000 : UINT64_MAX;
    if (rate > 0)
        paced(&all, poller, limit, until, rate);
    else
        busy(&all, poller, limit, until);
    took = (double)(now_us() - began) / 1e6;
    cpu = cpu_us(pids) - cpu;
    printf("{\"writers\":%ld,\"writes\":%lu,\"failed\":%lu,\"last_failure\":%d,\"per_s\":%.0f,",
           writers, all.done, all.failed, all.last_status, (double)all.done / took);
    samples_print(&all.latency);
    printf("\"server_us\":%.2f}\n", cpu / (double)all.done);
    return all.failed != 0;
}
