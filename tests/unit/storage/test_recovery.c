#include "unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit/storage/store.h"

TEST(recovery, a_store_that_is_opened_again_has_its_values_revisions_and_history)
{
    static struct text got, expected;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_random_history(&store, 5, 50);
    store_compact_to(&store, 20);
    store_close(&store);
    CHECK(access(store.path, F_OK) == 0);
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), 50);
    CHECK_INT(storage_floor(store.storage), 20);
    for (uint64_t rev = 20; rev <= 50; rev++) {
        CHECK_INT(store_state(&store, rev, "", &got), STATUS_OK);
        expect_state(&store, rev, "", history_keys, ARRAY_LEN(history_keys), &expected);
        CHECK(bytes_eq(text_bytes(&got), text_bytes(&expected)));
    }
    CHECK_INT(store_put(&store, "new", "x", 0), 51);
    store_remove(&store);
}

/* Opens, and gives the words of the failure. */
static enum status open_fails(struct store *store, const char *words)
{
    struct error err = {0};
    enum status st = store_try_open(store, &err);

    if (st == STATUS_OK || strstr(error_message(&err), words) == NULL) {
        fprintf(stderr, "%s: %s\n", status_name(st), st != STATUS_OK ? error_message(&err) : "");
        CHECK(false);
    }
    error_release(&err);
    return st;
}

TEST(recovery, a_second_opener_is_refused_until_the_first_has_closed)
{
    struct store store, second;
    char folder[sizeof(second.folder)];

    store_init(&store, "sqlite");
    store_open(&store);
    store_init(&second, "sqlite");
    memcpy(folder, second.folder, sizeof(folder));
    second.options.path = store.path;
    CHECK_INT(open_fails(&second, "another process has the store"), STATUS_CONFLICT);
    store_close(&store);
    store_open(&second);
    store_remove(&second);
    store_remove(&store);
}

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");

    CHECK(file != NULL && fwrite(data, 1, len, file) == len && fclose(file) == 0);
}

/* The caller frees it. */
static char *read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    struct stat stat_buf;
    char *data;

    CHECK(file != NULL && fstat(fileno(file), &stat_buf) == 0);
    *ret_len = (size_t)stat_buf.st_size;
    data = malloc(*ret_len + 1);
    CHECK(data != NULL && fread(data, 1, *ret_len, file) == *ret_len);
    fclose(file);
    return data;
}

