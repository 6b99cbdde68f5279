#include "objects.h"

#include "codec/transcoder.h"

#define FOO FOO_CRD("foos", "Foo", VERSION("v1", "true", ""))

static const struct kind *find(const struct registry *registry, const char *group,
                               const char *version, const char *plural)
{
    return registry_find(registry, bytes_str(group), bytes_str(version), bytes_str(plural));
}

TEST(registry, every_built_in_kind_is_found_by_resource_and_by_kind)
{
    struct registry *registry = registry_new();
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = kinds[i];

        CHECK(find(registry, kind->group, kind->version, kind->plural) == kind);
        CHECK(registry_find_kind(registry, bytes_str(kind->group), bytes_str(kind->version),
                                 bytes_str(kind->kind)) == kind);
        CHECK(registry_find_any(registry, bytes_str(kind->group), bytes_str(kind->plural)) == kind);
    }
    CHECK(find(registry, "", "v1", "pod") == NULL);
    CHECK(find(registry, "apps", "v2", "deployments") == NULL);
    CHECK(find(registry, "", "v1", "deployments") == NULL);
    CHECK(find(registry, "apps", "v1beta1", "deployments") == NULL);
    registry_free(registry);
}

TEST(registry, names_of_any_length_are_looked_up_without_harm)
{
    struct registry *registry = registry_new();
    char name[2000];

    memset(name, 'a', sizeof(name));
    CHECK(registry_find(registry, bytes_of(name, sizeof(name)), BYTES("v1"), BYTES("x")) == NULL);
    CHECK(registry_find(registry, BYTES(""), BYTES("v1"), bytes_of(name, sizeof(name))) == NULL);
    CHECK(registry_find_any(registry, BYTES("g"), bytes_of(name, sizeof(name))) == NULL);
    registry_free(registry);
}

TEST(registry, a_crd_brings_its_kinds_and_takes_them_away)
{
    struct registry *registry = registry_new();
    const struct kind *foo;

    serve_crd(registry, FOO);
    foo = find(registry, "example.com", "v1", "foos");
    CHECK(foo != NULL && foo->custom && foo->namespaced);
    CHECK_TEXT(bytes_str(foo->kind), "Foo");
    CHECK_TEXT(bytes_str(foo->list_kind), "FooList");
    CHECK_TEXT(bytes_str(foo->api_version), "example.com/v1");
    CHECK_TEXT(bytes_str(foo->group_resource), "foos.example.com");
    CHECK_TEXT(bytes_str(foo->prefix), "custom/example.com/foos/");
    CHECK(registry_find_any(registry, BYTES("example.com"), BYTES("foos")) == foo);
    registry_remove_crd(registry, BYTES("foos.example.com"));
    CHECK(find(registry, "example.com", "v1", "foos") == NULL);
    registry_remove_crd(registry, BYTES("foos.example.com"));
    registry_free(registry);
}

TEST(registry, a_kind_that_is_held_outlives_its_crd)
{
    struct registry *registry = registry_new();
    const struct kind *foo;

    serve_crd(registry, FOO);
    foo = kind_ref(find(registry, "example.com", "v1", "foos"));
    registry_free(registry);
    CHECK_TEXT(bytes_str(foo->plural), "foos");
    kind_unref(foo);
}

TEST(registry, versions_that_are_not_served_any_more_go)
{
    struct registry *registry = registry_new();

    serve_crd(registry, FOO_CRD("foos", "Foo",
                                VERSION("v1", "true", "") "," VERSION("v1beta1", "false", "")));
    CHECK(find(registry, "example.com", "v1beta1", "foos") != NULL);
    CHECK(registry_find_any(registry, BYTES("example.com"), BYTES("foos")) ==
          find(registry, "example.com", "v1", "foos"));
    serve_crd(registry, FOO);
    CHECK(find(registry, "example.com", "v1beta1", "foos") == NULL);
    CHECK(find(registry, "example.com", "v1", "foos") != NULL);
    registry_free(registry);
}

