#include "live.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "storage/store_file.h"
#include "trace.h"

enum {
    GROUP_MAX = 7,
    KEPT = 120, /* changes that a compaction leaves */
    PATIENCE_MS = 60 * 1000,
    LONG_VALUE = 9000,
};

struct live {
    struct storage *storage;
    struct storage_options options;
    char path[160], copy[160];
    struct history *history;
    uint64_t random, submitted;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t waiting; /* writes that are not answered */
    bool gate_closed, at_gate, is_full;

    struct write writes[GROUP_MAX];
    uint64_t revs[HISTORY_KEYS]; /* of what stands at each key; 0: nothing */
};

static void give_up(const char *what, const struct error *err)
{
    fprintf(stderr, "crash_points: %s: %s\n", what, err != NULL ? error_message(err) : "");
    abort();
}

/* --- history --- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0x9e3779b97f4a7c15ULL;
    return a ^ a >> 31;
}

uint64_t history_digest(struct bytes key, const struct value *value)
{
    struct bytes bytes = value_bytes(value);
    uint64_t sum = mix(value->rev, bytes.len);

    for (size_t i = 0; i < key.len; i++)
        sum = mix(sum, (unsigned char)key.ptr[i]);
    for (size_t i = 0; i < bytes.len; i++)
        sum = mix(sum, (unsigned char)bytes.ptr[i]);
    return sum;
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        value_unref(history->changes[i].value);
    free(history->changes);
    *history = (struct history){0};
}

static struct change *history_add(struct history *history)
{
    if (history->count == history->capacity) {
        history->capacity = 2 * history->capacity + 64;
        history->changes = realloc(history->changes, history->capacity * sizeof(*history->changes));
        if (history->changes == NULL)
            abort();
    }
    return &history->changes[history->count++];
}

void history_copy(struct history *to, const struct history *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct change *change = history_add(to);

        *change = from->changes[i];
        if (change->value != NULL)
            value_ref(change->value);
    }
}

static void record(struct history *history, const struct event *event, bool ends_group)
{
    uint64_t before = history->count != 0 ? history->changes[history->count - 1].digest : 0;
    struct change *change = history_add(history);

    if (event->rev != history->count)
        give_up("a revision that does not follow", NULL);
    *change = (struct change){.type = event->type, .digest = before, .ends_group = ends_group};
    snprintf(change->key, sizeof(change->key), "%.*s", BYTES_FMT(event->key));
    if (event->prev != NULL) {
        change->prev_rev = event->prev->rev;
        change->digest -= history_digest(event->key, event->prev);
    }
    if (event->value != NULL) {
        change->value = value_ref(event->value);
        change->digest += history_digest(event->key, event->value);
    }
}

static void on_batch(void *user, const struct batch *batch)
{
    struct live *live = user;

    pthread_mutex_lock(&live->lock);
    while (live->gate_closed) {
        live->at_gate = true;
        pthread_cond_broadcast(&live->changed);
        pthread_cond_wait(&live->changed, &live->lock);
    }
    live->at_gate = false;
    for (size_t i = 0; i < batch->event_count; i++)
        record(live->history, &batch->events[i], i + 1 == batch->event_count);
    if (trace_plant != PLANT_ACK_EARLY)
        trace_acked(batch->rev, storage_floor(live->storage));
    for (struct write *it = batch->writes; it != NULL; it = it->next) {
        if (it->status != STATUS_OK && (it->status != STATUS_NO_SPACE || !live->is_full))
            give_up(status_name(it->status), NULL);
        live->waiting--;
    }
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&live->lock);
}

static void on_fatal(void *user, const char *why)
{
    (void)user;
    give_up(why, NULL);
}

/* --- driving it --- */

static uint64_t below(struct live *live, uint64_t bound)
{
    live->random = live->random * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's */
    return (live->random >> 33) % bound;
}

