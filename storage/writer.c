/*
 * The writer thread. One turn of it:
 *
 *   wait --> take what is queued --> check and apply to the index --> commit --> publish --> settle
 *                                          |  it failed: undo the index, answer with the failure
 *   and between groups: a step of compaction or of the backend's upkeep
 *
 * Groups grow from what is queued during a commit, and from those who were answered by the last
 * one, if they are soon back: wait_for_company(). A lone writer waits for nobody. A conflict costs
 * no disk, and a group of nothing but conflicts no transaction.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/planted.h"
#include "storage/internal.h"

enum {
    GROUP_BYTES_MAX = 8 << 20,
    IDLE_MS = 2,            /* so long without a write is an idle moment */
    EXPIRE_PAUSE_MS = 1000, /* after a group that failed for want of space */
    VAIN_MAX = 6,           /* 2^6 groups between waits that nobody comes to */
    NAP_MAX_MS = 60000,     /* wall time can be set while we wait for it: look at least so often */
};

static int64_t wall_ms(void)
{
    return clock_wall_us() / 1000;
}

void writer_die(struct storage *storage, const struct error *err)
{
    if (storage->dead)
        return;
    storage->dead = true;
    LOG_ERROR("the store can write no more", LOG_STR("error", error_message(err)));
    if (storage->options.on_fatal != NULL)
        storage->options.on_fatal(storage->options.user, error_message(err));
}

/* --- a group --- */

/* Does one change to the index and notes it as the next event. Takes over `value` (NULL: delete).
 */
static uint64_t apply_change(struct storage *storage, struct entry *entry, struct value *value,
                             int64_t expires_ms)
{
    struct group *group = &storage->group;
    size_t at = group->count++;
    uint64_t rev = storage_committed(storage) + group->count;

    assert(at < group->capacity);
    group->changes[at] = (struct change){entry, entry->expires_ms, !entry->touched};
    group->expires_ms[at] = expires_ms;
    group->events[at] = (struct event){
        .rev = rev,
        .type = value != NULL ? EVENT_PUT : EVENT_DELETE,
        .key = entry_key(entry),
        .value = value,
        .prev = entry->value, /* the index's reference, dropped when the group is settled */
    };
    if (value != NULL)
        value->rev = rev;
    entry->value = value;
    entry->expires_ms = expires_ms;
    entry->touched = true;
    versions_push(&entry->versions, rev); /* nobody reads at it before it is committed */
    return rev;
}

static enum status check_conflicts(const struct storage *storage, struct write *write,
                                   const struct entry *entry)
{
    write->actual = entry_rev(entry);
    if (write->actual != write->expected && !PLANTED(lost_update))
        return STATUS_CONFLICT;
    for (size_t i = 0; i < WRITE_GUARDS_MAX; i++) {
        const struct guard *guard = &write->guards[i];

        if (guard->key.ptr != NULL &&
            entry_rev(index_find(&storage->index, guard->key)) != guard->rev) {
            write->guard_failed = true;
            return STATUS_CONFLICT;
        }
    }
    return STATUS_OK;
}

/* The entry a write goes to, `found` or a new one, with room for all that follows, its expiry too;
 * NULL without memory. */
static struct entry *entry_for(struct storage *storage, const struct write *write,
                               struct entry *found)
{
    struct entry *entry = found != NULL ? found : index_add(&storage->index, write->key);
    bool expires = write->ttl_s != 0;

    if (entry == NULL)
        return NULL;
    if (versions_reserve(&entry->versions, expires ? 2 : 1) &&
        (!expires || expiry_reserve(&storage->index.expiry, storage->index.tree.count)))
        return entry;
    index_drop_empty(&storage->index, entry);
    return NULL;
}

static void apply_write(struct storage *storage, struct write *write)
{
    bool put = write->type == WRITE_PUT;
    struct entry *entry;
    int64_t expires_ms = 0;

    if (write->status != STATUS_OK) /* storage_submit() did not like it */
        return;
    entry = index_find(&storage->index, write->key);
    write->status = check_conflicts(storage, write, entry);
    if (write->status != STATUS_OK)
        return;
    entry = entry_for(storage, write, entry);
    if (entry == NULL) {
        write->status = STATUS_NO_MEMORY;
        return;
    }
    if (put && write->ttl_s != 0)
        expires_ms = storage->group.now_ms + (int64_t)write->ttl_s * 1000;
    write->rev = apply_change(storage, entry, put ? write->value : NULL, expires_ms);
}

