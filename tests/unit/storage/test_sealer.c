#include "unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storage/sqlite_db.h"
#include "storage/store_file.h"
#include "unit/storage/seals.h"
#include "unit/storage/store.h"

/* "s/" is sealed with the first of the keys, which all open. */
static void open_with(struct store *store, const char *keys)
{
    store->options.sealing = seals_with("s/", keys, true);
    store_open(store);
}

static enum status use(struct store *store, const char *keys, bool takes_unsealed,
                       struct error *reterr)
{
    struct sealing *next = seals_with("s/", keys, takes_unsealed);
    enum status st = storage_use_sealing(store->storage, next, reterr);

    if (st != STATUS_OK)
        sealing_free(next);
    return st;
}

static void check_fails(struct store *store, struct sealing *sealing, const char *words)
{
    struct error err = {0};

    store->options.sealing = sealing;
    CHECK_INT(store_try_open(store, &err), STATUS_SEALED);
    CHECK_TEXT(bytes_str(error_message(&err)), words);
    error_release(&err);
}

/* Is the text in the store's file, or in one beside it? */
static bool is_in_a_file(const struct store *store, const char *text)
{
    char command[256];

    snprintf(command, sizeof(command), "grep -raq '%s' %s", text, store->folder);
    return system(command) == 0;
}

