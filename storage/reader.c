/*
 * The readers' side: a small pool of read-only connections. A transaction sees the floor and the
 * rows of one moment: a compaction that runs meanwhile can make a read EXPIRED, but never quietly
 * shorter. A long read is many short transactions, since the write-ahead log cannot begin again
 * while anyone looks at its old pages; it is exact all the same, since it names its revision.
 */
#include <stdlib.h>

#include "storage/sqlite_db.h"

enum {
    READERS_MAX = 16,
    ROWS_AT_ONCE = 512, /* in one transaction */
};

enum status reader_init(struct reader *reader, struct error *reterr)
{
    const struct prepared list[] = {
        {&reader->begin, "BEGIN"},
        {&reader->end, "COMMIT"},
        {&reader->floor, "SELECT value FROM meta WHERE name = 'floor'"},
        {&reader->walk, "SELECT " ROW_COLUMNS " FROM log WHERE rev > ?1 AND rev <= ?2"
                        " ORDER BY rev"},
        {&reader->row, "SELECT " ROW_COLUMNS " FROM log WHERE rev = ?1"},
    };

    return sqlite_prepare(reader->db, list, ARRAY_LEN(list), reterr);
}

void reader_release(struct reader *reader)
{
    sqlite3_stmt *const all[] = {reader->begin, reader->end, reader->floor, reader->walk,
                                 reader->row};

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        sqlite3_finalize(all[i]);
    sqlite3_close(reader->db);
    *reader = (struct reader){0};
}

static enum status reader_new(const char *path, struct reader **ret_reader, struct error *reterr)
{
    struct reader *reader = calloc(1, sizeof(*reader));
    enum status st;

