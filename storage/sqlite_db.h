/*
 * sqlite_db - the sqlite backend's insides: connections, statements, rows.
 *
 *   backend_sqlite.c  the writer's side: commit, compact, checkpoint    sqlite_open.c  open, check
 *   reader.c          the readers' side: a pool, events, states         sqlite_db.c    rows, words
 *   store_file.c      a file as a whole: verify, back up, restore     reseal.c        and reseal
 *
 * One table is the truth. `log` has every change once: what stands at a key at revision N is the
 * key's newest row up to N, unless that is a delete. So no two tables can disagree, and a read of
 * the past is a read of the present with another number. Which rows are a key's is known to the
 * index in memory (storage/index.h), made anew at each start.
 */
#ifndef TIDEWATCH_STORAGE_SQLITE_DB_H
#define TIDEWATCH_STORAGE_SQLITE_DB_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "storage/backend.h"
#include "storage/lock_file.h"

/* A connection that reads, with its statements. */
struct reader {
    sqlite3 *db;
    sqlite3_stmt *begin, *end, *floor, *walk, *row;
    struct reader *next_free;
};

struct writer {
    sqlite3_stmt *begin, *commit, *rollback, *insert, *set_meta, *oldest, *drop;
};

struct backend {
    char *path; /* NULL: in memory */
    struct lock_file lock;
    char run[UUID_LEN + 1]; /* that wrote the database last */
    bool restored;          /* it came from elsewhere: start() sets a new beginning */
    bool created;           /* it was not there: the run has begun */

    /* The one connection that writes and checkpoints, and reads before start(). In memory it is the
     * only one, so reads share it: hence the lock, which otherwise nobody else takes. */
    struct reader own;
    struct writer writer;
    pthread_mutex_t own_lock;
    uint64_t committed, floor, log_end;
    uint64_t log_floor; /* when it was opened; that of a restored copy is above it */

    int wal_frames;   /* in the write-ahead log */
    int64_t wal_room; /* bytes that the write-ahead log may fill without making its file longer */
    int tried_frames; /* so many of them when a checkpoint was last tried */
    _Atomic uint64_t checkpoints;

    pthread_mutex_t pool_lock;
    pthread_cond_t pool_free;
    struct reader *free_readers;
    size_t reader_count;
};

/* The columns of a row, in the order in which read_row() expects them. */
#define ROW_COLUMNS "rev, key, type, prev_rev, at, expires, pos, sum, value"
#define INSERT_ROW "INSERT INTO log(" ROW_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"

struct row {
    uint64_t rev, prev_rev;
    enum event_type type;
    struct bytes key, value;
    int64_t at_ms, expires_ms;
    uint64_t pos; /* bytes of log before this row, since ever */
};

static inline struct stored_value stored_of(const struct row *row)
{
    return (struct stored_value){row->key, row->value, row->rev, row->type, row->expires_ms};
}

uint64_t row_size(const struct row *row);
uint64_t row_sum(const struct row *row);
struct bytes column_bytes(sqlite3_stmt *stmt, int column);
/* Takes the row from the result columns from `first` on; lent until the statement moves.
 * CORRUPT: its checksum is not that of its contents. */
MUST_CHECK enum status read_row(sqlite3_stmt *stmt, int first, struct row *ret_row,
                                struct error *reterr);

/* With a statement of INSERT_ROW. */
MUST_CHECK enum status sqlite_insert_row(sqlite3_stmt *stmt, const struct row *row,
                                         struct error *reterr);

/* Makes a status and words of the last failure of `db`, and of errno, which is 0 before the call
 * that fails. */
enum status sqlite_failed(sqlite3 *db, const char *doing, struct error *reterr);
MUST_CHECK enum status sqlite_exec(sqlite3 *db, const char *sql, struct error *reterr);
/* Runs to the end a statement that gives no rows. */
MUST_CHECK enum status sqlite_run(sqlite3_stmt *stmt, const char *doing, struct error *reterr);

struct prepared {
    sqlite3_stmt **stmt;
    const char *sql;
};
MUST_CHECK enum status sqlite_prepare(sqlite3 *db, const struct prepared *list, size_t count,
                                      struct error *reterr);
/* Opens a connection with the settings that all of them need. */
MUST_CHECK enum status sqlite_connect(const char *path, int flags, sqlite3 **ret_db,
                                      struct error *reterr);

/* sqlite_load.c */
enum status sqlite_load(struct backend *backend, value_sink each, void *user,
                        uint64_t *ret_exact_from, struct error *reterr);

/* sqlite_open.c */
/* `secure_delete`: what is deleted is overwritten. */
MUST_CHECK enum status sqlite_open_file(struct backend *backend, bool secure_delete,
                                        struct backend_state *ret_state, struct error *reterr);
MUST_CHECK enum status sqlite_open_memory(struct backend *backend, struct error *reterr);
/* Marks the database as in use by a new run, and a restored one as a new beginning. */
MUST_CHECK enum status sqlite_start_run(struct backend *backend, struct error *reterr);
void sqlite_end_run(struct backend *backend);
/* One number that must be there; CORRUPT without it. */
MUST_CHECK enum status sqlite_query_int(sqlite3 *db, const char *sql, int64_t *ret,
                                        struct error *reterr);
/* Is it one of ours, and of a version that we know? Brings an older one up to date. */
MUST_CHECK enum status sqlite_identify(sqlite3 *db, const char *path, struct error *reterr);
/* "PRAGMA quick_check(1)" or "PRAGMA integrity_check(1)"; CORRUPT with what it says. */
MUST_CHECK enum status sqlite_check_pages(sqlite3 *db, const char *pragma, struct error *reterr);
/* Makes an empty store, whose bytes are on the disk when this is done; not so its name. `run`:
 * which is going to write it; NULL: none yet. */
MUST_CHECK enum status sqlite_make_empty(const char *path, const char *run, struct error *reterr);
/* Which run wrote it last. */
MUST_CHECK enum status sqlite_read_run(sqlite3 *db, char ret_run[UUID_LEN + 1],
                                       struct error *reterr);
/* Makes an empty file that is its owner's alone: objects may be secrets. */
MUST_CHECK enum status sqlite_make_private(const char *path, struct error *reterr);
MUST_CHECK enum status sqlite_sync_folder_of(const char *path, struct error *reterr);
/* A database with all that sqlite puts beside it. */
void sqlite_remove_files(const char *path);
MUST_CHECK enum status sqlite_set_meta(struct backend *backend, const char *name, int64_t number,
                                       const char *text, struct error *reterr);

/* reader.c */
MUST_CHECK enum status reader_init(struct reader *reader, struct error *reterr);
void reader_release(struct reader *reader);
void reader_pool_close(struct backend *backend);
enum status sqlite_read_events(struct backend *backend, uint64_t after_rev, uint64_t upto,
                               const struct events_asked *asked, event_sink each, void *user,
                               uint64_t *ret_upto, struct error *reterr);
enum status sqlite_read_versions(struct backend *backend, uint64_t rev,
                                 const struct version *versions, size_t count, value_sink each,
                                 version_check *stands, void *user, struct error *reterr);

#endif
