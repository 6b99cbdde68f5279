#include "unit/test.h"

#include "apiserver/request/request_info.h"

static struct arena arena;

static struct request_info parse(const char *method, const char *target)
{
    struct request_info info;

    request_info_parse(&arena, bytes_str(method), bytes_str(target), &info);
    return info;
}

TEST(request_info, every_form_of_resource_path_is_understood)
{
    static const struct {
        const char *method, *target;
        enum verb verb;
        const char *group, *version, *ns, *resource, *name, *subresource;
    } rows[] = {
        {"GET", "/api/v1/nodes", VERB_LIST, "", "v1", "", "nodes", "", ""},
        {"GET", "/api/v1/nodes?watch=1", VERB_WATCH, "", "v1", "", "nodes", "", ""},
        {"GET", "/api/v1/nodes/a", VERB_GET, "", "v1", "", "nodes", "a", ""},
        {"GET", "/api/v1/nodes/a?watch=1", VERB_GET, "", "v1", "", "nodes", "a", ""},
        {"GET", "/api/v1/namespaces", VERB_LIST, "", "v1", "", "namespaces", "", ""},
        {"GET", "/api/v1/namespaces/x", VERB_GET, "", "v1", "", "namespaces", "x", ""},
        {"PUT", "/api/v1/namespaces/x/status", VERB_UPDATE, "", "v1", "", "namespaces", "x",
         "status"},
        {"PUT", "/api/v1/namespaces/x/finalize", VERB_UPDATE, "", "v1", "", "namespaces", "x",
         "finalize"},
        {"POST", "/api/v1/namespaces/x/pods", VERB_CREATE, "", "v1", "x", "pods", "", ""},
        {"DELETE", "/api/v1/namespaces/x/pods/p", VERB_DELETE, "", "v1", "x", "pods", "p", ""},
        {"DELETE", "/api/v1/namespaces/x/pods", VERB_DELETE_COLLECTION, "", "v1", "x", "pods", "",
         ""},
        {"PATCH", "/apis/apps/v1/namespaces/x/deployments/d/scale", VERB_PATCH, "apps", "v1", "x",
         "deployments", "d", "scale"},
        {"GET", "/api/v1/watch/namespaces/x/pods/p", VERB_WATCH, "", "v1", "x", "pods", "p", ""},
        {"GET", "/api/v1/watch/pods", VERB_WATCH, "", "v1", "", "pods", "", ""},
        {"HEAD", "/api/v1/nodes/a", VERB_GET, "", "v1", "", "nodes", "a", ""},
        {"GET", "/api/v1/nodes/%61", VERB_GET, "", "v1", "", "nodes", "a", ""},
        {"TRACE", "/api/v1/nodes", VERB_NONE, "", "v1", "", "nodes", "", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct request_info info = parse(rows[i].method, rows[i].target);

        CHECK(info.is_resource);
        CHECK_INT(info.verb, rows[i].verb);
        CHECK_TEXT(info.group, rows[i].group);
        CHECK_TEXT(info.version, rows[i].version);
        CHECK_TEXT(info.namespace, rows[i].ns);
        CHECK_TEXT(info.resource, rows[i].resource);
        CHECK_TEXT(info.name, rows[i].name);
        CHECK_TEXT(info.subresource, rows[i].subresource);
    }
    arena_release(&arena);
}

TEST(request_info, what_is_no_plain_path_names_nothing)
{
    static const char *const targets[] = {
        "/api/v1/namespaces/x/pods/..",
        "/api/v1/nodes/a%2Fb",
        "/api/v1/nodes/%00",
        "/api/v1//nodes",
        "/api/v1/nodes/%zz",
        "/api/v1/nodes/%c3%28",
        "*",
        "",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o",
    };

    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct request_info info = parse("GET", targets[i]);

        CHECK(!info.is_resource);
        CHECK(info.path.ptr == NULL);
    }
    arena_release(&arena);
}

TEST(request_info, discovery_paths_are_no_resources)
{
    CHECK(!parse("GET", "/api/v1").is_resource);
    CHECK(!parse("GET", "/apis/apps/v1").is_resource);
    CHECK_TEXT(parse("GET", "/apis/apps/v1/?timeout=32s").path, "/apis/apps/v1");
    CHECK_TEXT(parse("GET", "/").path, "/");
    arena_release(&arena);
}

TEST(query, booleans_follow_apimachinery)
{
    struct request_info info = parse("GET", "/?a=false&b=False&c=0&d=&e=1&f=True&g=no");

    CHECK(!query_bool(&info.query, "a") && !query_bool(&info.query, "b"));
    CHECK(!query_bool(&info.query, "c") && !query_bool(&info.query, "absent"));
    CHECK(query_bool(&info.query, "d") && query_bool(&info.query, "e"));
    CHECK(query_bool(&info.query, "f") && query_bool(&info.query, "g"));
    arena_release(&arena);
}

TEST(query, values_are_decoded_and_the_first_counts)
{
    struct request_info info = parse("GET", "/?labelSelector=a%3Db%2Cc+d&x=1&x=2&bad=%zz&flag");

    CHECK_TEXT(query_get(&info.query, "labelSelector"), "a=b,c d");
    CHECK_TEXT(query_get(&info.query, "x"), "1");
    CHECK(!query_has(&info.query, "bad"));
    CHECK(query_has(&info.query, "flag"));
    arena_release(&arena);
}

TEST(request_info, what_other_methods_would_mean_can_be_asked)
{
    struct request_info item = parse("FOO", "/api/v1/nodes/a"), all = parse("GET", "/api/v1/nodes"),
                        watch = parse("GET", "/api/v1/watch/nodes");

    CHECK_INT(item.verb, VERB_NONE);
    CHECK_INT(request_info_verb(&item, BYTES("PUT")), VERB_UPDATE);
    CHECK_INT(request_info_verb(&item, BYTES("GET")), VERB_GET);
    CHECK_INT(request_info_verb(&all, BYTES("DELETE")), VERB_DELETE_COLLECTION);
    CHECK_INT(request_info_verb(&all, BYTES("PUT")), VERB_NONE);
    CHECK_INT(request_info_verb(&watch, BYTES("GET")), VERB_WATCH);
    arena_release(&arena);
}

TEST(request_info, what_a_url_says_in_secret_is_not_logged)
{
    static const char *const rows[][2] = {
        {"/a/token", "/a/token"},
        {"/a?", "/a?"},
        {"/a?watch=1&limit=2", "/a?watch=1&limit=2"},
        {"/a?b&&c=&=d&", "/a?b&&c=&=d&"},
        {"/a?access_token=x", "/a?access_token=-"},
        {"/a?watch=1&ID_Token=x=y?z&limit=2", "/a?watch=1&ID_Token=-&limit=2"},
        {"/a?client%5Fsec%72et=x", "/a?client%5Fsec%72et=-"},
        {"/a?x%=y&password=&token", "/a?x%=-&password=-&token"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_TEXT(request_target_for_log(&arena, bytes_str(rows[i][0])), rows[i][1]);
    arena_release(&arena);
}