/* Wall time at which there is something to expire; 0: nothing is. */
static int64_t next_expiry_ms(const struct storage *storage)
{
    int64_t next = expiry_next_ms(&storage->index.expiry);

    return next == 0 || next > storage->expire_not_before_ms ? next : storage->expire_not_before_ms;
}

static bool is_expiry_due(const struct storage *storage, int64_t now_ms)
{
    int64_t next = next_expiry_ms(storage);

    return next != 0 && next <= now_ms;
}

/* What has expired is deleted like anything else: each with a revision and an event of its own. */
static void apply_expired(struct storage *storage)
{
    size_t room = storage->group.capacity - storage->options.group_max;
    struct entry *entry;

    if (!is_expiry_due(storage, storage->group.now_ms))
        return;
    while (room-- > 0 &&
           (entry = expiry_pop(&storage->index.expiry, storage->group.now_ms)) != NULL)
        apply_change(storage, entry, NULL, 0);
}

static void note_disk_time(struct gathering *gathering, uint64_t us)
{
    gathering->disk_us = (gathering->disk_us * 3 + us) / 4;
}

static enum status commit_group(struct storage *storage)
{
    const struct group *group = &storage->group;
    struct commit commit = {.events = group->events,
                            .expires_ms = group->expires_ms,
                            .count = group->count,
                            .now_ms = group->now_ms};
    uint64_t began = clock_monotonic_us(), cpu_began = clock_thread_us(), took, busy;
    struct error err = {0};
    enum status st = sealer_seal_group(storage, &commit, &err);

    if (st == STATUS_OK)
        st = storage->ops->commit(storage->backend, &commit, &err);
    if (st == STATUS_OK)
        sealer_note_group(storage);
    took = clock_monotonic_us() - began;
    busy = clock_thread_us() - cpu_began;
    note_disk_time(&storage->gathering, took > busy ? took - busy : 0);
    count_up(&storage->commit_us_total, took);
    count_up(&storage->commits, 1);
    if (st == STATUS_NO_SPACE || st == STATUS_NO_MEMORY)
        LOG_WARN("writes were refused", LOG_STR("error", error_message(&err)),
                 LOG_INT("count", group->count));
    else if (st != STATUS_OK)
        writer_die(storage, &err);
    error_release(&err);
    return st;
}

/* Takes a group that failed out of the index again, newest change first. Its values are their
 * writers' again, and its revisions, which nobody has seen, are the next group's. */
static void undo_group(struct storage *storage)
{
    struct group *group = &storage->group;

    for (size_t i = group->count; i-- > 0;) {
        struct event *event = &group->events[i];
        struct change *change = &group->changes[i];

        if (event->value != NULL)
            event->value->rev = 0;
        versions_pop(&change->entry->versions);
        change->entry->value = event->prev;
        change->entry->expires_ms = change->expires_before_ms;
        event->prev = NULL;
    }
}

/* A write that conflicted with one that is undone was refused for a reason that never was: every
 * write of the group gets the same answer. */
static void answer_failed(struct write *writes, enum status st)
{
    for (struct write *it = writes; it != NULL; it = it->next) {
        it->status = st;
        it->rev = it->actual = 0;
        it->guard_failed = false;
    }
}

static void count_group(struct storage *storage, const struct batch *batch)
{
    uint64_t writes = 0, conflicts = 0, created = 0, deleted = 0;

    for (const struct write *it = batch->writes; it != NULL; it = it->next) {
        writes++;
        conflicts += it->status == STATUS_CONFLICT;
    }
    for (size_t i = 0; i < batch->event_count; i++) {
        created += batch->events[i].prev == NULL;
        deleted += batch->events[i].type == EVENT_DELETE;
    }
    count_up(&storage->writes, writes);
    count_up(&storage->conflicts, conflicts);
    count_up(&storage->objects, created - deleted);
}

