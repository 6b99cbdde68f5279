#include "unit/test.h"

#include "apiserver/request/origin.h"

static const struct bytes list = BYTES_INIT("https://a.example, http://localhost:3000");

TEST(origin, only_the_pages_of_the_list_are_listed)
{
    CHECK(origin_is_listed(list, BYTES("https://a.example")));
    CHECK(origin_is_listed(list, BYTES("http://localhost:3000")));
    CHECK(!origin_is_listed(list, BYTES("http://a.example")));
    CHECK(!origin_is_listed(list, BYTES("https://a.example.evil")));
    CHECK(!origin_is_listed(list, BYTES("https://a.example:443")));
    CHECK(!origin_is_listed(list, BYTES("null")));
    CHECK(!origin_is_listed(BYTES(""), BYTES("https://a.example")));
}

TEST(origin, a_star_lists_every_page)
{
    CHECK(origin_is_any(BYTES("http://x,*")));
    CHECK(origin_is_listed(BYTES("*"), BYTES("https://b.example")));
    CHECK(!origin_is_any(list));
}

TEST(origin, no_page_and_an_own_page_need_no_list)
{
    CHECK(origin_is_allowed(BYTES(""), BYTES(""), BYTES("127.0.0.1:8080")));
    CHECK(origin_is_allowed(BYTES(""), BYTES("http://127.0.0.1:8080"), BYTES("127.0.0.1:8080")));
    CHECK(!origin_is_allowed(BYTES(""), BYTES("http://127.0.0.1:81"), BYTES("127.0.0.1:8080")));
    CHECK(!origin_is_allowed(BYTES(""), BYTES("http://"), BYTES("")));
    CHECK(!origin_is_allowed(BYTES(""), BYTES("null"), BYTES("null")));
    CHECK(origin_is_allowed(list, BYTES("https://a.example"), BYTES("127.0.0.1:8080")));
}

TEST(origin, what_is_no_origin_is_refused_in_a_list)
{
    static const char *const wrong[] = {"a.example",
                                        "https://a.example/",
                                        "https://",
                                        "null",
                                        "://x",
                                        "https://*.example",
                                        "http://a b",
                                        "http://a,",
                                        "http://a,,http://b"};

    CHECK_INT(origin_list_check(list, NULL), STATUS_OK);
    CHECK_INT(origin_list_check(BYTES("*"), NULL), STATUS_OK);
    CHECK_INT(origin_list_check(BYTES(""), NULL), STATUS_OK);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK_INT(origin_list_check(bytes_str(wrong[i]), NULL),
                  i == 7 ? STATUS_OK : STATUS_BAD_REQUEST);
}
