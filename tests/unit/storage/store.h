/*
 * store - a store in a temporary folder, for the tests of this folder: writes that wait for their
 * answer, and a record of every event that on_batch() has handed out.
 */
#ifndef TIDEWATCH_TESTS_UNIT_STORAGE_STORE_H
#define TIDEWATCH_TESTS_UNIT_STORAGE_STORE_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "storage/storage.h"

enum { STORE_WAIT_S = 30 };

struct recorded {
    uint64_t rev;
    enum event_type type;
    char key[64];
    struct value *value, *prev;
};

struct store {
    struct storage *storage;
    struct storage_options options;
    char folder[64], path[80];

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct recorded *events;
    size_t event_count, event_capacity, batch_count;
    size_t fatal_count;
    bool gate_closed; /* on_batch() waits while it is */
    bool at_gate;
};

struct answered {
    struct store *store;
    bool done;
};

static inline void record_event(struct store *store, const struct event *event)
{
    struct recorded *to;

    if (store->event_count == store->event_capacity) {
        store->event_capacity = store->event_capacity != 0 ? store->event_capacity * 2 : 64;
        store->events = realloc(store->events, store->event_capacity * sizeof(*store->events));
    }
    to = &store->events[store->event_count++];
    *to = (struct recorded){.rev = event->rev, .type = event->type};
    snprintf(to->key, sizeof(to->key), "%.*s", BYTES_FMT(event->key));
    to->value = event->value != NULL ? value_ref(event->value) : NULL;
    to->prev = event->prev != NULL ? value_ref(event->prev) : NULL;
}

static inline void store_on_batch(void *user, const struct batch *batch)
{
    struct store *store = user;

    pthread_mutex_lock(&store->lock);
    while (store->gate_closed) {
        store->at_gate = true;
        pthread_cond_broadcast(&store->changed);
        pthread_cond_wait(&store->changed, &store->lock);
    }
    store->at_gate = false;
    store->batch_count++;
    for (size_t i = 0; i < batch->event_count; i++)
        record_event(store, &batch->events[i]);
    for (struct write *it = batch->writes, *next; it != NULL; it = next) {
        struct answered *answered = it->user;

        next = it->next;
        answered->done = true;
    }
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

static inline void store_on_fatal(void *user, const char *why)
{
    struct store *store = user;

    (void)why;
    pthread_mutex_lock(&store->lock);
    store->fatal_count++;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

/* Waits for a change; fails the test when none comes. The lock is held. */
static inline void store_wait_locked(struct store *store)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STORE_WAIT_S;
    CHECK(pthread_cond_timedwait(&store->changed, &store->lock, &until) == 0);
}

static inline void store_init(struct store *store, const char *backend)
{
    *store = (struct store){
        .options = {.backend = backend, .on_batch = store_on_batch, .on_fatal = store_on_fatal},
        .folder = "/tmp/storage-test-XXXXXX",
    };
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->changed, NULL);
    CHECK(mkdtemp(store->folder) != NULL);
    snprintf(store->path, sizeof(store->path), "%s/store.db", store->folder);
    store->options.path = store->path;
    store->options.user = store;
}

static inline enum status store_try_open(struct store *store, struct error *reterr)
{
    return storage_open(&store->options, &store->storage, reterr);
}

static inline void store_open(struct store *store)
{
    struct error err = {0};
    enum status st = store_try_open(store, &err);

    if (st != STATUS_OK)
        fprintf(stderr, "open: %s\n", error_message(&err));
    CHECK_INT(st, STATUS_OK);
    CHECK_INT(storage_start(store->storage, &err), STATUS_OK);
}

static inline void store_close(struct store *store)
{
    storage_close(store->storage);
    store->storage = NULL;
}

static inline void store_forget_events(struct store *store)
{
    for (size_t i = 0; i < store->event_count; i++) {
        value_unref(store->events[i].value);
        value_unref(store->events[i].prev);
    }
    free(store->events);
    store->events = NULL;
    store->event_count = store->event_capacity = 0;
}

