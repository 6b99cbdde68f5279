/*
 * What a store holds, read once at the start: every row, from the newest to the oldest, since the
 * first one of a key is what stands there.
 */
#include "storage/sqlite_db.h"

/* Has a later change, a sound one, replaced the version of `rev`? Looks at all: it is asked of
 * damaged rows alone. */
static enum status is_replaced(struct backend *backend, uint64_t rev, bool *ret_replaced,
                               struct error *reterr)
{
    sqlite3_stmt *stmt = NULL;
    enum status st = STATUS_OK;
    struct row row = {0};
    int rc = sqlite3_prepare_v2(backend->own.db,
                                "SELECT " ROW_COLUMNS " FROM log WHERE prev_rev = ?1 AND rev > ?1",
                                -1, &stmt, NULL);

    *ret_replaced = false;
    sqlite3_bind_int64(stmt, 1, (sqlite3_int64)rev);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW && read_row(stmt, 0, &row, NULL) == STATUS_OK)
            *ret_replaced = true;
    }
    if (rc != SQLITE_DONE)
        st = sqlite_failed(backend->own.db, "cannot read the log", reterr);
    sqlite3_finalize(stmt);
    return st;
}

/* One row. What it was damaged in is not known, its key perhaps: so it is no key's. */
static enum status load_row(struct backend *backend, sqlite3_stmt *stmt, value_sink each,
                            void *user, uint64_t *exact_from, struct error *reterr)
{
    uint64_t rev = (uint64_t)sqlite3_column_int64(stmt, 0);
    struct stored_value stored;
    struct error err = {0};
    bool replaced;
    struct row row = {0};
    enum status st = read_row(stmt, 0, &row, &err), replaced_st;

    if (st == STATUS_OK) {
        stored = stored_of(&row);
        return each(user, &stored, reterr);
    }
    replaced_st = is_replaced(backend, rev, &replaced, reterr);
    if (replaced_st == STATUS_OK && !replaced)
        error_set(reterr, st, "%s", error_message(&err));
    error_release(&err);
    *exact_from = backend->committed;
    return replaced_st == STATUS_OK && !replaced ? st : replaced_st;
}

enum status sqlite_load(struct backend *backend, value_sink each, void *user,
                        uint64_t *ret_exact_from, struct error *reterr)
{
    sqlite3_stmt *stmt = NULL;
    uint64_t newest = 0, above = 0, floor = backend->log_floor, rev;
    enum status st = STATUS_OK;
    int rc = sqlite3_prepare_v2(
        backend->own.db, "SELECT " ROW_COLUMNS " FROM log ORDER BY rev DESC", -1, &stmt, NULL);

    *ret_exact_from = 0;
    while (st == STATUS_OK && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
        rc = sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        rev = (uint64_t)sqlite3_column_int64(stmt, 0);
        newest = newest != 0 ? newest : rev;
        above += rev > floor;
        st = load_row(backend, stmt, each, user, ret_exact_from, reterr);
    }
    if (st == STATUS_OK && rc != SQLITE_DONE)
        st = sqlite_failed(backend->own.db, "cannot read the log", reterr);
    else if (st == STATUS_OK && above != (newest > floor ? newest - floor : 0))
        st = error_set(reterr, STATUS_CORRUPT,
                       "the log is damaged: %llu changes between revisions %llu and %llu",
                       (unsigned long long)above, (unsigned long long)floor,
                       (unsigned long long)newest);
    sqlite3_finalize(stmt);
    return st;
}
