/*
 * The writer's side of the sqlite backend: one connection commits, compacts and checkpoints.
 *
 * Durability is WAL with synchronous=FULL: a commit is an append to the write-ahead log and one
 * fdatasync. Pages go from there into the database in checkpoints, which the writer makes at its
 * own time: in an idle moment when enough has come together, and in any case before the log grows
 * past a bound. Only readers that stay on old pages can hold that up; past a second bound it waits
 * for them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "storage/sqlite_db.h"

#include "base/planted.h"

enum { WAL_FRAME = 24 + 4096, WAL_ROOM = 2 << 20 }; /* bytes: of a frame, laid out at a time */

enum { /* frames of the write-ahead log, a page each */
       CHECKPOINT_IDLE = 256,
       CHECKPOINT_DUE = 4096,
       CHECKPOINT_WAIT = 8192,
       WAL_QUIET = 64,  /* so many frames need no room laid out ahead */
       WAL_MARGIN = 64, /* what is left of the room when more is laid out */
};

/* --- open, start, close --- */

static enum status prepare_writer(struct backend *backend, struct error *reterr)
{
    struct writer *w = &backend->writer;
    const struct prepared list[] = {
        {&w->begin, "BEGIN IMMEDIATE"},
        {&w->commit, "COMMIT"},
        {&w->rollback, "ROLLBACK"},
        {&w->insert, INSERT_ROW},
        {&w->set_meta, "UPDATE meta SET value = ?2 WHERE name = ?1"},
        {&w->oldest,
         "SELECT rev, type, prev_rev, at, pos, key FROM log WHERE rev > ?1 ORDER BY rev"},
        {&w->drop, "DELETE FROM log WHERE rev = ?1"
                   " AND key = (SELECT key FROM log WHERE rev = ?2)"},
    };

    return sqlite_prepare(backend->own.db, list, ARRAY_LEN(list), reterr);
}

/* Called by sqlite after each commit, with the frames that the write-ahead log has now. */
static int on_wal(void *user, sqlite3 *db, const char *name, int frames)
{
    struct backend *backend = user;

    (void)db;
    (void)name;
    if (frames < backend->wal_frames)
        backend->tried_frames = 0; /* it began again at its start */
    backend->wal_frames = frames;
    return SQLITE_OK;
}

static void writer_release(struct writer *w)
{
    sqlite3_stmt *const all[] = {w->begin,    w->commit, w->rollback, w->insert,
                                 w->set_meta, w->oldest, w->drop};

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        sqlite3_finalize(all[i]);
}

static void backend_close(struct backend *backend, bool clean)
{
    reader_pool_close(backend);
    if (clean && backend->path != NULL)
        sqlite_end_run(backend);
    writer_release(&backend->writer);
    reader_release(&backend->own);
    lock_file_close(&backend->lock);
    pthread_mutex_destroy(&backend->own_lock);
    pthread_mutex_destroy(&backend->pool_lock);
    pthread_cond_destroy(&backend->pool_free);
    free(backend->path);
    free(backend);
}

static struct backend *backend_new(const char *path)
{
    struct backend *backend = calloc(1, sizeof(*backend));

    if (backend == NULL)
        return NULL;
    backend->lock.fd = -1;
    pthread_mutex_init(&backend->own_lock, NULL);
    pthread_mutex_init(&backend->pool_lock, NULL);
    pthread_cond_init(&backend->pool_free, NULL);
    if (path != NULL && (backend->path = bytes_dup(bytes_str(path))) == NULL) {
        backend_close(backend, false);
        return NULL;
    }
    return backend;
}

static enum status open_at(const char *path, bool secure_delete, struct backend **ret_backend,
                           struct backend_state *ret_state, struct error *reterr)
{
    struct backend *backend = backend_new(path);
    enum status st;

