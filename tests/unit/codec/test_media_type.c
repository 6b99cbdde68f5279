#include "unit/test.h"

#include "base/buf.h"
#include "codec/media_type.h"

TEST(media_type, type_subtype_and_parameters_are_taken_apart)
{
    struct media_type type;

    CHECK(
        media_type_parse(BYTES(" Application/JSON ; as=Table;v=v1 ; G=\"meta.k8s.io\";;"), &type));
    CHECK(media_type_is(&type, "application/json") && !media_type_is(&type, "application/yaml"));
    CHECK(!media_type_is(&type, "application/*"));
    CHECK_TEXT(type.type, "Application");
    CHECK_TEXT(media_type_param(&type, "as"), "Table");
    CHECK_TEXT(media_type_param(&type, "V"), "v1");
    CHECK_TEXT(media_type_param(&type, "g"), "meta.k8s.io");
    CHECK(media_type_param(&type, "x").ptr == NULL);
    CHECK_INT(type.param_count, 3);
    CHECK_INT(type.q, 1000);
}

TEST(media_type, what_is_no_media_type_is_refused)
{
    static const char *const bad[] = {
        "",
        " ",
        "json",
        "application/",
        "/json",
        "application/json x",
        "application/json;x",
        "application/json;=1",
        "application/json;x=\"1",
        "a b/c",
        "application/json;q=x",
        "application/json,text/plain",
        "application/json;x=\xff",
    };
    struct media_type type;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!media_type_parse(bytes_str(bad[i]), &type));
}

TEST(media_type, quality_is_read_in_thousandths)
{
    static const struct {
        const char *text;
        unsigned q;
    } cases[] = {
        {"a/b;q=0.5", 500}, {"a/b;Q=0.125", 125}, {"a/b;q=1", 1000},      {"a/b;q=1.000", 1000},
        {"a/b;q=0", 0},     {"a/b; q=.2", 200},   {"a/b;q=0.99999", 999}, {"a/b;q=1.7", 1000},
    };
    struct media_type type;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(media_type_parse(bytes_str(cases[i].text), &type));
        CHECK_INT(type.q, cases[i].q);
        CHECK_INT(type.param_count, 0);
    }
}

TEST(media_type, more_parameters_than_fit_are_dropped)
{
    struct media_type type;
    struct buf text = {0};

    buf_append_str(&text, "a/b");
    for (int i = 0; i < 40; i++)
        buf_appendf(&text, ";p%d=%d", i, i);
    buf_append_str(&text, ";q=0.1");
    CHECK(media_type_parse(buf_bytes(&text), &type));
    CHECK_INT(type.param_count, ARRAY_LEN(type.params));
    CHECK_INT(type.q, 100);
    buf_release(&text);
}

TEST(media_type, accept_clauses_come_best_first_and_in_header_order_among_equals)
{
    struct arena arena = {0};
    struct media_type *types = NULL;
    struct bytes header = BYTES("text/html, image/gif;q=0.5 ,bad,*; q=.2, a/b;x=\"1,2\";q=0.5, ,"
                                "no/no;q=0,application/json");

    CHECK_INT(media_type_parse_accept(&arena, header, &types), 5);
    CHECK(media_type_is(&types[0], "text/html") && media_type_is(&types[1], "application/json"));
    CHECK(media_type_is(&types[2], "image/gif") && media_type_is(&types[3], "a/b"));
    CHECK_TEXT(media_type_param(&types[3], "x"), "1,2");
    CHECK(media_type_is(&types[4], "*/*"));
    CHECK_INT(media_type_parse_accept(&arena, BYTES(""), &types), 0);
    CHECK_INT(media_type_parse_accept(&arena, BYTES("a/b;x=\"1,c/d"), &types), 0);
    arena_release(&arena);
}

TEST(media_type, at_most_64_clauses_are_kept)
{
    struct arena arena = {0};
    struct media_type *types = NULL;
    struct buf text = {0};

    for (int i = 0; i < 1000; i++)
        buf_append_str(&text, "a/b,");
    CHECK_INT(media_type_parse_accept(&arena, buf_bytes(&text), &types), 64);
    buf_release(&text);
    arena_release(&arena);
}
