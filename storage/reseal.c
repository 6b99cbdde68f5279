/*
 * Reseal: a new file gets every row, its value sealed anew, and takes the place of the old one when
 * it is whole and on the disk. So no moment has rows without a key, a crash leaves the old file,
 * and nothing of what was there in clear is left, as it might be in pages that were freed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/sqlite_db.h"
#include "storage/store_file.h"
#include "storage/wal_check.h"

enum { ROWS_BETWEEN_PROGRESS = 1000 };

struct reseal {
    const char *path;
    char *made; /* the new file, until it is renamed */
    const struct sealing *sealing;
    const struct store_file_watcher *watcher;
    struct lock_file lock;
    sqlite3 *from, *to;
    sqlite3_stmt *read, *write;
    struct buf opened, sealed;
    int64_t rows;
};

/* ---- the old file ---- */

/* Changes that are only in a write-ahead log that is gone must be missed, not forgotten. */
static enum status check_log(struct reseal *reseal, bool had_wal, struct error *reterr)
{
    char run[UUID_LEN + 1];
    int64_t clean = 0;
    enum status st = sqlite_query_int(reseal->from, "SELECT value FROM meta WHERE name = 'clean'",
                                      &clean, reterr);

    if (st == STATUS_OK)
        st = sqlite_read_run(reseal->from, run, reterr);
    if (st == STATUS_OK && clean == 0 && !had_wal && lock_file_knows(&reseal->lock, run))
        st = error_set(
            reterr, STATUS_CORRUPT,
            "%s was not closed, and its write-ahead log, with the latest changes, is gone",
            reseal->path);
    return st;
}

/* Brings all of the store into its one file, which then says that it was closed. */
static enum status open_old(struct reseal *reseal, struct error *reterr)
{
    enum status st;
    bool had_wal;
    char *wal;

    if (asprintf(&wal, "%s-wal", reseal->path) < 0)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    had_wal = access(wal, F_OK) == 0;
    st = wal_check(wal, reterr);
    free(wal);
    if (st == STATUS_OK)
        st = sqlite_connect(reseal->path, SQLITE_OPEN_READWRITE, &reseal->from, reterr);
    if (st == STATUS_OK)
        st = sqlite_identify(reseal->from, reseal->path, reterr);
    if (st == STATUS_OK)
        st = check_log(reseal, had_wal, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(reseal->from,
                         "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL;"
                         "UPDATE meta SET value = 1 WHERE name = 'clean';"
                         "PRAGMA journal_mode = DELETE",
                         reterr);
    if (st == STATUS_OK)
        st = sqlite_query_int(reseal->from, "SELECT count(*) FROM log", &reseal->rows, reterr);
    return st;
}

/* A backup has no lock file, and nobody who would look for one. */
static enum status take_lock(struct reseal *reseal, struct error *reterr)
{
    enum status st = STATUS_OK;
    char *name;

    if (access(reseal->path, R_OK | W_OK) != 0)
        return error_set(reterr, STATUS_IO, "cannot open %s: %s", reseal->path, strerror(errno));
    if (asprintf(&name, "%s.lock", reseal->path) < 0)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (access(name, F_OK) == 0)
        st = lock_file_open(&reseal->lock, reseal->path, reterr);
    free(name);
    return st;
}

/* ---- the new file ---- */

static enum status make_new(struct reseal *reseal, struct error *reterr)
{
    const struct prepared reads[] = {
        {&reseal->read, "SELECT " ROW_COLUMNS " FROM log ORDER BY rev"}};
    const struct prepared writes[] = {{&reseal->write, INSERT_ROW}};
    enum status st;

    sqlite_remove_files(reseal->made); /* of one that was killed */
    st = sqlite_make_empty(reseal->made, NULL, reterr);
    if (st == STATUS_OK)
        st = sqlite_connect(reseal->made, SQLITE_OPEN_READWRITE, &reseal->to, reterr);
    if (st == STATUS_OK) /* nobody needs it before it is whole */
        st = sqlite_exec(reseal->to,
                         "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
                         "BEGIN IMMEDIATE",
                         reterr);
    if (st == STATUS_OK)
        st = sqlite_prepare(reseal->from, reads, ARRAY_LEN(reads), reterr);
    if (st == STATUS_OK)
        st = sqlite_prepare(reseal->to, writes, ARRAY_LEN(writes), reterr);
    return st;
}

static enum status reseal_value(struct reseal *reseal, struct row *row, struct error *reterr)
{
    struct bytes value;
    enum status st = sealing_open(reseal->sealing, row->key, row->rev, row->value, &reseal->opened,
                                  &value, reterr);