static inline void store_remove(struct store *store)
{
    char command[160];

    store_close(store);
    store_forget_events(store);
    snprintf(command, sizeof(command), "rm -rf %s", store->folder);
    CHECK(system(command) == 0);
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->changed);
}

static inline void store_wait_for(struct store *store, const struct answered *answered)
{
    pthread_mutex_lock(&store->lock);
    while (!answered->done)
        store_wait_locked(store);
    pthread_mutex_unlock(&store->lock);
}

/* Submits and waits. Drops the value if the store has not taken it. */
static inline enum status store_write(struct store *store, struct write *write)
{
    struct answered answered = {.store = store};

    write->user = &answered;
    storage_submit(store->storage, write);
    store_wait_for(store, &answered);
    if (write->status != STATUS_OK && write->value != NULL)
        write->value = value_unref(write->value);
    return write->status;
}

static inline struct write put_of(const char *key, const char *text, uint64_t expected)
{
    return (struct write){.type = WRITE_PUT,
                          .key = bytes_str(key),
                          .expected = expected,
                          .value = value_new(bytes_str(text), 0)};
}

static inline struct write delete_of(const char *key, uint64_t expected)
{
    return (struct write){.type = WRITE_DELETE, .key = bytes_str(key), .expected = expected};
}

/* The new revision; 0: it was refused. */
static inline uint64_t store_put(struct store *store, const char *key, const char *text,
                                 uint64_t expected)
{
    struct write write = put_of(key, text, expected);

    return store_write(store, &write) == STATUS_OK ? write.rev : 0;
}

static inline uint64_t store_delete(struct store *store, const char *key, uint64_t expected)
{
    struct write write = delete_of(key, expected);

    return store_write(store, &write) == STATUS_OK ? write.rev : 0;
}

/* Compacts, and waits until the floor is there. */
static inline void store_compact_to(struct store *store, uint64_t rev)
{
    uint64_t until_ms = clock_monotonic_ms() + STORE_WAIT_S * 1000;

    storage_compact(store->storage, rev);
    while (storage_floor(store->storage) < rev) {
        CHECK(clock_monotonic_ms() < until_ms);
        usleep(200);
    }
}

static inline void store_wait_for_events(struct store *store, size_t count)
{
    pthread_mutex_lock(&store->lock);
    while (store->event_count < count)
        store_wait_locked(store);
    pthread_mutex_unlock(&store->lock);
}

/* Makes the writer stop in its next on_batch(), so that what is submitted then is one group. */
static inline void store_close_gate(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->gate_closed = true;
    pthread_mutex_unlock(&store->lock);
}

static inline void store_wait_at_gate(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    while (!store->at_gate)
        store_wait_locked(store);
    pthread_mutex_unlock(&store->lock);
}

