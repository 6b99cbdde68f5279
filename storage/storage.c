#include "storage/storage.h"

#include <stdlib.h>
#include <time.h>

#include "storage/internal.h"

enum {
    GROUP_DEFAULT = 512,
    EXPIRED_PER_GROUP = 128, /* on top of the writes of a group */
    HISTORY_AGE_DEFAULT_S = 6 * 60 * 60,
    KEY_MAX = 4096,
    VALUE_MAX = 64 << 20, /* far above any object the server lets in; sqlite's own end is 1e9 */
};

static const struct storage_ops *const backends[] = {&sqlite_ops, &memory_ops};

static const struct storage_ops *find_backend(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(backends); i++)
        if (name != NULL && strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

static bool make_group(struct group *group, size_t capacity, bool sealed)
{
    group->capacity = capacity;
    group->events = calloc(capacity, sizeof(*group->events));
    group->expires_ms = calloc(capacity, sizeof(*group->expires_ms));
    group->changes = calloc(capacity, sizeof(*group->changes));
    group->stored = sealed ? calloc(capacity, sizeof(*group->stored)) : NULL;
    return group->events != NULL && group->expires_ms != NULL && group->changes != NULL &&
           (!sealed || group->stored != NULL);
}

/* Timed waits must not follow a wall clock that is set: they use the monotonic one. */
static void make_lock(struct storage *storage)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&storage->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&storage->wake, &attr);
    pthread_condattr_destroy(&attr);
}

void storage_free(struct storage *storage)
{
    if (storage == NULL)
        return;
    index_release(&storage->index);
    free(storage->group.events);
    free(storage->group.expires_ms);
    free(storage->group.changes);
    free(storage->group.stored);
    buf_release(&storage->group.sealed);
    sealer_release(&storage->sealer);
    pthread_cond_destroy(&storage->wake);
    pthread_mutex_destroy(&storage->lock);
    free(storage);
}

static struct storage *storage_new(const struct storage_options *options)
{
    struct storage *storage = calloc(1, sizeof(*storage));
    bool named;

    if (storage == NULL) {
        sealing_free(options->sealing);
        return NULL;
    }
    storage->options = *options;
    named = sealer_init(&storage->sealer, options->sealing);
    if (storage->options.group_max == 0)
        storage->options.group_max = GROUP_DEFAULT;
    if (storage->options.history_age_s == 0)
        storage->options.history_age_s = HISTORY_AGE_DEFAULT_S;
    storage->queue_end = &storage->queue;
    storage->awaited = 1;
    storage->compactor.behind = true; /* so that it looks once */
    make_lock(storage);
    index_init(&storage->index);
    if (!named ||
        !make_group(&storage->group, (size_t)storage->options.group_max + EXPIRED_PER_GROUP,
                    storage->sealer.on)) {
        storage_free(storage);
        return NULL;
    }
    return storage;
}

static enum status keep_value(struct storage *storage, struct entry *entry,
                              const struct stored_value *row, struct error *reterr)
{
    struct buf scratch = {0};
    struct bytes open;
    enum status st =
        sealer_open(&storage->sealer, row->key, row->rev, row->bytes, &scratch, &open, reterr);

    if (st == STATUS_SEALED) { /* all of them are counted first */
        sealer_note_unopened(&storage->sealer, row);
        st = STATUS_OK;
    } else if (st == STATUS_OK) {
        entry->seal = sealer_number(&storage->sealer, row->bytes);
        st = storage_make_value(storage, row->key, open, row->rev, &entry->value, reterr);
    }
    buf_release(&scratch);
    return st;
}

/* One row into the index, newest first: the first one of a key is what stands there. */
static enum status keep_loaded(void *user, const struct stored_value *row, struct error *reterr)
{
    struct storage *storage = user;
    struct entry *entry = index_make(&storage->index, row->key);
    enum status st;
    bool newest;

    if (entry == NULL || !versions_reserve(&entry->versions, row->expires_ms != 0 ? 2 : 1))
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory while loading");
    newest = entry->versions.newest == 0;
    versions_push(&entry->versions, row->rev);
    if (!newest)
        sealer_note_old(&storage->sealer, row);
    if (!newest || row->type == EVENT_DELETE)
        return STATUS_OK;
    st = keep_value(storage, entry, row, reterr);
    if (st != STATUS_OK)
        return st;
    entry->expires_ms = row->expires_ms;
    storage->objects++;
    if (row->expires_ms != 0 && !expiry_reserve(&storage->index.expiry, storage->index.tree.count))
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory while loading");
    expiry_place(&storage->index.expiry, entry);
    return STATUS_OK;
}

enum status storage_open(const struct storage_options *options, struct storage **ret_storage,
                         struct error *reterr)
{
    const struct storage_ops *ops = find_backend(options->backend);
    struct backend_state state = {0};
    struct storage *storage;
    enum status st;