static void run_sql(const struct store *store, const char *sql)
{
    sqlite3 *db;

    CHECK_INT(sqlite3_open(store->path, &db), SQLITE_OK);
    CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

TEST(sealer, what_is_sealed_is_in_no_file_and_reads_as_it_was_written)
{
    static struct text text;
    struct store store;

    store_init(&store, "sqlite");
    open_with(&store, "k");
    CHECK_INT(store_put(&store, "c/a", "in-the-clear", 0), 1);
    CHECK_INT(store_put(&store, "s/a", "canary1", 0), 2);
    CHECK_INT(store_put(&store, "s/a", "canary2", 2), 3);
    CHECK_INT(store_delete(&store, "s/a", 3), 4);
    CHECK_INT(store_put(&store, "s/b", "canary3", 0), 5);
    CHECK(!is_in_a_file(&store, "canary") && is_in_a_file(&store, "in-the-clear"));
    for (int i = 0; i < 2; i++) {
        CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
        CHECK_TEXT(text_bytes(&text), "+c/a=in-the-clear@1 +s/a=canary1@2 +s/a=canary2@3<canary1@2 "
                                      "-s/a@4<canary2@3 +s/b=canary3@5 ");
        CHECK_INT(store_state(&store, 3, "", &text), STATUS_OK);
        CHECK_TEXT(text_bytes(&text), "c/a=in-the-clear@1 s/a=canary2@3 ");
        store_close(&store);
        CHECK(!is_in_a_file(&store, "canary"));
        open_with(&store, "k");
    }
    store_compact_to(&store, 4);
    CHECK_INT(store_state(&store, 5, "s/", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "s/b=canary3@5 ");
    store_remove(&store);
}

TEST(sealer, a_value_that_begins_like_a_sealed_one_is_refused)
{
    struct store store;
    struct write write = put_of("c/a", "sealed:v1:k:", 0);

    store_init(&store, "memory");
    store_open(&store);
    CHECK_INT(store_write(&store, &write), STATUS_INVALID);
    store_remove(&store);
}

TEST(sealer, a_store_whose_keys_are_missing_does_not_open_and_tells_how_many)
{
    struct store store;

    store_init(&store, "sqlite");
    open_with(&store, "k");
    store_put(&store, "s/a", "1", 0);
    store_put(&store, "s/b", "2", 0);
    store_put(&store, "c/c", "3", 0);
    CHECK_INT(use(&store, "lk", true, NULL), STATUS_OK);
    store_put(&store, "s/d", "4", 0);
    store_close(&store);
    check_fails(&store, NULL,
                "3 objects cannot be opened: 1 sealed with key \"l\", which is not among the keys "
                "given (one is s/d); 2 sealed with key \"k\", which is not among the keys given "
                "(one is s/b)");
    check_fails(&store, seals_with("s/", "l", true),
                "2 objects cannot be opened: 2 sealed with key \"k\", which is not among the keys "
                "given (one is s/b)");
    check_fails(&store, seals_with("c/", "kl", false),
                "1 objects cannot be opened: 1 not sealed, which no identity provider takes "
                "(one is c/c)");
    store.options.sealing = seals_with("s/", "k", true);
    seals_add_key(store.options.sealing, "l", 'x');
    check_fails(&store, store.options.sealing,
                "1 objects cannot be opened: 1 sealed with key \"l\", whose secret is another one, "
                "unless they were changed (one is s/d)");
    open_with(&store, "kl");
    store_remove(&store);
}

/* As somebody would who can write the file: the row of `to` gets the value of `from`, and a
 * checksum that fits. */
static void move_value(const struct store *store, uint64_t from, uint64_t to)
{
    struct row rows[2];
    sqlite3_stmt *reads[2], *write;
    sqlite3 *db;

    CHECK_INT(sqlite3_open(store->path, &db), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        sqlite3_prepare_v2(db, "SELECT " ROW_COLUMNS " FROM log WHERE rev = ?1", -1, &reads[i],
                           NULL);
        sqlite3_bind_int64(reads[i], 1, (sqlite3_int64)(i == 0 ? from : to));
        CHECK_INT(sqlite3_step(reads[i]), SQLITE_ROW);
        CHECK_INT(read_row(reads[i], 0, &rows[i], NULL), STATUS_OK);
    }
    rows[1].value = rows[0].value;
    sqlite3_prepare_v2(db, "UPDATE log SET value = ?2, sum = ?3 WHERE rev = ?1", -1, &write, NULL);
    sqlite3_bind_int64(write, 1, (sqlite3_int64)to);
    sqlite3_bind_blob64(write, 2, rows[1].value.ptr, rows[1].value.len, SQLITE_TRANSIENT);
    sqlite3_bind_int64(write, 3, (sqlite3_int64)row_sum(&rows[1]));
    sqlite3_reset(reads[1]);
    CHECK_INT(sqlite3_step(write), SQLITE_DONE);
    sqlite3_finalize(write);
    sqlite3_finalize(reads[0]);
    sqlite3_finalize(reads[1]);
    CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

TEST(sealer, a_value_that_was_moved_to_another_row_is_never_served)
{
    static struct text text;
    struct store_file_report report;
    struct sealing *with = seals_with("s/", "k", true);
    struct error err = {0};
    struct store store;

    store_init(&store, "sqlite");
    open_with(&store, "k");
    store_put(&store, "s/a", "mine", 0);
    store_put(&store, "s/b", "yours", 0);
    store_put(&store, "s/b", "now", 2);
    store_close(&store);
    move_value(&store, 1, 2); /* an old version: nobody looks at it before it is asked for */
    CHECK_INT(store_file_verify(store.path, NULL, NULL, &report, NULL), STATUS_OK);
    CHECK_INT(store_file_verify(store.path, with, NULL, &report, &err), STATUS_SEALED);
    CHECK(strstr(error_message(&err), "revision 2 does not open with key \"k\"") != NULL);
    open_with(&store, "k");
    CHECK_INT(store_state(&store, 2, "", &text), STATUS_SEALED);
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_SEALED);
    CHECK_TEXT(text_bytes(&text), "+s/a=mine@1 ");
    store_close(&store);
    move_value(&store, 1, 3);
    check_fails(&store, seals_with("s/", "k", true),
                "1 objects cannot be opened: 1 sealed with key \"k\", whose secret is another one, "
                "unless they were changed (one is s/b)");
    sealing_free(with);
    error_release(&err);
    store_remove(&store);
}

TEST(sealer, an_old_version_without_its_key_fails_alone_and_names_it)
{
    static struct text text;
    struct error err = {0};
    struct store store;
    uint64_t upto;

    store_init(&store, "sqlite");
    open_with(&store, "k");
    CHECK_INT(store_put(&store, "s/a", "1", 0), 1);
    CHECK_INT(use(&store, "lk", true, NULL), STATUS_OK);
    CHECK_INT(store_put(&store, "s/a", "2", 1), 2);
    CHECK_INT(store_put(&store, "s/b", "3", 0), 3);
    store_close(&store);
    open_with(&store, "l");
    CHECK_INT(store_state(&store, 3, "", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "s/a=2@2 s/b=3@3 ");
    text.len = 0;
    CHECK_INT(storage_read_events(store.storage, 0, &(struct events_asked){.prefix = BYTES("")},
                                  text_event, &text, &upto, &err),
              STATUS_SEALED);
    CHECK_TEXT(bytes_str(error_message(&err)),
               "revision 1 is sealed with key \"k\", which is not among the keys given");
    CHECK_INT(storage_read_at(store.storage, 1, BYTES(""), BYTES(""), text_value, &text, &err),
              STATUS_SEALED);
    CHECK_INT(text.len, 0);
    error_release(&err);
    store_remove(&store);
}

TEST(sealer, another_sealing_must_open_all_that_is_there)
{
    struct error err = {0};
    struct store store;

    store_init(&store, "sqlite");
    open_with(&store, "k");
    CHECK_INT(store_put(&store, "s/a", "1", 0), 1);
    CHECK_INT(store_put(&store, "s/b", "1", 0), 2);
    CHECK_INT(use(&store, "l", true, &err), STATUS_SEALED);
    CHECK_TEXT(
        bytes_str(error_message(&err)),
        "2 objects could not be opened any more: 2 sealed with key \"k\", which is not among "
        "the keys given (one is s/a)");
    CHECK_INT(use(&store, "lk", true, &err), STATUS_OK);
    CHECK_INT(store_put(&store, "s/a", "1", 1), 3);
    CHECK_INT(use(&store, "l", true, &err), STATUS_SEALED);
    CHECK_INT(store_put(&store, "s/b", "1", 2), 4);
    CHECK_INT(use(&store, "l", true, &err), STATUS_OK);
    CHECK_INT(store_put(&store, "s/c", "1", 0), 5);
    store_close(&store);
    open_with(&store, "l");
    error_release(&err);
    store_remove(&store);
}

TEST(sealer, another_sealing_is_checked_against_more_objects_than_one_look_takes)
{
    struct error err = {0};
    struct store store;
    char key[16];

    store_init(&store, "memory");
    open_with(&store, "k");
    for (int i = 0; i < 2500; i++) {
        snprintf(key, sizeof(key), "s/%04d", i);
        CHECK(store_put(&store, key, "1", 0) != 0);
    }
    CHECK_INT(use(&store, "l", true, &err), STATUS_SEALED);
    CHECK(strncmp(error_message(&err), "2500 objects", 12) == 0);
    error_release(&err);
    store_remove(&store);
}

TEST(sealer, a_value_is_stale_when_it_would_be_written_otherwise_now)
{
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "s/a", "1", 0), 1);
    CHECK(!storage_is_stale(store.storage, BYTES("s/a"))); /* no sealing, no question */
    store_close(&store);
    open_with(&store, "k");
    CHECK(storage_is_stale(store.storage, BYTES("s/a")));
    CHECK(!storage_is_stale(store.storage, BYTES("s/none")));
    CHECK_INT(store_put(&store, "s/a", "1", 1), 2);
    CHECK(!storage_is_stale(store.storage, BYTES("s/a")));
    CHECK_INT(use(&store, "lk", true, NULL), STATUS_OK);
    CHECK(storage_is_stale(store.storage, BYTES("s/a")));
    CHECK_INT(store_put(&store, "s/a", "1", 2), 3);
    CHECK(!storage_is_stale(store.storage, BYTES("s/a")));
    store_close(&store);
    open_with(&store, "kl");
    CHECK(storage_is_stale(store.storage, BYTES("s/a")));
    store_remove(&store);
}

enum { RACING = 100 };

static void *write_many(void *user)
{
    struct store *store = user;
    char key[16];

    for (int i = 0; i < RACING; i++) {
        snprintf(key, sizeof(key), "s/%03d", i);
        CHECK(store_put(store, key, "canary", 0) != 0);
    }
    return NULL;
}

static uint64_t committed(const struct store *store)
{
    return storage_committed(store->storage);
}

TEST(sealer, the_sealing_changes_between_groups)
{
    static struct text text;
    struct store store;
    pthread_t writer;
    int changes = 0;

    store_init(&store, "sqlite");
    store.options.sealing = seals_with("s/", "kl", false);
    store_open(&store);
    CHECK(pthread_create(&writer, NULL, write_many, &store) == 0);
    while (committed(&store) < RACING) /* what is being written is never found unsealed */
        CHECK_INT(use(&store, ++changes % 2 != 0 ? "lk" : "kl", false, NULL), STATUS_OK);
    pthread_join(writer, NULL);
    CHECK(changes > 1);
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
    CHECK_INT(text.count, RACING);
    store_remove(&store);
}

TEST(sealer, what_lay_open_is_overwritten_when_it_is_compacted)
{
    static char long_canary[20000];
    struct store store;

    memset(long_canary, 'x', sizeof(long_canary) - 1); /* some pages, which will be free */
    for (size_t i = 0; i + 16 < sizeof(long_canary); i += 100)
        memcpy(long_canary + i, "canary", 6);
    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "s/a", long_canary, 0), 1);
    store_close(&store);
    CHECK(is_in_a_file(&store, "canary"));
    open_with(&store, "k");
    CHECK_INT(store_put(&store, "s/a", "short", 1), 2);
    store_compact_to(&store, 2);
    store_close(&store);
    CHECK(!is_in_a_file(&store, "canary"));
    store.storage = NULL;
    store_remove(&store);
}