    if (backend == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = path != NULL ? sqlite_open_file(backend, secure_delete, ret_state, reterr)
                      : sqlite_open_memory(backend, reterr);
    if (st == STATUS_OK)
        st = reader_init(&backend->own, reterr);
    if (st == STATUS_OK)
        st = prepare_writer(backend, reterr);
    if (st != STATUS_OK) {
        backend_close(backend, false);
        return st;
    }
    sqlite3_wal_hook(backend->own.db, on_wal, backend);
    *ret_backend = backend;
    return STATUS_OK;
}

static enum status file_open(const struct storage_options *options, struct backend **ret_backend,
                             struct backend_state *ret_state, struct error *reterr)
{
    if (options->path == NULL || options->path[0] == '\0')
        return error_set(reterr, STATUS_INVALID, "the sqlite backend needs the path of a file");
    return open_at(options->path, options->sealing != NULL, ret_backend, ret_state, reterr);
}

static enum status memory_open(const struct storage_options *options, struct backend **ret_backend,
                               struct backend_state *ret_state, struct error *reterr)
{
    (void)options;
    *ret_state = (struct backend_state){0};
    return open_at(NULL, false, ret_backend, ret_state, reterr);
}

static enum status file_start(struct backend *backend, struct error *reterr)
{
    return sqlite_start_run(backend, reterr);
}

static enum status memory_start(struct backend *backend, struct error *reterr)
{
    (void)backend;
    (void)reterr;
    return STATUS_OK;
}

/* --- transactions --- */

enum status sqlite_set_meta(struct backend *backend, const char *name, int64_t number,
                            const char *text, struct error *reterr)
{
    sqlite3_stmt *stmt = backend->writer.set_meta;

    sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    if (text != NULL)
        sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
    else
        sqlite3_bind_int64(stmt, 2, number);
    return sqlite_run(stmt, "cannot write meta data", reterr);
}

static enum status begin(struct backend *backend, struct error *reterr)
{
    return sqlite_run(backend->writer.begin, "cannot begin a transaction", reterr);
}

/* Commits when all went well, and rolls back otherwise. Only when that has worked may the failure
 * be called harmless. */
static enum status finish(struct backend *backend, enum status st, struct error *reterr)
{
    if (st == STATUS_OK)
        st = sqlite_run(backend->writer.commit, "cannot commit", reterr);
    if (sqlite3_get_autocommit(backend->own.db))
        return st;
    return sqlite_run(backend->writer.rollback, "cannot roll back", NULL) == STATUS_OK
               ? st
               : error_set(reterr, STATUS_IO, "cannot roll back");
}

static struct bytes bytes_to_store(const struct commit *commit, size_t i)
{
    const struct value *value = commit->events[i].value;

    if (value == NULL)
        return BYTES("");
    return commit->stored != NULL ? commit->stored[i] : value_bytes(value);
}

static enum status backend_commit(struct backend *backend, const struct commit *commit,
                                  struct error *reterr)
{
    uint64_t pos = backend->log_end;
    enum status st;

    pthread_mutex_lock(&backend->own_lock);
    st = begin(backend, reterr);
    for (size_t i = 0; i < commit->count && st == STATUS_OK; i++) {
        const struct event *event = &commit->events[i];
        struct row row = {
            .rev = event->rev,
            .prev_rev = event->prev != NULL ? event->prev->rev : 0,
            .type = event->type,
            .key = event->key,
            .value = bytes_to_store(commit, i),
            .at_ms = commit->now_ms,
            .expires_ms = commit->expires_ms[i],
            .pos = pos,
        };

        pos += row_size(&row);
        st = sqlite_insert_row(backend->writer.insert, &row, reterr);
    }
    st = finish(backend, st, reterr);
    if (st == STATUS_OK)
        backend->log_end = pos;
    pthread_mutex_unlock(&backend->own_lock);
    return st;
}

/* --- compaction --- */

struct old_event {
    uint64_t rev, prev_rev;
    enum event_type type;
    size_t key_len;
};

/* Collects what may go, oldest first, up to the first that may not. */
static enum status find_old(struct backend *backend, const struct compact_rule *rule,
                            struct old_event *old, struct buf *keys, struct compacted *done,
                            struct error *reterr)
{
    sqlite3_stmt *stmt = backend->writer.oldest;
    enum status st = STATUS_OK;
    int rc;

    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)backend->floor);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        uint64_t rev = (uint64_t)sqlite3_column_int64(stmt, 0);
        int64_t at_ms = sqlite3_column_int64(stmt, 3);
        struct bytes key = column_bytes(stmt, 5);
        uint64_t since = backend->log_end - (uint64_t)sqlite3_column_int64(stmt, 4);

        done->oldest_ms = at_ms;
        if (rev > rule->upto && at_ms >= rule->before_ms &&
            (rule->keep_bytes == 0 || since <= rule->keep_bytes))
            break;
        done->more = done->events == rule->max_events;
        if (done->more)
            break;
        old[done->events++] = (struct old_event){
            .rev = rev,
            .prev_rev = (uint64_t)sqlite3_column_int64(stmt, 2),
            .type = sqlite3_column_int64(stmt, 1) == EVENT_PUT ? EVENT_PUT : EVENT_DELETE,
            .key_len = key.len,
        };
        buf_append_bytes(keys, key);
        done->floor = rev;
        done->oldest_ms = 0;
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        st = sqlite_failed(backend->own.db, "cannot look for old events", reterr);
    sqlite3_reset(stmt);
    return st;
}

