/*
 * The sealing that a store uses: values are sealed by the writer just before a commit, opened
 * where reads make values of stored bytes, and lie open in memory alone.
 *
 * Of each current value the index keeps which key it is sealed with, as a number: so a change of
 * the sealing can be refused that would leave values without a key, and a value that lies under an
 * old one is written anew when somebody writes it without a change.
 */
#include "storage/internal.h"

#include <stdlib.h>

#include "base/log.h"

enum {
    UNKNOWN = SEALER_IDS_MAX + 1, /* the number of keys for which there is no room */
    SEALED_KEPT_MAX = 1 << 20,    /* bytes of memory that the next group finds */
    PIECE = 1024,                 /* keys, with the index locked */
};

/* ---- numbers of keys; the lock is held, or nobody else is there yet ---- */

static unsigned find_number(const struct sealer *sealer, struct bytes id)
{
    unsigned n = 1;

    if (id.len == 0)
        return 0;
    while (n <= sealer->id_count && !bytes_eq_str(id, sealer->ids[n - 1]))
        n++;
    return n <= sealer->id_count ? n : UNKNOWN;
}

static struct bytes id_of(const struct sealer *sealer, unsigned number)
{
    if (number == UNKNOWN)
        return BYTES("?");
    return number != 0 ? bytes_str(sealer->ids[number - 1]) : BYTES("");
}

static bool learn_ids(struct sealer *sealer, const struct sealing *sealing)
{
    for (size_t i = 0; i < sealing_key_count(sealing); i++) {
        struct bytes id = sealing_key_id(sealing, i);

        if (find_number(sealer, id) != UNKNOWN)
            continue;
        if (sealer->id_count == SEALER_IDS_MAX ||
            (sealer->ids[sealer->id_count] = bytes_dup(id)) == NULL)
            return false;
        sealer->id_count++;
    }
    return true;
}

/* A change of the sealing must not wait for ever because somebody always reads. */
bool sealer_init(struct sealer *sealer, struct sealing *sealing)
{
    pthread_rwlockattr_t attr;

    sealer->on = sealing != NULL;
    sealer->sealing = sealing;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&sealer->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return sealing == NULL || learn_ids(sealer, sealing);
}

static void forget_unopened(struct sealer *sealer)
{
    for (size_t i = 0; i < sealer->unopened_count; i++)
        free(sealer->unopened[i].one);
    sealer->unopened_count = 0;
}

void sealer_release(struct sealer *sealer)
{
    forget_unopened(sealer);
    for (size_t i = 0; i < sealer->id_count; i++)
        free(sealer->ids[i]);
    sealing_free(sealer->sealing);
    pthread_rwlock_destroy(&sealer->lock);
}

enum status sealer_open(struct sealer *sealer, struct bytes key, uint64_t rev, struct bytes stored,
                        struct buf *scratch, struct bytes *ret_value, struct error *reterr)
{
    enum status st;

    if (!sealer->on)
        return sealing_open(NULL, key, rev, stored, scratch, ret_value, reterr);
    pthread_rwlock_rdlock(&sealer->lock);
    st = sealing_open(sealer->sealing, key, rev, stored, scratch, ret_value, reterr);
    pthread_rwlock_unlock(&sealer->lock);
    return st;
}

/* ---- what cannot be opened, or could not be any more ---- */

uint8_t sealer_number(const struct sealer *sealer, struct bytes stored)
{
    return (uint8_t)find_number(sealer, sealed_id(stored));
}

/* Of more than the table holds the last entry has the rest. */
static struct unopened *find_unopened(struct sealer *sealer, struct bytes id)
{
    struct unopened *it = sealer->unopened;
    size_t i = 0;

    while (i < sealer->unopened_count && !bytes_eq_str(id, it[i].id))
        i++;
    if (i == SEALER_UNOPENED_MAX)
        return &it[i - 1];
    if (i == sealer->unopened_count) {
        it[i] = (struct unopened){0};
        memcpy(it[i].id, id.ptr, id.len);
        sealer->unopened_count++;
    }
    return &it[i];
}

