/*
 * baresqlite - the limit of the disk by way of sqlite: rows a second of a program that does nothing
 * else, with our schema, our settings and groups of a given size, each an fdatasync.
 */
#include <sqlite3.h>

#include "load.h"

static const char usage[] =
    "baresqlite FOLDER [--group=1] [--seconds=2] [--size=1024] [--unique=1]\n"
    "\n"
    "--unique keeps an index of the names as well, as a store does that asks the disk for them.\n";

static char path[600];
static int frames;

static void run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
}

static void run(sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) != SQLITE_DONE)
        die("sqlite");
    sqlite3_reset(stmt);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    return stmt;
}

static int on_wal(void *user, sqlite3 *db, const char *name, int now)
{
    (void)user, (void)db, (void)name;
    frames = now;
    return SQLITE_OK;
}

static sqlite3 *open_at(const char *folder, bool unique)
{
    sqlite3 *db;

    snprintf(path, sizeof(path), "%s/baresqlite-%d.db", folder, (int)getpid());
    if (sqlite3_open(path, &db) != SQLITE_OK)
        die(path);
    run_sql(db,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
            "CREATE TABLE log(rev INTEGER PRIMARY KEY, key BLOB NOT NULL, type INTEGER NOT NULL,"
            " prev_rev INTEGER NOT NULL, at INTEGER NOT NULL, expires INTEGER NOT NULL,"
            " pos INTEGER NOT NULL, sum INTEGER NOT NULL, value BLOB) STRICT");
    if (unique)
        run_sql(db, "CREATE UNIQUE INDEX log_key ON log(key)");
    sqlite3_wal_autocheckpoint(db, 0);
    sqlite3_wal_hook(db, on_wal, NULL);
    return db;
}

static void insert_row(sqlite3_stmt *insert, int64_t rev, const char *value, int size)
{
    char key[64];
    int len = snprintf(key, sizeof(key), "core/configmaps/default/bench-%016llx",
                       (unsigned long long)rev * 0x9e3779b97f4a7c15ULL);

    for (int i = 3; i < 9; i++)
        sqlite3_bind_int64(insert, i, i == 5 ? 1700000000000 : rev);
    sqlite3_bind_int64(insert, 1, rev);
    sqlite3_bind_blob(insert, 2, key, len, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 9, value, size, SQLITE_STATIC);
    run(insert);
}

static void measure(int argc, char **argv)
{
    long group = flag_int(argc, argv, "group", 1), seconds = flag_int(argc, argv, "seconds", 2);
    int size = (int)flag_int(argc, argv, "size", 1024);
    sqlite3 *db = open_at(argc > 1 ? argv[1] : ".", flag_int(argc, argv, "unique", 0) != 0);
    sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT");
    sqlite3_stmt *insert =
        prepare(db, "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    struct samples latency = {0};
    char *value = malloc((size_t)size), name[700], pid[16];
    uint64_t began = now_us(), until = began + (uint64_t)seconds * 1000000;
    int64_t rev = 0;
    double cpu;

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    memset(value, 'x', (size_t)size);
    cpu = cpu_us(pid);
    while (now_us() < until) {
        uint64_t before = now_us();

        run(begin);
        for (long i = 0; i < group; i++)
            insert_row(insert, ++rev, value, size);
        run(commit);
        samples_add(&latency, now_us() - before);
        if (frames >= 4096)
            sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    printf("{\"group\":%ld,\"per_s\":%.0f,", group, (double)rev * 1e6 / (double)(now_us() - began));
    samples_print(&latency);
    printf("\"cpu_us\":%.2f}\n", (cpu_us(pid) - cpu) / (double)rev);
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    sqlite3_finalize(insert);
    sqlite3_close(db);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, i == 0 ? "" : i == 1 ? "-wal" : "-shm");
        unlink(name);
    }
}

int main(int argc, char **argv)
{
    flags_check(argc, argv, usage);
    measure(argc, argv);
    return 0;
}
