#include "unit/test.h"

#include "apiserver/registry/view.h"

static void check_age(int64_t seconds, const char *expected)
{
    struct buf out = {0};

    view_human_age(&out, seconds);
    CHECK_TEXT(buf_bytes(&out), expected);
    buf_release(&out);
}

TEST(human_age, a_clock_a_little_ahead_is_no_reason_for_alarm)
{
    check_age(-2, "<invalid>");
    check_age(-1, "0s");
    check_age(0, "0s");
}

/* The cases of k8s.io/apimachinery/pkg/util/duration/duration_test.go. */
TEST(human_age, ages_have_two_units_only_where_the_second_matters)
{
    check_age(1, "1s");
    check_age(70, "70s");
    check_age(119, "119s");
    check_age(120, "2m");
    check_age(190, "3m10s");
    check_age(600, "10m");
    check_age(70 * 60, "70m");
    check_age(179 * 60 + 59, "179m");
    check_age(3 * 3600, "3h");
    check_age(3 * 3600 + 60, "3h1m");
    check_age(8 * 3600 - 1, "7h59m");
    check_age(8 * 3600, "8h");
    check_age(47 * 3600 + 3599, "47h");
    check_age(48 * 3600, "2d");
    check_age(49 * 3600, "2d1h");
    check_age(8 * 86400 - 1, "7d23h");
    check_age(8 * 86400, "8d");
    check_age(367 * 86400LL, "367d");
    check_age(2 * 365 * 86400LL, "2y");
    check_age((2 * 365 + 1) * 86400LL, "2y1d");
    check_age(8 * 365 * 86400LL - 1, "7y364d");
    check_age(8 * 365 * 86400LL, "8y");
    check_age((8 * 365 + 364) * 86400LL, "8y");
    check_age(9 * 365 * 86400LL, "9y");
}