    reseal->sealed.len = 0;
    if (st == STATUS_OK)
        st = sealing_seal(reseal->sealing, row->key, row->rev, value, &reseal->sealed, reterr);
    row->value = buf_bytes(&reseal->sealed);
    return st;
}

/* Places in the log stay: they need only rise, and what is kept by bytes is kept a little longer or
 * shorter. */
static enum status copy_rows(struct reseal *reseal, struct error *reterr)
{
    enum status st = STATUS_OK;
    uint64_t done = 0;
    int rc = SQLITE_DONE;

    store_file_tell(reseal->watcher, "sealing changes", 0, (uint64_t)reseal->rows);
    while (st == STATUS_OK && (rc = sqlite3_step(reseal->read)) == SQLITE_ROW) {
        struct row row;

        st = read_row(reseal->read, 0, &row, reterr);
        if (st == STATUS_OK && row.type == EVENT_PUT)
            st = reseal_value(reseal, &row, reterr);
        if (st == STATUS_OK)
            st = sqlite_insert_row(reseal->write, &row, reterr);
        if (++done % ROWS_BETWEEN_PROGRESS == 0)
            store_file_tell(reseal->watcher, "sealing changes", done, (uint64_t)reseal->rows);
    }
    if (st == STATUS_OK && rc != SQLITE_DONE)
        st = sqlite_failed(reseal->from, "cannot read the log", reterr);
    return st;
}

/* It is the same store: its run is that of the lock file, or it is still a copy. */
static enum status copy_meta(struct reseal *reseal, struct error *reterr)
{
    char run[UUID_LEN + 1], sql[256];
    int64_t floor = 0;
    enum status st = sqlite_query_int(reseal->from, "SELECT value FROM meta WHERE name = 'floor'",
                                      &floor, reterr);

    if (st == STATUS_OK)
        st = sqlite_read_run(reseal->from, run, reterr);
    if (st != STATUS_OK)
        return st;
    sqlite3_snprintf(sizeof(sql), sql,
                     "UPDATE meta SET value = %lld WHERE name = 'floor';"
                     "UPDATE meta SET value = %Q WHERE name = 'run'; COMMIT",
                     (long long)floor, run);
    return sqlite_exec(reseal->to, sql, reterr);
}

static enum status fill_new(struct reseal *reseal, struct error *reterr)
{
    enum status st = make_new(reseal, reterr);

    if (st == STATUS_OK)
        st = copy_rows(reseal, reterr);
    if (st == STATUS_OK)
        st = copy_meta(reseal, reterr);
    sqlite3_finalize(reseal->read);
    sqlite3_finalize(reseal->write);
    if (sqlite3_close(reseal->to) != SQLITE_OK && st == STATUS_OK)
        st = error_set(reterr, STATUS_IO, "cannot close %s", reseal->made);
    return st;
}

static enum status take_place(struct reseal *reseal, struct error *reterr)
{
    int fd = open(reseal->made, O_RDONLY | O_CLOEXEC);
    enum status st = STATUS_OK;

    if (fd < 0 || fsync(fd) != 0)
        st = error_set(reterr, STATUS_IO, "cannot sync %s: %s", reseal->made, strerror(errno));
    else if (rename(reseal->made, reseal->path) != 0)
        st = error_set(reterr, STATUS_IO, "cannot rename %s: %s", reseal->made, strerror(errno));
    else
        st = sqlite_sync_folder_of(reseal->path, reterr);
    if (fd >= 0)
        close(fd);
    return st;
}

enum status store_file_reseal(const char *path, const struct sealing *sealing,
                              const struct store_file_watcher *watcher,
                              struct store_file_report *ret_report, struct error *reterr)
{
    struct reseal reseal = {
        .path = path, .sealing = sealing, .watcher = watcher, .lock = {.fd = -1}};
    enum status st;

    *ret_report = (struct store_file_report){0};
    if (asprintf(&reseal.made, "%s.resealed", path) < 0)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = take_lock(&reseal, reterr);
    if (st != STATUS_OK)
        goto out;
    st = open_old(&reseal, reterr);
    if (st == STATUS_OK)
        st = fill_new(&reseal, reterr);
    sqlite3_close(reseal.from);
    if (st == STATUS_OK)
        st = store_file_verify(reseal.made, sealing, watcher, ret_report, reterr);
    if (st == STATUS_OK)
        st = take_place(&reseal, reterr);
    sqlite_remove_files(reseal.made);
out:
    lock_file_close(&reseal.lock);
    buf_release(&reseal.opened);
    buf_release(&reseal.sealed);
    free(reseal.made);
    return st;
}
