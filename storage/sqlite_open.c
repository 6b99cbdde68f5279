/*
 * Opening a database file: which one it is, whether it is whole, and whose it was.
 *
 * A new file is made under another name and renamed when it is complete: it has its run, and its
 * write-ahead log stands beside it. So a file that stands at the path and is empty, or has no
 * schema, is a damaged store and never a fresh one.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/planted.h"
#include "storage/sqlite_db.h"
#include "storage/wal_check.h"

#define APPLICATION_ID 1416193125 /* "Tide", in the header of the file */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* The schema, version by version: entry N takes a database from user_version N to N + 1. There is
 * no index by key: storage/index.h says why. */
static const char *const migrations[] = {
    "PRAGMA application_id = " TEXT(
        APPLICATION_ID) ";"
                        "CREATE TABLE meta(name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;"
                        "INSERT INTO meta VALUES ('floor', 0), ('clean', 1), ('run', '');"
                        "CREATE TABLE log("
                        " rev INTEGER PRIMARY KEY,"
                        " key BLOB NOT NULL,"
                        " type INTEGER NOT NULL,"     /* enum event_type */
                        " prev_rev INTEGER NOT NULL," /* of the version it replaces; 0: it created
                                                       */
                        " at INTEGER NOT NULL,"       /* wall time, ms */
                        " expires INTEGER NOT NULL,"  /* wall time, ms; 0: never */
                        " pos INTEGER NOT NULL,"      /* bytes of log before it, since ever */
                        " sum INTEGER NOT NULL,"      /* row_sum() */
                        " value BLOB) STRICT;"
                        "PRAGMA user_version = 1;",
};

/* What restores a copy of the database adds to the revision: far more than were written since the
 * copy was made (as etcdutl snapshot restore --bump-revision 1000000000 --mark-compacted does). */
#define RESTORE_BUMP 1000000000ULL

/* A file up to this size is checked page by page at every start (a second at most, about 0.1 s for
 * 100,000 objects), a larger one only after an end that was not clean. */
#define CHECK_ALWAYS_BYTES (1LL << 30)

enum status sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret, struct error *reterr)
{
    sqlite3_stmt *stmt = NULL;
    enum status st = STATUS_OK;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    else if (rc == SQLITE_DONE)
        st = error_set(reterr, STATUS_CORRUPT, "the store lacks what it should have: %s", sql);
    else
        st = sqlite_failed(db, "cannot read the store", reterr);
    sqlite3_finalize(stmt);
    return st;
}

static enum status migrate(sqlite3 *db, struct error *reterr)
{
    int64_t version = 0;
    enum status st = sqlite_query_int(db, "PRAGMA user_version", &version, reterr);

    if (st != STATUS_OK)
        return st;
    if (version < 0 || version > (int64_t)ARRAY_LEN(migrations))
        return error_set(reterr, STATUS_CORRUPT,
                         "the store has schema version %lld, this program knows up to %zu: it was "
                         "written by a newer one",
                         (long long)version, ARRAY_LEN(migrations));
    for (size_t at = (size_t)version; at < ARRAY_LEN(migrations) && st == STATUS_OK; at++) {
        st = sqlite_exec(db, "BEGIN IMMEDIATE", reterr);
        if (st == STATUS_OK)
            st = sqlite_exec(db, migrations[at], reterr);
        if (st == STATUS_OK)
            st = sqlite_exec(db, "COMMIT", reterr);
    }
    return st;
}

enum status sqlite_sync_folder_of(const char *path, struct error *reterr)
{
    char *copy = bytes_dup(bytes_str(path));
    enum status st = STATUS_OK;
    int fd;

    if (copy == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        st =
            error_set(reterr, STATUS_IO, "cannot sync the folder of %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(copy);
    return st;
}

void sqlite_remove_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char *name;

    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        if (asprintf(&name, "%s%s", path, suffixes[i]) < 0)
            continue;
        unlink(name);
        free(name);
    }
}

/* Objects may be secrets: the file is its owner's alone, and sqlite gives the write-ahead log and
 * its index the mode of the database. */
enum status sqlite_make_private(const char *path, struct error *reterr)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_set(reterr, STATUS_IO, "cannot make %s: %s", path, strerror(errno));
    close(fd);
    return STATUS_OK;
}

/* The file's bytes; its name is the folder's. */
static enum status sync_file(const char *path, struct error *reterr)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum status st = STATUS_OK;

    if (fd < 0 || fsync(fd) != 0)
        st = error_set(reterr, STATUS_IO, "cannot sync %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return st;
}