/* --- the file as a whole --- */

static uint64_t changes_of(const struct store_file_report *report, const char *id)
{
    for (size_t i = 0; i < report->key_count; i++)
        if (strcmp(report->keys[i].id, id) == 0)
            return report->keys[i].changes;
    return 0;
}

static void make_mixed(struct store *store)
{
    store_init(store, "sqlite");
    store_open(store);
    CHECK_INT(store_put(store, "s/a", "canary1", 0), 1);
    CHECK_INT(store_put(store, "c/a", "clear", 0), 2);
    store_close(store);
    open_with(store, "k");
    CHECK_INT(store_put(store, "s/a", "canary2", 1), 3);
    CHECK_INT(store_put(store, "s/b", "canary3", 0), 4);
    CHECK_INT(store_delete(store, "s/b", 4), 5);
    store_close(store);
}

TEST(sealer, verify_counts_keys_and_opens_what_it_has_keys_for)
{
    struct sealing *with = seals_with("s/", "k", true), *without = seals_with("s/", "l", true);
    struct store_file_report report;
    struct error err = {0};
    struct store store;

    make_mixed(&store);
    CHECK_INT(store_file_verify(store.path, NULL, NULL, &report, NULL), STATUS_OK);
    CHECK_INT(changes_of(&report, "k"), 2);
    CHECK_INT(changes_of(&report, ""), 2);
    CHECK_INT(store_file_verify(store.path, with, NULL, &report, NULL), STATUS_OK);
    CHECK_INT(store_file_verify(store.path, without, NULL, &report, &err), STATUS_SEALED);
    CHECK_TEXT(bytes_str(error_message(&err)),
               "2 changes cannot be opened; the first: revision 3 is sealed with key \"k\", which "
               "is not among the keys given");
    error_release(&err);
    sealing_free(with);
    sealing_free(without);
    store_remove(&store);
}

