#include "load.h"

#include <dirent.h>

enum { SAMPLES_MAX = 1 << 22 };

_Noreturn void die(const char *what)
{
    if (errno != 0)
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
    else
        fprintf(stderr, "%s\n", what);
    exit(1);
}

uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_named(const char *usage, const char *arg)
{
    char name[64];

    snprintf(name, sizeof(name), "%.*s=", (int)strcspn(arg, "="), arg);
    return strchr(arg, '=') != NULL && strstr(usage, name) != NULL;
}

void flags_check(int argc, char **argv, const char *usage)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            printf("usage: %s", usage);
            exit(0);
        }
        if (strncmp(argv[i], "--", 2) != 0 || is_named(usage, argv[i]))
            continue;
        fprintf(stderr, "no such flag: %s\nusage: %s", argv[i], usage);
        exit(2);
    }
}

const char *flag(int argc, char **argv, const char *name, const char *fallback)
{
    size_t len = strlen(name);

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, len) == 0 &&
            argv[i][2 + len] == '=')
            return argv[i] + 3 + len;
    return fallback;
}

long flag_int(int argc, char **argv, const char *name, long fallback)
{
    const char *text = flag(argc, argv, name, NULL);

    return text != NULL ? strtol(text, NULL, 10) : fallback;
}

int flag_port(int argc, char **argv)
{
    long port = flag_int(argc, argv, "port", 0);

    if (port <= 0)
        die("--port=P is needed");
    return (int)port;
}

int dial(int port, unsigned number, bool blocking)
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

void raise_fd_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- processes ---- */

static double first_number_of(const char *path, const char *format)
{
    FILE *file = fopen(path, "r");
    double number = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, format, &number) != 1)
        number = 0;
    fclose(file);
    return number;
}

/* Nanoseconds on a CPU, thread by thread: /proc/PID/stat counts ticks of 10 ms. */
static double cpu_us_of(long pid)
{
    char path[600];
    double sum = 0;
    struct dirent *thread;
    DIR *folder;

    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    folder = opendir(path);
    while (folder != NULL && (thread = readdir(folder)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", pid, thread->d_name);
        if (thread->d_name[0] != '.')
            sum += first_number_of(path, "%lf") / 1000;
    }
    if (folder != NULL)
        closedir(folder);
    return sum;
}

static double rss_kib_of(long pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
    return first_number_of(path, "%*d %lf") * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static double sum_of(const char *pids, double (*of)(long pid))
{
    double sum = 0;

    for (char *end; pids != NULL && *pids != '\0'; pids = *end == ',' ? end + 1 : end)
        sum += of(strtol(pids, &end, 10));
    return sum;
}

double cpu_us(const char *pids)
{
    return sum_of(pids, cpu_us_of);
}

double rss_kib(const char *pids)
{
    return sum_of(pids, rss_kib_of);
}

double kernel_kib(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    double sum = 0, kib;
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "Slab: %lf", &kib) == 1 || sscanf(line, "KernelStack: %lf", &kib) == 1)
            sum += kib;
    if (file != NULL)
        fclose(file);
    return sum;
}

/* ---- latencies ---- */

void samples_add(struct samples *samples, uint64_t us)
{
    if (samples->us == NULL) {
        samples->us = malloc(SAMPLES_MAX * sizeof(*samples->us));
        samples->every = 1;
    }
    if (samples->seen++ % samples->every != 0)
        return;
    if (samples->count == SAMPLES_MAX) {
        for (size_t i = 0; i < SAMPLES_MAX / 2; i++)
            samples->us[i] = samples->us[2 * i];
        samples->count /= 2;
        samples->every *= 2;
    }
    samples->us[samples->count++] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

void samples_print(struct samples *samples)
{
    static const struct {
        const char *name;
        double part;
    } parts[] = {{"p50_ms", 0.5}, {"p99_ms", 0.99}, {"p999_ms", 0.999}, {"max_ms", 1}};

    if (samples->count > 0)
        qsort(samples->us, samples->count, sizeof(*samples->us), compare);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        printf("\"%s\":%.3f,", parts[i].name,
               samples->count == 0
                   ? 0
                   : samples->us[(size_t)((double)(samples->count - 1) * parts[i].part)] / 1000.0);
}