    if (reader == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = sqlite_connect(path, SQLITE_OPEN_READONLY, &reader->db, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(reader->db,
                         "PRAGMA query_only = ON; PRAGMA cell_size_check = ON;"
                         "PRAGMA cache_size = -4096",
                         reterr);
    if (st == STATUS_OK)
        st = reader_init(reader, reterr);
    if (st != STATUS_OK) {
        reader_release(reader);
        free(reader);
        return st;
    }
    *ret_reader = reader;
    return STATUS_OK;
}

/* Gives a connection to the calling thread alone, waiting for one when all are in use. */
static enum status reader_take(struct backend *backend, struct reader **ret_reader,
                               struct error *reterr)
{
    struct reader *reader;
    enum status st;

    if (backend->path == NULL) {
        pthread_mutex_lock(&backend->own_lock);
        *ret_reader = &backend->own;
        return STATUS_OK;
    }
    pthread_mutex_lock(&backend->pool_lock);
    while (backend->free_readers == NULL && backend->reader_count == READERS_MAX)
        pthread_cond_wait(&backend->pool_free, &backend->pool_lock);
    reader = backend->free_readers;
    if (reader != NULL)
        backend->free_readers = reader->next_free;
    else
        backend->reader_count++;
    pthread_mutex_unlock(&backend->pool_lock);
    if (reader != NULL) {
        *ret_reader = reader;
        return STATUS_OK;
    }
    st = reader_new(backend->path, ret_reader, reterr);
    if (st != STATUS_OK) {
        pthread_mutex_lock(&backend->pool_lock);
        backend->reader_count--;
        pthread_cond_signal(&backend->pool_free);
        pthread_mutex_unlock(&backend->pool_lock);
    }
    return st;
}

static void reader_give(struct backend *backend, struct reader *reader)
{
    if (reader == &backend->own) {
        pthread_mutex_unlock(&backend->own_lock);
        return;
    }
    pthread_mutex_lock(&backend->pool_lock);
    reader->next_free = backend->free_readers;
    backend->free_readers = reader;
    pthread_cond_signal(&backend->pool_free);
    pthread_mutex_unlock(&backend->pool_lock);
}

void reader_pool_close(struct backend *backend)
{
    struct reader *next;

    for (struct reader *it = backend->free_readers; it != NULL; it = next) {
        next = it->next_free;
        reader_release(it);
        free(it);
    }
    backend->free_readers = NULL;
}

/* Begins a transaction, whose moment is that of reading the floor. */
static enum status begin_read(struct reader *reader, uint64_t rev, struct error *reterr)
{
    enum status st = sqlite_run(reader->begin, "cannot begin to read", reterr);
    uint64_t floor;

    if (st != STATUS_OK)
        return st;
    if (sqlite3_step(reader->floor) != SQLITE_ROW) {
        st = sqlite_failed(reader->db, "cannot read the floor", reterr);
    } else {
        floor = (uint64_t)sqlite3_column_int64(reader->floor, 0);
        if (rev < floor)
            st = error_set(reterr, STATUS_EXPIRED, "too old resource version: %llu (%llu)",
                           (unsigned long long)rev, (unsigned long long)floor);
    }
    sqlite3_reset(reader->floor);
    return st;
}

static void end_read(struct reader *reader)
{
    if (!sqlite3_get_autocommit(reader->db)) {
        sqlite3_step(reader->end);
        sqlite3_reset(reader->end);
    }
}

static enum status refuse_version(uint64_t rev, struct bytes key, struct error *reterr)
{
    return error_set(reterr, STATUS_CORRUPT,
                     "the version of revision %llu of %.*s is damaged or gone",
                     (unsigned long long)rev, BYTES_FMT(key));
}

/* The row of a revision, which must be that key's; lent until the statement is reset. END: gone. */
static enum status find_row(struct reader *reader, uint64_t rev, struct bytes key,
                            struct row *ret_row, struct error *reterr)
{
    enum status st;

    sqlite3_bind_int64(reader->row, 1, (sqlite3_int64)rev);
    switch (sqlite3_step(reader->row)) {
    case SQLITE_ROW:
        st = read_row(reader->row, 0, ret_row, reterr);
        break;
    case SQLITE_DONE:
        return STATUS_END;
    default:
        return sqlite_failed(reader->db, "cannot read a version", reterr);
    }
    return st == STATUS_CORRUPT || !bytes_eq(ret_row->key, key) ? refuse_version(rev, key, reterr)
                                                                : st;
}

static enum status hand_out_row(struct reader *reader, const struct row *row, bool with_prev,
                                event_sink each, void *user, struct error *reterr)
{
    struct stored_event event = {
        .rev = row->rev,
        .type = row->type,
        .key = row->key,
        .value = row->value,
        .prev_rev = row->prev_rev,
    };
    struct row prev = {0};
    enum status st = STATUS_OK;

    if (row->prev_rev != 0 && with_prev)
        st = find_row(reader, row->prev_rev, row->key, &prev, reterr);
    if (st == STATUS_END)
        st = refuse_version(row->prev_rev, row->key, reterr);
    event.prev = prev.value;
    if (st == STATUS_OK)
        st = each(user, &event, reterr);
    sqlite3_reset(reader->row);
    return st;
}

/* Looks at every row, whatever the prefix: above the floor each revision has one, and one that is
 * missing must not pass for one that did not match. `*rev` follows: all up to it are done. */
static enum status walk_events(struct reader *reader, uint64_t *rev, uint64_t upto,
                               const struct events_asked *asked, event_sink each, void *user,
                               struct error *reterr)
{
    sqlite3_stmt *walk = reader->walk;
    uint64_t last = upto - *rev > ROWS_AT_ONCE ? *rev + ROWS_AT_ONCE : upto;
    enum status st = STATUS_OK;
    struct row row = {0};

    sqlite3_bind_int64(walk, 1, (sqlite3_int64)*rev);
    sqlite3_bind_int64(walk, 2, (sqlite3_int64)last);
    while (st == STATUS_OK && *rev < last) {
        int rc = sqlite3_step(walk);

        if (rc == SQLITE_DONE ||
            (rc == SQLITE_ROW && (uint64_t)sqlite3_column_int64(walk, 0) != *rev + 1))
            st = error_set(reterr, STATUS_CORRUPT, "revision %llu is missing in the log",
                           (unsigned long long)*rev + 1);
        else if (rc != SQLITE_ROW)
            st = sqlite_failed(reader->db, "cannot read the log", reterr);
        else
            st = read_row(walk, 0, &row, reterr);
        if (st == STATUS_OK && bytes_starts_with(row.key, asked->prefix))
            st = hand_out_row(reader, &row, !asked->no_prev || row.type == EVENT_DELETE, each, user,
                              reterr);
        if (st == STATUS_OK || st == STATUS_END)
            ++*rev;
    }
    sqlite3_reset(walk);
    return st;
}

enum status sqlite_read_events(struct backend *backend, uint64_t after_rev, uint64_t upto,
                               const struct events_asked *asked, event_sink each, void *user,
                               uint64_t *ret_upto, struct error *reterr)
{
    struct reader *reader = NULL;
    uint64_t rev = after_rev;
    enum status st = reader_take(backend, &reader, reterr);

    if (st != STATUS_OK)
        return st;
    do {
        st = begin_read(reader, rev, reterr);
        if (st == STATUS_OK)
            st = walk_events(reader, &rev, upto, asked, each, user, reterr);
        end_read(reader);
    } while (st == STATUS_OK && rev < upto);
    reader_give(backend, reader);
    /* The floor has passed us on the way: what was handed out is right, and asking on will tell. */
    if (st == STATUS_EXPIRED && rev > after_rev)
        st = STATUS_OK;
    if (st == STATUS_OK || st == STATUS_END) {
        *ret_upto = rev;
        return STATUS_OK;
    }
    return st;
}

/* A compaction tells the index of what it dropped before it gives up the lock: then the index
 * knows.
 */
static bool was_dropped(struct backend *backend, const struct reader *reader,
                        const struct version *version, version_check *stands, void *user)
{
    if (reader != &backend->own) {
        pthread_mutex_lock(&backend->own_lock);
        pthread_mutex_unlock(&backend->own_lock);
    }
    return !stands(user, version);
}

enum status sqlite_read_versions(struct backend *backend, uint64_t rev,
                                 const struct version *versions, size_t count, value_sink each,
                                 version_check *stands, void *user, struct error *reterr)
{
    struct reader *reader = NULL;
    enum status st = reader_take(backend, &reader, reterr);

    if (st != STATUS_OK)
        return st;
    st = begin_read(reader, rev, reterr);
    for (size_t i = 0; i < count && st == STATUS_OK; i++) {
        struct row row = {0};

        st = find_row(reader, versions[i].rev, versions[i].key, &row, reterr);
        if (st == STATUS_END) {
            st = was_dropped(backend, reader, &versions[i], stands, user)
                     ? STATUS_OK
                     : refuse_version(versions[i].rev, versions[i].key, reterr);
        } else if (st == STATUS_OK && row.type == EVENT_PUT) {
            struct stored_value stored = stored_of(&row);

            st = each(user, &stored, reterr);
        }
        sqlite3_reset(reader->row);
    }
    end_read(reader);
    reader_give(backend, reader);
    return st;
}