static void reseal(struct store *store, const char *keys, struct store_file_report *ret_report)
{
    struct sealing *sealing = seals_with("s/", keys, true);
    struct error err = {0};
    enum status st = store_file_reseal(store->path, sealing, NULL, ret_report, &err);

    if (st != STATUS_OK)
        fprintf(stderr, "reseal: %s\n", error_message(&err));
    CHECK_INT(st, STATUS_OK);
    sealing_free(sealing);
}

TEST(sealer, reseal_writes_history_too_and_leaves_nothing_in_clear)
{
    static struct text text;
    struct store_file_report report;
    struct stat info;
    struct store store;

    make_mixed(&store);
    CHECK(is_in_a_file(&store, "canary1"));
    reseal(&store, "lk", &report);
    CHECK(!is_in_a_file(&store, "canary"));
    CHECK_INT(changes_of(&report, "l"), 3);
    CHECK_INT(changes_of(&report, ""), 1);
    CHECK(stat(store.path, &info) == 0 && (info.st_mode & 0777) == 0600);
    open_with(&store, "l"); /* the old key is gone, and the revisions are those that were */
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "+s/a=canary1@1 +c/a=clear@2 +s/a=canary2@3<canary1@1 "
                                  "+s/b=canary3@4 -s/b@5<canary3@4 ");
    CHECK_INT(store_put(&store, "s/c", "x", 0), 6);
    store_close(&store);
    reseal(&store, "-l", &report); /* and back */
    CHECK(report.key_count == 1 && is_in_a_file(&store, "canary1"));
    store.options.sealing = NULL;
    store_open(&store);
    store_remove(&store);
}

