#include "unit/test.h"

#include <sqlite3.h>

#include "storage/internal.h"
#include "unit/storage/store.h"

static const char *const both_backends[] = {"sqlite", "memory"};

/* Every read at or above the floor is exact, every one below it says so. */
static void check_all_reads(struct store *store, uint64_t floor, uint64_t last)
{
    static struct text got, expected;

    for (uint64_t rev = 0; rev <= last; rev++) {
        enum status wanted = rev < floor ? STATUS_EXPIRED : STATUS_OK;

        CHECK_INT(store_state(store, rev, "", &got), wanted);
        expect_state(store, rev, "", history_keys, ARRAY_LEN(history_keys), &expected);
        CHECK(bytes_eq(text_bytes(&got), rev < floor ? BYTES("") : text_bytes(&expected)));
        CHECK_INT(store_events(store, rev, "", &got), wanted);
        expect_events(store, rev, "", &expected);
        CHECK(bytes_eq(text_bytes(&got), rev < floor ? BYTES("") : text_bytes(&expected)));
    }
}

TEST(compaction, reads_stay_exact_above_every_floor_and_expire_below_it)
{
    for (uint32_t seed = 1; seed <= 4; seed++) {
        enum { CHANGES = 60 };
        struct store store;

        store_init(&store, both_backends[seed % 2]);
        store_open(&store);
        store_random_history(&store, seed, CHANGES);
        for (uint64_t floor = seed; floor <= CHANGES; floor += 3) {
            store_compact_to(&store, floor);
            CHECK_INT(storage_floor(store.storage), floor);
            check_all_reads(&store, floor, CHANGES);
        }
        store_remove(&store);
    }
}

/* W13: a create, an update, a delete and a create again, with the floor on, before and behind each.
 */
TEST(compaction, no_read_starts_late_whatever_change_the_floor_lands_on)
{
    for (uint64_t floor = 1; floor <= 6; floor++) {
        struct store store;

        store_init(&store, "sqlite");
        store_open(&store);
        store_put(&store, "b/2", "other", 0); /* 1 */
        store_put(&store, "a/1", "made", 0);  /* 2 */
        store_put(&store, "a/1", "new", 2);   /* 3 */
        store_delete(&store, "a/1", 3);       /* 4 */
        store_put(&store, "a/1", "again", 0); /* 5 */
        store_delete(&store, "a/1", 5);       /* 6 */
        store_compact_to(&store, floor);
        check_all_reads(&store, floor, 6);
        store_close(&store);
        store_open(&store);
        CHECK_INT(storage_floor(store.storage), floor);
        check_all_reads(&store, floor, 6);
        store_remove(&store);
    }
}

TEST(compaction, revisions_go_on_after_everything_is_deleted_and_compacted)
{
    struct storage_stats stats;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "x", 0);
    store_delete(&store, "a", 1);
    store_compact_to(&store, 2);
    storage_get_stats(store.storage, &stats);
    CHECK_INT(stats.log_events, 0);
    CHECK_INT(stats.compacted_events, 2);
    store_close(&store);
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), 2);
    CHECK_INT(storage_floor(store.storage), 2);
    CHECK_INT(store_put(&store, "a", "again", 0), 3);
    store_remove(&store);
}

TEST(compaction, nothing_is_left_below_the_floor_but_the_state)
{
    static struct text text;
    struct store store;
    sqlite3_stmt *count = NULL;
    sqlite3 *db = NULL;

    store_init(&store, "sqlite");
    store_open(&store);
    store_random_history(&store, 9, 100);
    store_compact_to(&store, 100);
    CHECK_INT(store_state(&store, 100, "", &text), STATUS_OK);
    store_close(&store);
    CHECK(sqlite3_open(store.path, &db) == SQLITE_OK &&
          sqlite3_prepare_v2(db, "SELECT count(*) FROM log", -1, &count, NULL) == SQLITE_OK &&
          sqlite3_step(count) == SQLITE_ROW);
    CHECK_INT(sqlite3_column_int64(count, 0), text.count);
    sqlite3_finalize(count);
    sqlite3_close(db);
    store_remove(&store);
}

TEST(compaction, a_floor_asked_for_in_the_future_stops_at_the_present)
{
    struct store store;

    store_init(&store, "memory");
    store_open(&store);
    store_put(&store, "a", "x", 0);
    storage_compact(store.storage, 1000);
    CHECK_INT(store_put(&store, "b", "x", 0), 2);
    store_compact_to(&store, 2);
    CHECK_INT(storage_floor(store.storage), 2);
    store_remove(&store);
}

static void wait_for_floor(struct store *store, uint64_t least)
{
    uint64_t until_ms = clock_monotonic_ms() + STORE_WAIT_S * 1000;

    while (storage_floor(store->storage) < least) {
        CHECK(clock_monotonic_ms() < until_ms);
        usleep(1000);
    }
}