/* `committed` rises just before on_batch(): whoever is told of a write by it finds the write not
 * newer than storage_committed(), and whoever waits for storage_committed() waits only for a batch
 * that is already on its way. */
static void publish(struct storage *storage, struct write *writes, size_t event_count)
{
    const struct group *group = &storage->group;
    struct batch batch = {.events = group->events, .event_count = event_count, .writes = writes};

    count_group(storage, &batch);
    if (event_count != 0)
        atomic_store_explicit(&storage->committed, group->events[event_count - 1].rev,
                              memory_order_release);
    batch.rev = storage_committed(storage);
    if ((writes != NULL || event_count != 0) && storage->options.on_batch != NULL)
        storage->options.on_batch(storage->options.user, &batch);
}

/* Drops what the group has replaced, and the entries it has emptied. */
static void settle_group(struct storage *storage)
{
    struct group *group = &storage->group;

    pthread_mutex_lock(&storage->index.lock);
    for (size_t i = 0; i < group->count; i++) {
        struct change *change = &group->changes[i];

        value_unref(group->events[i].prev);
        if (!change->first)
            continue; /* the entry may be gone by now */
        change->entry->touched = false;
        expiry_place(&storage->index.expiry, change->entry);
        index_drop_empty(&storage->index, change->entry);
    }
    pthread_mutex_unlock(&storage->index.lock);
}

static void expect_company(struct storage *storage, const struct write *writes)
{
    struct gathering *g = &storage->gathering;

    pthread_mutex_lock(&storage->lock);
    g->expected = storage->queued;
    pthread_mutex_unlock(&storage->lock);
    for (const struct write *it = writes; it != NULL; it = it->next)
        g->expected++;
    if (g->expected > storage->options.group_max)
        g->expected = storage->options.group_max;
    g->answered_us = clock_monotonic_us();
}

static void run_group(struct storage *storage, struct write *writes)
{
    struct group *group = &storage->group;
    enum status st = storage->dead ? STATUS_IO : STATUS_OK;

    group->count = 0;
    group->now_ms = wall_ms();
    sealer_begin_group(storage);
    if (st == STATUS_OK) {
        pthread_mutex_lock(&storage->index.lock);
        apply_expired(storage);
        for (struct write *it = writes; it != NULL; it = it->next)
            apply_write(storage, it);
        pthread_mutex_unlock(&storage->index.lock);
    }
    if (PLANTED(ack_before_commit)) {
        publish(storage, writes, group->count);
        usleep(20000);
    }
    if (group->count != 0)
        st = commit_group(storage);
    if (st != STATUS_OK) {
        pthread_mutex_lock(&storage->index.lock);
        undo_group(storage);
        pthread_mutex_unlock(&storage->index.lock);
        storage->expire_not_before_ms = group->now_ms + EXPIRE_PAUSE_MS;
        answer_failed(writes, st);
    }
    expect_company(storage, PLANTED(ack_before_commit) ? NULL : writes);
    if (!PLANTED(ack_before_commit))
        publish(storage, writes, st == STATUS_OK ? group->count : 0);
    settle_group(storage);
    sealer_end_group(storage);
    if (st == STATUS_OK && group->count != 0)
        compactor_note_events(storage, group->now_ms);
}

/* --- the thread --- */

/* How long the writer may sleep when nothing is queued; -1: until it is woken. */
static int64_t nap_ms(const struct storage *storage)
{
    int64_t now = wall_ms(), expires = next_expiry_ms(storage);
    int64_t ages = compactor_next_ms(storage, now);
    int64_t next = expires != 0 && (ages == 0 || expires < ages) ? expires : ages;
    int64_t nap;

    if (storage->dead)
        return -1;
    if (storage->untidy)
        return IDLE_MS;
    if (next == 0)
        return -1;
    nap = next - now;
    return nap < 1 ? 1 : nap < NAP_MAX_MS ? nap : NAP_MAX_MS;
}

static struct timespec deadline_at(uint64_t at_us)
{
    return (struct timespec){.tv_sec = (time_t)(at_us / 1000000),
                             .tv_nsec = (long)(at_us % 1000000) * 1000};
}

