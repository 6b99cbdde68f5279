#include "unit/test.h"

#include "unit/storage/store.h"

static const char *const both_backends[] = {"sqlite", "memory"};

TEST(storage, revisions_begin_at_one_and_rise_by_one)
{
    for (size_t i = 0; i < ARRAY_LEN(both_backends); i++) {
        struct store store;

        store_init(&store, both_backends[i]);
        store_open(&store);
        CHECK_INT(storage_committed(store.storage), 0);
        CHECK_INT(store_put(&store, "a", "1", 0), 1);
        CHECK_INT(store_put(&store, "b", "1", 0), 2);
        CHECK_INT(store_delete(&store, "a", 1), 3);
        CHECK_INT(storage_committed(store.storage), 3);
        store_remove(&store);
    }
}

TEST(storage, a_write_with_the_wrong_revision_conflicts_and_learns_the_right_one)
{
    struct write write;
    struct store store;
    uint64_t rev;

    store_init(&store, "memory");
    store_open(&store);
    rev = store_put(&store, "a", "1", 0);
    write = put_of("a", "again", 0);
    CHECK_INT(store_write(&store, &write), STATUS_CONFLICT);
    CHECK_INT(write.actual, rev);
    CHECK(!write.guard_failed);
    write = delete_of("a", rev + 1);
    CHECK_INT(store_write(&store, &write), STATUS_CONFLICT);
    CHECK_INT(write.actual, rev);
    write = put_of("absent", "x", 5);
    CHECK_INT(store_write(&store, &write), STATUS_CONFLICT);
    CHECK_INT(write.actual, 0);
    CHECK_INT(storage_committed(store.storage), rev);
    store_remove(&store);
}

TEST(storage, a_guard_that_does_not_hold_refuses_the_write_and_is_named)
{
    struct write write;
    struct store store;
    uint64_t namespace;

    store_init(&store, "memory");
    store_open(&store);
    namespace = store_put(&store, "ns", "active", 0);
    write = put_of("pod", "x", 0);
    write.guards[0] = (struct guard){BYTES("ns"), namespace};
    write.guards[1] = (struct guard){BYTES("other"), 0};
    CHECK_INT(store_write(&store, &write), STATUS_OK);
    CHECK(store_put(&store, "ns", "terminating", namespace) != 0);
    write = put_of("pod2", "x", 0);
    write.guards[1] = (struct guard){BYTES("ns"), namespace};
    CHECK_INT(store_write(&store, &write), STATUS_CONFLICT);
    CHECK(write.guard_failed);
    CHECK_INT(write.actual, 0);
    store_remove(&store);
}

TEST(storage, a_write_that_makes_no_sense_is_answered_and_changes_nothing)
{
    static char long_key[5000];
    struct write write = put_of("", "x", 0);
    struct store store;

    memset(long_key, 'k', sizeof(long_key) - 1);
    store_init(&store, "memory");
    store_open(&store);
    CHECK_INT(store_write(&store, &write), STATUS_INVALID);
    write = put_of(long_key, "x", 0);
    CHECK_INT(store_write(&store, &write), STATUS_INVALID);
    write = delete_of("a", 0);
    CHECK_INT(store_write(&store, &write), STATUS_INVALID);
    write = (struct write){.type = WRITE_PUT, .key = BYTES("a")};
    CHECK_INT(store_write(&store, &write), STATUS_INVALID);
    CHECK_INT(storage_committed(store.storage), 0);
    CHECK_INT(store.event_count, 0);
    store_remove(&store);
}

TEST(storage, a_value_that_is_too_large_is_refused_and_stays_the_callers)
{
    struct bytes huge = {.len = (64 << 20) + 1};
    struct write write = {.type = WRITE_PUT, .key = BYTES("a")};
    struct store store;

    huge.ptr = calloc(1, huge.len);
    write.value = value_new(huge, 0);
    free((char *)huge.ptr);
    CHECK(write.value != NULL);
    store_init(&store, "memory");
    store.options.group_max = 1;
    store_open(&store);
    CHECK_INT(store_write(&store, &write), STATUS_TOO_LARGE);
    CHECK_INT(storage_committed(store.storage), 0);
    storage_compact(store.storage, 0); /* nothing to do, and nothing done */
    CHECK_INT(storage_floor(store.storage), 0);
    store_remove(&store);
}

