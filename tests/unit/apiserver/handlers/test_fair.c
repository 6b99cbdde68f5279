#include "unit/test.h"

#include "apiserver/handlers/fair.h"

static struct fair fair;

static struct fair_flow *flow(const char *name)
{
    struct fair_flow *found = fair_flow(&fair, bytes_str(name));

    CHECK(found != NULL);
    return found;
}

static void wait_in(struct fair_flow *of, struct fair_turn *turns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        turns[i] = (struct fair_turn){.flow = of};
        fair_wait(&turns[i]);
    }
}

/* Serves the next piece, whose user it names. */
static char serve(uint64_t cost)
{
    struct fair_turn *turn = fair_next(&fair);

    if (turn == NULL)
        return '-';
    fair_charge(turn->flow, cost);
    return turn->flow->name.ptr[0];
}

static void check_order(const char *expected, uint64_t cost)
{
    for (; *expected != '\0'; expected++)
        CHECK_INT(serve(cost), *expected);
}

TEST(fair, a_user_alone_is_served_in_the_order_it_asked)
{
    struct fair_turn turns[3];
    struct fair_flow *a;

    fair_init(&fair);
    a = flow("a");
    wait_in(a, turns, 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(fair_next(&fair) == &turns[i]);
    CHECK(fair_next(&fair) == NULL);
    fair_flow_unref(a);
    fair_release(&fair);
}

TEST(fair, who_comes_behind_a_flood_is_next)
{
    struct fair_turn many[200], one;
    struct fair_flow *a, *b;

    fair_init(&fair);
    a = flow("a");
    b = flow("b");
    wait_in(a, many, 200);
    check_order("aaaaaaaaaa", 100);
    wait_in(b, &one, 1);
    check_order("ba", 100);
    wait_in(b, &one, 1);
    check_order("ba", 100);
    fair_flow_unref(a);
    fair_flow_unref(b);
    fair_release(&fair);
}

TEST(fair, users_that_all_have_work_are_served_round_by_round)
{
    struct fair_turn as[9], bs[3], cs[3];
    struct fair_flow *a, *b, *c;

    fair_init(&fair);
    a = flow("a");
    b = flow("b");
    c = flow("c");
    wait_in(a, as, 9);
    wait_in(b, bs, 3);
    wait_in(c, cs, 3);
    check_order("abcabcabcaaaaaa-", 5);
    fair_flow_unref(a);
    fair_flow_unref(b);
    fair_flow_unref(c);
    fair_release(&fair);
}

TEST(fair, a_piece_that_cost_three_times_as_much_is_paid_for)
{
    struct fair_turn as[4], bs[8];
    struct fair_flow *a, *b;
    char order[13] = "";

    fair_init(&fair);
    a = flow("a");
    b = flow("b");
    wait_in(a, as, 4);
    wait_in(b, bs, 8);
    for (size_t i = 0; i < 12; i++) {
        struct fair_turn *turn = fair_next(&fair);

        order[i] = turn->flow->name.ptr[0];
        fair_charge(turn->flow, turn->flow == a ? 30 : 10);
    }
    CHECK_TEXT(bytes_str(order), "abbbabbbabba");
    fair_flow_unref(a);
    fair_flow_unref(b);
    fair_release(&fair);
}

/* Else a day of silence would be paid out in a flood. */
TEST(fair, nobody_saves_up_what_he_did_not_use)
{
    struct fair_turn as[8], bs[4];
    struct fair_flow *a, *b;

    fair_init(&fair);
    a = flow("a");
    b = flow("b");
    wait_in(b, bs, 1);
    check_order("b", 10);
    wait_in(a, as, 8);
    check_order("aaaa", 1000);
    wait_in(b, bs, 4);
    check_order("bababa", 1000);
    fair_flow_unref(a);
    fair_flow_unref(b);
    fair_release(&fair);
}

TEST(fair, what_was_taken_while_nobody_waited_was_taken_from_nobody)
{
    struct fair_turn as[2], bs[2];
    struct fair_flow *a, *b;

    fair_init(&fair);
    a = flow("a");
    b = flow("b");
    for (int i = 0; i < 100; i++)
        fair_charge(a, 1000);
    fair_charge(b, 10);
    wait_in(a, as, 2);
    wait_in(b, bs, 2);
    check_order("baba", 1000);
    fair_flow_unref(a);
    fair_flow_unref(b);
    fair_release(&fair);
}

TEST(fair, who_leaves_is_not_served)
{
    struct fair_turn as[2], b_turn;
    struct fair_flow *a, *b;

    fair_init(&fair);
    a = flow("a");
    b = flow("b");
    wait_in(b, &b_turn, 1);
    wait_in(a, as, 2);
    fair_leave(&b_turn);
    fair_leave(&b_turn);
    fair_leave(&as[0]);
    CHECK(fair_next(&fair) == &as[1]);
    CHECK(fair_next(&fair) == NULL);
    fair_flow_unref(a);
    fair_flow_unref(b);
    fair_release(&fair);
}

TEST(fair, a_name_is_kept_while_somebody_needs_it_and_the_last_one_for_who_comes_back)
{
    struct fair_flow *a, *again, *b;

    fair_init(&fair);
    a = flow("a");
    again = flow("a");
    CHECK(a == again);
    fair_flow_unref(a);
    fair_charge(again, 100);
    fair_flow_unref(again);
    CHECK_INT(fair.flows.count, 1);
    b = flow("b");
    CHECK_INT(fair.flows.count, 2);
    a = flow("a");
    CHECK(a == again);
    CHECK_INT(a->served, 0); /* as one who comes new */
    fair_flow_unref(a);
    fair_flow_unref(b);
    CHECK_INT(fair.flows.count, 1);
    CHECK(fair.idle == b);
    fair_release(&fair);
}

/* Of `max` places, who of `users` greedy ones gets how many, one after the other? */
static uint64_t left_free(uint64_t max, size_t users)
{
    uint64_t held[64] = {0}, taken = 0;
    bool one_more = true;

    while (one_more) {
        one_more = false;
        for (size_t i = 0; i < users; i++)
            if (fair_share(held[i], 1, taken, max)) {
                held[i]++;
                taken++;
                one_more = true;
            }
    }
    return max - taken;
}

TEST(fair, however_many_take_all_they_can_there_is_a_place_for_the_next)
{
    CHECK_INT(left_free(400, 1), 200);
    CHECK_INT(left_free(400, 3), 100);
    for (size_t users = 1; users < 64; users++)
        CHECK(left_free(400, users) > 0 && fair_share(0, 1, 400 - left_free(400, users), 400));
}

TEST(fair, one_place_is_for_whoever_comes_first_and_none_is_for_nobody)
{
    CHECK(fair_share(0, 1, 0, 1));
    CHECK(!fair_share(0, 1, 1, 1));
    CHECK(!fair_share(0, 1, 2, 1));
    CHECK(fair_share(1000, 1, 1000, 0));
}

TEST(fair, what_a_user_holds_is_never_taken_for_less_and_seldom_for_more)
{
    static struct fair_counts counts;
    struct fair_flow *users[100];
    size_t too_many = 0;
    char name[8];

    fair_init(&fair);
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        snprintf(name, sizeof(name), "u%zu", i);
        users[i] = flow(name);
        if (i % 2 == 0)
            fair_count(&counts, users[i], 1 + (uint32_t)i);
    }
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        uint64_t held = i % 2 == 0 ? 1 + i : 0, counted = fair_counted(&counts, users[i]);

        CHECK(counted >= held);
        too_many += counted > held;
    }
    CHECK(too_many < 10); /* 100 * (50 / FAIR_COUNTS)^2 = 0.2 are expected */
    for (size_t i = 0; i < ARRAY_LEN(users); i += 2)
        fair_discount(&counts, users[i], 1 + (uint32_t)i);
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        CHECK_INT(fair_counted(&counts, users[i]), 0);
        fair_flow_unref(users[i]);
    }
    fair_release(&fair);
}
