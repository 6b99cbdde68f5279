#include "unit/test.h"

#include <sqlite3.h>

#include "storage/sqlite_db.h"
#include "storage/store_file.h"
#include "unit/storage/store.h"

/* A store of six changes, closed. */
static void prepare(struct store *store)
{
    store_init(store, "sqlite");
    store_open(store);
    CHECK_INT(store_put(store, "a", "1", 0), 1);
    CHECK_INT(store_put(store, "b", "2", 0), 2);
    CHECK_INT(store_put(store, "a", "3", 1), 3);
    CHECK_INT(store_delete(store, "b", 2), 4);
    CHECK_INT(store_put(store, "b", "5", 0), 5);
    CHECK_INT(store_put(store, "a", "6", 3), 6);
    store_close(store);
}

static void run_sql(const struct store *store, const char *sql)
{
    sqlite3 *db;

    CHECK(sqlite3_open(store->path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

/* The row's checksum for what it now says: a change that was written wrong, not one that rotted. */
static void sign_row(const struct store *store, int rev)
{
    struct row row = {0};
    sqlite3_stmt *stmt;
    sqlite3 *db;
    char sql[160];

    snprintf(sql, sizeof(sql), "SELECT " ROW_COLUMNS " FROM log WHERE rev = %d", rev);
    CHECK(sqlite3_open(store->path, &db) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(stmt) == SQLITE_ROW);
    (void)!read_row(stmt, 0, &row, NULL); /* CORRUPT, but taken */
    snprintf(sql, sizeof(sql), "UPDATE log SET sum = %lld WHERE rev = %d", (long long)row_sum(&row),
             rev);
    sqlite3_finalize(stmt);
    CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
}

static void check_damaged(const struct store *store, const char *why)
{
    struct store_file_report report;
    struct error err = {0};

    CHECK_INT(store_file_verify(store->path, NULL, NULL, &report, &err), STATUS_CORRUPT);
    if (strstr(error_message(&err), why) == NULL)
        fail_msg("%s, expected %s", error_message(&err), why);
    error_release(&err);
}

static void count_call(void *user, const char *doing, uint64_t done, uint64_t all)
{
    CHECK(doing[0] != '\0' && done <= all);
    ++*(int *)user;
}

TEST(store_file, a_whole_store_is_counted_and_progress_is_told)
{
    struct store_file_report report;
    struct error err = {0};
    struct store store;
    int calls = 0;
    const struct store_file_watcher watcher = {count_call, &calls}, silent = {0};

    prepare(&store);
    CHECK_INT(store_file_verify(store.path, NULL, &watcher, &report, &err), STATUS_OK);
    CHECK(report.objects == 2 && report.changes == 6 && report.committed == 6);
    CHECK(report.floor == 0 && !report.served);
    CHECK(calls > 0);
    CHECK_INT(store_file_verify(store.path, NULL, &silent, &report, &err), STATUS_OK);
    store_open(&store);
    CHECK_INT(store_file_verify(store.path, NULL, NULL, &report, &err), STATUS_OK);
    CHECK(report.served && report.changes == 6);
    store_remove(&store);
}

TEST(store_file, what_cannot_follow_from_the_writes_is_damage)
{
    static const struct {
        const char *sql;
        int signs; /* the row whose checksum is made to fit; 0: none */
        const char *why;
    } rows[] = {
        {"DELETE FROM log WHERE rev = 2", 0, "revision 2 is damaged: it is missing"},
        {"UPDATE log SET prev_rev = 5 WHERE rev = 3", 3,
         "revision 3 is damaged: it replaces a later"},
        {"UPDATE log SET pos = 0 WHERE rev = 4", 4, "revision 4 is damaged: it lies before"},
        {"UPDATE log SET prev_rev = 2 WHERE rev = 3", 3,
         "revision 3 is damaged: it does not replace"},
        {"UPDATE log SET value = x'00' WHERE rev = 6", 0, "revision 6"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct store store;

        prepare(&store);
        run_sql(&store, rows[i].sql);
        if (rows[i].signs != 0)
            sign_row(&store, rows[i].signs);
        check_damaged(&store, rows[i].why);
        store_remove(&store);
    }
}

TEST(store_file, a_floor_that_is_gone_is_damage)
{
    struct error err = {0};
    struct store store;

    prepare(&store);
    run_sql(&store, "DELETE FROM meta WHERE name = 'floor'");
    check_damaged(&store, "the store lacks what it should have");
    run_sql(&store, "INSERT INTO meta VALUES ('floor', -1)");
    CHECK_INT(store_try_open(&store, &err), STATUS_CORRUPT);
    CHECK(strstr(error_message(&err), "floor is damaged: -1") != NULL);
    error_release(&err);
    store_remove(&store);
}

TEST(store_file, a_copy_is_made_where_nothing_is_and_of_what_is_a_store)
{
    struct store_file_report report;
    struct error err = {0};
    struct store store;
    char copy[120], below[140];
    FILE *file;

    prepare(&store);
    snprintf(copy, sizeof(copy), "%s.copy", store.path);
    snprintf(below, sizeof(below), "%s/nowhere/copy", store.folder);
    CHECK_INT(store_file_backup(store.path, below, NULL, &report, &err), STATUS_IO);
    CHECK_INT(store_file_backup(below, copy, NULL, &report, &err), STATUS_IO);
    CHECK(strstr(error_message(&err), "cannot read") != NULL);
    CHECK_INT(store_file_backup(store.path, copy, NULL, &report, &err), STATUS_OK);
    CHECK(report.changes == 6 && report.objects == 2);
    CHECK_INT(store_file_backup(store.path, copy, NULL, &report, &err), STATUS_CONFLICT);
    CHECK_INT(store_file_restore(copy, store.path, NULL, &report, &err), STATUS_CONFLICT);
    file = fopen(below, "w");
    CHECK(file == NULL);
    file = fopen(copy, "w");
    CHECK(file != NULL && fputs("no store", file) > 0 && fclose(file) == 0);
    snprintf(below, sizeof(below), "%s.again", store.path);
    CHECK_INT(store_file_restore(copy, below, NULL, &report, &err), STATUS_CORRUPT);
    CHECK(access(below, F_OK) != 0);
    error_release(&err);
    store_remove(&store);
}

TEST(store_file, a_backup_of_a_store_that_is_served_is_its_state_of_a_moment)
{
    struct store_file_report report;
    struct error err = {0};
    struct store store, copied;

    prepare(&store);
    store_init(&copied, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "c", "7", 0), 7);
    CHECK_INT(store_file_backup(store.path, copied.path, NULL, &report, &err), STATUS_OK);
    CHECK(report.served && report.committed == 7);
    CHECK_INT(store_put(&store, "c", "8", 7), 8);
    store_open(&copied);
    CHECK(storage_committed(copied.storage) > 1000000); /* a copy begins anew */
    CHECK(store_put(&copied, "c", "x", 7) > 1000000);   /* with what was there in that moment */
    store_remove(&copied);
    store_remove(&store);
}