TEST(recovery, what_is_not_a_store_is_refused_and_left_alone)
{
    static char garbage[8192];
    struct store store;
    sqlite3 *db;
    size_t len;
    char *data;

    store_init(&store, "sqlite");
    write_file(store.path, "", 0);
    CHECK_INT(open_fails(&store, "is not a store of this program"), STATUS_CORRUPT);
    memset(garbage, 'g', sizeof(garbage));
    write_file(store.path, garbage, sizeof(garbage));
    CHECK_INT(open_fails(&store, "file is not a database"), STATUS_CORRUPT);
    CHECK_INT(store_try_open(&store, NULL), STATUS_CORRUPT);
    data = read_file(store.path, &len);
    CHECK(len == sizeof(garbage) && memcmp(data, garbage, len) == 0);
    free(data);
    unlink(store.path);
    CHECK(sqlite3_open(store.path, &db) == SQLITE_OK &&
          sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK_INT(open_fails(&store, "is not a store of this program"), STATUS_CORRUPT);
    store_remove(&store);
}

TEST(recovery, a_folder_that_is_not_there_is_named)
{
    struct store store;

    store_init(&store, "sqlite");
    store.options.path = "/nonexistent/folder/store.db";
    CHECK_INT(open_fails(&store, "/nonexistent/folder/store.db.lock: No such file"), STATUS_IO);
    store_remove(&store);
}

TEST(recovery, a_store_of_a_newer_program_is_refused)
{
    struct store store;
    sqlite3 *db;

    store_init(&store, "sqlite");
    store_open(&store);
    store_close(&store);
    CHECK(sqlite3_open(store.path, &db) == SQLITE_OK &&
          sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK_INT(open_fails(&store, "written by a newer one"), STATUS_CORRUPT);
    CHECK(sqlite3_open(store.path, &db) == SQLITE_OK &&
          sqlite3_exec(db, "PRAGMA user_version = -1", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK_INT(open_fails(&store, "schema version -1"), STATUS_CORRUPT);
    store_remove(&store);
}

TEST(recovery, what_stands_where_a_store_is_made_is_left_alone)
{
    struct store store;
    char made[120];

    store_init(&store, "sqlite");
    snprintf(made, sizeof(made), "%s.new", store.path);
    CHECK(mkdir(made, 0700) == 0);
    CHECK_INT(open_fails(&store, "store.db.new: File exists"), STATUS_IO);
    CHECK(access(store.path, F_OK) != 0 && rmdir(made) == 0);
    store_open(&store);
    store_remove(&store);
}

TEST(recovery, a_file_that_was_cut_short_is_refused)
{
    struct store store;
    size_t len;
    char *data;

    store_init(&store, "sqlite");
    store_open(&store);
    store_random_history(&store, 1, 300);
    store_close(&store);
    data = read_file(store.path, &len);
    write_file(store.path, data, len - 4096);
    CHECK_INT(open_fails(&store, ""), STATUS_CORRUPT);
    write_file(store.path, data, 100);
    CHECK_INT(open_fails(&store, ""), STATUS_CORRUPT);
    free(data);
    store_remove(&store);
}

/* Changes one byte of the first place in the file that holds `text`. */
static void damage(const char *path, const char *text)
{
    size_t len;
    char *data = read_file(path, &len);
    char *at = memmem(data, len, text, strlen(text));

    CHECK(at != NULL);
    at[1] ^= 0x20;
    write_file(path, data, len);
    free(data);
}

TEST(recovery, a_damaged_value_is_noticed_at_the_start)
{
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "precious", 0);
    store_close(&store);
    damage(store.path, "precious");
    CHECK_INT(open_fails(&store, "revision 1 is damaged"), STATUS_CORRUPT);
    store_remove(&store);
}

TEST(recovery, a_damaged_version_of_the_past_is_noticed_when_it_is_read)
{
    struct text text = {.stop_after = 0};
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "precious", 0);
    store_put(&store, "a", "current", 1);
    store_close(&store);
    damage(store.path, "precious");
    store_open(&store);
    CHECK_INT(store_state(&store, 2, "", &text), STATUS_OK);
    CHECK_INT(store_state(&store, 1, "", &text), STATUS_CORRUPT);
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_CORRUPT);
    CHECK_INT(store_events(&store, 1, "", &text), STATUS_CORRUPT); /* it is what 2 replaced */
    CHECK_INT(text.count, 0);
    store_remove(&store);
}

TEST(recovery, no_flipped_bit_is_ever_served)
{
    enum { FLIPS = 300, CHANGES = 100 };
    static struct text got, expected;
    struct store store;
    size_t len, served = 0;
    uint32_t seed = 3;
    char *data;

    store_init(&store, "sqlite");
    store_open(&store);
    store_random_history(&store, 2, CHANGES);
    store_close(&store);
    data = read_file(store.path, &len);
    for (int i = 0; i < FLIPS; i++) {
        size_t at = next_random(&seed) % len;
        char bit = (char)(1 << next_random(&seed) % 8);

        data[at] ^= bit;
        write_file(store.path, data, len);
        data[at] ^= bit;
        if (store_try_open(&store, NULL) != STATUS_OK)
            continue;
        /* It lies where nothing is stored, or is found by the read that comes across it. */
        expect_events(&store, 0, "", &expected);
        if (store_events(&store, 0, "", &got) == STATUS_OK) {
            CHECK(bytes_eq(text_bytes(&got), text_bytes(&expected)));
            served++;
        }
        for (uint64_t rev = 1; rev <= CHANGES; rev += 9) {
            if (store_state(&store, rev, "", &got) != STATUS_OK)
                continue;
            expect_state(&store, rev, "", history_keys, ARRAY_LEN(history_keys), &expected);
            CHECK(bytes_eq(text_bytes(&got), text_bytes(&expected)));
        }
        store_close(&store);
    }
    CHECK(served < FLIPS * 9 / 10); /* the check is not one of free pages only */
    free(data);
    write_file(store.path, "", 0);
    store_remove(&store);
}

/* --- crashes: a child writes and tells what was acknowledged, and is killed --- */

struct ack {
    uint64_t rev;
    int number;
};

static void write_until_killed(struct store *store, int pipe_fd)
{
    char key[32], text[32];
    uint64_t revs[10] = {0};

    store_open(store);
    for (int i = 0;; i++) {
        struct ack ack = {.number = i};

        snprintf(key, sizeof(key), "k%d", i % 10);
        snprintf(text, sizeof(text), "v%d", i);
        ack.rev = revs[i % 10] = store_put(store, key, text, revs[i % 10]);
        if (write(pipe_fd, &ack, sizeof(ack)) != sizeof(ack))
            _exit(1);
    }
}

/* Lets a child write until it has acknowledged `count`, and kills it. Returns the last of them. */
static struct ack kill_after(struct store *store, int count)
{
    struct ack ack = {0}, last = {0};
    int fds[2], status;
    pid_t child;

    CHECK(pipe(fds) == 0);
    child = fork();
    if (child == 0) {
        store_in_child();
        close(fds[0]);
        write_until_killed(store, fds[1]);
    }
    close(fds[1]);
    for (int i = 0; i < count && read(fds[0], &ack, sizeof(ack)) == sizeof(ack); i++)
        last = ack;
    kill(child, SIGKILL);
    while (read(fds[0], &ack, sizeof(ack)) == sizeof(ack))
        last = ack; /* acknowledged before it died */
    close(fds[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    return last;
}

TEST(recovery, whatever_was_acknowledged_before_a_kill_is_there_after_it)
{
    for (int round = 0; round < 5; round++) {
        static struct text text;
        char expected[64];
        struct store store;
        uint64_t committed;
        struct ack last;

        store_init(&store, "sqlite");
        last = kill_after(&store, 50 + round * 37);
        store_open(&store);
        committed = storage_committed(store.storage);
        CHECK(committed >= last.rev);
        CHECK_INT(last.rev, last.number + 1);
        CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
        for (int i = 0; i <= last.number; i++) {
            snprintf(expected, sizeof(expected), "+k%d=v%d@%d", i % 10, i, i + 1);
            CHECK(memmem(text.data, text.len, expected, strlen(expected)) != NULL);
        }
        CHECK_INT(store_put(&store, "after", "x", 0), committed + 1);
        store_remove(&store);
    }
}

static void remove_beside(const struct store *store, const char *suffix)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s", store->path, suffix);
    CHECK(unlink(path) == 0);
}

TEST(recovery, a_lost_write_ahead_log_is_missed)
{
    struct store store;

    store_init(&store, "sqlite");
    kill_after(&store, 20);
    remove_beside(&store, "-wal");
    CHECK_INT(open_fails(&store, "write-ahead log"), STATUS_CORRUPT);
    remove_beside(&store, ".lock"); /* as its words advise: go on as from a backup */
    store_open(&store);
    CHECK(storage_committed(store.storage) >= 1000000000);
    store_remove(&store);
}

/* sqlite itself would open the store without a word, and without all that was written later. */
TEST(recovery, a_damaged_write_ahead_log_is_refused_unless_only_its_last_commit_can_be_lost)
{
    char path[128];
    struct store store;
    size_t len, refused = 0;
    uint32_t seed = 11;
    char *data;

    store_init(&store, "sqlite");
    kill_after(&store, 30);
    snprintf(path, sizeof(path), "%s-wal", store.path);
    data = read_file(path, &len);
    for (int i = 0; i < 100; i++) {
        size_t at = i < 32 ? (size_t)i : next_random(&seed) % (len - 4 * 4120);
        enum status st;

        if (at >= 4 && at < 8)
            continue; /* its version is summed up, but sqlite says what it means by itself */
        data[at] ^= 0x10;
        write_file(path, data, len);
        data[at] ^= 0x10;
        st = store_try_open(&store, NULL);
        CHECK_INT(st, STATUS_CORRUPT);
        refused++;
    }
    CHECK(refused > 90);
    write_file(path, data, len - 100); /* a torn tail is a crash like any other */
    free(data);
    store_open(&store);
    CHECK(storage_committed(store.storage) >= 29);
    store_remove(&store);
}

TEST(recovery, a_lost_database_is_not_replaced_by_an_empty_one)
{
    struct store store;

    store_init(&store, "sqlite");
    kill_after(&store, 20);
    remove_beside(&store, "");
    CHECK_INT(open_fails(&store, "is gone, but its write-ahead log is there"), STATUS_CORRUPT);
    store_remove(&store);
}

/* Names change in their order: the log's comes before the database's, empty, and beside the one
 * that a store has while it is made. */
TEST(recovery, a_creation_that_was_cut_short_is_begun_anew)
{
    char made[120], wal[120];
    struct store store;

    store_init(&store, "sqlite");
    snprintf(made, sizeof(made), "%s.new", store.path);
    snprintf(wal, sizeof(wal), "%s-wal", store.path);
    write_file(made, "torn", 4);
    write_file(wal, "", 0);
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), 0);
    CHECK(access(made, F_OK) != 0);
    store_close(&store);
    store_open(&store); /* and is a store like any other */
    CHECK_INT(storage_committed(store.storage), 0);
    store_remove(&store);
}

