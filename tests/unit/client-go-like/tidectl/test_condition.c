#include "unit/test.h"

#include "client-go-like/tidectl/age.h"
#include "client-go-like/tidectl/condition.h"
#include "client-go-like/tidectl/output.h"

static const char document[] =
    "{\"metadata\":{\"generation\":2},\"data\":{\"k\":\"v\",\"n\":3,\"many\":[1,2]},"
    "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
    "{\"type\":\"Old\",\"status\":\"True\",\"observedGeneration\":1},"
    "{\"type\":\"Broken\",\"status\":\"False\",\"observedGeneration\":2}]}}";

static bool holds(const char *text)
{
    struct arena arena = {0};
    struct condition condition;
    struct json *tree = NULL;
    bool result;

    CHECK(json_parse(&arena, bytes_str(document), &tree, NULL, NULL) == STATUS_OK);
    CHECK(condition_parse(&condition, &arena, text, ~0u));
    result = condition_holds(&condition, tree);
    arena_release(&arena);
    return result;
}

TEST(condition, compares_status_without_case_and_ignores_what_is_outdated)
{
    CHECK(holds("condition=Ready"));
    CHECK(holds("condition=ready=TRUE"));
    CHECK(!holds("condition=Ready=False"));
    CHECK(holds("condition=Broken=False"));
    CHECK(!holds("condition=Old"));
    CHECK(!holds("condition=Nope"));
}

TEST(condition, takes_one_value_of_a_jsonpath)
{
    CHECK(holds("jsonpath={.data.k}=v"));
    CHECK(holds("jsonpath={.data.k}=\"v\""));
    CHECK(holds("jsonpath=.data.n=3"));
    CHECK(holds("jsonpath={.data.k}"));
    CHECK(!holds("jsonpath={.data.k}=w"));
    CHECK(!holds("jsonpath={.data.nope}"));
    CHECK(!holds("jsonpath={.data.many[*]}=1"));
    CHECK(holds("jsonpath={.status.conditions[?(@.type==\"Ready\")].status}=True"));
}

static void expect_age(int64_t seconds, const char *text)
{
    struct buf out = {0};

    age_append(&out, seconds);
    CHECK_TEXT(buf_bytes(&out), text);
    buf_release(&out);
}

TEST(age, is_told_as_kubectl_tells_it)
{
    static const int64_t hour = 3600, day = 24 * 3600, year = 365 * day;

    expect_age(0, "0s");
    expect_age(119, "119s");
    expect_age(121, "2m1s");
    expect_age(180, "3m");
    expect_age(10 * 60 + 5, "10m");
    expect_age(3 * hour + 60, "3h1m");
    expect_age(8 * hour + 60, "8h");
    expect_age(2 * day + hour, "2d1h");
    expect_age(8 * day + hour, "8d");
    expect_age(2 * year + 11 * day, "2y11d");
    expect_age(9 * year, "9y");
    expect_age(-5, "<invalid>");
}

TEST(age, is_read_from_timestamps_of_both_precisions)
{
    int64_t at = 0;

    CHECK(age_parse(BYTES("1970-01-02T00:00:01Z"), &at) && at == 86401);
    CHECK(age_parse(BYTES("1970-01-02T00:00:01.000001Z"), &at) && at == 86401);
    CHECK(!age_parse(BYTES("yesterday"), &at));
    CHECK(!age_parse(BYTES("1970-01-02 00:00:01+00:00Z"), &at));
}

TEST(output, custom_columns_may_hold_commas_in_brackets)
{
    struct output output = {.form = OUTPUT_COLUMNS};

    CHECK(output_read_columns(&output, BYTES("A:.a[0,1],B:.b[?(@.c=='x')].d")));
    CHECK_INT(output.column_count, 2);
    CHECK_TEXT(output.columns[1].header, "B");
    output_release(&output);
}
