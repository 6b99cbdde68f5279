#include "objects.h"

#include "apiserver/registry/discovery.h"
#include "base/map.h"
#include "codec/protobuf.h"

#define FOO FOO_CRD("foos", "Foo", VERSION("v1beta1", "false", "") "," VERSION("v1", "true", ""))

/* The document as a tree in the arena; NULL if there is none. */
static const struct json *document(struct registry *registry, struct arena *arena, const char *path,
                                   enum discovery_form form)
{
    struct document found;
    struct json *tree;
    struct bytes text;

    if (!discovery_document(registry, bytes_str(path), form, &found))
        return NULL;
    text = arena_dup(arena, blob_bytes(found.body));
    blob_unref(found.body);
    CHECK(json_parse(arena, text, &tree, NULL, NULL) == STATUS_OK);
    return tree;
}

static const struct json *named(const struct json *array, const char *member, const char *name)
{
    json_each(array, it) {
        if (bytes_eq_str(json_get_text(it, member), name))
            return it;
    }
    return NULL;
}

static void check_json(const struct json *node, const char *expected)
{
    struct buf out = {0};

    CHECK(node != NULL);
    json_write(&out, node, false);
    CHECK_TEXT(buf_bytes(&out), expected);
    buf_release(&out);
}

TEST(discovery, the_core_group_has_its_own_root)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *api = document(registry, &arena, "/api", DISCOVERY_LEGACY);
    const struct json *v1 = document(registry, &arena, "/api/v1", DISCOVERY_LEGACY);
    const struct json *resources = json_get(v1, BYTES("resources"));

    CHECK_TEXT(json_get_text(api, "kind"), "APIVersions");
    check_json(json_get(api, BYTES("versions")), "[\"v1\"]");
    CHECK_TEXT(json_get_text(v1, "groupVersion"), "v1");
    check_json(
        named(resources, "name", "configmaps"),
        "{\"name\":\"configmaps\",\"singularName\":\"configmap\",\"namespaced\":true,"
        "\"kind\":\"ConfigMap\",\"verbs\":[\"create\",\"delete\",\"deletecollection\",\"get\","
        "\"list\",\"patch\",\"update\",\"watch\"],\"shortNames\":[\"cm\"]}");
    check_json(named(resources, "name", "namespaces/status"),
               "{\"name\":\"namespaces/status\",\"singularName\":\"\",\"namespaced\":false,"
               "\"kind\":\"Namespace\",\"verbs\":[\"get\",\"patch\",\"update\"]}");
    check_json(
        named(resources, "name", "replicationcontrollers/scale"),
        "{\"name\":\"replicationcontrollers/scale\",\"singularName\":\"\",\"namespaced\":true,"
        "\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\",\"verbs\":[\"get\","
        "\"patch\",\"update\"]}");
    arena_release(&arena);
    registry_free(registry);
}

TEST(discovery, groups_are_listed_by_priority_and_custom_ones_last)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *groups, *apps;
    struct buf names = {0};

    serve_crd(registry, FOO);
    groups = json_get(document(registry, &arena, "/apis", DISCOVERY_LEGACY), BYTES("groups"));
    json_each(groups, it)
        buf_appendf(&names, "%.*s ", BYTES_FMT(json_get_text(it, "name")));
    CHECK_TEXT(buf_bytes(&names),
               "apps events.k8s.io authentication.k8s.io authorization.k8s.io batch "
               "networking.k8s.io policy rbac.authorization.k8s.io "
               "storage.k8s.io apiextensions.k8s.io scheduling.k8s.io coordination.k8s.io "
               "discovery.k8s.io example.com ");
    apps = document(registry, &arena, "/apis/apps", DISCOVERY_LEGACY);
    check_json(apps, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",\"name\":\"apps\",\"versions\":"
                     "[{\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}],\"preferredVersion\":"
                     "{\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}}");
    check_json(named(groups, "name", "example.com"),
               "{\"name\":\"example.com\",\"versions\":[{\"groupVersion\":\"example.com/v1\","
               "\"version\":\"v1\"},{\"groupVersion\":\"example.com/v1beta1\",\"version\":"
               "\"v1beta1\"}],\"preferredVersion\":{\"groupVersion\":\"example.com/v1\","
               "\"version\":\"v1\"}}");
    buf_release(&names);
    arena_release(&arena);
    registry_free(registry);
}