static inline void store_open_gate(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    store->gate_closed = false;
    pthread_cond_broadcast(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

/* In a child process: a check that fails ends it, instead of going on with the other tests. */
static inline void store_in_child(void)
{
    setenv("CMOCKA_TEST_ABORT", "1", 1);
}

/* --- what a read hands out, as text: "key=value@rev " or "+key=value@rev<prev " --- */

struct text {
    char data[1 << 16];
    size_t len, count, stop_after;
};

static inline void text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void text_add(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text->len +=
        (size_t)vsnprintf(text->data + text->len, sizeof(text->data) - text->len, format, args);
    va_end(args);
    CHECK(text->len < sizeof(text->data));
}

static inline bool text_value(void *user, struct bytes key, struct value *value)
{
    struct text *text = user;

    text_add(text, "%.*s=%.*s@%llu ", BYTES_FMT(key), BYTES_FMT(value_bytes(value)),
             (unsigned long long)value->rev);
    return ++text->count != text->stop_after;
}

static inline void text_change(struct text *text, uint64_t rev, enum event_type type,
                               struct bytes key, const struct value *value,
                               const struct value *prev)
{
    if (type == EVENT_PUT)
        text_add(text, "+%.*s=%.*s@%llu", BYTES_FMT(key), BYTES_FMT(value_bytes(value)),
                 (unsigned long long)rev);
    else
        text_add(text, "-%.*s@%llu", BYTES_FMT(key), (unsigned long long)rev);
    if (prev != NULL)
        text_add(text, "<%.*s@%llu", BYTES_FMT(value_bytes(prev)), (unsigned long long)prev->rev);
    text_add(text, " ");
}

static inline bool text_event(void *user, const struct event *event)
{
    struct text *text = user;

    text_change(text, event->rev, event->type, event->key, event->value, event->prev);
    return ++text->count != text->stop_after;
}

static inline struct bytes text_bytes(const struct text *text)
{
    return bytes_of(text->data, text->len);
}

static inline enum status store_events(struct store *store, uint64_t after, const char *prefix,
                                       struct text *ret_text)
{
    uint64_t upto;

    ret_text->len = ret_text->count = ret_text->stop_after = 0;
    return storage_read_events(store->storage, after,
                               &(struct events_asked){.prefix = bytes_str(prefix)}, text_event,
                               ret_text, &upto, NULL);
}

static inline enum status store_state(struct store *store, uint64_t rev, const char *prefix,
                                      struct text *ret_text)
{
    ret_text->len = ret_text->count = ret_text->stop_after = 0;
    return storage_read_at(store->storage, rev, bytes_str(prefix), BYTES(""), text_value, ret_text,
                           NULL);
}

/* --- the same from the record of events: what the reads must agree with --- */

static inline void expect_events(const struct store *store, uint64_t after, const char *prefix,
                                 struct text *ret_text)
{
    ret_text->len = 0;
    for (size_t i = 0; i < store->event_count; i++) {
        const struct recorded *it = &store->events[i];

        if (it->rev > after && bytes_starts_with(bytes_str(it->key), bytes_str(prefix)))
            text_change(ret_text, it->rev, it->type, bytes_str(it->key), it->value, it->prev);
    }
}

/* The newest event of `key` up to `rev`. */
static inline const struct recorded *newest_of(const struct store *store, const char *key,
                                               uint64_t rev)
{
    const struct recorded *newest = NULL;

    for (size_t i = 0; i < store->event_count && store->events[i].rev <= rev; i++)
        if (strcmp(store->events[i].key, key) == 0)
            newest = &store->events[i];
    return newest;
}

/* `keys` in order, as many as there are. */
static inline void expect_state(const struct store *store, uint64_t rev, const char *prefix,
                                const char *const *keys, size_t count, struct text *ret_text)
{
    ret_text->len = 0;
    for (size_t i = 0; i < count; i++) {
        const struct recorded *it = newest_of(store, keys[i], rev);

        if (it != NULL && it->type == EVENT_PUT &&
            bytes_starts_with(bytes_str(keys[i]), bytes_str(prefix)))
            text_value(ret_text, bytes_str(keys[i]), it->value);
    }
}

/* --- a random history over a few keys, the same for the same seed --- */

static const char *const history_keys[] = {"a/1", "a/2", "a/3", "ab/1", "b/1", "b/2"};

static inline uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u; /* Numerical Recipes' */
    return *seed >> 8;
}

static inline void store_random_history(struct store *store, uint32_t seed, size_t changes)
{
    uint64_t revs[ARRAY_LEN(history_keys)] = {0};
    char text[32];

    for (size_t i = 0; i < changes; i++) {
        size_t at = next_random(&seed) % ARRAY_LEN(history_keys);

        if (revs[at] != 0 && next_random(&seed) % 3 == 0) {
            CHECK(store_delete(store, history_keys[at], revs[at]) != 0);
            revs[at] = 0;
            continue;
        }
        snprintf(text, sizeof(text), "v%zu", i);
        revs[at] = store_put(store, history_keys[at], text, revs[at]);
        CHECK(revs[at] != 0);
    }
}

#endif