TEST(registry, a_crd_whose_names_are_not_accepted_serves_nothing)
{
    struct registry *registry = registry_new();

    serve_crd(registry, FOO);
    serve_crd(registry, FOO_CRD("others", "Foo", VERSION("v1", "true", "")));
    CHECK(find(registry, "example.com", "v1", "others") == NULL);
    CHECK_TEXT(
        bytes_str(
            registry_find_kind(registry, BYTES("example.com"), BYTES("v1"), BYTES("Foo"))->plural),
        "foos");
    registry_free(registry);
}

TEST(registry, a_crd_says_where_it_is_and_how_it_is_stored)
{
    struct registry *registry = registry_new();
    struct custom_info info;

    serve_crd(registry, FOO_CRD("foos", "Foo",
                                VERSION("v1", "false", "") "," VERSION("v1beta1", "true", "")));
    CHECK(registry_custom_info(find(registry, "example.com", "v1", "foos"), &info));
    CHECK_TEXT(info.crd_key, "apiextensions.k8s.io/customresourcedefinitions/foos.example.com");
    CHECK_INT(info.crd_rev, 11);
    CHECK(!info.terminating);
    CHECK_TEXT(bytes_str(info.storage_api_version), "example.com/v1beta1");
    CHECK(!registry_custom_info(builtin_kind("", "pods"), &info));
    registry_free(registry);
}

TEST(registry, subresources_and_warnings_come_from_the_version)
{
    struct registry *registry = registry_new();
    struct scale_paths scale;
    const struct kind *v1, *old;

    serve_crd(
        registry,
        FOO_CRD(
            "foos", "Foo",
            VERSION(
                "v1", "true",
                ",\"subresources\":{\"status\":{},\"scale\":{\"specReplicasPath\":"
                "\".spec.n\",\"statusReplicasPath\":\".status.n\","
                "\"labelSelectorPath\":\".status.sel\"}}") "," VERSION("v1alpha1", "false",
                                                                       ",\"deprecated\":"
                                                                       "true") "," VERSION("v1beta"
                                                                                           "1",
                                                                                           "false",
                                                                                           ",\"depr"
                                                                                           "ecated"
                                                                                           "\":"
                                                                                           "true,"
                                                                                           "\"depre"
                                                                                           "cationW"
                                                                                           "arning"
                                                                                           "\":"
                                                                                           "\"use "
                                                                                           "v1"
                                                                                           "\"")));
    v1 = find(registry, "example.com", "v1", "foos");
    old = find(registry, "example.com", "v1alpha1", "foos");
    CHECK(v1->has_status && v1->has_scale && v1->has_generation && !v1->deprecated);
    CHECK(registry_scale_paths(v1, &scale));
    CHECK_TEXT(bytes_str(scale.spec_replicas), ".spec.n");
    CHECK(!old->has_status && !registry_scale_paths(old, &scale) && old->deprecated);
    CHECK_TEXT(bytes_str(old->deprecation_warning), "example.com/v1alpha1 Foo is deprecated");
    CHECK_TEXT(bytes_str(find(registry, "example.com", "v1beta1", "foos")->deprecation_warning),
               "use v1");
    registry_free(registry);
}

static void check_scale_selector(const struct kind *kind, const char *json, const char *expected)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct json *tree;

    CHECK(json_parse(&arena, bytes_str(json), &tree, NULL, NULL) == STATUS_OK);
    registry_scale_selector(kind, tree, &out);
    CHECK_TEXT(buf_bytes(&out), expected);
    buf_release(&out);
    arena_release(&arena);
}

