#include "objects.h"

#include "apiserver/registry/discovery.h"

#define FOO FOO_CRD("foos", "Foo", VERSION("v1", "true", ""))

static const struct json *document(struct registry *registry, struct arena *arena, const char *path)
{
    struct document found;
    struct json *tree;
    struct bytes text, hash;

    if (!openapi_document(registry, bytes_str(path), &found, &hash))
        return NULL;
    text = arena_dup(arena, blob_bytes(found.body));
    blob_unref(found.body);
    CHECK(json_parse(arena, text, &tree, NULL, NULL) == STATUS_OK);
    return tree;
}

/* What kubectl's query_param_verifier_v3 looks for. */
static bool patch_takes_field_validation(const struct json *openapi, const char *group,
                                         const char *version, const char *kind)
{
    json_each(json_get(openapi, BYTES("paths")), path) {
        const struct json *patch = json_get(path, BYTES("patch"));
        const struct json *gvk = json_get(patch, BYTES("x-kubernetes-group-version-kind"));

        if (patch == NULL || !bytes_eq_str(json_get_text(gvk, "group"), group) ||
            !bytes_eq_str(json_get_text(gvk, "version"), version) ||
            !bytes_eq_str(json_get_text(gvk, "kind"), kind))
            continue;
        json_each(json_get(patch, BYTES("parameters")), parameter) {
            if (bytes_eq_str(json_get_text(parameter, "name"), "fieldValidation"))
                return bytes_eq_str(json_get_text(parameter, "in"), "query");
        }
        return false;
    }
    return false;
}

/* What kubectl explain looks for: the schema that says it is of that kind. */
static const struct json *schema_of(const struct json *openapi, const char *group,
                                    const char *version, const char *kind)
{
    json_each(json_at(openapi, "components", "schemas", NULL), schema) {
        json_each(json_get(schema, BYTES("x-kubernetes-group-version-kind")), gvk) {
            if (bytes_eq_str(json_get_text(gvk, "group"), group) &&
                bytes_eq_str(json_get_text(gvk, "version"), version) &&
                bytes_eq_str(json_get_text(gvk, "kind"), kind))
                return schema;
        }
    }
    return NULL;
}

static void check_refs(const struct json *node, const struct json *schemas)
{
    static const struct bytes prefix = BYTES_INIT("#/components/schemas/");
    struct bytes ref = json_get_text(node, "$ref");

    if (ref.ptr != NULL) {
        CHECK(bytes_starts_with(ref, prefix));
        if (json_get(schemas, bytes_from(ref, prefix.len)) == NULL)
            fprintf(stderr, "dangling: %.*s\n", BYTES_FMT(ref));
        CHECK(json_get(schemas, bytes_from(ref, prefix.len)) != NULL);
    }
    json_each(node, child)
        check_refs(child, schemas);
}

TEST(openapi, every_kind_has_a_schema_and_a_patch_that_takes_field_validation)
{
    struct registry *registry = registry_new();
    size_t count;
    const struct kind *const *kinds = kinds_builtin(&count);

    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = kinds[i];
        struct arena arena = {0};
        struct bytes path =
            arena_printf(&arena, "/openapi/v3/%s/%s", kind->group[0] != '\0' ? "apis" : "api",
                         kind->api_version);
        const struct json *openapi = document(registry, &arena, path.ptr);
        const struct json *schema = schema_of(openapi, kind->group, kind->version, kind->kind);

        CHECK(kind->review ||
              patch_takes_field_validation(openapi, kind->group, kind->version, kind->kind));
        CHECK(schema != NULL);
        CHECK(json_at(schema, "properties", "metadata", "allOf", NULL) != NULL);
        CHECK(json_get_text(schema, "description").len > 0);
        CHECK(json_get(schema, BYTES("properties"))->count > 3);
        CHECK(schema_of(openapi, kind->group, kind->version, kind->list_kind) != NULL);
        arena_release(&arena);
    }
    registry_free(registry);
}

TEST(openapi, no_reference_leads_nowhere)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *index;

    serve_crd(registry, FOO);
    index = document(registry, &arena, "/openapi/v3");
    json_each(json_get(index, BYTES("paths")), path) {
        struct bytes at = arena_printf(&arena, "/openapi/v3/%.*s", BYTES_FMT(path->key));
        const struct json *openapi = document(registry, &arena, at.ptr);

        CHECK_TEXT(json_get_text(openapi, "openapi"), "3.0.0");
        check_refs(openapi, json_at(openapi, "components", "schemas", NULL));
    }
    arena_release(&arena);
    registry_free(registry);
}