static void note_unopened(struct sealer *sealer, struct bytes key, struct bytes id)
{
    struct unopened *unopened = find_unopened(sealer, id);

    if (unopened->current++ == 0)
        unopened->one = bytes_dup(key);
}

void sealer_note_unopened(struct sealer *sealer, const struct stored_value *row)
{
    note_unopened(sealer, row->key, sealed_id(row->bytes));
}

void sealer_note_old(struct sealer *sealer, const struct stored_value *row)
{
    struct bytes id = sealed_id(row->bytes);

    if (id.len != 0 && !(sealer->on && sealing_has(sealer->sealing, id)))
        find_unopened(sealer, id)->old++;
}

static void describe(struct buf *out, const struct unopened *it, bool has_key)
{
    if (out->len != 0)
        buf_append_str(out, "; ");
    buf_append_u64(out, it->current);
    if (it->id[0] == '\0')
        buf_append_str(out, " not sealed, which no identity provider takes");
    else if (!has_key)
        buf_appendf(out, " sealed with key \"%s\", which is not among the keys given", it->id);
    else
        buf_appendf(
            out, " sealed with key \"%s\", whose secret is another one, unless they were changed",
            it->id);
    buf_appendf(out, " (one is %s)", it->one != NULL ? it->one : "");
}

static enum status check_unopened(struct sealer *sealer, const struct sealing *sealing,
                                  const char *what, struct error *reterr)
{
    struct buf words = {0};
    uint64_t current = 0;
    enum status st = STATUS_OK;

    for (size_t i = 0; i < sealer->unopened_count; i++) {
        const struct unopened *it = &sealer->unopened[i];

        current += it->current;
        if (it->current != 0)
            describe(&words, it, sealing_has(sealing, bytes_str(it->id)));
    }
    if (current != 0)
        st = error_set(reterr, STATUS_SEALED, "%llu %s: %.*s", (unsigned long long)current, what,
                       BYTES_FMT(buf_bytes(&words)));
    buf_release(&words);
    forget_unopened(sealer);
    return st;
}

enum status sealer_loaded(struct sealer *sealer, struct error *reterr)
{
    for (size_t i = 0; i < sealer->unopened_count; i++)
        if (sealer->unopened[i].old != 0)
            LOG_WARN("old versions are sealed with a key that is not given: who asks for them gets "
                     "an error",
                     LOG_STR("key", sealer->unopened[i].id),
                     LOG_INT("count", sealer->unopened[i].old));
    return check_unopened(sealer, sealer->sealing, "objects cannot be opened", reterr);
}

/* ---- another sealing ---- */

/* Looks at some values from the key `from` on; false: that was all. */
static bool check_piece(struct storage *storage, const struct sealing *next, struct buf *from)
{
    struct sealer *sealer = &storage->sealer;
    struct tree_cursor cursor;
    struct tree_slot *slot = NULL;
    bool more = false;

    pthread_mutex_lock(&storage->index.lock);
    cursor = tree_seek(&storage->index.tree, buf_bytes(from), false);
    for (size_t looked = 0; (slot = tree_next(&cursor)) != NULL && !more; looked++) {
        const struct entry *entry = slot->value;
        struct bytes id = id_of(sealer, entry->seal);

        more = looked == PIECE;
        if (more) {
            from->len = 0;
            buf_append_bytes(from, slot->key);
        } else if (entry->value != NULL && !sealing_takes(next, slot->key, id)) {
            note_unopened(sealer, slot->key, id);
        }
    }
    pthread_mutex_unlock(&storage->index.lock);
    return more;
}

static enum status check_next(struct storage *storage, const struct sealing *next,
                              struct error *reterr)
{
    struct buf from = {0};
    enum status st = sealing_check_same(storage->sealer.sealing, next, reterr);

