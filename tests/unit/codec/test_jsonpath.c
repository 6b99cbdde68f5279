#include "unit/test.h"

#include "codec/jsonpath.h"

static const char document[] =
    "{\"spec\":{\"replicas\":3,\"ports\":[{\"name\":\"a\",\"port\":1},{\"name\":\"b\",\"port\":2}],"
    "\"on\":true,\"nothing\":null},"
    "\"metadata\":{\"labels\":{\"app.kubernetes.io/name\":\"web\",\"plain\":\"x\"}},"
    "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
    "{\"type\":\"Synced\",\"status\":\"False\"}]}}";

static bool append(void *user, const struct json *node)
{
    struct buf *out = user;

    if (out->len > 0)
        buf_append_char(out, '|');
    jsonpath_write_text(out, node);
    return true;
}

/* All that the path finds, joined by '|'. */
static void check_path(const char *text, const char *expected)
{
    struct arena arena = {0};
    struct buf found = {0};
    struct jsonpath path;
    struct json *tree;

    CHECK(json_parse(&arena, bytes_str(document), &tree, NULL, NULL) == STATUS_OK);
    CHECK(jsonpath_parse(bytes_str(text), &path, NULL) == STATUS_OK);
    jsonpath_each(&path, tree, append, &found);
    CHECK_TEXT(buf_bytes(&found), expected);
    buf_release(&found);
    arena_release(&arena);
}

TEST(jsonpath, fields_indexes_and_wildcards_are_found_in_order)
{
    check_path(".spec.replicas", "3");
    check_path("spec.replicas", "3");
    check_path("{.spec.replicas}", "3");
    check_path("{$.spec.replicas}", "3");
    check_path(".spec.ports[0].name", "a");
    check_path(".spec.ports[-1].name", "b");
    check_path(".spec.ports[*].port", "1|2");
    check_path(".spec.ports.*.port", "1|2");
    check_path(".spec.ports[1]", "{\"name\":\"b\",\"port\":2}");
    check_path(".spec['replicas']", "3");
    check_path(".spec[\"on\"]", "true");
    check_path(".spec.nothing", "null");
}

TEST(jsonpath, keys_with_dots_are_quoted_or_escaped)
{
    check_path(".metadata.labels['app.kubernetes.io/name']", "web");
    check_path(".metadata.labels.app\\.kubernetes\\.io/name", "web");
}

TEST(jsonpath, a_filter_keeps_the_elements_it_holds_for)
{
    check_path(".status.conditions[?(@.type==\"Ready\")].status", "True");
    check_path(".status.conditions[?(@.type == 'Synced')].status", "False");
    check_path(".status.conditions[?(@.type!=\"Ready\")].type", "Synced");
    check_path(".spec.ports[?(@.port>1)].name", "b");
    check_path(".spec.ports[?(@.port<=1)].name", "a");
    check_path(".spec.ports[?(@.port)].name", "a|b");
    check_path(".spec.ports[?(@.missing==1)].name", "");
}

TEST(jsonpath, a_filter_compares_like_with_like_by_each_operator)
{
    check_path(".spec.ports[?(@.port<2)].name", "a");
    check_path(".spec.ports[?(@.port>=2)].name", "b");
    check_path(".spec.ports[?(@.port==1.0)].name", "a");
    check_path(".spec.ports[?(@.port!=1)].name", "b");
    check_path(".spec.ports[?(@.name>'a')].port", "2");
    check_path(".spec[?(@.on==true)]", ""); /* of an object's members, none has members */
    check_path(".metadata[?(@.plain=='x')].plain", "x");
    check_path(".status.conditions[?(@.type==true)].type", "");
    check_path(".status.conditions[?(@.type!=1)].type", "Ready|Synced");
    check_path(".spec.ports[?(@.port=='1')].name", "");
    check_path(".spec.ports[?(@.port==one)].name", "");
}

TEST(jsonpath, a_quote_or_a_bracket_inside_of_quotes_is_text)
{
    check_path(".spec.ports[?(@.name!=']')].name", "a|b");
    check_path(".spec.ports[?(@.name!=\"'\")].port", "1|2");
    check_path(".metadata.labels['a\\']b']", "");
    check_path("spec[ 'replicas' ]", "3");
    check_path(".spec.ports.[0].name", "a"); /* as kubectl takes it */
}

TEST(jsonpath, what_is_absent_or_of_another_type_is_not_found)
{
    check_path(".spec.absent.deeper", "");
    check_path(".spec.ports[2].name", "");
    check_path(".spec.ports[-3].name", "");
    check_path(".spec.ports.name", "");
    check_path(".spec.replicas.x", "");
    check_path(".spec.replicas[0]", "");
}

TEST(jsonpath, the_root_is_a_path)
{
    struct arena arena = {0};
    struct jsonpath path;
    struct json *tree;

    CHECK(json_parse(&arena, bytes_str(document), &tree, NULL, NULL) == STATUS_OK);
    CHECK(jsonpath_parse(BYTES("."), &path, NULL) == STATUS_OK && path.count == 0);
    CHECK(jsonpath_first(&path, tree) == tree);
    CHECK(jsonpath_first(&path, NULL) == NULL);
    arena_release(&arena);
}

TEST(jsonpath, what_it_does_not_understand_is_refused)
{
    static const char *const bad[] = {"..x",
                                      ".a..b",
                                      ".a[",
                                      ".a[1",
                                      ".a[x]",
                                      ".a[1:2]",
                                      ".a[?(x)]",
                                      ".a[?()]",
                                      ".a[?(@.b==1]",
                                      ".a[?(@.b=='x)]",
                                      ".a[?(@.b[)]",
                                      ".a['b]",
                                      ".a[-]",
                                      ".a[-99999999999]",
                                      ".a[\\",
                                      ".a[?(@.b==)]",
                                      ".a[?(@.b==@.c)]",
                                      ".a[?(@.b[?(@.c)])]",
                                      ".a[0]b",
                                      ".",
                                      ".a[99999999999999999999]"};
    struct jsonpath path;
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (strcmp(bad[i], ".") == 0)
            continue;
        if (jsonpath_parse(bytes_str(bad[i]), &path, &err) != STATUS_BAD_REQUEST)
            fprintf(stderr, "accepted: %s\n", bad[i]);
        CHECK(jsonpath_parse(bytes_str(bad[i]), &path, &err) == STATUS_BAD_REQUEST);
        CHECK(err.message != NULL);
    }
    error_release(&err);
}

TEST(jsonpath, a_path_of_too_many_steps_is_refused)
{
    struct buf text = {0};
    struct jsonpath path;

    for (size_t i = 0; i <= JSONPATH_STEPS_MAX; i++)
        buf_append_str(&text, ".a");
    CHECK(jsonpath_parse(buf_bytes(&text), &path, NULL) == STATUS_BAD_REQUEST);
    CHECK(jsonpath_parse(bytes_of(text.data, text.len - 2), &path, NULL) == STATUS_OK);
    buf_release(&text);
}