TEST(storage, a_backend_or_a_path_that_is_none_is_refused_by_name)
{
    struct storage_options options = {.backend = "paper"};
    struct storage *storage = NULL;
    struct error err = {0};

    CHECK_INT(storage_open(&options, &storage, &err), STATUS_INVALID);
    CHECK_TEXT(bytes_str(error_message(&err)), "there is no storage backend \"paper\"");
    options.backend = NULL;
    CHECK_INT(storage_open(&options, &storage, &err), STATUS_INVALID);
    options.backend = "sqlite";
    CHECK_INT(storage_open(&options, &storage, &err), STATUS_INVALID);
    options.path = "";
    CHECK_INT(storage_open(&options, &storage, &err), STATUS_INVALID);
    CHECK_TEXT(bytes_str(error_message(&err)), "the sqlite backend needs the path of a file");
    CHECK(storage == NULL);
    error_release(&err);
}

TEST(storage, an_event_carries_the_new_version_and_the_one_it_replaces)
{
    struct text text;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "one", 0);
    store_put(&store, "a", "two", 1);
    store_delete(&store, "a", 2);
    store_put(&store, "a", "three", 0);
    expect_events(&store, 0, "", &text);
    CHECK_TEXT(text_bytes(&text), "+a=one@1 +a=two@2<one@1 -a@3<two@2 +a=three@4 ");
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "+a=one@1 +a=two@2<one@1 -a@3<two@2 +a=three@4 ");
    store_remove(&store);
}

/* Submits all while the writer is held at the gate, so that they are taken as full groups. */
static void write_together(struct store *store, struct write *writes, struct answered *answers,
                           size_t count)
{
    struct answered first_answer = {.store = store};
    struct write first = put_of("first", "x", 0);

    first.user = &first_answer;
    store_close_gate(store);
    storage_submit(store->storage, &first);
    store_wait_at_gate(store);
    for (size_t i = 0; i < count; i++) {
        answers[i] = (struct answered){.store = store};
        writes[i].user = &answers[i];
        storage_submit(store->storage, &writes[i]);
    }
    store_open_gate(store);
    for (size_t i = 0; i < count; i++)
        store_wait_for(store, &answers[i]);
}

TEST(storage, a_group_of_a_thousand_keeps_its_order_around_the_conflicts_between)
{
    static struct write writes[1000];
    static struct answered answers[1000];
    static char keys[1000][16];
    struct store store;
    struct storage_stats stats;
    uint64_t next = 2;

    store_init(&store, "sqlite");
    store_open(&store);
    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i % 3 == 2 ? i - 1 : i); /* every third again */
        writes[i] = put_of(keys[i], "x", 0);
    }
    write_together(&store, writes, answers, ARRAY_LEN(writes));
    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        if (i % 3 == 2) {
            CHECK_INT(writes[i].status, STATUS_CONFLICT);
            CHECK_INT(writes[i].actual, writes[i - 1].rev);
            value_unref(writes[i].value);
        } else {
            CHECK_INT(writes[i].status, STATUS_OK);
            CHECK_INT(writes[i].rev, next);
            CHECK(strcmp(store.events[next - 1].key, keys[i]) == 0);
            CHECK_INT(store.events[next - 1].rev, next);
            next++;
        }
    }
    CHECK_INT(store.event_count, next - 1);
    storage_get_stats(store.storage, &stats);
    CHECK_INT(stats.commits, 3); /* the first, and two full groups */
    CHECK_INT(stats.conflicts, 333);
    CHECK_INT(stats.writes, 1001);
    CHECK_INT(stats.objects, next - 1);
    store_remove(&store);
}