    if (st != STATUS_OK)
        return st;
    while (!from.failed && check_piece(storage, next, &from)) {
    }
    st = check_unopened(&storage->sealer, next, "objects could not be opened any more", reterr);
    if (st == STATUS_OK && (from.failed || !learn_ids(&storage->sealer, next)))
        st = error_set(reterr, STATUS_NO_MEMORY, "no room for the names of keys");
    buf_release(&from);
    return st;
}

/* With the lock no group is on its way, so what the index says is what there is. */
enum status storage_use_sealing(struct storage *storage, struct sealing *sealing,
                                struct error *reterr)
{
    struct sealing *before = NULL;
    enum status st;

    assert(storage->sealer.on);
    pthread_rwlock_wrlock(&storage->sealer.lock);
    st = check_next(storage, sealing, reterr);
    if (st == STATUS_OK) {
        before = storage->sealer.sealing;
        storage->sealer.sealing = sealing;
    }
    pthread_rwlock_unlock(&storage->sealer.lock);
    sealing_free(before);
    return st;
}

bool storage_is_stale(struct storage *storage, struct bytes key)
{
    struct sealer *sealer = &storage->sealer;
    const struct tree_slot *slot;
    bool stale;

    if (!sealer->on)
        return false;
    pthread_rwlock_rdlock(&sealer->lock);
    pthread_mutex_lock(&storage->index.lock);
    slot = tree_find(&storage->index.tree, key);
    stale = slot != NULL && ((const struct entry *)slot->value)->seal !=
                                find_number(sealer, sealing_id_for(sealer->sealing, key));
    pthread_mutex_unlock(&storage->index.lock);
    pthread_rwlock_unlock(&sealer->lock);
    return stale;
}

/* ---- the writer's ---- */

static enum status seal_events(const struct sealing *sealing, struct group *group,
                               struct error *reterr)
{
    struct buf *out = &group->sealed;
    enum status st = STATUS_OK;
    size_t at = 0;

    out->len = 0;
    for (size_t i = 0; i < group->count && st == STATUS_OK; i++) {
        const struct event *event = &group->events[i];
        size_t from = out->len;

        group->stored[i] = event->value != NULL ? value_bytes(event->value) : BYTES("");
        if (event->value == NULL || sealing_id_for(sealing, event->key).len == 0)
            continue;
        st = sealing_seal(sealing, event->key, event->rev, group->stored[i], out, reterr);
        group->stored[i] = bytes_of(NULL, out->len - from);
    }
    for (size_t i = 0; i < group->count && st == STATUS_OK; i++) {
        if (group->stored[i].ptr != NULL || group->stored[i].len == 0)
            continue;
        group->stored[i].ptr = out->data + at; /* only now does it stay where it is */
        at += group->stored[i].len;
    }
    return st;
}

void sealer_begin_group(struct storage *storage)
{
    if (storage->sealer.on)
        pthread_rwlock_rdlock(&storage->sealer.lock);
}

enum status sealer_seal_group(struct storage *storage, struct commit *commit, struct error *reterr)
{
    struct group *group = &storage->group;
    enum status st;

    if (!storage->sealer.on)
        return STATUS_OK;
    st = seal_events(storage->sealer.sealing, group, reterr);
    commit->stored = group->stored;
    return st;
}

void sealer_note_group(struct storage *storage)
{
    const struct group *group = &storage->group;

    if (!storage->sealer.on)
        return;
    pthread_mutex_lock(&storage->index.lock);
    for (size_t i = 0; i < group->count; i++)
        group->changes[i].entry->seal = sealer_number(&storage->sealer, group->stored[i]);
    pthread_mutex_unlock(&storage->index.lock);
}

void sealer_end_group(struct storage *storage)
{
    if (!storage->sealer.on)
        return;
    pthread_rwlock_unlock(&storage->sealer.lock);
    if (storage->group.sealed.failed || storage->group.sealed.capacity > SEALED_KEPT_MAX)
        buf_release(&storage->group.sealed);
}
