/*
 * bench_storage - acknowledged creates a second, the time to open again, and what sealing costs.
 *
 *   bench_storage FOLDER [SECONDS [OBJECTS]]
 *
 * Each submitter waits for the answer to its write before it submits the next one, as a client
 * does. FOLDER should be on the disk that is to be measured; a store is made in it and removed.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "storage/storage.h"

enum { VALUE_LEN = 1024, SUBMITTERS_MAX = 100, LATENCIES_MAX = 1 << 20 };

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool answered;
};

struct bench {
    struct storage *storage;
    _Atomic uint64_t next_key;
    uint64_t until_us, last_key;
    _Atomic uint64_t acknowledged;
    uint32_t *latencies_us;
    _Atomic uint64_t latency_count;
};

static void die(const char *what, struct error *err)
{
    fprintf(stderr, "%s: %s\n", what, err != NULL ? error_message(err) : "failed");
    exit(1);
}

static void answer_all(void *user, const struct batch *batch)
{
    (void)user;
    for (struct write *it = batch->writes, *next; it != NULL; it = next) {
        struct answer *answer = it->user;

        next = it->next;
        pthread_mutex_lock(&answer->lock);
        answer->answered = true;
        pthread_cond_signal(&answer->done);
        pthread_mutex_unlock(&answer->lock);
    }
}

static void on_fatal(void *user, const char *why)
{
    (void)user;
    fprintf(stderr, "fatal: %s\n", why);
    exit(1);
}

static void write_one(struct bench *bench, struct answer *answer, uint64_t number)
{
    char key[64], data[VALUE_LEN];
    uint64_t began = clock_monotonic_us(), at;
    struct write write = {.type = WRITE_PUT, .user = answer};

    memset(data, 'x', sizeof(data));
    /* names in no order, as real ones are */
    snprintf(key, sizeof(key), "/registry/configmaps/default/%016" PRIx64,
             number * 0x9e3779b97f4a7c15U);
    write.key = bytes_str(key);
    write.value = value_new(bytes_of(data, sizeof(data)), 0);
    answer->answered = false;
    storage_submit(bench->storage, &write);
    pthread_mutex_lock(&answer->lock);
    while (!answer->answered)
        pthread_cond_wait(&answer->done, &answer->lock);
    pthread_mutex_unlock(&answer->lock);
    if (write.status != STATUS_OK)
        die(status_name(write.status), NULL);
    bench->acknowledged++;
    at = bench->latency_count++;
    if (at < LATENCIES_MAX)
        bench->latencies_us[at] = (uint32_t)(clock_monotonic_us() - began);
}

