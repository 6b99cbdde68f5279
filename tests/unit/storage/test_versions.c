#include "unit/test.h"

#include "storage/index.h"
#include "storage/versions.h"

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

TEST(versions, the_one_that_stood_at_a_revision_is_found_whatever_came_and_went)
{
    enum { REVS = 3000 };
    static bool there[REVS + 1];
    struct versions versions = {0};
    uint32_t seed = 5;
    uint64_t newest = 0;

    for (uint64_t rev = 1; rev <= REVS; rev++) {
        uint64_t gone = 1 + next_random(&seed) % rev, expected = 0;

        CHECK(versions_reserve(&versions, 1));
        versions_push(&versions, newest = rev);
        there[rev] = true;
        if (rev % 3 != 0) { /* mostly the oldest goes, as in a compaction */
            for (gone = 1; !there[gone]; gone++)
                ;
        }
        versions_remove(&versions, gone);
        there[gone] = false;
        for (uint64_t at = 1; at <= rev; at += 1 + rev / 50) {
            expected = 0;
            for (uint64_t i = at; i > 0 && expected == 0; i--)
                expected = there[i] ? i : 0;
            CHECK_INT(versions_at(&versions, at), expected);
        }
    }
    versions_release(&versions);
}

TEST(versions, one_that_is_taken_back_leaves_what_was_before_it)
{
    struct versions versions = {0};

    CHECK(versions_reserve(&versions, 2));
    versions_push(&versions, 3);
    versions_push(&versions, 7);
    versions_pop(&versions);
    CHECK_INT(versions_at(&versions, 9), 3);
    versions_pop(&versions);
    CHECK_INT(versions_at(&versions, 9), 0);
    versions_release(&versions);
}

TEST(versions, what_was_reserved_is_there_when_older_ones_have_gone)
{
    struct versions versions = {0};

    for (uint64_t rev = 1; rev <= 1000; rev++) {
        CHECK(versions_reserve(&versions, 2)); /* one to come later */
        versions_push(&versions, rev);
        if (rev > 1)
            versions_remove(&versions, rev - 1);
        if (rev % 10 == 0) {
            versions_push(&versions, ++rev);
            versions_remove(&versions, rev - 1);
        }
    }
    CHECK(versions.capacity <= 8);
    versions_release(&versions);
}

TEST(versions, a_run_that_was_read_backwards_is_turned_round)
{
    for (uint64_t count = 1; count <= 6; count++) {
        struct versions versions = {0};

        for (uint64_t rev = count; rev > 0; rev--) {
            CHECK(versions_reserve(&versions, 1));
            versions_push(&versions, rev);
        }
        versions_reverse(&versions);
        for (uint64_t rev = 0; rev <= count; rev++)
            CHECK_INT(versions_at(&versions, rev), rev);
        versions_release(&versions);
    }
}

TEST(index, a_key_goes_when_the_log_has_lost_the_last_of_it)
{
    struct index index;
    struct entry *entry;

    index_init(&index);
    entry = index_make(&index, BYTES("a"));
    CHECK(versions_reserve(&entry->versions, 1));
    versions_push(&entry->versions, 1);
    CHECK(versions_reserve(&entry->versions, 1));
    versions_push(&entry->versions, 2); /* a delete: there is no value */
    index_forget(&index, BYTES("a"), 1);
    CHECK_INT(index.tree.count, 1);
    index_forget(&index, BYTES("b"), 2);
    index_forget(&index, BYTES("a"), 2);
    CHECK_INT(index.tree.count, 0);
    index_release(&index);
}
