#include "unit/test.h"

#include "client-go-like/merge3.h"

static void check_patch(const char *original, const char *modified, const char *current,
                        const char *expected, int line)
{
    struct arena arena = {0};
    struct json *o = NULL, *m = NULL, *c = NULL;
    struct buf out = {0};

    if (original != NULL)
        CHECK(json_parse(&arena, bytes_str(original), &o, NULL, NULL) == STATUS_OK);
    CHECK(json_parse(&arena, bytes_str(modified), &m, NULL, NULL) == STATUS_OK);
    CHECK(json_parse(&arena, bytes_str(current), &c, NULL, NULL) == STATUS_OK);
    json_write(&out, merge3(&arena, o, m, c), false);
    check_text(buf_bytes(&out), expected, __FILE__, line);
    buf_release(&out);
    arena_release(&arena);
}
#define CHECK_PATCH(original, modified, current, expected)                                         \
    check_patch(original, modified, current, expected, __LINE__)

TEST(merge3, what_is_as_it_should_be_needs_no_patch)
{
    CHECK_PATCH("{\"a\":1}", "{\"a\":1}", "{\"a\":1.0,\"b\":2}", "{}");
    CHECK_PATCH(NULL, "{\"a\":{\"b\":{}}}", "{\"a\":{\"b\":{},\"c\":1}}", "{}");
}

TEST(merge3, adds_and_changes_what_the_user_wrote_and_leaves_what_others_wrote)
{
    CHECK_PATCH("{\"a\":1}", "{\"a\":2,\"n\":{\"x\":1}}", "{\"a\":1,\"theirs\":3,\"n\":{\"y\":2}}",
                "{\"a\":2,\"n\":{\"x\":1}}");
}

TEST(merge3, deletes_what_was_applied_before_and_is_no_more)
{
    CHECK_PATCH("{\"d\":{\"k\":1,\"gone\":2},\"all\":{}}", "{\"d\":{\"k\":1}}",
                "{\"d\":{\"k\":1,\"gone\":2,\"theirs\":3},\"all\":{}}",
                "{\"d\":{\"gone\":null},\"all\":null}");
}

TEST(merge3, lists_are_replaced_when_the_user_changed_them)
{
    CHECK_PATCH("{\"l\":[1,2]}", "{\"l\":[1]}", "{\"l\":[1,2]}", "{\"l\":[1]}");
    CHECK_PATCH(NULL, "{\"l\":[{\"a\":1}]}", "{\"l\":[{\"a\":1,\"filled\":2}]}",
                "{\"l\":[{\"a\":1}]}");
}

TEST(merge3, what_the_server_filled_into_list_items_is_no_difference)
{
    CHECK_PATCH("{\"l\":[{\"a\":1}]}", "{\"l\":[{\"a\":1}]}", "{\"l\":[{\"a\":1,\"filled\":[2]}]}",
                "{}");
    CHECK_PATCH("{\"l\":[{\"a\":1}]}", "{\"l\":[{\"a\":1}]}", "{\"l\":[{\"a\":1},{\"b\":2}]}",
                "{\"l\":[{\"a\":1}]}");
    CHECK_PATCH("{\"l\":[{\"a\":1,\"b\":2}]}", "{\"l\":[{\"a\":1}]}", "{\"l\":[{\"a\":1,\"b\":2}]}",
                "{\"l\":[{\"a\":1}]}");
}

TEST(merge3, a_null_that_the_user_wrote_is_not_sent)
{
    CHECK_PATCH("{}", "{\"a\":null,\"b\":1}", "{\"a\":5}", "{\"b\":1}");
}