TEST(storage, a_write_sees_those_before_it_in_the_same_group)
{
    struct answered answers[6];
    struct write writes[6];
    struct text text;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    writes[0] = put_of("a", "one", 0);     /* 2 */
    writes[1] = put_of("a", "two", 2);     /* 3 */
    writes[2] = put_of("a", "lost", 2);    /* conflicts with it */
    writes[3] = delete_of("a", 3);         /* 4 */
    writes[4] = put_of("a", "three", 0);   /* 5 */
    writes[5] = put_of("b", "guarded", 0); /* 6 */
    writes[5].guards[0] = (struct guard){BYTES("a"), 5};
    write_together(&store, writes, answers, ARRAY_LEN(writes));
    CHECK_INT(writes[2].status, STATUS_CONFLICT);
    CHECK_INT(writes[2].actual, 3);
    value_unref(writes[2].value);
    CHECK_INT(writes[5].status, STATUS_OK);
    CHECK_INT(store.batch_count, 2);
    expect_events(&store, 1, "", &text);
    CHECK_TEXT(text_bytes(&text), "+a=one@2 +a=two@3<one@2 -a@4<two@3 +a=three@5 +b=guarded@6 ");
    CHECK_INT(store_state(&store, 3, "a", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "a=two@3 ");
    CHECK_INT(store_state(&store, 4, "a", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "");
    store_remove(&store);
}

TEST(storage, a_key_made_and_deleted_in_one_group_leaves_nothing)
{
    struct answered answers[2];
    struct write writes[2] = {put_of("a", "x", 0), delete_of("a", 2)};
    struct storage_stats stats;
    struct store store;

    store_init(&store, "memory");
    store_open(&store);
    write_together(&store, writes, answers, ARRAY_LEN(writes));
    CHECK_INT(writes[1].status, STATUS_OK);
    storage_get_stats(store.storage, &stats);
    CHECK_INT(stats.objects, 1);
    CHECK_INT(store_put(&store, "a", "again", 0), 4);
    store_remove(&store);
}

TEST(storage, conflicts_alone_cost_no_transaction_and_are_answered_all_the_same)
{
    struct storage_stats before, after;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "x", 0);
    storage_get_stats(store.storage, &before);
    CHECK_INT(store_put(&store, "a", "y", 0), 0);
    storage_get_stats(store.storage, &after);
    CHECK_INT(after.commits, before.commits);
    CHECK_INT(after.conflicts, before.conflicts + 1);
    CHECK_INT(store.event_count, 1);
    store_remove(&store);
}

TEST(storage, closing_finishes_what_was_submitted)
{
    enum { COUNT = 2000 };
    static struct write writes[COUNT];
    static struct answered answers[COUNT];
    static char keys[COUNT][16];
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        writes[i] = put_of(keys[i], "x", 0);
        answers[i] = (struct answered){.store = &store};
        writes[i].user = &answers[i];
        storage_submit(store.storage, &writes[i]);
    }
    store_close(&store);
    for (size_t i = 0; i < COUNT; i++)
        CHECK(answers[i].done && writes[i].status == STATUS_OK);
    store_open(&store);
    CHECK_INT(storage_committed(store.storage), COUNT);
    store_remove(&store);
}

/* --- reads --- */