static void *submitter(void *arg)
{
    struct bench *bench = arg;
    struct answer answer = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

    while (clock_monotonic_us() < bench->until_us) {
        uint64_t number = ++bench->next_key;

        if (bench->last_key != 0 && number > bench->last_key)
            break;
        write_one(bench, &answer, number);
    }
    return NULL;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* One stage: so many submitters, for a time, or until there are `last_key` objects. */
static void run_stage(struct bench *bench, size_t submitters, double seconds, uint64_t last_key)
{
    pthread_t threads[SUBMITTERS_MAX];
    struct storage_stats before, after;
    uint64_t began = clock_monotonic_us(), count;
    double took;

    bench->until_us = began + (uint64_t)(seconds * 1e6);
    bench->last_key = last_key;
    bench->acknowledged = bench->latency_count = 0;
    storage_get_stats(bench->storage, &before);
    for (size_t i = 0; i < submitters; i++)
        if (pthread_create(&threads[i], NULL, submitter, bench) != 0)
            die("pthread_create", NULL);
    for (size_t i = 0; i < submitters; i++)
        pthread_join(threads[i], NULL);
    took = (double)(clock_monotonic_us() - began) / 1e6;
    storage_get_stats(bench->storage, &after);
    count = bench->latency_count < LATENCIES_MAX ? bench->latency_count : LATENCIES_MAX;
    if (count == 0)
        return;
    qsort(bench->latencies_us, count, sizeof(uint32_t), compare_u32);
    printf(
        "%3zu submitters: %8.0f acknowledged creates/s, %5.1f a commit, "
        "p50 %" PRIu32 " us, p99 %" PRIu32 " us, p99.9 %" PRIu32 " us, %" PRIu64 " checkpoints\n",
        submitters, (double)bench->acknowledged / took,
        (double)bench->acknowledged / (double)(after.commits - before.commits),
        bench->latencies_us[count / 2], bench->latencies_us[count * 99 / 100],
        bench->latencies_us[count * 999 / 1000], after.checkpoint_count - before.checkpoint_count);
}

static void open_store(struct bench *bench, const char *path)
{
    struct storage_options options = {
        .backend = "sqlite", .path = path, .on_batch = answer_all, .on_fatal = on_fatal};
    struct error err = {0};

    if (storage_open(&options, &bench->storage, &err) != STATUS_OK)
        die("open", &err);
    if (storage_start(bench->storage, &err) != STATUS_OK)
        die("start", &err);
}

static void time_open(struct bench *bench, const char *path, const char *what)
{
    struct storage_stats stats;
    uint64_t began = clock_monotonic_us();

    open_store(bench, path);
    storage_get_stats(bench->storage, &stats);
    printf("opening %" PRIu64 " objects (%" PRIu64 " events of history) %s: %.0f ms\n",
           stats.objects, stats.log_events, what, (double)(clock_monotonic_us() - began) / 1e3);
}

static bool count_event(void *user, const struct event *event)
{
    (void)event;
    ++*(uint64_t *)user;
    return true;
}

static bool count_value(void *user, struct bytes key, struct value *value)
{
    (void)key;
    (void)value;
    ++*(uint64_t *)user;
    return true;
}

static void time_reads(struct bench *bench)
{
    uint64_t began = clock_monotonic_us(), upto = 0, count = 0;

    if (storage_read_events(bench->storage, storage_floor(bench->storage),
                            &(struct events_asked){0}, count_event, &count, &upto,
                            NULL) != STATUS_OK)
        die("read_events", NULL);
    printf("reading %" PRIu64 " events: %.0f ms\n", count,
           (double)(clock_monotonic_us() - began) / 1e3);
    count = 0;
    began = clock_monotonic_us();
    if (storage_read_at(bench->storage, upto, BYTES(""), BYTES(""), count_value, &count, NULL) !=
        STATUS_OK)
        die("read_at", NULL);
    printf("reading %" PRIu64 " objects at a revision: %.0f ms\n", count,
           (double)(clock_monotonic_us() - began) / 1e3);
}

/* What --encryption-provider-config costs for each value: CPU, without any disk. */
static void time_sealing(void)
{
    enum { TIMES = 20000 };
    static const uint8_t secret[SEALING_SECRET_LEN];
    static char data[VALUE_LEN];
    struct sealing *sealing = sealing_new();
    struct bytes key = BYTES("core/secrets/default/name"), value;
    struct buf stored = {0}, opened = {0};
    uint64_t began = clock_thread_us(), sealed;

    if (sealing == NULL || sealing_add_key(sealing, BYTES("key"), secret, NULL) != STATUS_OK ||
        sealing_add_rule(sealing, BYTES("core/secrets/"), BYTES("key"), false, NULL) != STATUS_OK)
        die("sealing", NULL);
    for (int i = 0; i < TIMES; i++) {
        stored.len = 0;
        if (sealing_seal(sealing, key, 1, bytes_of(data, sizeof(data)), &stored, NULL) != STATUS_OK)
            die("sealing_seal", NULL);
    }
    sealed = clock_thread_us();
    for (int i = 0; i < TIMES; i++)
        if (sealing_open(sealing, key, 1, buf_bytes(&stored), &opened, &value, NULL) != STATUS_OK)
            die("sealing_open", NULL);
    printf("sealing a value of %d bytes: %.2f us of CPU, opening it: %.2f us\n", VALUE_LEN,
           (double)(sealed - began) / TIMES, (double)(clock_thread_us() - sealed) / TIMES);
    buf_release(&stored);
    buf_release(&opened);
    sealing_free(sealing);
}

static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};

static void remove_store(const char *path)
{
    char name[600];

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static void copy_file(const char *from, const char *to)
{
    static char block[1 << 20];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t len;

    if (in == NULL || out == NULL)
        die(from, NULL);
    while ((len = fread(block, 1, sizeof(block), in)) != 0)
        if (fwrite(block, 1, len, out) != len)
            die(to, NULL);
    fclose(in);
    if (fclose(out) != 0)
        die(to, NULL);
}

/* The files as they lie there while the store is open: what a crash would leave. */
static void copy_store(const char *path, const char *copy)
{
    char from[600], to[600];

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
        snprintf(to, sizeof(to), "%s%s", copy, suffixes[i]);
        if (strcmp(suffixes[i], "-shm") != 0)
            copy_file(from, to);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    char path[512], copy[600];
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    uint64_t objects = argc > 3 ? strtoull(argv[3], NULL, 10) : 100000;
    static const size_t stages[] = {1, 10, 100};

    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [SECONDS [OBJECTS]]\n", argv[0]);
        return 2;
    }
    bench.latencies_us = calloc(LATENCIES_MAX, sizeof(uint32_t));
    snprintf(path, sizeof(path), "%s/bench-%d.db", argv[1], (int)getpid());
    snprintf(copy, sizeof(copy), "%s.copy", path);
    time_sealing();
    open_store(&bench, path);
    for (size_t i = 0; i < ARRAY_LEN(stages); i++)
        run_stage(&bench, stages[i], seconds, 0);
    storage_close(bench.storage);
    remove_store(path);

    bench.next_key = 0;
    open_store(&bench, path);
    run_stage(&bench, 100, 600, objects);
    copy_store(path, copy);
    storage_close(bench.storage);
    time_open(&bench, path, "after a clean end");
    time_reads(&bench);
    storage_close(bench.storage);
    time_open(&bench, copy, "after a crash");
    storage_close(bench.storage);
    remove_store(path);
    remove_store(copy);
    free(bench.latencies_us);
    return 0;
}
