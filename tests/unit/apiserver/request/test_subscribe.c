#include "apiserver/request/subscribe.h"

#include "base/buf.h"

#include "unit/test.h"

TEST(subscribe, a_message_becomes_what_urls_would)
{
    struct arena arena = {0};
    struct subscribe it = {0};
    struct bytes message = BYTES(
        "{\"add\":[{\"id\":\"web/1\",\"group\":\"apps\",\"version\":\"v1\",\"resource\":"
        "\"deployments\",\"namespace\":\"default\",\"name\":\"web\",\"labelSelector\":\"a=b\","
        "\"resourceVersion\":42,\"sendInitialEvents\":true,\"format\":null},"
        "{\"id\":\"n\",\"version\":\"v1\",\"resource\":\"nodes\"}],\"remove\":[\"old\"]}");

    CHECK(subscribe_parse(&arena, message, &it, NULL) == STATUS_OK);
    CHECK_INT(it.add_count, 2);
    CHECK_TEXT(it.add[0].id, "web/1");
    CHECK(it.add[0].why.status == STATUS_OK && it.add[0].info.is_resource);
    CHECK_TEXT(it.add[0].info.group, "apps");
    CHECK_TEXT(it.add[0].info.resource, "deployments");
    CHECK_TEXT(it.add[0].info.namespace, "default");
    CHECK_TEXT(it.add[0].info.name, "web");
    CHECK_TEXT(query_get(&it.add[0].info.query, "labelSelector"), "a=b");
    CHECK_TEXT(query_get(&it.add[0].info.query, "resourceVersion"), "42");
    CHECK(query_bool(&it.add[0].info.query, "sendInitialEvents"));
    CHECK(!query_has(&it.add[0].info.query, "format"));
    CHECK_TEXT(it.add[1].info.group, "");
    CHECK_INT(it.remove_count, 1);
    CHECK_TEXT(it.remove[0], "old");
    subscribe_release(&it);
    arena_release(&arena);
}

TEST(subscribe, what_is_wrong_with_one_is_said_of_it)
{
    static const struct {
        const char *members, *why;
    } cases[] = {
        {"\"version\":\"v1\"", "a subscription needs version and resource"},
        {"\"resource\":\"pods\"", "a subscription needs version and resource"},
        {"\"colour\":\"red\"", "a subscription has no member \"colour\""},
        {"\"version\":[1]", "version of a subscription is a text, not array"},
        {"\"name\":\"a/b\"", "name of a subscription: \"a/b\" is none"},
        {"\"namespace\":\"..\"", "namespace of a subscription: \"..\" is none"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        struct subscribe it = {0};
        struct bytes text =
            arena_printf(&arena,
                         "{\"add\":[{\"id\":\"bad\",%s},"
                         "{\"id\":\"good\",\"version\":\"v1\",\"resource\":\"pods\"}]}",
                         cases[i].members);

        CHECK(subscribe_parse(&arena, text, &it, NULL) == STATUS_OK);
        CHECK_INT(it.add_count, 2);
        CHECK(it.add[0].why.status == STATUS_BAD_REQUEST && it.add[1].why.status == STATUS_OK);
        CHECK_TEXT(bytes_str(error_message(&it.add[0].why)), cases[i].why);
        subscribe_release(&it);
        arena_release(&arena);
    }
}

TEST(subscribe, what_is_not_clear_is_refused_whole)
{
    static const char *const messages[] = {
        "",
        "[",
        "[]",
        "1",
        "\"add\"",
        "{\"add\":{}}",
        "{\"add\":[1]}",
        "{\"add\":[{}]}",
        "{\"add\":[{\"id\":\"\"}]}",
        "{\"add\":[{\"id\":\"a b\"}]}",
        "{\"add\":[{\"id\":7}]}",
        "{\"remove\":[1]}",
        "{\"remove\":\"a\"}",
        "{\"remove\":[\"\\u0000\"]}",
        "{\"subtract\":[]}",
        "{\"add\":[{\"id\":\"ok\",\"version\":1},{\"id\":\"not ok\"}]}"};
    struct buf many = {0};

    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        struct arena arena = {0};
        struct subscribe it = {0};
        struct error err = {0};

        CHECK(subscribe_parse(&arena, bytes_str(messages[i]), &it, &err) == STATUS_BAD_REQUEST);
        CHECK(err.message != NULL && it.add_count == 0);
        error_release(&err);
        arena_release(&arena);
    }
    buf_append_str(&many, "{\"remove\":[\"a\"");
    for (int i = 0; i < SUBSCRIPTIONS_MAX; i++)
        buf_append_str(&many, ",\"a\"");
    buf_append_str(&many, "]}");
    struct arena arena = {0};
    struct subscribe it;
    CHECK(subscribe_parse(&arena, buf_bytes(&many), &it, NULL) == STATUS_BAD_REQUEST);
    arena_release(&arena);
    buf_release(&many);
}

