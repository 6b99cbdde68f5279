#include "unit/test.h"

#include "unit/apiserver/handlers/harness.h"

#include "apiserver/handlers/etag.h"

/* The answer's ETag as a C string. */
static const char *etag_of(const struct harness *h)
{
    static char text[4][64];
    static int next;
    char *copy = text[next++ % 4];

    snprintf(copy, sizeof(text[0]), "%.*s", BYTES_FMT(header_of(h, "etag")));
    return copy;
}

static void make(struct harness *h, const char *name)
{
    char body[128];

    snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"%s\"}}", name);
    CHECK_INT(ask(h, "POST", CM, body), 201);
}

TEST(etag, an_unchanged_object_is_not_sent_again)
{
    struct harness h;
    const char *etag;

    harness_start(&h);
    make(&h, "a");
    CHECK_INT(ask(&h, "GET", CM "/a", NULL), 200);
    etag = etag_of(&h);
    CHECK_INT(get_with(&h, CM "/a", "if-none-match", etag), 304);
    CHECK_INT(h.text.len, 0);
    CHECK_TEXT(header_of(&h, "etag"), etag);
    CHECK_TEXT(header_of(&h, "cache-control"), "no-cache, private");
    CHECK_INT(ask(&h, "PUT", CM "/a", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}"),
              200);
    CHECK_INT(get_with(&h, CM "/a", "if-none-match", etag), 200);
    CHECK(strcmp(etag_of(&h), etag) != 0);
    harness_stop(&h);
}

TEST(etag, a_list_is_new_when_its_resource_has_changed)
{
    struct harness h;
    const char *etag;

    harness_start(&h);
    make(&h, "a");
    CHECK_INT(ask(&h, "GET", CM, NULL), 200);
    etag = etag_of(&h);
    CHECK_INT(
        ask(&h, "POST", "/api/v1/namespaces/default/secrets", "{\"metadata\":{\"name\":\"s\"}}"),
        201);
    CHECK_INT(get_with(&h, CM, "if-none-match", etag), 304);
    CHECK_INT(ask(&h, "DELETE", CM "/a", NULL), 200);
    CHECK_INT(get_with(&h, CM, "if-none-match", etag), 200);
    harness_stop(&h);
}

TEST(etag, neither_a_write_nor_an_error_nor_a_table_has_one)
{
    struct harness h;

    harness_start(&h);
    make(&h, "a");
    CHECK_TEXT(header_of(&h, "etag"), "");
    CHECK_INT(ask(&h, "GET", CM "/none", NULL), 404);
    CHECK_TEXT(header_of(&h, "etag"), "");
    CHECK_INT(get_with(&h, CM, "accept", "application/json;as=Table;g=meta.k8s.io;v=v1"), 200);
    CHECK_TEXT(header_of(&h, "etag"), "");
    harness_stop(&h);
}

TEST(etag, tags_compare_weakly)
{
    const struct bytes etag = BYTES_INIT("W/\"1-a\"");

    CHECK(etag_matches(BYTES("W/\"1-a\""), etag));
    CHECK(etag_matches(BYTES("\"1-a\""), etag));
    CHECK(etag_matches(BYTES("\"x\" , W/\"1-a\""), etag));
    CHECK(etag_matches(BYTES("*"), etag));
    CHECK(!etag_matches(BYTES(""), etag));
    CHECK(!etag_matches(BYTES("1-a"), etag));
    CHECK(!etag_matches(BYTES("W/"), etag));
    CHECK(!etag_matches(BYTES("\"1-a"), etag));
}