/* `key_rev`: a row whose key it must have, lest a damaged number cost another key its value. */
static enum status drop_row(struct backend *backend, uint64_t rev, uint64_t key_rev,
                            struct error *reterr)
{
    sqlite3_bind_int64(backend->writer.drop, 1, (sqlite3_int64)rev);
    sqlite3_bind_int64(backend->writer.drop, 2, (sqlite3_int64)key_rev);
    return sqlite_run(backend->writer.drop, "cannot drop an old version", reterr);
}

/* An event at or below the floor makes garbage of the version it replaced, and a delete is garbage
 * itself. What is left below the floor is just the state at the floor. */
static enum status drop_old(struct backend *backend, const struct old_event *old, size_t count,
                            struct error *reterr)
{
    enum status st = STATUS_OK;

    for (size_t i = 0; i < count && st == STATUS_OK; i++) {
        if (old[i].prev_rev != 0 && !(PLANTED(lose_tombstone) && old[i].type == EVENT_DELETE))
            st = drop_row(backend, old[i].prev_rev, old[i].rev, reterr);
        if (st == STATUS_OK && old[i].type == EVENT_DELETE)
            st = drop_row(backend, old[i].rev, old[i].rev, reterr);
    }
    return st;
}

static void tell_dropped(const struct compact_rule *rule, const struct old_event *old, size_t count,
                         const struct buf *keys)
{
    const char *at = keys->data;

    for (size_t i = 0; i < count; i++) {
        struct bytes key = bytes_of(at, old[i].key_len);

        at += old[i].key_len;
        if (old[i].prev_rev != 0)
            rule->dropped(rule->user, key, old[i].prev_rev);
        if (old[i].type == EVENT_DELETE)
            rule->dropped(rule->user, key, old[i].rev);
    }
}

static enum status backend_compact(struct backend *backend, const struct compact_rule *rule,
                                   struct compacted *ret_compacted, struct error *reterr)
{
    struct compacted done = {.floor = backend->floor};
    struct old_event *old = malloc(rule->max_events * sizeof(*old));
    struct buf keys = {0};
    enum status st;

    if (old == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    pthread_mutex_lock(&backend->own_lock);
    st = find_old(backend, rule, old, &keys, &done, reterr);
    if (st == STATUS_OK && keys.failed)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (st != STATUS_OK || done.events == 0)
        goto out;
    st = begin(backend, reterr);
    if (st == STATUS_OK) /* first, and with them: no moment shows rows gone and the floor below */
        st = sqlite_set_meta(backend, "floor", (int64_t)done.floor, NULL, reterr);
    if (st == STATUS_OK)
        st = drop_old(backend, old, done.events, reterr);
    st = finish(backend, st, reterr);
out:
    if (st == STATUS_OK) {
        backend->floor = done.floor;
        *ret_compacted = done;
        tell_dropped(rule, old, done.events, &keys);
    }
    pthread_mutex_unlock(&backend->own_lock);
    buf_release(&keys);
    free(old);
    return st;
}

/* --- upkeep --- */

static enum status checkpoint(struct backend *backend, struct error *reterr)
{
    int mode = backend->wal_frames < CHECKPOINT_WAIT ? SQLITE_CHECKPOINT_PASSIVE
                                                     : SQLITE_CHECKPOINT_RESTART;
    int rc;