TEST(registry, a_scale_tells_the_selector_as_a_query)
{
    struct registry *registry = registry_new();

    serve_crd(registry,
              FOO_CRD("foos", "Foo",
                      VERSION("v1", "true",
                              ",\"subresources\":{\"scale\":{\"specReplicasPath\":\".spec.n\","
                              "\"statusReplicasPath\":\".status.n\",\"labelSelectorPath\":"
                              "\".status.sel\"}}")));
    check_scale_selector(find(registry, "example.com", "v1", "foos"),
                         "{\"status\":{\"sel\":\"a=b\"}}", "a=b");
    check_scale_selector(builtin_kind("apps", "deployments"),
                         "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}}}}", "a=b");
    check_scale_selector(builtin_kind("", "replicationcontrollers"),
                         "{\"spec\":{\"selector\":{\"b\":\"2\",\"a\":\"1\"}}}", "a=1,b=2");
    check_scale_selector(builtin_kind("", "replicationcontrollers"), "{\"spec\":{}}", "");
    registry_free(registry);
}

TEST(registry, rows_of_custom_kinds_show_the_columns_of_their_crd)
{
    struct registry *registry = registry_new();
    const struct kind *foo;

    serve_crd(
        registry,
        FOO_CRD("foos", "Foo",
                VERSION("v1", "true",
                        ",\"additionalPrinterColumns\":["
                        "{\"name\":\"Color\",\"type\":\"string\",\"jsonPath\":\".spec.color\"},"
                        "{\"name\":\"Size\",\"type\":\"integer\",\"jsonPath\":\".spec.size\"},"
                        "{\"name\":\"Ready\",\"type\":\"string\",\"priority\":1,\"jsonPath\":"
                        "\".status.conditions[?(@.type==\\\"Ready\\\")].status\"},"
                        "{\"name\":\"Since\",\"type\":\"date\",\"jsonPath\":\".spec.since\"},"
                        "{\"name\":\"List\",\"type\":\"string\",\"jsonPath\":\".spec.list\"},"
                        "{\"name\":\"Bad\",\"type\":\"string\",\"jsonPath\":\".a[\"}]")));
    foo = find(registry, "example.com", "v1", "foos");
    check_row(foo,
              "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"x\"},"
              "\"spec\":{\"color\":\"red\",\"size\":2.7,\"since\":\"<ago 259200>\",\"list\":[1,"
              "\"a\"]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
              "x | red | 2 | True | 3d | [1,\"a\"] | null");
    check_row(foo,
              "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":"
              "\"x\"},\"spec\":{\"color\":7,\"size\":\"big\",\"since\":\"never\"}}",
              "x | 7 | null | null | <invalid> | null | null");
    CHECK_INT(foo->columns[3].priority, 1);
    registry_free(registry);
}

TEST(registry, rows_of_custom_kinds_without_columns_show_name_and_age)
{
    struct registry *registry = registry_new();

    serve_crd(registry, FOO);
    check_row(find(registry, "example.com", "v1", "foos"),
              "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"x\","
              "\"creationTimestamp\":\"<ago 259200>\"}}",
              "x | 3d");
    registry_free(registry);
}

static bool matches(const struct kind *kind, const char *json, const char *selector)
{
    struct object *object = object_from(kind, json);
    struct field_selector *parsed = NULL;
    bool matched;

    CHECK(field_selector_parse(bytes_str(selector), &parsed, NULL) == STATUS_OK);
    matched = kind_matches_fields(kind, object, parsed);
    field_selector_free(parsed);
    object_unref(object);
    return matched;
}