TEST(openapi, the_index_names_every_group_and_version_with_the_hash_of_its_document)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *paths;
    struct document apps;
    struct bytes hash, url;

    serve_crd(registry, FOO);
    paths = json_get(document(registry, &arena, "/openapi/v3"), BYTES("paths"));
    CHECK_INT(paths->count, 15);
    CHECK(openapi_document(registry, BYTES("/openapi/v3/apis/apps/v1"), &apps, &hash));
    url = json_get_text(json_get(paths, BYTES("apis/apps/v1")), "serverRelativeURL");
    CHECK(
        bytes_eq(url, arena_printf(&arena, "/openapi/v3/apis/apps/v1?hash=%.*s", BYTES_FMT(hash))));
    CHECK_INT(hash.len, 32);
    CHECK(strncmp(apps.etag + 1, hash.ptr, hash.len) == 0);
    CHECK(json_get(paths, BYTES("api/v1")) != NULL);
    CHECK(json_get(paths, BYTES("apis/example.com/v1")) != NULL);
    blob_unref(apps.body);
    arena_release(&arena);
    registry_free(registry);
}

TEST(openapi, a_crd_changes_the_documents_of_its_group_and_no_other)
{
    struct registry *registry = registry_new();
    struct document before, after;
    struct bytes hash;

    CHECK(openapi_document(registry, BYTES("/openapi/v3/api/v1"), &before, &hash));
    serve_crd(registry, FOO);
    CHECK(openapi_document(registry, BYTES("/openapi/v3/api/v1"), &after, &hash));
    CHECK(before.body == after.body);
    blob_unref(before.body);
    blob_unref(after.body);
    CHECK(openapi_document(registry, BYTES("/openapi/v3/apis/example.com/v1"), &before, &hash));
    serve_crd(registry, FOO_CRD("bars", "Bar", VERSION("v1", "true", "")));
    CHECK(openapi_document(registry, BYTES("/openapi/v3/apis/example.com/v1"), &after, &hash));
    CHECK(strcmp(before.etag, after.etag) != 0);
    blob_unref(before.body);
    blob_unref(after.body);
    registry_free(registry);
}

TEST(openapi, the_schema_of_a_crd_is_shown_as_sent_with_what_every_object_has)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *openapi, *schema;

    serve_crd(registry, FOO);
    openapi = document(registry, &arena, "/openapi/v3/apis/example.com/v1");
    schema = json_at(openapi, "components", "schemas", "com.example.v1.Foo", NULL);
    CHECK(schema == schema_of(openapi, "example.com", "v1", "Foo"));
    CHECK_TEXT(
        json_text(json_at(schema, "properties", "spec", "properties", "color", "type", NULL)),
        "string");
    CHECK_TEXT(json_text(json_at(schema, "properties", "apiVersion", "type", NULL)), "string");
    CHECK(json_at(schema, "properties", "metadata", "allOf", NULL) != NULL);
    CHECK(patch_takes_field_validation(openapi, "example.com", "v1", "Foo"));
    arena_release(&arena);
    registry_free(registry);
}

TEST(openapi, strategic_merge_patch_is_not_advertised)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *openapi = document(registry, &arena, "/openapi/v3/apis/apps/v1");
    const struct json *content =
        json_at(openapi, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
                "patch", "requestBody", "content", NULL);

    CHECK(json_get(content, BYTES("application/merge-patch+json")) != NULL);
    CHECK(json_get(content, BYTES("application/json-patch+json")) != NULL);
    CHECK_INT(content->count, 2);
    arena_release(&arena);
    registry_free(registry);
}

TEST(openapi, scale_is_a_path_of_its_own_kind)
{
    struct registry *registry = registry_new();
    struct arena arena = {0};
    const struct json *openapi = document(registry, &arena, "/openapi/v3/apis/apps/v1");
    const struct json *get =
        json_at(openapi, "paths", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale",
                "get", NULL);

    CHECK_TEXT(json_text(json_at(get, "x-kubernetes-group-version-kind", "kind", NULL)), "Scale");
    CHECK(schema_of(openapi, "autoscaling", "v1", "Scale") != NULL);
    arena_release(&arena);
    registry_free(registry);
}

TEST(openapi, version_two_is_the_least_old_clients_are_content_with)
{
    struct registry *registry = registry_new();
    struct document found;
    struct bytes hash;

    CHECK(openapi_document(registry, BYTES("/openapi/v2"), &found, &hash));
    CHECK(bytes_starts_with(blob_bytes(found.body), BYTES("\n\x03\x32.0")));
    CHECK(memmem(found.body->data, found.body->len, "kind: ConfigMap\n", 16) != NULL);
    CHECK(memmem(found.body->data, found.body->len,
                 "\"\x06"
                 "dryRun",
                 8) != NULL);
    CHECK_TEXT(found.content_type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    blob_unref(found.body);
    registry_free(registry);
}

TEST(openapi, what_is_not_served_has_no_document)
{
    static const char *const absent[] = {"/openapi",
                                         "/openapi/v3/",
                                         "/openapi/v3/api/v2",
                                         "/openapi/v3/apis/apps",
                                         "/openapi/v3/apis/apps/v2",
                                         "/openapi/v3/apis//v1",
                                         "/openapi/v3/apis/apps/v1/x",
                                         "/openapi/v3/x/v1"};
    struct registry *registry = registry_new();
    struct document found;
    struct bytes hash;

    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        bool there = openapi_document(registry, bytes_str(absent[i]), &found, &hash);

        if (there)
            fprintf(stderr, "found: %s\n", absent[i]);
        CHECK(!there);
    }
    registry_free(registry);
}