static enum status set_run(sqlite3 *db, const char *run, struct error *reterr)
{
    char sql[160];

    sqlite3_snprintf(sizeof(sql), sql,
                     "UPDATE meta SET value = %Q WHERE name = 'run';"
                     "UPDATE meta SET value = 0 WHERE name = 'clean'",
                     run);
    return sqlite_exec(db, sql, reterr);
}

/* What a crash leaves of it nobody looks at, so nothing is synced before the whole is. */
enum status sqlite_make_empty(const char *path, const char *run, struct error *reterr)
{
    sqlite3 *db = NULL;
    enum status st = sqlite_make_private(path, reterr);

    if (st == STATUS_OK)
        st = sqlite_connect(path, SQLITE_OPEN_READWRITE, &db, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(db, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", reterr);
    if (st == STATUS_OK)
        st = migrate(db, reterr);
    if (st == STATUS_OK && run != NULL)
        st = set_run(db, run, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(db, "PRAGMA journal_mode = WAL", reterr);
    if (sqlite3_close(db) != SQLITE_OK && st == STATUS_OK)
        st = error_set(reterr, STATUS_IO, "cannot close %s", path);
    return st == STATUS_OK ? sync_file(path, reterr) : st;
}

/* Is it one of ours, and of a version that we know? Looks before it touches anything. */
enum status sqlite_identify(sqlite3 *db, const char *path, struct error *reterr)
{
    int64_t id = 0;
    enum status st = sqlite_query_int(db, "PRAGMA application_id", &id, reterr);

    if (st != STATUS_OK)
        return error_set(reterr, st, "%s cannot be read as a store: %s", path,
                         reterr != NULL ? error_message(reterr) : "");
    if (id != APPLICATION_ID)
        return error_set(reterr, STATUS_CORRUPT, "%s is not a store of this program", path);
    return migrate(db, reterr);
}

enum status sqlite_check_pages(sqlite3 *db, const char *pragma, struct error *reterr)
{
    sqlite3_stmt *stmt = NULL;
    const char *said = NULL;
    enum status st = STATUS_OK;

    if (sqlite3_prepare_v2(db, pragma, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW ||
        (said = (const char *)sqlite3_column_text(stmt, 0)) == NULL)
        st = sqlite_failed(db, "cannot check the store", reterr);
    else if (strcmp(said, "ok") != 0)
        st = error_set(reterr, STATUS_CORRUPT, "the store is damaged: %s", said);
    sqlite3_finalize(stmt);
    return st;
}

/* Every page is there and every tree is whole; rows have checksums of their own. */
static enum status check_at_start(sqlite3 *db, bool clean, struct error *reterr)
{
    int64_t pages = 0, page_size = 0;
    enum status st = sqlite_query_int(db, "PRAGMA page_count", &pages, reterr);

    if (st == STATUS_OK)
        st = sqlite_query_int(db, "PRAGMA page_size", &page_size, reterr);
    if (st != STATUS_OK || (clean && pages * page_size > CHECK_ALWAYS_BYTES))
        return st;
    return sqlite_check_pages(db, "PRAGMA quick_check(1)", reterr);
}

/* The newest revision is that of the newest row, or the floor when all above it is gone. */
static enum status read_state(struct backend *backend, struct error *reterr)
{
    sqlite3 *db = backend->own.db;
    int64_t floor = 0, newest = 0, log_end = 0;
    enum status st;

    if (PLANTED(reuse_revision) &&
        sqlite_exec(db, "DELETE FROM log WHERE rev = (SELECT max(rev) FROM log)", reterr) !=
            STATUS_OK)
        return STATUS_IO;
    st = sqlite_query_int(db, "SELECT value FROM meta WHERE name = 'floor'", &floor, reterr);
    if (st == STATUS_OK)
        st = sqlite_query_int(db, "SELECT ifnull(max(rev), 0) FROM log", &newest, reterr);
    if (st == STATUS_OK)
        st = sqlite_query_int(
            db,
            "SELECT ifnull((SELECT pos + length(key) + ifnull(length(value), 0) + 64"
            " FROM log ORDER BY rev DESC LIMIT 1), 0)",
            &log_end, reterr);
    if (st != STATUS_OK)
        return st;
    if (floor < 0)
        return error_set(reterr, STATUS_CORRUPT, "the log's floor is damaged: %lld",
                         (long long)floor);
    backend->floor = backend->log_floor = (uint64_t)floor;
    backend->committed = (uint64_t)(newest > floor ? newest : floor);
    backend->log_end = (uint64_t)log_end;
    return STATUS_OK;
}

enum status sqlite_read_run(sqlite3 *db, char ret_run[UUID_LEN + 1], struct error *reterr)
{
    sqlite3_stmt *stmt = NULL;
    const char *run = NULL; /* a run that is not known would make the store a copy */
    enum status st = STATUS_OK;

    if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = 'run'", -1, &stmt, NULL) !=
            SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW ||
        (run = (const char *)sqlite3_column_text(stmt, 0)) == NULL)
        st = sqlite_failed(db, "cannot read the run", reterr);
    else
        snprintf(ret_run, UUID_LEN + 1, "%s", run);
    sqlite3_finalize(stmt);
    return st;
}

/* A restored copy begins anew, far above every revision that anyone can have seen: who comes with
 * an old one is told that it is too old. A store whose write-ahead log is gone is refused. */
static enum status check_origin(struct backend *backend, bool clean, bool had_wal,
                                struct error *reterr)
{
    enum status st = sqlite_read_run(backend->own.db, backend->run, reterr);

    if (st != STATUS_OK)
        return st;
    if (backend->run[0] != '\0' && !lock_file_knows(&backend->lock, backend->run)) {
        backend->restored = true;
        backend->floor = backend->committed += RESTORE_BUMP;
        LOG_WARN("this store was restored from a copy: its history begins anew",
                 LOG_STR("path", backend->path), LOG_INT("revision", backend->committed));
    } else if (!clean && !had_wal) {
        return error_set(reterr, STATUS_CORRUPT,
                         "%s was not closed, and its write-ahead log %s-wal, with the latest "
                         "changes, is gone. To go on from a backup, remove %s.lock",
                         backend->path, backend->path, backend->path);
    }
    return STATUS_OK;
}

static enum status open_own(struct backend *backend, int flags, const char *path,
                            struct error *reterr)
{
    enum status st = sqlite_connect(path, SQLITE_OPEN_READWRITE | flags, &backend->own.db, reterr);

    if (st != STATUS_OK)
        return st;
    sqlite3_busy_timeout(backend->own.db, 100); /* a checkpoint that waits for readers */
    return STATUS_OK;
}

struct names { /* of a database; `made` is what it is called until it is complete */
    char *wal, *made;
};

/* With the lock file and the file itself on the disk, the new names need one sync: they change in
 * their order, so that where the file is its log is, too. A start that died on the way has left
 * `made`, and maybe an empty log, for the next one, which begins anew. */
static enum status create_file(struct backend *backend, const struct names *names,
                               struct error *reterr)
{
    enum status st;

    unlink(names->wal);
    sqlite_remove_files(names->made);
    uuid_new(backend->run);
    st = sqlite_make_empty(names->made, backend->run, reterr);
    if (st == STATUS_OK)
        st = lock_file_write(&backend->lock, "", backend->run, reterr);
    if (st == STATUS_OK)
        st = sqlite_make_private(names->wal, reterr);
    if (st == STATUS_OK && rename(names->made, backend->path) != 0)
        st = error_set(reterr, STATUS_IO, "cannot rename %s to %s: %s", names->made, backend->path,
                       strerror(errno));
    if (st == STATUS_OK)
        return sqlite_sync_folder_of(backend->path, reterr);
    unlink(names->wal);
    sqlite_remove_files(names->made);
    return st;
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Of a creation that was cut short: before its file had a name nothing was written to the log. */
static bool is_unfinished(const struct names *names)
{
    struct stat wal;

    return is_there(names->made) && stat(names->wal, &wal) == 0 && wal.st_size == 0;
}

static enum status find_or_create(struct backend *backend, bool *ret_had_wal, struct error *reterr)
{
    struct names names = {0};
    enum status st;

    if (asprintf(&names.wal, "%s-wal", backend->path) < 0 ||
        asprintf(&names.made, "%s.new", backend->path) < 0) {
        free(names.wal); /* NULL, or the first of them */
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    }
    *ret_had_wal = is_there(names.wal);
    if (is_there(backend->path)) {
        st = wal_check(names.wal, reterr);
    } else if (*ret_had_wal && !is_unfinished(&names)) {
        st = error_set(reterr, STATUS_CORRUPT, "%s is gone, but its write-ahead log is there",
                       backend->path);
    } else {
        st = create_file(backend, &names, reterr);
        backend->created = *ret_had_wal = st == STATUS_OK;
    }
    free(names.wal);
    free(names.made);
    return st;
}

enum status sqlite_open_file(struct backend *backend, bool secure_delete,
                             struct backend_state *ret_state, struct error *reterr)
{
    int64_t clean = 0;
    bool had_wal = false;
    enum status st = lock_file_open(&backend->lock, backend->path, reterr);

    if (st == STATUS_OK)
        st = find_or_create(backend, &had_wal, reterr);
    if (st == STATUS_OK)
        st = open_own(backend, 0, backend->path, reterr);
    if (st == STATUS_OK)
        st = sqlite_identify(backend->own.db, backend->path, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(backend->own.db,
                         "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                         "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;"
                         "PRAGMA cache_size = -8192",
                         reterr);
    if (st == STATUS_OK && secure_delete) /* what was not sealed must not stay in freed pages */
        st = sqlite_exec(backend->own.db, "PRAGMA secure_delete = ON", reterr);
    if (st == STATUS_OK)
        st = sqlite_query_int(backend->own.db, "SELECT value FROM meta WHERE name = 'clean'",
                              &clean, reterr);
    if (st == STATUS_OK)
        st = check_at_start(backend->own.db, clean != 0, reterr);
    if (st == STATUS_OK)
        st = read_state(backend, reterr);
    if (st == STATUS_OK)
        st = check_origin(backend, clean != 0, had_wal, reterr);
    if (st != STATUS_OK)
        return st;
    *ret_state = (struct backend_state){backend->committed, backend->floor};
    return STATUS_OK;
}

enum status sqlite_open_memory(struct backend *backend, struct error *reterr)
{
    enum status st = open_own(backend, SQLITE_OPEN_CREATE, ":memory:", reterr);

    return st == STATUS_OK ? migrate(backend->own.db, reterr) : st;
}

/* The compactor walks upwards from the floor, so what a restored copy has below its new one, and no
 * longer needs, goes at once. */
static enum status begin_anew(struct backend *backend, struct error *reterr)
{
    char *type = sqlite3_mprintf("DELETE FROM log WHERE type <> %d OR rev NOT IN "
                                 "(SELECT max(rev) FROM log GROUP BY key)",
                                 EVENT_PUT);
    enum status st = type != NULL ? sqlite_exec(backend->own.db, type, reterr)
                                  : error_set(reterr, STATUS_NO_MEMORY, "out of memory");

    sqlite3_free(type);
    if (st == STATUS_OK)
        st = sqlite_set_meta(backend, "floor", (int64_t)backend->floor, NULL, reterr);
    return st;
}

enum status sqlite_start_run(struct backend *backend, struct error *reterr)
{
    char run[UUID_LEN + 1];
    enum status st;

    if (backend->created)
        return STATUS_OK; /* for this run, with an empty log */
    uuid_new(run);
    /* First of all the log begins anew. Else what a crash left of a commit stands behind the next
     * one, and after a second crash looks like one that was acknowledged (wal_check.h). */
    st = sqlite_exec(backend->own.db, "PRAGMA wal_checkpoint(TRUNCATE)", reterr);
    if (st == STATUS_OK) /* the log's name; sqlite does that too, but does not say if it fails */
        st = sqlite_sync_folder_of(backend->path, reterr);
    if (st == STATUS_OK)
        st = lock_file_write(&backend->lock, backend->run, run, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(backend->own.db, "BEGIN IMMEDIATE", reterr);
    if (st == STATUS_OK && backend->restored)
        st = begin_anew(backend, reterr);
    if (st == STATUS_OK)
        st = sqlite_set_meta(backend, "run", 0, run, reterr);
    if (st == STATUS_OK)
        st = sqlite_set_meta(backend, "clean", 0, NULL, reterr);
    if (st == STATUS_OK)
        st = sqlite_exec(backend->own.db, "COMMIT", reterr);
    /* Into the database proper: a lost write-ahead log must be missed. */
    if (st == STATUS_OK)
        st = sqlite_exec(backend->own.db, "PRAGMA wal_checkpoint(TRUNCATE)", reterr);
    if (st == STATUS_OK)
        st = lock_file_write(&backend->lock, "", run, reterr);
    return st;
}

/* Leaves one file that says it is whole. If that fails it just was not closed cleanly. */
void sqlite_end_run(struct backend *backend)
{
    struct error err = {0};

    if (sqlite_set_meta(backend, "clean", 1, NULL, &err) == STATUS_OK &&
        sqlite_exec(backend->own.db, "PRAGMA wal_checkpoint(TRUNCATE)", &err) == STATUS_OK)
        sqlite3_db_config(backend->own.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    else
        LOG_WARN("the store was not closed cleanly", LOG_STR("error", error_message(&err)));
    error_release(&err);
}