/* Whoever was answered writes again at once, or not for long. If the group sets off with those
 * alone who came during the last commit, there are two halves that for ever wait for each other's,
 * each for two commits; together they take one. So the group waits until as many are there as then
 * were on their way, but at most half as long as a commit waits for the disk, when nobody computes
 * anyhow. Who waits in vain does so more and more seldom. The lock is held. */
static void wait_for_company(struct storage *storage)
{
    struct gathering *g = &storage->gathering;
    uint64_t until_us = g->answered_us + g->disk_us / 2;
    struct timespec deadline = deadline_at(until_us);
    bool timed_out = false;

    if (storage->queued >= g->expected || until_us <= clock_monotonic_us())
        return;
    if (g->skip > 0) {
        g->skip--;
        return;
    }
    storage->awaited = g->expected;
    while (storage->queued < g->expected && !storage->closing && !timed_out)
        timed_out = pthread_cond_timedwait(&storage->wake, &storage->lock, &deadline) == ETIMEDOUT;
    storage->awaited = 1;
    g->vain = timed_out ? g->vain + (g->vain < VAIN_MAX) : 0;
    g->skip = timed_out ? (1U << g->vain) - 1 : 0;
}

/* Takes a group's worth from the front of the queue. The lock is held. */
static struct write *take_locked(struct storage *storage)
{
    struct write *first = storage->queue, **end = &storage->queue;
    size_t bytes = 0;
    uint32_t n = 0;

    for (; *end != NULL && n < storage->options.group_max; n++) {
        bytes += (*end)->type == WRITE_PUT && (*end)->value != NULL ? (*end)->value->len : 0;
        if (n != 0 && bytes > GROUP_BYTES_MAX)
            break;
        end = &(*end)->next;
    }
    if (end == &storage->queue)
        return NULL;
    storage->queue = *end;
    storage->queued -= n;
    *end = NULL;
    if (storage->queue == NULL)
        storage->queue_end = &storage->queue;
    return first;
}

/* Sleeps until there is something to do. False: the store closes, and the queue is empty. */
static bool wait_for_work(struct storage *storage, struct write **ret_writes)
{
    int64_t nap = nap_ms(storage);
    struct timespec deadline =
        deadline_at(clock_monotonic_us() + (nap > 0 ? (uint64_t)nap * 1000 : 0));
    bool go_on, timed_out = false;

    pthread_mutex_lock(&storage->lock);
    while (storage->queue == NULL && !storage->closing && !storage->compact_asked && !timed_out) {
        if (nap < 0)
            pthread_cond_wait(&storage->wake, &storage->lock);
        else
            timed_out = pthread_cond_timedwait(&storage->wake, &storage->lock, &deadline) != 0;
    }
    storage->compact_asked = false;
    if (storage->queue != NULL)
        wait_for_company(storage);
    *ret_writes = take_locked(storage);
    go_on = *ret_writes != NULL || !storage->closing;
    pthread_mutex_unlock(&storage->lock);
    return go_on;
}

/* At most one step, so that a write that comes meanwhile waits for no more than that. */
static void tidy(struct storage *storage, bool idle)
{
    struct error err = {0};
    bool more = false;
    enum status st;

    if (compactor_is_due(storage, wall_ms(), idle)) {
        compactor_step(storage, wall_ms(), idle);
        more = true;
    } else {
        st = storage->ops->upkeep(storage->backend, idle, &more, &err);
        if (st != STATUS_OK && st != STATUS_NO_SPACE && st != STATUS_NO_MEMORY)
            writer_die(storage, &err);
        error_release(&err);
    }
    storage->untidy = more || compactor_is_due(storage, wall_ms(), true);
}

void *writer_main(void *arg)
{
    struct storage *storage = arg;
    struct write *writes;

    pthread_setname_np(pthread_self(), "writer");
    while (wait_for_work(storage, &writes)) {
        if (writes != NULL || (!storage->dead && is_expiry_due(storage, wall_ms())))
            run_group(storage, writes);
        if (!storage->dead)
            tidy(storage, writes == NULL);
    }
    return NULL;
}