TEST(discovery, what_is_not_served_has_no_document)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    static const char *const absent[] = {
        "/apis/none", "/apis/apps/v2", "/api/v2",  "/apis/apps/v1/x", "/apix", "/",
        "",           "/apis//v1",     "/apis/app"};

    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        if (document(registry, &arena, absent[i], DISCOVERY_LEGACY) != NULL)
            fprintf(stderr, "found: %s\n", absent[i]);
        CHECK(document(registry, &arena, absent[i], DISCOVERY_LEGACY) == NULL);
    }
    arena_release(&arena);
    registry_free(registry);
}

TEST(discovery, one_aggregated_document_holds_every_kind)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    size_t count, found = 0;

    (void)kinds_builtin(&count);
    for (int root = 0; root < 2; root++) {
        const struct json *list =
            document(registry, &arena, root == 0 ? "/api" : "/apis", DISCOVERY_AGGREGATED_V2);

        CHECK_TEXT(json_get_text(list, "kind"), "APIGroupDiscoveryList");
        CHECK_TEXT(json_get_text(list, "apiVersion"), "apidiscovery.k8s.io/v2");
        json_each(json_get(list, BYTES("items")), group) {
            json_each(json_get(group, BYTES("versions")), version) {
                CHECK_TEXT(json_get_text(version, "freshness"), "Current");
                found += json_get(version, BYTES("resources"))->count;
            }
        }
    }
    CHECK_INT(found, count);
    arena_release(&arena);
    registry_free(registry);
}

TEST(discovery, an_aggregated_resource_tells_its_kind_scope_and_subresources)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *list = document(registry, &arena, "/apis", DISCOVERY_AGGREGATED_V2BETA1);
    const struct json *apps = json_index(json_get(list, BYTES("items")), 0);
    const struct json *v1 = json_index(json_get(apps, BYTES("versions")), 0);

    CHECK_TEXT(json_get_text(list, "apiVersion"), "apidiscovery.k8s.io/v2beta1");
    check_json(json_get(apps, BYTES("metadata")), "{\"name\":\"apps\",\"creationTimestamp\":null}");
    check_json(
        named(json_get(v1, BYTES("resources")), "resource", "deployments"),
        "{\"resource\":\"deployments\",\"responseKind\":{\"group\":\"apps\",\"version\":\"v1\","
        "\"kind\":\"Deployment\"},\"scope\":\"Namespaced\",\"singularResource\":"
        "\"deployment\",\"verbs\":[\"create\",\"delete\",\"deletecollection\",\"get\","
        "\"list\",\"patch\",\"update\",\"watch\"],\"shortNames\":[\"deploy\"],"
        "\"categories\":[\"all\"],\"subresources\":[{\"subresource\":\"scale\","
        "\"responseKind\":{\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"},"
        "\"verbs\":[\"get\",\"patch\",\"update\"]},{\"subresource\":\"status\","
        "\"responseKind\":{\"group\":\"apps\",\"version\":\"v1\",\"kind\":\"Deployment\"},"
        "\"verbs\":[\"get\",\"patch\",\"update\"]}]}");
    arena_release(&arena);
    registry_free(registry);
}

