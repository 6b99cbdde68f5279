/*
 * When the log is shortened: by age, by bytes, or because somebody asked.
 *
 * The floor rises in steps of one bounded transaction. In an idle moment a step is small and the
 * next one follows at once; under load a step comes once in LOOK_EVERY events and may take twice as
 * many as came since the last one, so that the log cannot outgrow its bounds.
 */
#include "base/clock.h"
#include "base/log.h"
#include "storage/internal.h"

enum {
    LOOK_EVERY = 256,
    IDLE_STEP = 256,
    BUSY_STEP_MAX = 1024,
    SLACK_MAX_MS = 30000,
    PAUSE_MS = 10000, /* after a step that failed for want of space */
};

static int64_t age_ms(const struct storage *storage)
{
    uint64_t age_s = storage->options.history_age_s;

    return age_s < INT32_MAX ? (int64_t)age_s * 1000 : (int64_t)INT32_MAX * 1000;
}

/* Events grow old one by one; they are taken by the handful, some time after. */
static int64_t slack_ms(const struct storage *storage)
{
    int64_t slack = age_ms(storage) / 16;

    return slack < SLACK_MAX_MS ? slack : SLACK_MAX_MS;
}

void compactor_note_events(struct storage *storage, int64_t now_ms)
{
    if (storage->compactor.oldest_ms == 0)
        storage->compactor.oldest_ms = now_ms;
}

static bool is_paused(const struct storage *storage)
{
    return storage->compactor.not_before_ms > clock_monotonic_ms();
}

int64_t compactor_next_ms(const struct storage *storage, int64_t now_ms)
{
    int64_t oldest = storage->compactor.oldest_ms;

    if (is_paused(storage))
        return now_ms + PAUSE_MS;
    return oldest != 0 ? oldest + age_ms(storage) + slack_ms(storage) : 0;
}

static uint64_t wanted(const struct storage *storage)
{
    uint64_t rev = atomic_load(&storage->compactor.wanted);
    uint64_t committed = storage_committed(storage);

    return rev < committed ? rev : committed;
}

bool compactor_is_due(const struct storage *storage, int64_t now_ms, bool idle)
{
    const struct compactor *c = &storage->compactor;
    bool enough = storage_committed(storage) - c->looked_rev >= LOOK_EVERY;
    int64_t next_ms = compactor_next_ms(storage, now_ms);

    if (is_paused(storage) || (!idle && !enough))
        return false;
    return c->behind || wanted(storage) > storage_floor(storage) ||
           (next_ms != 0 && next_ms <= now_ms) || (storage->options.history_bytes != 0 && enough);
}

static size_t step_size(const struct storage *storage, bool idle)
{
    uint64_t twice = 2 * (storage_committed(storage) - storage->compactor.looked_rev);

    if (idle || twice < IDLE_STEP)
        return IDLE_STEP;
    return twice < BUSY_STEP_MAX ? (size_t)twice : BUSY_STEP_MAX;
}

static void forget(void *user, struct bytes key, uint64_t rev)
{
    struct storage *storage = user;

    pthread_mutex_lock(&storage->index.lock);
    index_forget(&storage->index, key, rev);
    pthread_mutex_unlock(&storage->index.lock);
}

void compactor_step(struct storage *storage, int64_t now_ms, bool idle)
{
    struct compactor *c = &storage->compactor;
    struct compact_rule rule = {
        .upto = wanted(storage),
        .before_ms = now_ms - age_ms(storage),
        .keep_bytes = storage->options.history_bytes,
        .max_events = step_size(storage, idle),
        .dropped = forget,
        .user = storage,
    };
    struct compacted done = {0};
    struct error err = {0};
    enum status st;

    st = storage->ops->compact(storage->backend, &rule, &done, &err);
    if (st == STATUS_OK) {
        atomic_store_explicit(&storage->floor, done.floor, memory_order_release);
        count_up(&storage->compacted_events, done.events);
        c->oldest_ms = done.oldest_ms;
        c->behind = done.more;
        c->looked_rev = storage_committed(storage);
    } else if (st == STATUS_NO_SPACE || st == STATUS_NO_MEMORY) {
        LOG_WARN("the log could not be compacted", LOG_STR("error", error_message(&err)));
        c->not_before_ms = clock_monotonic_ms() + PAUSE_MS;
    } else {
        writer_die(storage, &err);
    }
    error_release(&err);
}
