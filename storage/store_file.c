#include "storage/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "storage/sqlite_db.h"
#include "storage/wal_check.h"

enum {
    PAGES_AT_ONCE = 1024,
    ROWS_BETWEEN_PROGRESS = 10000,
};

void store_file_tell(const struct store_file_watcher *watcher, const char *doing, uint64_t done,
                     uint64_t all)
{
    if (watcher != NULL && watcher->progress != NULL)
        watcher->progress(watcher->user, doing, done, all);
}

/* ---- is it in use? ---- */

/* Takes the store's lock if nobody has it; -1: it is taken, or there never was one. */
static int take_lock(const char *path, bool *ret_taken)
{
    char *name;
    int fd;

    *ret_taken = false;
    if (asprintf(&name, "%s.lock", path) < 0)
        return -1;
    fd = open(name, O_RDWR | O_CLOEXEC);
    free(name);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    *ret_taken = true;
    return -1;
}

/* ---- verify ---- */

struct check {
    sqlite3 *db;
    const struct sealing *sealing; /* NULL: sealed values stay shut */
    struct buf scratch;
    uint64_t shut;         /* values that no key opens */
    struct error shut_why; /* the first of them */
    const struct store_file_watcher *watcher;
    struct store_file_report *report;
    uint64_t rows_in_all;
    /* of the row before */
    uint64_t rev, pos;
};

static enum status damaged(struct error *reterr, uint64_t rev, const char *what)
{
    return error_set(reterr, STATUS_CORRUPT, "the stored change of revision %llu is damaged: %s",
                     (unsigned long long)rev, what);
}

/* Rows stand in the order of their revisions; above the floor none is missing, and their places in
 * the log follow one another. */
static enum status check_order(struct check *check, const struct row *row, struct error *reterr)
{
    uint64_t floor = check->report->floor, before = check->rev > floor ? check->rev : floor;

    if (row->rev > floor && row->rev != before + 1)
        return damaged(reterr, before + 1, "it is missing");
    if (row->prev_rev >= row->rev)
        return damaged(reterr, row->rev, "it replaces a later one");
    if (row->pos < check->pos)
        return damaged(reterr, row->rev, "it lies before the one that it follows");
    check->rev = row->rev;
    check->pos = row->pos;
    return STATUS_OK;
}

static void count_key(struct store_file_report *report, struct bytes id)
{
    struct store_file_key *it = report->keys;
    size_t i = 0;

    while (i < report->key_count && !bytes_eq_str(id, it[i].id))
        i++;
    if (i == report->key_count && i < STORE_FILE_KEYS_MAX) {
        memcpy(it[i].id, id.ptr, id.len);
        report->key_count++;
    }
    it[i < STORE_FILE_KEYS_MAX ? i : i - 1].changes++;
}

/* Values that no key opens are counted: which key that is matters more than which value. */
static enum status check_value(struct check *check, const struct row *row, struct error *reterr)
{
    struct error err = {0};
    struct bytes value;
    enum status st = STATUS_OK;

    count_key(check->report, sealed_id(row->value));
    if (check->sealing != NULL)
        st = sealing_open(check->sealing, row->key, row->rev, row->value, &check->scratch, &value,
                          &err);
    if (st == STATUS_SEALED && check->shut++ == 0) {
        check->shut_why = err;
        return STATUS_OK;
    }
    if (st != STATUS_OK && st != STATUS_SEALED)
        error_set(reterr, st, "%s", error_message(&err));
    error_release(&err);
    return st == STATUS_SEALED ? STATUS_OK : st;
}

static enum status check_rows(struct check *check, struct error *reterr)
{
    sqlite3_stmt *stmt = NULL;
    enum status st = STATUS_OK;
    int rc = sqlite3_prepare_v2(check->db, "SELECT " ROW_COLUMNS " FROM log ORDER BY rev", -1,
                                &stmt, NULL);

    while (st == STATUS_OK && rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct row row = {0};

        rc = SQLITE_OK;
        st = read_row(stmt, 0, &row, reterr);
        if (st == STATUS_OK)
            st = check_order(check, &row, reterr);
        if (st == STATUS_OK && row.type == EVENT_PUT)
            st = check_value(check, &row, reterr);
        if (++check->report->changes % ROWS_BETWEEN_PROGRESS == 0)
            store_file_tell(check->watcher, "checking changes", check->report->changes,
                            check->rows_in_all);
    }
    if (st == STATUS_OK && rc != SQLITE_DONE)
        st = sqlite_failed(check->db, "cannot read the log", reterr);
    sqlite3_finalize(stmt);
    return st;
}