TEST(registry, selectable_fields_of_a_crd_are_looked_up_in_its_objects)
{
    struct registry *registry = registry_new();
    const struct kind *foo;
    static const char red[] =
        "{\"apiVersion\":\"example.com/v1\",\"kind\":\"Foo\",\"metadata\":{\"name\":\"x\"},"
        "\"spec\":{\"color\":\"red\",\"size\":3}}";

    serve_crd(registry, FOO_CRD("foos", "Foo",
                                VERSION("v1", "true",
                                        ",\"selectableFields\":[{\"jsonPath\":\".spec.color\"},"
                                        "{\"jsonPath\":\".spec.size\"}]")));
    foo = find(registry, "example.com", "v1", "foos");
    CHECK(kind_has_field(foo, BYTES("spec.color")) && !kind_has_field(foo, BYTES("spec.other")));
    CHECK(matches(foo, red, "spec.color=red,spec.size=3,metadata.name=x"));
    CHECK(!matches(foo, red, "spec.color=blue"));
    CHECK(matches(foo, red, "spec.color!=blue"));
    CHECK(!matches(foo, red, "spec.other=red"));
    CHECK(!matches(foo, red, "metadata.name=y"));
    registry_free(registry);
}

static void count_kind(void *user, const struct kind *kind)
{
    struct buf *out = user;

    if (kind->custom)
        buf_appendf(out, "%s/%s ", kind->api_version, kind->plural);
    else
        CHECK_INT(out->len, 0); /* built-in ones come first */
}

TEST(registry, custom_kinds_are_walked_by_group_version_and_plural)
{
    struct registry *registry = registry_new();
    struct buf out = {0};

    serve_crd(registry, FOO_CRD("foos", "Foo",
                                VERSION("v1beta1", "false", "") "," VERSION("v1", "true", "")));
    serve_crd(registry, FOO_CRD("bars", "Bar", VERSION("v1", "true", "")));
    registry_each(registry, count_kind, &out);
    CHECK_TEXT(buf_bytes(&out),
               "example.com/v1/bars example.com/v1/foos example.com/v1beta1/foos ");
    buf_release(&out);
    registry_free(registry);
}

TEST(registry, crds_sort_before_their_objects_and_foos_is_not_foo)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct kind *crds = builtin_kind("apiextensions.k8s.io", "customresourcedefinitions");
    const struct kind *foo, *foos;

    serve_crd(registry, FOO_CRD("foo", "Foo", VERSION("v1", "true", "")));
    serve_crd(registry, FOO_CRD("foos", "Foos", VERSION("v1", "true", "")));
    foo = find(registry, "example.com", "v1", "foo");
    foos = find(registry, "example.com", "v1", "foos");
    CHECK(foo != NULL && foos != NULL);
    CHECK(bytes_cmp(bytes_str(crds->prefix), bytes_str(foo->prefix)) < 0);
    CHECK(!bytes_starts_with(kind_key(foos, &arena, BYTES("n"), BYTES("x")),
                             kind_key_prefix(foo, &arena, BYTES(""))));
    arena_release(&arena);
    registry_free(registry);
}

/* ---- protobuf ---- */

#define OPEN_VERSION                                                                               \
    "{\"name\":\"v1\",\"served\":true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":"           \
    "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}"

static void check_proto(const struct kind *kind, const char *expected)
{
    struct buf text = {0};

    CHECK(registry_write_proto(kind, &text) == (expected != NULL));
    buf_append_char(&text, '\0');
    CHECK(expected == NULL || strstr(text.data, expected) != NULL);
    CHECK((kind_message(kind) != NULL) == (expected != NULL || !kind->custom));
    CHECK((kind_list_message(kind) != NULL) == (kind_message(kind) != NULL));
    buf_release(&text);
}

TEST(registry, a_schema_brings_messages_and_an_open_one_does_not)
{
    struct registry *registry = registry_new();
    struct custom_info info;

    serve_crd(registry, FOO);
    check_proto(find(registry, "example.com", "v1", "foos"), "optional int64 size = ");
    CHECK(registry_custom_info(find(registry, "example.com", "v1", "foos"), &info));
    CHECK(!info.numbered);
    serve_crd(registry, FOO_CRD("foos", "Foo", OPEN_VERSION));
    check_proto(find(registry, "example.com", "v1", "foos"), NULL);
    check_proto(find(registry, "", "v1", "pods"), NULL);
    registry_free(registry);
}
