/* The front door of the log: checks a read, and makes values of what the backend hands up. */
#include "storage/internal.h"

#include <stdlib.h>

typedef struct value *value_maker(void *user, struct bytes key, struct bytes stored, uint64_t rev);

static enum status make_value(const struct storage *storage, value_maker *make, struct bytes key,
                              struct bytes stored, uint64_t rev, struct value **ret_value,
                              struct error *reterr)
{
    struct value *value =
        make != NULL ? make(storage->options.user, key, stored, rev) : value_new(stored, rev);

    if (value == NULL && make == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (value == NULL)
        return error_set(reterr, STATUS_CORRUPT,
                         "what is stored at %.*s, revision %llu, cannot be read", BYTES_FMT(key),
                         (unsigned long long)rev);
    *ret_value = value;
    return STATUS_OK;
}

enum status storage_make_value(const struct storage *storage, struct bytes key, struct bytes open,
                               uint64_t rev, struct value **ret_value, struct error *reterr)
{
    return make_value(storage, storage->options.load, key, open, rev, ret_value, reterr);
}

static enum status open_value(struct storage *storage, value_maker *make, struct bytes key,
                              struct bytes stored, uint64_t rev, struct buf *scratch,
                              struct value **ret_value, struct error *reterr)
{
    struct bytes open;
    enum status st = sealer_open(&storage->sealer, key, rev, stored, scratch, &open, reterr);

    return st == STATUS_OK ? make_value(storage, make, key, open, rev, ret_value, reterr) : st;
}

struct events_read {
    struct storage *storage;
    value_maker *make;
    struct buf scratch;
    size_t bytes, max_bytes;
    bool (*each)(void *user, const struct event *event);
    void *user;
};

static enum status hand_out_event(void *user, const struct stored_event *stored,
                                  struct error *reterr)
{
    struct events_read *read = user;
    struct event event = {.rev = stored->rev,
                          .type = stored->type,
                          .key = stored->key,
                          .has_prev = stored->prev_rev != 0};
    enum status st = STATUS_OK;

    if (stored->type == EVENT_PUT)
        st = open_value(read->storage, read->make, stored->key, stored->value, stored->rev,
                        &read->scratch, &event.value, reterr);
    if (st == STATUS_OK && stored->prev.ptr != NULL)
        st = open_value(read->storage, read->make, stored->key, stored->prev, stored->prev_rev,
                        &read->scratch, &event.prev, reterr);
    if (st != STATUS_OK)
        goto out;
    read->bytes += stored->value.len + stored->prev.len;
    st = read->each(read->user, &event) && read->bytes < read->max_bytes ? STATUS_OK : STATUS_END;
out:
    value_unref(event.value);
    value_unref(event.prev);
    return st;
}

enum status storage_read_events(struct storage *storage, uint64_t after_rev,
                                const struct events_asked *asked,
                                bool (*each)(void *user, const struct event *event), void *user,
                                uint64_t *ret_upto, struct error *reterr)
{
    struct events_read read = {
        .storage = storage,
        .make = asked->load != NULL ? asked->load : storage->options.load,
        .max_bytes = asked->max_bytes != 0 ? asked->max_bytes : SIZE_MAX,
        .each = each,
        .user = user,
    };
    uint64_t committed = storage_committed(storage);
    enum status st;

    if (after_rev >= committed) { /* from the future: nothing, and nothing older later on */
        *ret_upto = after_rev;
        return STATUS_OK;
    }
    st = storage->ops->read_events(storage->backend, after_rev, committed, asked, hand_out_event,
                                   &read, ret_upto, reterr);
    buf_release(&read.scratch);
    return st;
}

struct state_read {
    struct storage *storage;
    uint64_t rev;
    struct buf scratch;
    bool (*each)(void *user, struct bytes key, struct value *value);
    void *user;
};

static enum status hand_out_value(void *user, const struct stored_value *stored,
                                  struct error *reterr)
{
    struct state_read *read = user;
    struct value *value;
    enum status st = open_value(read->storage, read->storage->options.load, stored->key,
                                stored->bytes, stored->rev, &read->scratch, &value, reterr);
    bool go_on;

    if (st != STATUS_OK)
        return st;
    go_on = read->each(read->user, stored->key, value);
    value_unref(value);
    return go_on ? STATUS_OK : STATUS_END;
}

static bool stands(void *user, const struct version *version)
{
    struct state_read *read = user;

    return index_stands(&read->storage->index, version, read->rev);
}

/* Piece by piece, so that nobody waits long for the index, nor the log for the end of a read. */
static enum status read_pieces(struct storage *storage, uint64_t rev, struct bytes prefix,
                               struct buf *from, struct state_read *read, struct error *reterr)
{
    struct picks *picks = calloc(1, sizeof(*picks));
    enum status st, picked;

    if (picks == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    do {
        picked = index_pick(&storage->index, rev, prefix, from, picks);
        st = picked == STATUS_NO_MEMORY
                 ? error_set(reterr, picked, "out of memory")
                 : storage->ops->read_versions(storage->backend, rev, picks->versions, picks->count,
                                               hand_out_value, stands, read, reterr);
    } while (st == STATUS_OK && picked == STATUS_OK);
    buf_release(&picks->keys);
    free(picks);
    return st == STATUS_END ? STATUS_OK : st;
}

enum status storage_read_at(struct storage *storage, uint64_t rev, struct bytes prefix,
                            struct bytes after_key,
                            bool (*each)(void *user, struct bytes key, struct value *value),
                            void *user, struct error *reterr)
{
    struct state_read read = {.storage = storage, .rev = rev, .each = each, .user = user};
    uint64_t committed = storage_committed(storage);
    struct buf from = {0};
    enum status st;

    if (rev > committed)
        return error_set(reterr, STATUS_TIMEOUT, "Too large resource version: %llu, current: %llu",
                         (unsigned long long)rev, (unsigned long long)committed);
    if (rev < storage->exact_from && rev >= storage_floor(storage))
        return error_set(reterr, STATUS_CORRUPT,
                         "a change that was damaged may belong to the state at revision %llu",
                         (unsigned long long)rev);
    if (after_key.len != 0 && bytes_cmp(after_key, prefix) >= 0) {
        buf_append_bytes(&from, after_key);
        buf_append_char(&from, '\0'); /* the next key in byte order */
    } else {
        buf_append_bytes(&from, prefix);
    }
    st = read_pieces(storage, rev, prefix, &from, &read, reterr);
    buf_release(&read.scratch);
    buf_release(&from);
    return st;
}
