#include "storage/sqlite_db.h"

#include <errno.h>

#include "storage/checksum.h"

enum { ROW_OVERHEAD = 64 }; /* of a row and its index entry, roughly */

uint64_t row_size(const struct row *row)
{
    return row->key.len + row->value.len + ROW_OVERHEAD;
}

uint64_t row_sum(const struct row *row)
{
    uint64_t sum = checksum_word(1, row->rev);

    sum = checksum_word(sum, row->prev_rev);
    sum = checksum_word(sum, (uint64_t)row->type);
    sum = checksum_word(sum, (uint64_t)row->at_ms);
    sum = checksum_word(sum, (uint64_t)row->expires_ms);
    sum = checksum_word(sum, row->pos);
    sum = checksum_bytes(sum, row->key);
    return checksum_bytes(sum, row->value);
}

struct bytes column_bytes(sqlite3_stmt *stmt, int column)
{
    const char *data = sqlite3_column_blob(stmt, column); /* first: it may convert */

    return bytes_of(data != NULL ? data : "", (size_t)sqlite3_column_bytes(stmt, column));
}

enum status read_row(sqlite3_stmt *stmt, int first, struct row *ret_row, struct error *reterr)
{
    uint64_t sum;

    *ret_row = (struct row){
        .rev = (uint64_t)sqlite3_column_int64(stmt, first),
        .key = column_bytes(stmt, first + 1),
        .type = sqlite3_column_int64(stmt, first + 2) == EVENT_PUT ? EVENT_PUT : EVENT_DELETE,
        .prev_rev = (uint64_t)sqlite3_column_int64(stmt, first + 3),
        .at_ms = sqlite3_column_int64(stmt, first + 4),
        .expires_ms = sqlite3_column_int64(stmt, first + 5),
        .pos = (uint64_t)sqlite3_column_int64(stmt, first + 6),
        .value = column_bytes(stmt, first + 8),
    };
    sum = (uint64_t)sqlite3_column_int64(stmt, first + 7);
    if (sum != row_sum(ret_row))
        return error_set(reterr, STATUS_CORRUPT,
                         "the stored change of revision %llu is damaged: its checksum does not fit",
                         (unsigned long long)ret_row->rev);
    return STATUS_OK;
}

enum status sqlite_insert_row(sqlite3_stmt *stmt, const struct row *row, struct error *reterr)
{
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->rev);
    sqlite3_bind_blob64(stmt, 2, row->key.ptr, row->key.len, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, row->type);
    sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row->prev_rev);
    sqlite3_bind_int64(stmt, 5, row->at_ms);
    sqlite3_bind_int64(stmt, 6, row->expires_ms);
    sqlite3_bind_int64(stmt, 7, (sqlite3_int64)row->pos);
    sqlite3_bind_int64(stmt, 8, (sqlite3_int64)row_sum(row));
    if (row->type == EVENT_PUT)
        sqlite3_bind_blob64(stmt, 9, row->value.len != 0 ? row->value.ptr : "", row->value.len,
                            SQLITE_STATIC);
    else
        sqlite3_bind_null(stmt, 9);
    return sqlite_run(stmt, "cannot write a change", reterr);
}

/* sqlite calls only ENOSPC "full"; other limits on a file's size are as harmless. A failed fsync is
 * not: what was written before it may be lost, whatever a second try says. */
static bool is_no_space(int code, int os_error)
{
    if (code == SQLITE_FULL)
        return true;
    if (code != SQLITE_IOERR_WRITE && code != SQLITE_IOERR_SHMSIZE)
        return false;
    return os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG;
}

enum status sqlite_failed(sqlite3 *db, const char *doing, struct error *reterr)
{
    static const struct {
        int code;
        enum status status;
    } statuses[] = {
        {SQLITE_NOMEM, STATUS_NO_MEMORY}, {SQLITE_CORRUPT, STATUS_CORRUPT},
        {SQLITE_NOTADB, STATUS_CORRUPT},  {SQLITE_FORMAT, STATUS_CORRUPT},
        {SQLITE_BUSY, STATUS_CONFLICT},   {SQLITE_LOCKED, STATUS_CONFLICT},
    };
    int code = db != NULL ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    int os_error = errno; /* sqlite3_system_errno() does not know it when a COMMIT fails */
    enum status st = STATUS_IO;

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].code == (code & 0xff))
            st = statuses[i].status;
    if (is_no_space(code, os_error))
        st = STATUS_NO_SPACE;
    if ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CANTOPEN)
        os_error = 0;
    return error_set(reterr, st, "%s: %s (sqlite error %d%s%s)", doing,
                     db != NULL ? sqlite3_errmsg(db) : "out of memory", code,
                     os_error != 0 ? ", " : "", os_error != 0 ? strerror(os_error) : "");
}

enum status sqlite_exec(sqlite3 *db, const char *sql, struct error *reterr)
{
    errno = 0;
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_failed(db, sql, reterr);
    return STATUS_OK;
}

enum status sqlite_run(sqlite3_stmt *stmt, const char *doing, struct error *reterr)
{
    enum status st = STATUS_OK;

    errno = 0;
    if (sqlite3_step(stmt) != SQLITE_DONE)
        st = sqlite_failed(sqlite3_db_handle(stmt), doing, reterr);
    sqlite3_reset(stmt);
    return st;
}

enum status sqlite_prepare(sqlite3 *db, const struct prepared *list, size_t count,
                           struct error *reterr)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_prepare_v3(db, list[i].sql, -1, SQLITE_PREPARE_PERSISTENT, list[i].stmt,
                               NULL) != SQLITE_OK)
            return sqlite_failed(db, list[i].sql, reterr);
    return STATUS_OK;
}

/* A reader never checkpoints: up to sqlite 3.51.2 two connections that do so at once can corrupt
 * the database (https://sqlite.org/wal.html), and the writer does it at its own time. */
enum status sqlite_connect(const char *path, int flags, sqlite3 **ret_db, struct error *reterr)
{
    sqlite3 *db = NULL;
    enum status st;

    if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL) !=
        SQLITE_OK) {
        st = sqlite_failed(db, path, reterr);
        sqlite3_close(db);
        return st;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, 5000);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_wal_autocheckpoint(db, 0);
    *ret_db = db;
    return STATUS_OK;
}