TEST(recovery, a_log_that_was_written_is_no_creation_cut_short)
{
    char made[120];
    struct store store;

    store_init(&store, "sqlite");
    kill_after(&store, 20);
    remove_beside(&store, "");
    snprintf(made, sizeof(made), "%s.new", store.path);
    write_file(made, "torn", 4);
    CHECK_INT(open_fails(&store, "is gone, but its write-ahead log is there"), STATUS_CORRUPT);
    store_remove(&store);
}

/* D10: who knew a later revision than the copy has must not go on as if it were the same store. */
TEST(recovery, a_restored_copy_begins_far_above_every_revision_that_was_seen)
{
    static struct text text;
    struct store store;
    size_t len;
    char *data;
    uint64_t rev;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "kept", 0);
    store_put(&store, "b", "gone", 0);
    store_delete(&store, "b", 2);
    store_close(&store);
    data = read_file(store.path, &len);
    store_open(&store);
    store_put(&store, "a", "lost", 1);
    store_close(&store);
    write_file(store.path, data, len);
    free(data);
    store_open(&store);
    rev = storage_committed(store.storage);
    CHECK_INT(rev, 1000000003);
    CHECK_INT(storage_floor(store.storage), rev);
    CHECK_INT(store_events(&store, 4, "", &text), STATUS_EXPIRED);
    CHECK_INT(store_state(&store, rev, "", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "a=kept@1 ");
    CHECK_INT(store_put(&store, "a", "new", 1), rev + 1);
    store_close(&store);
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), rev + 1); /* once, not at every start */
    store_remove(&store);
}

TEST(recovery, only_the_owner_may_read_the_files)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct stat stat_buf;
    struct store store;
    char path[128];

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "secret", "x", 0);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(path, sizeof(path), "%s%s", store.path, suffixes[i]);
        CHECK(stat(path, &stat_buf) == 0);
        CHECK_INT(stat_buf.st_mode & 0777, 0600);
    }
    store_remove(&store);
}