static enum status try_reseal(struct store *store, const char *keys, struct error *reterr)
{
    struct sealing *sealing = seals_with("s/", keys, true);
    struct store_file_report report;
    enum status st = store_file_reseal(store->path, sealing, NULL, &report, reterr);

    sealing_free(sealing);
    return st;
}

TEST(sealer, reseal_leaves_a_store_alone_that_is_served_or_has_other_keys)
{
    struct error err = {0};
    struct store store;

    make_mixed(&store);
    CHECK_INT(try_reseal(&store, "l", &err), STATUS_SEALED);
    CHECK(strstr(error_message(&err), "key \"k\"") != NULL);
    open_with(&store, "k");
    CHECK_INT(try_reseal(&store, "lk", &err), STATUS_CONFLICT);
    CHECK_INT(store_put(&store, "s/c", "x", 0), 6);
    CHECK(!storage_is_stale(store.storage, BYTES("s/a")));
    error_release(&err);
    store_remove(&store);
}

/* Writes, and dies without closing; its last changes are in the write-ahead log alone. */
static void write_and_die(struct store *store)
{
    pid_t child = fork();
    int code;

    if (child == 0) {
        store_in_child();
        open_with(store, "k");
        _exit(store_put(store, "s/late", "canary9", 0) == 6 ? 0 : 1);
    }
    CHECK(waitpid(child, &code, 0) == child && WIFEXITED(code) && WEXITSTATUS(code) == 0);
}

TEST(sealer, reseal_after_a_crash_has_what_was_in_the_write_ahead_log)
{
    static struct text text;
    struct store_file_report report;
    struct store store;
    char wal[96];

    make_mixed(&store);
    write_and_die(&store);
    reseal(&store,
           "l"
           "k",
           &report);
    open_with(&store, "l");
    CHECK_INT(store_state(&store, 6, "s/late", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "s/late=canary9@6 ");
    CHECK_INT(store_put(&store, "s/c", "x", 0), 7); /* and it is no restored copy */
    store_delete(&store, "s/late", 6);
    store_delete(&store, "s/c", 7);
    store_close(&store);

    store.options.sealing = NULL;
    snprintf(wal, sizeof(wal), "%s-wal", store.path);
    run_sql(&store, "UPDATE meta SET value = 0 WHERE name = 'clean'");
    unlink(wal); /* with changes that nobody knows */
    CHECK_INT(try_reseal(&store, "lk", NULL), STATUS_CORRUPT);
    store_remove(&store);
}

struct death {
    int countdown;
};

static void die_after(void *user, const char *doing, uint64_t done, uint64_t all)
{
    struct death *death = user;

    (void)doing;
    (void)done;
    (void)all;
    if (death->countdown-- == 0)
        _exit(0);
}

TEST(sealer, a_reseal_that_is_killed_leaves_the_old_store)
{
    static struct text text;
    struct store_file_report report;
    struct store store;

    make_mixed(&store);
    for (int at = 0; at < 2; at++) { /* while it fills the new file, and while it checks it */
        pid_t child = fork();
        int code;

        if (child == 0) {
            struct death death = {at};
            struct store_file_watcher watcher = {die_after, &death};

            store_in_child();
            (void)!store_file_reseal(store.path, seals_with("s/", "lk", true), &watcher, &report,
                                     NULL);
            _exit(1);
        }
        CHECK(waitpid(child, &code, 0) == child && WIFEXITED(code) && WEXITSTATUS(code) == 0);
        open_with(&store, "k");
        CHECK_INT(store_events(&store, 3, "", &text), STATUS_OK);
        CHECK_TEXT(text_bytes(&text), "+s/b=canary3@4 -s/b@5<canary3@4 ");
        store_close(&store);
    }
    reseal(&store, "lk", &report);
    open_with(&store, "l");
    store_remove(&store);
}