static enum status parse_query(struct arena *arena, const char *target, struct subscribe *ret)
{
    struct request_info info;

    request_info_parse(arena, BYTES("GET"), bytes_str(target), &info);
    return subscribe_parse_query(arena, &info.query, ret, NULL);
}

TEST(subscribe, a_query_has_the_urls_themselves)
{
    struct arena arena = {0};
    struct subscribe it = {0};

    CHECK(parse_query(&arena,
                      "/w?subscribe=p%3D/api/v1/namespaces/x/pods%3FlabelSelector%3Da%253Db"
                      "&timeoutSeconds=5&subscribe=d%3D/apis/apps/v1/deployments/web"
                      "&subscribe=v=/version&subscribe=s=/api/v1/namespaces/x/pods/y/status",
                      &it) == STATUS_OK);
    CHECK_INT(it.add_count, 4);
    CHECK_TEXT(it.add[0].info.namespace, "x");
    CHECK_TEXT(query_get(&it.add[0].info.query, "labelSelector"), "a=b");
    CHECK_TEXT(it.add[1].info.group, "apps");
    CHECK_TEXT(it.add[1].info.name, "web");
    CHECK(it.add[1].why.status == STATUS_OK);
    CHECK_TEXT(bytes_str(error_message(&it.add[2].why)),
               "\"/version\" is not the URL of a collection: subscribe=ID=URL");
    CHECK(it.add[3].why.status == STATUS_BAD_REQUEST);
    subscribe_release(&it);
    CHECK(parse_query(&arena, "/w", &it) == STATUS_OK && it.add_count == 0);
    CHECK(parse_query(&arena, "/w?subscribe=a=/x&subscribe=a=/y", &it) == STATUS_BAD_REQUEST);
    CHECK(parse_query(&arena, "/w?subscribe=", &it) == STATUS_BAD_REQUEST);
    arena_release(&arena);
}

TEST(subscribe, a_last_event_id_says_who_has_been_told)
{
    static const struct {
        const char *id;
        uint64_t rev; /* 0: refused */
        size_t told;
    } cases[] = {{"42", 42, 3},
                 {"42.a", 42, 1},
                 {"42.b.c", 42, 2},
                 {"42.d", 42, 3},
                 {"0", 0, 0},
                 {"", 0, 0},
                 {"42.", 0, 0},
                 {"42.x", 0, 0},
                 {"-1", 0, 0},
                 {".a", 0, 0},
                 {"99999999999999999999", 0, 0}};
    struct arena arena = {0};
    struct subscribe it = {0};

    CHECK(parse_query(&arena, "/w?subscribe=a=/x&subscribe=b.c=/y&subscribe=d=/z", &it) ==
          STATUS_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct resume_point point = {0};
        enum status st = resume_point_parse(bytes_str(cases[i].id), &it, &point, NULL);

        CHECK(st == (cases[i].rev != 0 ? STATUS_OK : STATUS_BAD_REQUEST));
        CHECK(point.rev == cases[i].rev && point.told == cases[i].told);
    }
    subscribe_release(&it);
    arena_release(&arena);
}
