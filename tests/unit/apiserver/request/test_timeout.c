#include "unit/test.h"

#include "apiserver/request/timeout.h"

static enum status check(const char *timeout, struct error *reterr)
{
    struct query_param param = {BYTES("timeout"), bytes_str(timeout)};
    struct query query = {&param, 1};

    return request_timeout_check(&query, reterr);
}

TEST(timeout, durations_as_go_writes_them_are_fine)
{
    static const char *const rows[] = {
        "",    "0",   "+0",    "-0",     "32s",        "1m30s",      "1.5h", "-1s",
        ".5s", "1.s", "300ms", "1us1ns", "1\xc2\xb5s", "1\xce\xbcs", "8m1s", "2h45m0.5s"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_INT(check(rows[i], NULL), STATUS_OK);
}

TEST(timeout, none_is_fine)
{
    CHECK_INT(request_timeout_check(&(struct query){0}, NULL), STATUS_OK);
}

TEST(timeout, what_is_none_is_400_in_gos_words)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"abc", "invalid duration \"abc\""},
        {"-", "invalid duration \"-\""},
        {".", "invalid duration \".\""},
        {".s", "invalid duration \".s\""},
        {"1s-", "unknown unit \"s-\" in duration \"1s-\""},
        {"32", "missing unit in duration \"32\""},
        {"1m30", "missing unit in duration \"1m30\""},
        {"3x", "unknown unit \"x\" in duration \"3x\""},
        {"00", "missing unit in duration \"00\""},
        {" 1s", "invalid duration \" 1s\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};

        CHECK_INT(check(rows[i].text, &err), STATUS_BAD_REQUEST);
        CHECK(strstr(error_message(&err),
                     "invalid timeout specified in the request URL - time: ") != NULL);
        CHECK(strstr(error_message(&err), rows[i].why) != NULL);
        error_release(&err);
    }
}