/* What a row says it replaces is the newest row of its key before it. */
static enum status check_chains(struct check *check, struct error *reterr)
{
    int64_t wrong = 0;
    enum status st = sqlite_query_int(
        check->db,
        "SELECT ifnull(min(rev), 0) FROM (SELECT rev, prev_rev, type, lag(rev) OVER by_key AS was,"
        " lag(type) OVER by_key AS was_type FROM log WINDOW by_key AS (PARTITION BY key ORDER BY "
        "rev))"
        " WHERE was IS NOT NULL AND prev_rev <> iif(was_type = 0, was, 0)",
        &wrong, reterr);

    static_assert(EVENT_PUT == 0, "as the query says");
    if (st == STATUS_OK && wrong != 0)
        st = damaged(reterr, (uint64_t)wrong, "it does not replace what stood there");
    return st;
}

static enum status count_all(struct check *check, struct error *reterr)
{
    struct store_file_report *report = check->report;
    int64_t floor = 0, newest = 0, rows = 0, objects = 0;
    enum status st =
        sqlite_query_int(check->db, "SELECT value FROM meta WHERE name = 'floor'", &floor, reterr);

    if (st == STATUS_OK)
        st = sqlite_query_int(check->db, "SELECT ifnull(max(rev), 0) FROM log", &newest, reterr);
    if (st == STATUS_OK)
        st = sqlite_query_int(check->db, "SELECT count(*) FROM log", &rows, reterr);
    if (st == STATUS_OK)
        st = sqlite_query_int(check->db,
                              "SELECT count(*) FROM log WHERE type = 0 AND rev IN"
                              " (SELECT max(rev) FROM log GROUP BY key)",
                              &objects, reterr);
    check->rows_in_all = (uint64_t)rows;
    report->objects = (uint64_t)objects;
    report->floor = (uint64_t)floor;
    report->committed = (uint64_t)(newest > floor ? newest : floor);
    return st;
}

/* In one transaction, so that a server may go on writing. */
static enum status check_all(sqlite3 *db, const struct sealing *sealing,
                             const struct store_file_watcher *watcher,
                             struct store_file_report *report, struct error *reterr)
{
    struct check check = {.db = db, .sealing = sealing, .watcher = watcher, .report = report};
    enum status st = sqlite_exec(db, "BEGIN", reterr);

    if (st == STATUS_OK)
        st = count_all(&check, reterr);
    if (st == STATUS_OK)
        store_file_tell(watcher, "checking pages", 0, 0);
    if (st == STATUS_OK)
        st = sqlite_check_pages(db, "PRAGMA integrity_check(1)", reterr);
    if (st == STATUS_OK)
        st = check_rows(&check, reterr);
    if (st == STATUS_OK)
        st = check_chains(&check, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(db, "COMMIT", reterr);
    if (st == STATUS_OK && check.shut != 0)
        st = error_set(reterr, STATUS_SEALED, "%llu changes cannot be opened; the first: %s",
                       (unsigned long long)check.shut, error_message(&check.shut_why));
    buf_release(&check.scratch);
    error_release(&check.shut_why);
    return st;
}

/* sqlite reads a write-ahead log up to its first damaged frame and is silent about the rest. While
 * a server writes it, its end is not for us to judge. */
static enum status check_log(const char *path, bool served, struct error *reterr)
{
    enum status st;
    char *wal;

    if (served)
        return STATUS_OK;
    if (asprintf(&wal, "%s-wal", path) < 0)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = wal_check(wal, reterr);
    free(wal);
    return st;
}

static enum status open_to_read(const char *path, sqlite3 **ret_db, struct error *reterr)
{
    enum status st;

    if (access(path, R_OK) != 0)
        return error_set(reterr, STATUS_IO, "cannot read %s: %s", path, strerror(errno));
    st = sqlite_connect(path, SQLITE_OPEN_READONLY, ret_db, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(*ret_db, "PRAGMA query_only = ON; PRAGMA cell_size_check = ON", reterr);
    if (st == STATUS_OK)
        st = sqlite_identify(*ret_db, path, reterr);
    return st;
}

enum status store_file_verify(const char *path, const struct sealing *sealing,
                              const struct store_file_watcher *watcher,
                              struct store_file_report *ret_report, struct error *reterr)
{
    sqlite3 *db = NULL;
    int lock = take_lock(path, &ret_report->served);
    enum status st;

    *ret_report = (struct store_file_report){.served = ret_report->served};
    st = check_log(path, ret_report->served, reterr);
    if (st == STATUS_OK)
        st = open_to_read(path, &db, reterr);
    if (st == STATUS_OK)
        st = check_all(db, sealing, watcher, ret_report, reterr);
    sqlite3_close(db);
    if (lock >= 0)
        close(lock);
    return st;
}

/* ---- copies ---- */

/* The open transaction holds the moment: without it, sqlite would begin again after each write of
 * another process (https://www.sqlite.org/c3ref/backup_finish.html). */
static enum status copy_pages(sqlite3 *from, sqlite3 *to, const struct store_file_watcher *watcher,
                              struct error *reterr)
{
    int64_t moment;
    sqlite3_backup *backup;
    enum status st = sqlite_exec(from, "BEGIN", reterr);

