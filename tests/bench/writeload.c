/*
 * writeload - keeps W writers busy, and prints acknowledged writes/s, latency, and the server's CPU
 * a write.
 *
 *   writeload --port=P [--writers=64] [--count=10000 | --seconds=S] [--size=700] [--pid=SERVER,..]
 *             [--op=create|update|patch] [--write-http=1|2] [--streams=100] [--target=kube|etcd|..]
 *
 * Over HTTP/2 `streams` writers share a connection. Updates and patches have an object a writer.
 */
#include "writers.h"

int main(int argc, char **argv)
{
    long writers = flag_int(argc, argv, "writers", 64);
    long count = flag_int(argc, argv, "count", 10000), seconds = flag_int(argc, argv, "seconds", 0);
    const char *pids = flag(argc, argv, "pid", "");
    int poller = epoll_create1(0);
    struct writers all = {0};
    struct target target;
    uint64_t began, until;
    double cpu, took;

    raise_fd_limit();
    target_from_flags(&target, argc, argv);
    target_prepare(&target, strcmp(target.op, "create") != 0 ? (unsigned)writers : 0);
    writers_open(&all, &target, (unsigned)writers, (unsigned)flag_int(argc, argv, "streams", 100),
                 poller);
    cpu = cpu_us(pids);
    began = now_us();
    until = seconds > 0 ? began + (uint64_t)seconds * 1000000 : UINT64_MAX;
    writers_keep_busy(&all, seconds > 0 ? (unsigned long)-1 : (unsigned long)count);
    while (all.done < all.started) {
        if (!clients_poll(poller, 30000))
            die("no answer for 30 s");
        all.keep_busy = now_us() < until;
    }
    took = (double)(now_us() - began) / 1e6;
    cpu = cpu_us(pids) - cpu;
    printf("{\"writers\":%ld,\"writes\":%lu,\"failed\":%lu,\"last_failure\":%d,\"per_s\":%.0f,",
           writers, all.done, all.failed, all.last_status, (double)all.done / took);
    samples_print(&all.latency);
    printf("\"server_us\":%.2f}\n", cpu / (double)all.done);
    return all.failed != 0;
}
