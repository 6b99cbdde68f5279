#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#define HERE "https://here.example"

static int preflight(struct harness *h, const char *origin)
{
    const struct http_header headers[] = {
        {BYTES("origin"), bytes_str(origin)},
        {BYTES("access-control-request-method"), BYTES("PUT")},
    };

    return call_end(call_begin_with(h, "OPTIONS", CM, NULL, BYTES(""), headers, 2));
}

TEST(cors, a_page_of_the_list_may_read_and_is_told_what_it_may_send)
{
    struct harness h;

    harness_start(&h);
    h.info.allowed_origins = BYTES(HERE);
    CHECK_INT(get_with(&h, CM, "origin", HERE), 200);
    CHECK_TEXT(header_of(&h, "access-control-allow-origin"), HERE);
    CHECK_TEXT(header_of(&h, "vary"), "Origin");
    CHECK_INT(preflight(&h, HERE), 204);
    CHECK_TEXT(header_of(&h, "access-control-allow-origin"), HERE);
    CHECK(contains(header_of(&h, "access-control-allow-methods"), "PUT"));
    harness_stop(&h);
}

TEST(cors, another_page_may_not)
{
    struct harness h;

    harness_start(&h);
    h.info.allowed_origins = BYTES(HERE);
    CHECK_INT(get_with(&h, CM, "origin", "https://there.example"), 200);
    CHECK_TEXT(header_of(&h, "access-control-allow-origin"), "");
    CHECK_TEXT(header_of(&h, "vary"), "Origin");
    CHECK_INT(preflight(&h, "https://there.example"), 405);
    harness_stop(&h);
}

TEST(cors, without_a_list_nothing_is_said)
{
    struct harness h;

    harness_start(&h);
    CHECK_INT(get_with(&h, CM, "origin", HERE), 200);
    CHECK(!contains(h.headers, "access-control") && !contains(h.headers, "vary"));
    CHECK_INT(preflight(&h, HERE), 405);
    harness_stop(&h);
}