TEST(storage, events_are_read_by_prefix_and_in_pieces)
{
    struct text text = {.stop_after = 0};
    struct store store;
    uint64_t upto;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a/1", "1234567890", 0);
    store_put(&store, "b/1", "1234567890", 0);
    store_put(&store, "a/2", "1234567890", 0);
    store_put(&store, "b/2", "1234567890", 0);
    CHECK_INT(storage_read_events(store.storage, 0,
                                  &(struct events_asked){.prefix = BYTES("a/"), .max_bytes = 1},
                                  text_event, &text, &upto, NULL),
              STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "+a/1=1234567890@1 "); /* one at least, whatever its size */
    CHECK_INT(upto, 1);
    CHECK_INT(storage_read_events(store.storage, upto,
                                  &(struct events_asked){.prefix = BYTES("a/")}, text_event, &text,
                                  &upto, NULL),
              STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "+a/1=1234567890@1 +a/2=1234567890@3 ");
    CHECK_INT(upto, 4); /* what does not match was looked at, too */
    text = (struct text){.stop_after = 2};
    CHECK_INT(storage_read_events(store.storage, 0, &(struct events_asked){0}, text_event, &text,
                                  &upto, NULL),
              STATUS_OK);
    CHECK_INT(upto, 2);
    store_remove(&store);
}

static bool check_asked(void *user, const struct event *event)
{
    int *seen = user;
    bool deleted = event->type == EVENT_DELETE;

    ++*seen;
    CHECK(event->has_prev == (event->rev != 1));
    CHECK((event->prev != NULL) == deleted);
    CHECK_TEXT(value_bytes(deleted ? event->prev : event->value), "made");
    return true;
}

static struct value *load_made(void *user, struct bytes key, struct bytes stored, uint64_t rev)
{
    (void)user, (void)key, (void)stored;
    return value_new(BYTES("made"), rev);
}

TEST(storage, what_was_replaced_is_left_out_if_nobody_asks_but_of_a_delete)
{
    struct store store;
    uint64_t upto;
    int seen = 0;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "1", 0);
    store_put(&store, "a", "2", 1);
    store_delete(&store, "a", 2);
    CHECK_INT(storage_read_events(store.storage, 0,
                                  &(struct events_asked){.no_prev = true, .load = load_made},
                                  check_asked, &seen, &upto, NULL),
              STATUS_OK);
    CHECK_INT(seen, 3);
    store_remove(&store);
}

TEST(storage, a_read_from_the_future_gives_no_old_event)
{
    struct text text = {.stop_after = 0};
    struct error err = {0};
    struct store store;
    uint64_t upto = 0;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a", "x", 0);
    CHECK_INT(storage_read_events(store.storage, 10, &(struct events_asked){0}, text_event, &text,
                                  &upto, &err),
              STATUS_OK);
    CHECK_INT(text.count, 0);
    CHECK_INT(upto, 10);
    CHECK_INT(storage_read_at(store.storage, 2, BYTES(""), BYTES(""), text_value, &text, &err),
              STATUS_TIMEOUT);
    CHECK_TEXT(bytes_str(error_message(&err)), "Too large resource version: 2, current: 1");
    error_release(&err);
    store_remove(&store);
}

TEST(storage, an_empty_store_reads_as_empty)
{
    struct text text = {.stop_after = 0};
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_events(&store, 0, "", &text), STATUS_OK);
    CHECK_INT(store_state(&store, 0, "", &text), STATUS_OK);
    CHECK_INT(text.count, 0);
    store_remove(&store);
}

TEST(storage, a_state_can_be_read_page_by_page)
{
    struct text text = {.stop_after = 2};
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "a/1", "x", 0);
    store_put(&store, "a/2", "x", 0);
    store_put(&store, "a/2/sub", "x", 0);
    store_put(&store, "a0", "not under a/", 0);
    store_put(&store, "Z", "not either", 0);
    CHECK_INT(storage_read_at(store.storage, 5, BYTES("a/"), BYTES(""), text_value, &text, NULL),
              STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "a/1=x@1 a/2=x@2 ");
    text = (struct text){.stop_after = 2};
    CHECK_INT(storage_read_at(store.storage, 5, BYTES("a/"), BYTES("a/2"), text_value, &text, NULL),
              STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "a/2/sub=x@3 ");
    text = (struct text){.stop_after = 0};
    CHECK_INT(storage_read_at(store.storage, 5, BYTES("a/"), BYTES("Z"), text_value, &text, NULL),
              STATUS_OK); /* before the prefix: no bound at all */
    CHECK_INT(text.count, 3);
    store_remove(&store);
}