    errno = 0;
    rc = sqlite3_wal_checkpoint_v2(backend->own.db, NULL, mode, NULL, NULL);
    backend->tried_frames = backend->wal_frames;
    atomic_fetch_add_explicit(&backend->checkpoints, 1, memory_order_relaxed);
    if (rc == SQLITE_OK || rc == SQLITE_BUSY) /* busy: a reader has not moved on, next time */
        return STATUS_OK;
    return sqlite_failed(backend->own.db, "cannot checkpoint", reterr);
}

/* Lays out room for the write-ahead log ahead of its end, in zeros: a commit that makes the file
 * longer waits for the file system's journal, too, one that overwrites waits for its own bytes
 * alone. Once the log has begun again at its start there is nothing to do, since nothing ever
 * shortens it. It may fail: then the commits make the file longer, and say what is wrong. */
static void make_wal_room(struct backend *backend)
{
    static const char zeros[1 << 18];
    sqlite3_int64 need = ((sqlite3_int64)backend->wal_frames + WAL_MARGIN) * WAL_FRAME;
    sqlite3_file *wal = NULL;
    sqlite3_int64 size = 0;

    if (backend->wal_frames < WAL_QUIET || need <= backend->wal_room ||
        sqlite3_file_control(backend->own.db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) !=
            SQLITE_OK ||
        wal->pMethods == NULL || wal->pMethods->xFileSize(wal, &size) != SQLITE_OK)
        return;
    need = need > size ? need + WAL_ROOM : size;
    for (; size < need; size += (int64_t)sizeof(zeros))
        if (wal->pMethods->xWrite(wal, zeros, sizeof(zeros), size) != SQLITE_OK)
            break;
    backend->wal_room = need;
}

static enum status file_upkeep(struct backend *backend, bool idle, bool *ret_more,
                               struct error *reterr)
{
    int fresh = backend->wal_frames - backend->tried_frames;

    *ret_more = false;
    make_wal_room(backend);
    if (fresh >= (idle ? CHECKPOINT_IDLE : CHECKPOINT_DUE))
        return checkpoint(backend, reterr);
    *ret_more = fresh >= CHECKPOINT_IDLE;
    return STATUS_OK;
}

static enum status memory_upkeep(struct backend *backend, bool idle, bool *ret_more,
                                 struct error *reterr)
{
    (void)backend;
    (void)idle;
    (void)reterr;
    *ret_more = false;
    return STATUS_OK;
}

static uint64_t file_size(const char *path, const char *suffix)
{
    struct stat stat_buf;
    char *name;
    uint64_t size = 0;

    if (asprintf(&name, "%s%s", path, suffix) < 0)
        return 0;
    if (stat(name, &stat_buf) == 0)
        size = (uint64_t)stat_buf.st_size;
    free(name);
    return size;
}

static void file_get_stats(struct backend *backend, struct storage_stats *ret_stats)
{
    ret_stats->file_bytes = file_size(backend->path, "") + file_size(backend->path, "-wal");
    ret_stats->checkpoint_count = atomic_load_explicit(&backend->checkpoints, memory_order_relaxed);
}

static void memory_get_stats(struct backend *backend, struct storage_stats *ret_stats)
{
    (void)backend;
    (void)ret_stats; /* no file */
}

const struct storage_ops sqlite_ops = {
    .name = "sqlite",
    .open = file_open,
    .load = sqlite_load,
    .start = file_start,
    .commit = backend_commit,
    .compact = backend_compact,
    .upkeep = file_upkeep,
    .read_events = sqlite_read_events,
    .read_versions = sqlite_read_versions,
    .get_stats = file_get_stats,
    .close = backend_close,
};

/* The same on a database that lives in the one connection, and goes with it. */
const struct storage_ops memory_ops = {
    .name = "memory",
    .open = memory_open,
    .load = sqlite_load,
    .start = memory_start,
    .commit = backend_commit,
    .compact = backend_compact,
    .upkeep = memory_upkeep,
    .read_events = sqlite_read_events,
    .read_versions = sqlite_read_versions,
    .get_stats = memory_get_stats,
    .close = backend_close,
};