static void wait_locked(struct live *live)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    if (pthread_cond_timedwait(&live->changed, &live->lock, &until) != 0)
        give_up("waited in vain", NULL);
}

static void set_gate(struct live *live, bool closed)
{
    pthread_mutex_lock(&live->lock);
    live->gate_closed = closed;
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&live->lock);
}

static void wait_at_gate(struct live *live)
{
    pthread_mutex_lock(&live->lock);
    while (!live->at_gate)
        wait_locked(live);
    pthread_mutex_unlock(&live->lock);
}

static void wait_for_answers(struct live *live)
{
    pthread_mutex_lock(&live->lock);
    while (live->waiting != 0)
        wait_locked(live);
    pthread_mutex_unlock(&live->lock);
}

/* A write of any key to what it is not yet: it will be change `submitted`. */
static void submit(struct live *live, struct write *write)
{
    static char keys[HISTORY_KEYS][HISTORY_KEY_LEN];
    static char text[LONG_VALUE + 1];
    size_t at = below(live, HISTORY_KEYS), len;

    snprintf(keys[at], sizeof(keys[at]), "k%zu", at);
    *write = (struct write){.key = bytes_str(keys[at]), .expected = live->revs[at]};
    live->submitted++;
    if (live->revs[at] != 0 && below(live, 4) == 0) {
        write->type = WRITE_DELETE;
        live->revs[at] = 0;
    } else {
        len = live->is_full || below(live, 12) == 0 ? below(live, LONG_VALUE) : below(live, 300);
        memset(text, (int)('a' + below(live, 26)), len);
        write->value = value_new(bytes_of(text, len), 0);
        live->revs[at] = live->submitted;
    }
    pthread_mutex_lock(&live->lock);
    live->waiting++;
    pthread_mutex_unlock(&live->lock);
    storage_submit(live->storage, write);
    if (trace_plant == PLANT_ACK_EARLY)
        trace_acked(live->submitted, storage_floor(live->storage));
}

/* One write, and behind it a group of some. */
static void write_groups(struct live *live)
{
    size_t count = below(live, GROUP_MAX);

    set_gate(live, count != 0);
    submit(live, &live->writes[0]);
    if (count != 0)
        wait_at_gate(live);
    for (size_t i = 1; i <= count && i < GROUP_MAX; i++)
        submit(live, &live->writes[i]);
    set_gate(live, false);
    wait_for_answers(live);
}

/* What a full disk leaves of a commit stays in the log, behind the next ones. */
static void write_to_a_full_disk(struct live *live)
{
    uint64_t revs[HISTORY_KEYS];
    struct write *write = &live->writes[0];

    memcpy(revs, live->revs, sizeof(revs));
    live->is_full = true;
    vfs_fill((int)below(live, 10));
    submit(live, write);
    wait_for_answers(live);
    vfs_fill(-1);
    live->is_full = false;
    if (write->status == STATUS_OK)
        return;
    value_unref(write->value);
    memcpy(live->revs, revs, sizeof(revs));
    live->submitted--;
}

static uint64_t checkpoints(struct live *live)
{
    struct storage_stats stats;

    storage_get_stats(live->storage, &stats);
    return stats.checkpoint_count;
}

/* Writes until enough has come together for a checkpoint, which an idle moment brings. */
static void write_to_a_checkpoint(struct live *live)
{
    uint64_t before = checkpoints(live), until_ms = clock_monotonic_ms() + PATIENCE_MS;

    for (int i = 1; checkpoints(live) == before; i++) {
        write_groups(live);
        if (i % 9 == 0 && trace_plant != PLANT_ACK_EARLY)
            write_to_a_full_disk(live);
        for (int look = 0; i % 8 == 0 && look < 16 && checkpoints(live) == before; look++)
            usleep(500);
        if (clock_monotonic_ms() > until_ms)
            give_up("no checkpoint came", NULL);
    }
}

