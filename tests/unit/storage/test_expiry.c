#include "unit/test.h"

#include "storage/index.h"
#include "unit/storage/store.h"

static uint64_t put_with_ttl(struct store *store, const char *key, uint64_t expected,
                             uint32_t ttl_s)
{
    struct write write = put_of(key, "x", expected);

    write.ttl_s = ttl_s;
    CHECK_INT(store_write(store, &write), STATUS_OK);
    return write.rev;
}

TEST(expiry, each_key_ends_with_a_revision_and_an_event_of_its_own)
{
    static struct text text;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    put_with_ttl(&store, "a", 0, 1);
    put_with_ttl(&store, "b", 0, 1);
    put_with_ttl(&store, "later", 0, 1000);
    store_put(&store, "never", "x", 0);
    store_wait_for_events(&store, 6);
    expect_events(&store, 4, "", &text);
    CHECK_TEXT(text_bytes(&text), "-a@5<x@1 -b@6<x@2 ");
    CHECK_INT(storage_committed(store.storage), 6);
    CHECK_INT(store_put(&store, "a", "again", 0), 7);
    store_remove(&store);
}

TEST(expiry, a_version_without_one_cancels_it_and_a_longer_one_puts_it_off)
{
    struct store store;
    uint64_t began_ms = clock_monotonic_ms();

    store_init(&store, "sqlite");
    store_open(&store);
    put_with_ttl(&store, "kept", 0, 1);
    put_with_ttl(&store, "longer", 0, 1);
    put_with_ttl(&store, "gone", 0, 1);
    CHECK_INT(store_put(&store, "kept", "for ever", 1), 4);
    put_with_ttl(&store, "longer", 2, 2); /* 5 */
    CHECK_INT(store_delete(&store, "gone", 3), 6);
    store_wait_for_events(&store, 7);
    CHECK(strcmp(store.events[6].key, "longer") == 0);
    CHECK(clock_monotonic_ms() - began_ms >= 1900);
    CHECK_INT(store_put(&store, "kept", "y", 4), 8);
    store_remove(&store);
}

TEST(expiry, it_is_remembered_over_a_restart)
{
    static struct text text;
    struct store store;

    store_init(&store, "sqlite");
    store_open(&store);
    put_with_ttl(&store, "a", 0, 1);
    store_close(&store);
    store_open(&store);
    store_wait_for_events(&store, 2);
    expect_events(&store, 1, "", &text);
    CHECK_TEXT(text_bytes(&text), "-a@2<x@1 ");
    store_remove(&store);
}

TEST(expiry, more_than_a_group_holds_end_all_the_same)
{
    enum { COUNT = 300 };
    struct store store;
    char key[16];

    store_init(&store, "memory");
    store_open(&store);
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        put_with_ttl(&store, key, 0, 1);
    }
    store_wait_for_events(&store, 2 * COUNT);
    for (uint64_t i = 0; i < store.event_count; i++)
        CHECK_INT(store.events[i].rev, i + 1);
    store_remove(&store);
}

TEST(expiry, the_heap_gives_its_entries_in_the_order_of_their_times)
{
    enum { COUNT = 200 };
    static struct entry entries[COUNT];
    struct expiry expiry = {0};
    struct entry *entry;
    uint32_t seed = 7;
    int64_t last = 0;
    size_t popped = 0, placed = 0;

    CHECK(expiry_reserve(&expiry, COUNT));
    for (int i = 0; i < 5 * COUNT; i++) { /* places, moves, takes out */
        entry = &entries[next_random(&seed) % COUNT];
        entry->expires_ms = next_random(&seed) % 4 == 0 ? 0 : 1 + next_random(&seed) % 1000;
        expiry_place(&expiry, entry);
    }
    for (int i = 0; i < COUNT; i++)
        placed += entries[i].expires_ms != 0;
    CHECK(expiry_pop(&expiry, 0) == NULL);
    while ((entry = expiry_pop(&expiry, 1000)) != NULL) {
        CHECK(entry->expires_ms >= last);
        last = entry->expires_ms;
        popped++;
    }
    CHECK_INT(popped, placed);
    CHECK_INT(expiry_next_ms(&expiry), 0);
    expiry_release(&expiry);
}