TEST(storage, keys_and_values_are_bytes_of_any_kind)
{
    struct text text = {.stop_after = 0};
    struct write write = {
        .type = WRITE_PUT, .key = BYTES("\xff\x00\xff"), .value = value_new(BYTES("\0\1"), 0)};
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    CHECK_INT(store_write(&store, &write), STATUS_OK);
    CHECK_INT(store_put(&store, "empty", "", 0), 2);
    CHECK_INT(storage_read_at(store.storage, 2, BYTES("\xff"), BYTES("\xff\x00"), text_value, &text,
                              NULL),
              STATUS_OK);
    CHECK_INT(text.count, 1);
    store_close(&store);
    store_open(&store);
    CHECK_INT(store_delete(&store, "empty", 2), 3);
    write = (struct write){.type = WRITE_DELETE, .key = BYTES("\xff\x00\xff"), .expected = 1};
    CHECK_INT(store_write(&store, &write), STATUS_OK);
    store_remove(&store);
}

TEST(storage, every_revision_reads_as_the_fold_of_the_events_up_to_it)
{
    for (uint32_t seed = 1; seed <= 3; seed++) {
        const char *backend = both_backends[seed % 2];
        static struct text got, expected;
        struct store store;

        store_init(&store, backend);
        store_open(&store);
        store_random_history(&store, seed, 120);
        for (uint64_t rev = 0; rev <= 120; rev++) {
            CHECK_INT(store_state(&store, rev, "a", &got), STATUS_OK);
            expect_state(&store, rev, "a", history_keys, ARRAY_LEN(history_keys), &expected);
            CHECK(bytes_eq(text_bytes(&got), text_bytes(&expected)));
            CHECK_INT(store_events(&store, rev, "a/", &got), STATUS_OK);
            expect_events(&store, rev, "a/", &expected);
            CHECK(bytes_eq(text_bytes(&got), text_bytes(&expected)));
        }
        store_remove(&store);
    }
}

static bool count_event(void *user, const struct event *event)
{
    (void)event;
    ++*(size_t *)user;
    return true;
}

static bool count_rising_key(void *user, struct bytes key, struct value *value)
{
    char expected[16];

    (void)value;
    snprintf(expected, sizeof(expected), "k%05zu", (*(size_t *)user)++);
    CHECK_TEXT(key, expected);
    return true;
}

TEST(storage, a_read_of_more_than_one_transaction_holds_is_whole)
{
    enum { COUNT = 1536 }; /* three times what is read at once, to the row */

    for (size_t b = 0; b < ARRAY_LEN(both_backends); b++) {
        static struct write writes[COUNT];
        static struct answered answers[COUNT];
        static char keys[COUNT][16];
        size_t events = 0, values = 0;
        struct store store;
        uint64_t upto = 0;

        store_init(&store, both_backends[b]);
        store_open(&store);
        for (size_t i = 0; i < COUNT; i++) {
            snprintf(keys[i], sizeof(keys[i]), "k%05zu", COUNT - 1 - i);
            writes[i] = put_of(keys[i], "x", 0);
        }
        write_together(&store, writes, answers, COUNT);
        CHECK_INT(storage_read_events(store.storage, 1,
                                      &(struct events_asked){.prefix = BYTES("k")}, count_event,
                                      &events, &upto, NULL),
                  STATUS_OK);
        CHECK_INT(events, COUNT);
        CHECK_INT(upto, COUNT + 1);
        CHECK_INT(storage_read_at(store.storage, upto, BYTES("k"), BYTES(""), count_rising_key,
                                  &values, NULL),
                  STATUS_OK);
        CHECK_INT(values, COUNT);
        store_remove(&store);
    }
}

static void text_each(void *user, struct bytes key, struct value *value)
{
    text_value(user, key, value);
}