static void compact(struct live *live)
{
    uint64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    uint64_t committed = storage_committed(live->storage);
    uint64_t to = committed > KEPT ? committed - below(live, KEPT) : committed / 2;

    if (to <= storage_floor(live->storage))
        return;
    storage_compact(live->storage, to);
    while (storage_floor(live->storage) < to) {
        if (clock_monotonic_ms() > until_ms)
            give_up("no compaction came", NULL);
        if (below(live, 2) == 0)
            write_groups(live);
        else
            usleep(200);
    }
    if (trace_plant != PLANT_ACK_EARLY)
        trace_acked(storage_committed(live->storage), storage_floor(live->storage));
}

/* While an event is read, the reader's transaction is open: the log cannot begin anew. */
static bool write_while_reading(void *user, const struct event *event)
{
    (void)event;
    write_to_a_checkpoint(user);
    return false;
}

static void write_under_a_reader(struct live *live)
{
    uint64_t upto;
    struct error err = {0};

    if (storage_read_events(live->storage, storage_floor(live->storage), &(struct events_asked){0},
                            write_while_reading, live, &upto, &err) != STATUS_OK)
        give_up("reading", &err);
}

static void write_between(void *user, const char *doing, uint64_t done, uint64_t all)
{
    (void)doing;
    (void)done;
    (void)all;
    write_groups(user);
}

static void back_up(struct live *live)
{
    struct store_file_watcher watcher = {write_between, live};
    struct store_file_report report;
    struct error err = {0};

    if (store_file_backup(live->path, live->copy, &watcher, &report, &err) != STATUS_OK)
        give_up("backup", &err);
    trace_copied(live->copy);
}

static void live_open(struct live *live)
{
    struct error err = {0};

    if (storage_open(&live->options, &live->storage, &err) != STATUS_OK ||
        storage_start(live->storage, &err) != STATUS_OK)
        give_up("opening", &err);
    live->submitted = live->history->count;
    if (storage_committed(live->storage) != live->submitted)
        give_up("it has another revision than before", NULL);
    trace_acked(live->submitted, storage_floor(live->storage));
}

static void live_init(struct live *live, const char *folder, uint64_t seed, struct history *history)
{
    *live = (struct live){.random = seed, .history = history};
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->changed, NULL);
    snprintf(live->path, sizeof(live->path), "%s/store.db", folder);
    snprintf(live->copy, sizeof(live->copy), "%s/copy.db", folder);
    live->options = (struct storage_options){
        .backend = "sqlite",
        .path = live->path,
        .on_batch = on_batch,
        .on_fatal = on_fatal,
        .user = live,
    };
}

/* What stands at each key, from the history. */
static void find_revs(struct live *live)
{
    for (size_t i = 0; i < live->history->count; i++) {
        const struct change *change = &live->history->changes[i];

        live->revs[atoi(change->key + 1)] = change->type == EVENT_PUT ? i + 1 : 0;
    }
}

static void live_release(struct live *live)
{
    storage_close(live->storage);
    pthread_mutex_destroy(&live->lock);
    pthread_cond_destroy(&live->changed);
}

void live_workload(const char *folder, uint64_t seed, struct history *history)
{
    struct live live;

    live_init(&live, folder, seed, history);
    live_open(&live);
    write_to_a_checkpoint(&live);
    compact(&live);
    write_under_a_reader(&live);
    back_up(&live);
    write_to_a_checkpoint(&live); /* of a log that could not begin anew */
    compact(&live);
    write_to_a_checkpoint(&live);
    storage_close(live.storage);
    live_open(&live);
    for (int i = 0; i < 10; i++)
        write_groups(&live);
    compact(&live);
    live_release(&live);
}

void live_go_on(const char *folder, uint64_t seed, struct history *history)
{
    struct live live;

    live_init(&live, folder, seed, history);
    live_open(&live);
    find_revs(&live);
    for (int i = 0; i < 3; i++)
        write_groups(&live);
    compact(&live);
    live_release(&live);
}