TEST(compaction, the_log_is_kept_within_its_bytes)
{
    enum { CHANGES = 2000, VALUE_LEN = 1000, KEPT = 100 };
    static char text[VALUE_LEN + 1];
    struct storage_stats stats;
    struct store store;
    uint64_t rev = 0;

    memset(text, 'x', VALUE_LEN);
    store_init(&store, "sqlite");
    store.options.history_bytes = KEPT * VALUE_LEN;
    store_open(&store);
    for (size_t i = 0; i < CHANGES; i++)
        rev = store_put(&store, "a", text, rev);
    wait_for_floor(&store, CHANGES - KEPT - 300); /* it looks once in so many events */
    CHECK(storage_floor(store.storage) <= CHANGES - KEPT * 9 / 10 + 10);
    storage_get_stats(store.storage, &stats);
    CHECK(stats.file_bytes < 30 * 1000 * 1000);
    store_remove(&store);
}

TEST(compaction, the_log_is_kept_within_its_age_while_nobody_writes)
{
    struct store store;

    store_init(&store, "sqlite");
    store.options.history_age_s = 1;
    store_open(&store);
    store_put(&store, "a", "x", 0);
    store_put(&store, "a", "y", 1);
    wait_for_floor(&store, 2);
    store_put(&store, "a", "z", 2);
    wait_for_floor(&store, 3);
    store_remove(&store);
}

struct overtaken {
    struct store *store;
    uint64_t rev, found;
    size_t count;
};

static bool stands(void *user, const struct version *version)
{
    struct overtaken *read = user;

    return index_stands(&read->store->storage->index, version, read->rev);
}

static enum status note_value(void *user, const struct stored_value *value, struct error *reterr)
{
    struct overtaken *read = user;

    (void)reterr;
    read->found = value->rev;
    read->count++;
    return STATUS_OK;
}

/* Between a look at the index and one at the rows there is a moment. */
TEST(compaction, a_delete_that_goes_while_a_state_is_read_is_no_damage)
{
    for (size_t i = 0; i < ARRAY_LEN(both_backends); i++) {
        struct overtaken read = {0};
        struct picks picks = {0};
        struct buf from = {0};
        struct store store;

        store_init(&store, both_backends[i]);
        store_open(&store);
        store_put(&store, "a", "x", 0); /* 1 */
        store_delete(&store, "a", 1);   /* 2 */
        store_put(&store, "b", "y", 0); /* 3 */
        CHECK_INT(index_pick(&store.storage->index, 3, BYTES(""), &from, &picks), STATUS_END);
        CHECK_INT(picks.count, 2);
        store_compact_to(&store, 2);
        read = (struct overtaken){.store = &store, .rev = 3};
        CHECK_INT(store.storage->ops->read_versions(store.storage->backend, 3, picks.versions,
                                                    picks.count, note_value, stands, &read, NULL),
                  STATUS_OK);
        CHECK_INT(read.count, 1);
        CHECK_INT(read.found, 3);
        buf_release(&picks.keys);
        buf_release(&from);
        store_remove(&store);
    }
}

TEST(compaction, a_version_below_the_floor_that_is_gone_is_damage)
{
    static struct text text;
    struct store store;
    sqlite3 *db;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "x", 0); /* 1 */
    store_put(&store, "b", "y", 0); /* 2 */
    store_compact_to(&store, 2);
    CHECK(sqlite3_open(store.path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "DELETE FROM log WHERE rev = 1", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK_INT(store_state(&store, 2, "", &text), STATUS_CORRUPT);
    store_remove(&store);
}

static void *overwrite(void *arg)
{
    struct store *store = arg;
    uint64_t rev = 1;

    for (int i = 0; i < 600; i++) {
        rev = store_put(store, "a", "y", rev);
        if (i % 10 == 9)
            storage_compact(store->storage, rev - 5);
    }
    return NULL;
}

TEST(compaction, a_reader_it_overtakes_is_told_or_gets_all)
{
    static struct text text;
    pthread_t writer;
    struct store store;
    size_t complete = 0;
    uint64_t rev = 0;

    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_put(&store, "a", "x", 0), 1);
    CHECK(pthread_create(&writer, NULL, overwrite, &store) == 0);
    while (rev < 601) {
        uint64_t upto = 0, after = storage_floor(store.storage);

        rev = storage_committed(store.storage);
        text = (struct text){.stop_after = 0};
        switch (storage_read_events(store.storage, after, &(struct events_asked){0}, text_event,
                                    &text, &upto, NULL)) {
        case STATUS_OK: /* each revision has its event */
            CHECK_INT(text.count, upto - after);
            complete++;
            break;
        case STATUS_EXPIRED:
            CHECK_INT(text.count, 0);
            break;
        default:
            CHECK(false);
        }
    }
    pthread_join(writer, NULL);
    CHECK(complete > 0);
    store_remove(&store);
}