TEST(storage, the_current_state_is_walked_in_key_order_before_the_start)
{
    struct text text = {.stop_after = 0};
    struct error err = {0};
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "c", "3", 0);
    store_put(&store, "a", "1", 0);
    store_put(&store, "gone", "x", 0);
    store_put(&store, "b", "2", 0);
    store_delete(&store, "gone", 3);
    store_close(&store);
    CHECK_INT(store_try_open(&store, &err), STATUS_OK);
    storage_each(store.storage, text_each, &text);
    CHECK_TEXT(text_bytes(&text), "a=1@2 b=2@4 c=3@1 ");
    store_remove(&store);
}

static struct value *load_upper(void *user, struct bytes key, struct bytes stored, uint64_t rev)
{
    (void)user;
    return bytes_eq_str(key, "bad") ? NULL : value_new(BYTES("LOADED"), stored.len != 0 ? rev : 0);
}

TEST(storage, values_are_made_by_the_one_who_knows_what_they_are)
{
    struct text text = {.stop_after = 0};
    struct error err = {0};
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    store_put(&store, "good", "x", 0);
    store_close(&store);
    store.options.load = load_upper;
    store_open(&store);
    CHECK_INT(store_state(&store, 1, "", &text), STATUS_OK);
    CHECK_TEXT(text_bytes(&text), "good=LOADED@1 ");
    CHECK_INT(store_put(&store, "bad", "x", 0), 2);
    CHECK_INT(store_state(&store, 2, "", &text), STATUS_CORRUPT);
    store_close(&store);
    CHECK_INT(store_try_open(&store, &err), STATUS_CORRUPT);
    CHECK_TEXT(bytes_str(error_message(&err)), "what is stored at bad, revision 2, cannot be read");
    error_release(&err);
    store_remove(&store);
}

/* --- many threads --- */

enum { THREADS = 8, INCREMENTS = 40 };

static void *increment(void *arg)
{
    struct store *store = arg;
    uint64_t rev = 1;

    for (int done = 0; done < INCREMENTS;) {
        struct write write = put_of("counter", "x", rev);

        if (store_write(store, &write) == STATUS_OK) {
            rev = write.rev;
            done++;
        } else {
            CHECK_INT(write.status, STATUS_CONFLICT);
            rev = write.actual;
        }
        CHECK(storage_committed(store->storage) >= rev);
    }
    return NULL;
}

static void *read_always(void *arg)
{
    struct store *store = arg;
    struct text *text = calloc(1, sizeof(*text));
    struct storage_stats stats;
    uint64_t rev = 0;

    while (rev < 1 + THREADS * INCREMENTS) {
        uint64_t now = storage_committed(store->storage);

        CHECK(now >= rev);
        rev = now;
        CHECK_INT(store_state(store, rev, "", text), STATUS_OK);
        CHECK(text->count == 1 || rev == 0);
        CHECK_INT(store_events(store, rev > 10 ? rev - 10 : 0, "", text), STATUS_OK);
        storage_get_stats(store->storage, &stats);
    }
    free(text);
    return NULL;
}

TEST(storage, eight_threads_that_compare_and_set_lose_no_update)
{
    for (size_t i = 0; i < ARRAY_LEN(both_backends); i++) {
        pthread_t threads[THREADS + 2];
        struct store store;

        store_init(&store, both_backends[i]);
        store_open(&store);
        CHECK_INT(store_put(&store, "counter", "0", 0), 1);
        for (size_t t = 0; t < ARRAY_LEN(threads); t++)
            CHECK(pthread_create(&threads[t], NULL, t < THREADS ? increment : read_always,
                                 &store) == 0);
        for (size_t t = 0; t < ARRAY_LEN(threads); t++)
            pthread_join(threads[t], NULL);
        CHECK_INT(store.event_count, 1 + THREADS * INCREMENTS);
        for (size_t e = 1; e < store.event_count; e++)
            CHECK(store.events[e].prev != NULL && store.events[e].prev->rev == e);
        store_remove(&store);
    }
}