    if (ops == NULL) {
        sealing_free(options->sealing);
        return error_set(reterr, STATUS_INVALID, "there is no storage backend \"%s\"",
                         options->backend != NULL ? options->backend : "");
    }
    storage = storage_new(options);
    if (storage == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    storage->ops = ops;
    st = ops->open(&storage->options, &storage->backend, &state, reterr);
    if (st != STATUS_OK)
        goto out;
    atomic_init(&storage->committed, state.committed);
    atomic_init(&storage->floor, state.floor);
    st = ops->load(storage->backend, keep_loaded, storage, &storage->exact_from, reterr);
    if (st == STATUS_OK)
        st = sealer_loaded(&storage->sealer, reterr);
    if (st != STATUS_OK)
        goto out;
    index_loaded(&storage->index, state.floor);
    *ret_storage = storage;
    storage = NULL;
out:
    if (storage != NULL && storage->backend != NULL)
        ops->close(storage->backend, false);
    storage_free(storage);
    return st;
}

enum status storage_start(struct storage *storage, struct error *reterr)
{
    enum status st = storage->ops->start(storage->backend, reterr);

    if (st != STATUS_OK)
        return st;
    if (pthread_create(&storage->thread, NULL, writer_main, storage) != 0)
        return error_set(reterr, STATUS_NO_MEMORY, "cannot start the writer thread");
    storage->started = true;
    return STATUS_OK;
}

void storage_stop(struct storage *storage)
{
    if (storage == NULL)
        return;
    if (storage->started) {
        pthread_mutex_lock(&storage->lock);
        storage->closing = true;
        pthread_cond_signal(&storage->wake);
        pthread_mutex_unlock(&storage->lock);
        pthread_join(storage->thread, NULL);
    }
    storage->ops->close(storage->backend, storage->started && !storage->dead);
}

void storage_close(struct storage *storage)
{
    storage_stop(storage);
    storage_free(storage);
}

static enum status check_write(const struct write *write)
{
    if (write->key.len == 0 || write->key.len > KEY_MAX)
        return STATUS_INVALID;
    if (write->type == WRITE_DELETE)
        return write->expected != 0 ? STATUS_OK : STATUS_INVALID;
    if (write->value == NULL || sealed_id(value_bytes(write->value)).len != 0)
        return STATUS_INVALID;
    return write->value->len <= VALUE_MAX ? STATUS_OK : STATUS_TOO_LARGE;
}

void storage_submit_all(struct storage *storage, struct write *writes)
{
    struct write *last = NULL;
    size_t count = 0;
    bool wakes;

    for (struct write *it = writes; it != NULL; it = it->next) {
        it->status = check_write(it);
        it->rev = it->actual = 0;
        it->guard_failed = false;
        last = it;
        count++;
    }
    if (last == NULL)
        return;
    pthread_mutex_lock(&storage->lock);
    wakes = storage->queued < storage->awaited && storage->queued + count >= storage->awaited;
    storage->queued += count;
    *storage->queue_end = writes;
    storage->queue_end = &last->next;
    pthread_mutex_unlock(&storage->lock);
    if (wakes) /* only then can the writer be asleep; it needs the lock, so not before */
        pthread_cond_signal(&storage->wake);
}

void storage_submit(struct storage *storage, struct write *write)
{
    write->next = NULL;
    storage_submit_all(storage, write);
}

uint64_t storage_committed(const struct storage *storage)
{
    return atomic_load_explicit(&storage->committed, memory_order_acquire);
}

uint64_t storage_floor(const struct storage *storage)
{
    return atomic_load_explicit(&storage->floor, memory_order_acquire);
}

void storage_each(struct storage *storage,
                  void (*each)(void *user, struct bytes key, struct value *value), void *user)
{
    struct tree_cursor cursor = tree_seek(&storage->index.tree, BYTES(""), false);

    for (struct tree_slot *slot; (slot = tree_next(&cursor)) != NULL;) {
        const struct entry *entry = slot->value;

        if (entry->value != NULL)
            each(user, slot->key, entry->value);
    }
}

static uint64_t counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void storage_get_stats(struct storage *storage, struct storage_stats *ret_stats)
{
    uint64_t floor = storage_floor(storage); /* first: it follows `committed` */

    *ret_stats = (struct storage_stats){
        .writes = counted(&storage->writes),
        .commits = counted(&storage->commits),
        .conflicts = counted(&storage->conflicts),
        .commit_us_total = counted(&storage->commit_us_total),
        .compacted_events = counted(&storage->compacted_events),
        .objects = counted(&storage->objects),
        .log_events = storage_committed(storage) - floor,
    };
    storage->ops->get_stats(storage->backend, ret_stats);
}

void storage_compact(struct storage *storage, uint64_t rev)
{
    pthread_mutex_lock(&storage->lock);
    if (rev > atomic_load(&storage->compactor.wanted))
        atomic_store(&storage->compactor.wanted, rev);
    storage->compact_asked = true;
    pthread_cond_signal(&storage->wake);
    pthread_mutex_unlock(&storage->lock);
}
