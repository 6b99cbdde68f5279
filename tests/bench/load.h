/*
 * load - what the load tools share: flags, sockets, percentiles, and what the kernel says of a
 * process.
 */
#ifndef TIDEWATCH_TESTS_BENCH_LOAD_H
#define TIDEWATCH_TESTS_BENCH_LOAD_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline _Noreturn void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static inline uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --name=value among the arguments, or `fallback`. */
static inline const char *flag(int argc, char **argv, const char *name, const char *fallback)
{
    size_t len = strlen(name);

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, len) == 0 &&
            argv[i][2 + len] == '=')
            return argv[i] + 3 + len;
    return fallback;
}

static inline long flag_int(int argc, char **argv, const char *name, long fallback)
{
    const char *text = flag(argc, argv, name, NULL);

    return text != NULL ? strtol(text, NULL, 10) : fallback;
}

/* Local ports end at some 28,000 for one address: spread the clients over 127.0.0.x. */
static inline int dial(int port, unsigned number, bool blocking)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}, from = to;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        die("socket");
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number / 20000);
    from.sin_port = 0;
    if (number >= 20000 && bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        die("bind");
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (!blocking)
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static inline void raise_fd_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* User and system time of a process, in microseconds; 0 without a pid. */
static inline double cpu_us(long pid)
{
    unsigned long user = 0, system = 0;
    char path[64], line[1024];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    file = pid > 0 ? fopen(path, "r") : NULL;
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof(line), file) != NULL && strrchr(line, ')') != NULL)
        sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system);
    fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static inline double rss_kib(long pid)
{
    unsigned long size = 0, resident = 0;
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
    file = pid > 0 ? fopen(path, "r") : NULL;
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static inline int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Sorts, and gives the value below which `part` of them lie, in milliseconds. */
static inline double percentile_ms(uint32_t *samples_us, size_t count, double part)
{
    if (count == 0)
        return 0;
    qsort(samples_us, count, sizeof(*samples_us), compare_u32);
    return samples_us[(size_t)((double)(count - 1) * part)] / 1000.0;
}

#endif