    if (st == STATUS_OK)
        st = sqlite_query_int(from, "SELECT count(*) FROM meta", &moment, reterr);
    if (st != STATUS_OK)
        return st;
    errno = 0;
    backup = sqlite3_backup_init(to, "main", from, "main");
    while (backup != NULL && sqlite3_backup_step(backup, PAGES_AT_ONCE) == SQLITE_OK) {
        uint64_t all = (uint64_t)sqlite3_backup_pagecount(backup);

        store_file_tell(watcher, "copying pages", all - (uint64_t)sqlite3_backup_remaining(backup),
                        all);
    }
    if (backup == NULL || sqlite3_backup_finish(backup) != SQLITE_OK)
        st = sqlite_failed(to, "cannot copy the store", reterr);
    sqlite3_exec(from, "COMMIT", NULL, NULL, NULL);
    return st;
}

/* A run that no lock file knows: whoever opens the copy sees that it is one. */
static enum status mark_as_copy(sqlite3 *db, struct error *reterr)
{
    char run[UUID_LEN + 1], sql[128];

    uuid_new(run);
    snprintf(sql, sizeof(sql), "UPDATE meta SET value = '%s' WHERE name = 'run'", run);
    return sqlite_exec(db, sql, reterr);
}

static enum status write_copy(sqlite3 *from, const char *name,
                              const struct store_file_watcher *watcher,
                              struct store_file_report *report, struct error *reterr)
{
    sqlite3 *to = NULL;
    enum status st = sqlite_make_private(name, reterr);

    if (st == STATUS_OK)
        st = sqlite_connect(name, SQLITE_OPEN_READWRITE, &to, reterr);
    if (st == STATUS_OK)
        st = copy_pages(from, to, watcher, reterr);
    if (st == STATUS_OK)
        sqlite3_db_config(to, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL); /* one file is left */
    if (st == STATUS_OK)
        st = sqlite_exec(to, "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON", reterr);
    if (st == STATUS_OK)
        st = mark_as_copy(to, reterr);
    if (st == STATUS_OK)
        st = check_all(to, NULL, watcher, report, reterr);
    if (sqlite3_close(to) != SQLITE_OK && st == STATUS_OK)
        st = error_set(reterr, STATUS_IO, "cannot close %s", name);
    return st;
}

/* Under its name only when it is whole and on the disk; never over another file. */
static enum status publish(const char *name, const char *to, struct error *reterr)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    enum status st = STATUS_OK;

    if (fd < 0 || fsync(fd) != 0)
        st = error_set(reterr, STATUS_IO, "cannot sync %s: %s", name, strerror(errno));
    else if (link(name, to) != 0)
        st = error_set(reterr, errno == EEXIST ? STATUS_CONFLICT : STATUS_IO, "cannot make %s: %s",
                       to, strerror(errno));
    else if ((st = sqlite_sync_folder_of(to, reterr)) != STATUS_OK)
        unlink(to);
    if (fd >= 0)
        close(fd);
    return st;
}

static enum status copy_file(const char *path, const char *to,
                             const struct store_file_watcher *watcher,
                             struct store_file_report *report, struct error *reterr)
{
    sqlite3 *from = NULL;
    char *name = NULL;
    enum status st;

    if (access(to, F_OK) == 0)
        return error_set(reterr, STATUS_CONFLICT, "%s exists already", to);
    if (asprintf(&name, "%s.part-%d", to, (int)getpid()) < 0)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = open_to_read(path, &from, reterr);
    if (st == STATUS_OK)
        st = write_copy(from, name, watcher, report, reterr);
    if (st == STATUS_OK)
        st = publish(name, to, reterr);
    sqlite3_close(from);
    sqlite_remove_files(name);
    free(name);
    return st;
}

enum status store_file_backup(const char *path, const char *to,
                              const struct store_file_watcher *watcher,
                              struct store_file_report *ret_report, struct error *reterr)
{
    int lock = take_lock(path, &ret_report->served);
    enum status st;

    *ret_report = (struct store_file_report){.served = ret_report->served};
    st = check_log(path, ret_report->served, reterr);
    if (st == STATUS_OK)
        st = copy_file(path, to, watcher, ret_report, reterr);
    if (lock >= 0)
        close(lock);
    return st;
}

enum status store_file_restore(const char *backup, const char *path,
                               const struct store_file_watcher *watcher,
                               struct store_file_report *ret_report, struct error *reterr)
{
    int lock = take_lock(path, &ret_report->served);
    enum status st;

    *ret_report = (struct store_file_report){.served = ret_report->served};
    if (ret_report->served)
        st = error_set(reterr, STATUS_CONFLICT, "another process has the store %s open", path);
    else
        st = copy_file(backup, path, watcher, ret_report, reterr);
    if (lock >= 0)
        close(lock);
    return st;
}
