#include "unit/test.h"

#include "base/tally.h"

TEST(tally, each_holds_up_to_the_limit_and_what_is_returned_can_be_taken_again)
{
    struct tally tally;
    struct tally_entry *first, *second, *other, *none = NULL;

    tally_init(&tally);
    CHECK_INT(tally_take(&tally, BYTES("a"), 1, 2, &first), STATUS_OK);
    CHECK_INT(tally_take(&tally, BYTES("a"), 1, 2, &second), STATUS_OK);
    CHECK_INT(tally_take(&tally, BYTES("a"), 1, 2, &none), STATUS_TOO_MANY_REQUESTS);
    CHECK(none == NULL);
    CHECK_INT(tally_take(&tally, BYTES("b"), 1, 2, &other), STATUS_OK);
    tally_return(first, 1);
    CHECK_INT(tally_take(&tally, BYTES("a"), 1, 2, &first), STATUS_OK);
    tally_return(first, 1);
    tally_return(second, 1);
    tally_return(other, 1);
    tally_return(NULL, 1);
    tally_release(&tally);
}

TEST(tally, a_name_is_forgotten_with_the_last_thing_it_held)
{
    struct tally tally;
    struct tally_entry *held, *none = NULL;

    tally_init(&tally);
    CHECK_INT(tally_take(&tally, BYTES("nothing"), 1, 0, &none), STATUS_TOO_MANY_REQUESTS);
    CHECK_INT(tally.entries.count, 0);
    CHECK_INT(tally_take(&tally, BYTES(""), 1, 1, &held), STATUS_OK);
    CHECK_INT(tally.entries.count, 1);
    tally_return(held, 1);
    CHECK_INT(tally.entries.count, 0);
    tally_release(&tally);
}

TEST(tally, some_count_for_more_than_one)
{
    struct tally tally;
    struct tally_entry *first, *second = NULL;

    tally_init(&tally);
    CHECK_INT(tally_take(&tally, BYTES("a"), 3, 5, &first), STATUS_OK);
    CHECK_INT(tally_take(&tally, BYTES("a"), 3, 5, &second), STATUS_TOO_MANY_REQUESTS);
    CHECK_INT(tally_take(&tally, BYTES("b"), 6, 5, &second), STATUS_TOO_MANY_REQUESTS);
    CHECK_INT(tally_take(&tally, BYTES("a"), 2, 5, &second), STATUS_OK);
    CHECK(first == second);
    tally_return(first, 3);
    CHECK_INT(tally.entries.count, 1);
    tally_return(second, 2);
    CHECK_INT(tally.entries.count, 0);
    tally_release(&tally);
}

TEST(tally, of_what_is_shared_one_may_hold_as_much_as_is_free)
{
    struct tally tally;
    struct tally_entry *greedy, *other;

    tally_init(&tally);
    CHECK_INT(tally_take(&tally, BYTES("greedy"), 1, 1, &greedy), STATUS_OK);
    CHECK_INT(tally_take(&tally, BYTES("other"), 1, 1, &other), STATUS_OK);
    CHECK(tally_grow(greedy, 50, 100));
    CHECK(!tally_grow(greedy, 1, 100));
    CHECK(tally_grow(other, 25, 100));
    CHECK(!tally_grow(other, 1, 100));
    CHECK(tally_grow(other, 1000, 0)); /* without bound */
    CHECK(!tally_grow(greedy, 1, 100));
    tally_shrink(other, 1025);
    tally_shrink(greedy, 20);
    CHECK(tally_grow(greedy, 20, 100) && !tally_grow(greedy, 1, 100));
    tally_shrink(greedy, 50);
    CHECK_INT(tally.shared, 0);
    tally_return(greedy, 1);
    tally_return(other, 1);
    tally_release(&tally);
}

enum { ROUNDS = 20000 };

static void *take_and_return(void *user)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct tally_entry *held = NULL;

        if (tally_take(user, BYTES("shared"), 1, 1, &held) == STATUS_OK)
            tally_return(held, 1);
    }
    return NULL;
}

TEST(tally, threads_share_it)
{
    struct tally tally;
    pthread_t threads[3];

    tally_init(&tally);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        CHECK_INT(pthread_create(&threads[i], NULL, take_and_return, &tally), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(tally.entries.count, 0);
    tally_release(&tally);
}
