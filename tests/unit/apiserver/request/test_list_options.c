#include "unit/test.h"

#include "apiserver/request/list_options.h"

static struct arena arena;

static enum status parse(const char *query, bool watch, struct list_options *ret)
{
    struct request_info info;

    request_info_parse(&arena, BYTES("GET"), arena_printf(&arena, "/api/v1/nodes?%s", query),
                       &info);
    return list_options_parse(&info.query, watch, ret, NULL);
}

TEST(list_options, refused_combinations)
{
    static const struct {
        bool watch;
        const char *query;
        enum status status;
    } rows[] = {
        {false, "resourceVersionMatch=Exact", STATUS_INVALID},
        {false, "resourceVersion=0&resourceVersionMatch=Exact", STATUS_INVALID},
        {false, "resourceVersion=1&resourceVersionMatch=Other", STATUS_INVALID},
        {false, "continue=x&resourceVersion=1&resourceVersionMatch=NotOlderThan", STATUS_INVALID},
        {false, "sendInitialEvents=true", STATUS_INVALID},
        {true, "sendInitialEvents=true", STATUS_INVALID},
        {true, "resourceVersion=1&resourceVersionMatch=NotOlderThan", STATUS_INVALID},
        {true, "sendInitialEvents=true&resourceVersionMatch=Exact", STATUS_INVALID},
        {true, "resourceVersion=x", STATUS_INVALID},
        {false, "resourceVersion=x", STATUS_BAD_REQUEST},
        {false, "resourceVersion=18446744073709551616", STATUS_BAD_REQUEST},
        {false, "limit=99999999999999999999", STATUS_BAD_REQUEST},
        {false, "limit=x", STATUS_BAD_REQUEST},
        {false, "labelSelector=a+in+b", STATUS_BAD_REQUEST},
        {false, "fieldSelector=a", STATUS_BAD_REQUEST},
        {true, "timeoutSeconds=1.5", STATUS_BAD_REQUEST},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct list_options o = {0};

        CHECK_INT(parse(rows[i].query, rows[i].watch, &o), rows[i].status);
    }
    arena_release(&arena);
}

TEST(list_options, what_is_said_is_read)
{
    struct list_options o;

    CHECK_INT(parse("resourceVersion=7&resourceVersionMatch=NotOlderThan&limit=5&labelSelector=a",
                    false, &o),
              STATUS_OK);
    CHECK(o.rv_set && o.rv == 7 && o.match == RV_MATCH_NOT_OLDER && o.limit == 5 &&
          o.labels != NULL);
    list_options_release(&o);
    CHECK_INT(parse("limit=-1&resourceVersion=", false, &o), STATUS_OK);
    CHECK(o.limit == 0 && !o.rv_set);
    CHECK_INT(
        parse("sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1"
              "&timeoutSeconds=9",
              true, &o),
        STATUS_OK);
    CHECK(o.send_initial_set && !o.send_initial && o.bookmarks && o.timeout_s == 9);
    arena_release(&arena);
}

TEST(continue_token, what_was_encoded_is_decoded)
{
    struct continue_token token = {42, BYTES("ns/\"name\""), 7}, back;

    CHECK_INT(continue_decode(&arena, continue_encode(&arena, &token), &back, NULL), STATUS_OK);
    CHECK(back.rv == 42 && back.left == 7);
    CHECK_TEXT(back.start_after, "ns/\"name\"");
    arena_release(&arena);
}

TEST(continue_token, a_token_cannot_leave_its_prefix)
{
    static const char *const starts[] = {"../x", "/x", "a/../../b", ""};

    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        struct continue_token token = {42, bytes_str(starts[i]), -1}, back;

        CHECK_INT(continue_decode(&arena, continue_encode(&arena, &token), &back, NULL),
                  STATUS_BAD_REQUEST);
    }
    arena_release(&arena);
}

TEST(continue_token, garbage_is_400)
{
    static const char *const texts[] = {"garbage", "e30", "!!!", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct continue_token back;

        CHECK_INT(continue_decode(&arena, bytes_str(texts[i]), &back, NULL), STATUS_BAD_REQUEST);
    }
    arena_release(&arena);
}