TEST(discovery, the_content_type_tells_the_form)
{
    struct registry *registry = registry_new();
    struct document found;

    CHECK(discovery_document(registry, BYTES("/apis"), DISCOVERY_AGGREGATED_V2, &found));
    CHECK_TEXT(found.content_type,
               "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    blob_unref(found.body);
    CHECK(discovery_document(registry, BYTES("/apis/apps"), DISCOVERY_AGGREGATED_V2, &found));
    CHECK_TEXT(found.content_type, "application/json");
    blob_unref(found.body);
    registry_free(registry);
}

TEST(discovery, old_documents_come_in_protobuf_too)
{
    static const char *const paths[] = {"/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"};
    static const char *const kinds[] = {"APIVersions", "APIGroupList", "APIResourceList",
                                        "APIGroup", "APIResourceList"};
    struct registry *registry = registry_new();

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct protobuf_envelope envelope;
        struct document found;

        CHECK(discovery_document(registry, bytes_str(paths[i]), DISCOVERY_LEGACY_PROTOBUF, &found));
        CHECK_TEXT(found.content_type, PROTOBUF_MEDIA_TYPE);
        CHECK(protobuf_envelope_read(bytes_of(found.body->data, found.body->len), &envelope,
                                     NULL) == STATUS_OK);
        CHECK_TEXT(envelope.kind, kinds[i]);
        blob_unref(found.body);
    }
    registry_free(registry);
}

TEST(discovery, an_etag_is_the_same_in_every_process_and_changes_with_the_kinds)
{
    struct registry *a = registry_new(), *b = registry_new();
    struct document one, two, three;

    CHECK(discovery_document(a, BYTES("/apis"), DISCOVERY_LEGACY, &one));
    CHECK(discovery_document(b, BYTES("/apis"), DISCOVERY_LEGACY, &two));
    CHECK(strcmp(one.etag, two.etag) == 0 && strlen(one.etag) == 34 && one.etag[0] == '"');
    serve_crd(a, FOO);
    CHECK(discovery_document(a, BYTES("/apis"), DISCOVERY_LEGACY, &three));
    CHECK(strcmp(one.etag, three.etag) != 0);
    blob_unref(three.body);
    registry_remove_crd(a, BYTES("foos.example.com"));
    CHECK(discovery_document(a, BYTES("/apis"), DISCOVERY_LEGACY, &three));
    CHECK(strcmp(one.etag, three.etag) == 0);
    blob_unref(one.body);
    blob_unref(two.body);
    blob_unref(three.body);
    registry_free(a);
    registry_free(b);
}

TEST(discovery, a_document_is_made_once_as_long_as_nothing_changes)
{
    struct registry *registry = registry_new();
    struct document one, two;

    CHECK(discovery_document(registry, BYTES("/apis"), DISCOVERY_AGGREGATED_V2, &one));
    CHECK(discovery_document(registry, BYTES("/apis"), DISCOVERY_AGGREGATED_V2, &two));
    CHECK(one.body == two.body);
    blob_unref(one.body);
    blob_unref(two.body);
    registry_free(registry);
}

TEST(discovery, a_crd_that_goes_away_can_be_read_and_deleted_only)
{
    struct registry *registry = registry_new();
    const struct kind *crds = builtin_kind("apiextensions.k8s.io", "customresourcedefinitions");
    struct arena arena = {0};
    struct object *going;
    struct json *tree;
    const struct json *list;

    CHECK(json_parse(&arena, bytes_str(FOO), &tree, NULL, NULL) == STATUS_OK);
    CHECK(crd_prepare(registry, &arena, tree, NULL, NULL) == STATUS_OK);
    json_set_text(&arena, json_get(tree, BYTES("metadata")), "deletionTimestamp",
                  BYTES("2024-01-01T00:00:00Z"));
    CHECK(object_new(tree, crds->fields, crds->field_count, &going, NULL) == STATUS_OK);
    CHECK(registry_put_crd(registry, going));
    list = document(registry, &arena, "/apis/example.com/v1", DISCOVERY_LEGACY);
    check_json(json_get(json_index(json_get(list, BYTES("resources")), 0), BYTES("verbs")),
               "[\"delete\",\"deletecollection\",\"get\",\"list\",\"watch\"]");
    object_unref(going);
    arena_release(&arena);
    registry_free(registry);
}
