/*
 * OpenAPI v3, as much as kubectl reads of it: the index, and a document for each group and version
 * (k8s.io/kube-openapi/pkg/handler3). Which operations take fieldValidation decides whether kubectl
 * leaves validation to the server (k8s.io/cli-runtime/pkg/resource/query_param_verifier_v3.go).
 */
#include "apiserver/registry/discovery.h"

#include "apiserver/registry/openapi_v2.h"
#include "apiserver/registry/registry_parts.h"

/* ---- parameters, inline: kubectl does not follow references here ---- */

struct parameter {
    const char *name, *type, *text;
};

static const struct parameter list_parameters[] = {
    {"allowWatchBookmarks", "boolean", "Send bookmarks with a watch."},
    {"continue", "string", "The token of the page before."},
    {"fieldSelector", "string", "Only objects whose fields are these."},
    {"labelSelector", "string", "Only objects whose labels are these."},
    {"limit", "integer", "At most so many objects a page."},
    {"resourceVersion", "string", "The state to read, or to watch from."},
    {"resourceVersionMatch", "string", "Exact or NotOlderThan."},
    {"sendInitialEvents", "boolean", "Begin a watch with the state."},
    {"timeoutSeconds", "integer", "End the call after so long."},
    {"watch", "boolean", "Send the changes as they happen."},
    {0},
};
static const struct parameter write_parameters[] = {
    {"dryRun", "string", "All: check everything, change nothing."},
    {"fieldManager", "string", "Who makes the change."},
    {"fieldValidation", "string", "What becomes of unknown fields: Ignore, Warn or Strict."},
    {0},
};
static const struct parameter delete_parameters[] = {
    {"dryRun", "string", "All: check everything, change nothing."},
    {"gracePeriodSeconds", "integer", "How long the object may take to end."},
    {"orphanDependents", "boolean", "Replaced by propagationPolicy."},
    {"propagationPolicy", "string", "What becomes of dependents."},
    {0},
};
static const struct parameter no_parameters[] = {{0}};

static void write_parameters_of(struct buf *out, const struct parameter *parameters)
{
    buf_append_str(out, "\"parameters\":[");
    for (size_t i = 0; parameters[i].name != NULL; i++)
        buf_appendf(out,
                    "%s{\"name\":\"%s\",\"in\":\"query\",\"description\":\"%s\",\"schema\":"
                    "{\"type\":\"%s\",\"uniqueItems\":true}}",
                    i == 0 ? "" : ",", parameters[i].name, parameters[i].text, parameters[i].type);
    buf_append_str(out, "],");
}

/* ---- operations ---- */

enum body { BODY_NONE, BODY_OBJECT, BODY_PATCH, BODY_DELETE };

static const struct operation {
    const char *method, *action, *verb; /* the verb discovery lists */
    const struct parameter *parameters;
    enum body body;
} collection_operations[] =
    {
        {"get", "list", "list", list_parameters, BODY_NONE},
        {"post", "post", "create", write_parameters, BODY_OBJECT},
        {"delete", "deletecollection", "deletecollection", delete_parameters, BODY_DELETE},
        {0},
},
  all_namespaces_operations[] =
      {
          {"get", "list", "list", list_parameters, BODY_NONE},
          {0},
},
  item_operations[] =
      {
          {"get", "get", "get", no_parameters, BODY_NONE},
          {"put", "put", "update", write_parameters, BODY_OBJECT},
          {"patch", "patch", "patch", write_parameters, BODY_PATCH},
          {"delete", "delete", "delete", delete_parameters, BODY_DELETE},
          {0},
},
  subresource_operations[] = {
      {"get", "get", "get", no_parameters, BODY_NONE},
      {"put", "put", "update", write_parameters, BODY_OBJECT},
      {"patch", "patch", "patch", write_parameters, BODY_PATCH},
      {0},
};

#define SCHEMA_REF "{\"$ref\":\"#/components/schemas/%.*s\"}"
#define META_REF(name)                                                                             \
    "{\"$ref\":\"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1." name "\"}"

static void write_body(struct buf *out, enum body body, struct bytes schema)
{
    buf_append_str(out, body != BODY_NONE ? "\"requestBody\":{\"content\":{" : "");
    switch (body) {
    case BODY_NONE:
        return;
    case BODY_OBJECT:
        buf_appendf(out, "\"*/*\":{\"schema\":" SCHEMA_REF "}},\"required\":true},",
                    BYTES_FMT(schema));
        break;
    case BODY_DELETE:
        buf_append_str(out, "\"*/*\":{\"schema\":" META_REF("DeleteOptions") "}}},");
        break;
    case BODY_PATCH: /* strategic-merge-patch is understood too, but kubectl would then want this
                      * document's merge keys instead of its own */
        buf_append_str(out, "\"application/json-patch+json\":{\"schema\":" META_REF(
                                "Patch") "},"
                                         "\"application/merge-patch+json\":{\"schema\":" META_REF(
                                             "Patch") "}},"
                                                      "\"required\":true},");
        break;
    }
}

/* What an operation is about: a kind, or the Scale of one. */
struct subject {
    const struct kind *kind;
    bool scale;
    struct bytes schema, list_schema;
};

static void write_operation(struct buf *out, const struct operation *operation,
                            const struct subject *subject)
{
    bool is_delete = operation->body == BODY_DELETE;
    struct bytes answer =
        strcmp(operation->verb, "list") == 0 ? subject->list_schema : subject->schema;

    buf_appendf(out, "\"%s\":{", operation->method);
    write_parameters_of(out, operation->parameters);
    write_body(out, operation->body, subject->schema);
    buf_append_str(out, "\"responses\":{\"200\":{\"description\":\"OK\",\"content\":"
                        "{\"application/json\":{\"schema\":");
    if (is_delete)
        buf_append_str(out, META_REF("Status"));
    else
        buf_appendf(out, SCHEMA_REF, BYTES_FMT(answer));
    buf_appendf(out, "}}}},\"x-kubernetes-action\":\"%s\",\"x-kubernetes-group-version-kind\":",
                operation->action);
    if (subject->scale)
        buf_append_str(out, "{\"group\":\"autoscaling\",\"kind\":\"Scale\",\"version\":\"v1\"}");
    else
        openapi_write_gvk(out, subject->kind);
    buf_append_char(out, '}');
}

static bool allows(const struct kind *kind, const char *verb)
{
    const char *const *verbs = discovery_verbs(kind);

    while (*verbs != NULL && strcmp(*verbs, verb) != 0)
        verbs++;
    return *verbs != NULL;
}

/* ---- paths ---- */

static void write_path_parameter(struct buf *out, const char *name, const char *text, bool *first)
{
    buf_appendf(out,
                "%s{\"name\":\"%s\",\"in\":\"path\",\"description\":\"%s\",\"required\":true,"
                "\"schema\":{\"type\":\"string\",\"uniqueItems\":true}}",
                *first ? "" : ",", name, text);
    *first = false;
}

/* One path with its operations; `rest` stands behind the resource: "", "/{name}", .. */
static void write_path(struct buf *out, const struct subject *subject, bool in_namespace,
                       const char *rest, const struct operation *operations)
{
    const struct kind *kind = subject->kind;
    bool first = true;

    if (out->data[out->len - 1] != '{')
        buf_append_char(out, ',');
    buf_appendf(out, "\"%s/%s%s/%s%s\":{", kind->group[0] != '\0' ? "/apis" : "/api",
                kind->api_version, in_namespace ? "/namespaces/{namespace}" : "", kind->plural,
                rest);
    for (; operations->method != NULL; operations++) {
        if (!allows(kind, operations->verb))
            continue;
        write_operation(out, operations, subject);
        buf_append_char(out, ',');
    }
    buf_append_str(out, "\"parameters\":[");
    if (rest[0] != '\0')
        write_path_parameter(out, "name", "The name of the object.", &first);
    if (in_namespace)
        write_path_parameter(out, "namespace", "The namespace of the object.", &first);
    buf_append_str(out, "]}");
}

static void write_paths_of(struct buf *out, const struct kind *kind)
{
    static const char scale_name[] = "io.k8s.api.autoscaling.v1.Scale";
    struct buf schema = {0}, list = {0};
    bool namespaced = kind->namespaced;

    openapi_schema_name(&schema, kind);
    buf_append_bytes(&list, buf_bytes(&schema));
    buf_append_str(&list, "List");
    out->failed |= schema.failed || list.failed;
    struct subject subject = {kind, false, buf_bytes(&schema), buf_bytes(&list)};
    struct subject scale = {kind, true, bytes_str(scale_name), bytes_str(scale_name)};

    if (namespaced)
        write_path(out, &subject, false, "", all_namespaces_operations);
    write_path(out, &subject, namespaced, "", collection_operations);
    write_path(out, &subject, namespaced, "/{name}", item_operations);
    if (kind->has_scale)
        write_path(out, &scale, namespaced, "/{name}/scale", subresource_operations);
    if (kind->has_status)
        write_path(out, &subject, namespaced, "/{name}/status", subresource_operations);
    buf_release(&schema);
    buf_release(&list);
}

/* ---- documents ---- */

static void write_group_document(struct buf *out, const struct served *served, size_t count)
{
    buf_append_str(out, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":"
                        "\"v1.32.0\"},\"paths\":{");
    for (size_t i = 0; i < count && !out->failed; i++)
        write_paths_of(out, served[i].kind);
    buf_append_str(out, "},\"components\":{\"schemas\":{");
    openapi_write_schemas(out, served, count);
    buf_append_str(out, "}}}");
}

/* "/openapi/v3/api/v1" or "/openapi/v3/apis/apps/v1" */
static struct bytes document_path(struct arena *arena, const struct kind *kind)
{
    return arena_printf(arena, "/openapi/v3/%s/%s", kind->group[0] != '\0' ? "apis" : "api",
                        kind->api_version);
}

static bool group_document(struct registry *registry, struct bytes path,
                           const struct served *served, size_t count, struct document *ret_document)
{
    struct buf body = {0};

    if (documents_get(registry, path, ret_document))
        return true;
    write_group_document(&body, served, count);
    return documents_put(registry, path, served[0].kind->group, BYTES("application/json"), &body,
                         ret_document);
}

/* The hash stands in every URL, so the index needs all documents made. */
static bool write_index(struct buf *out, struct registry *registry, struct arena *arena,
                        const struct served *served, size_t count)
{
    buf_append_str(out, "{\"paths\":{");
    for (size_t at = 0, end; at < count; at = end) {
        struct bytes path = document_path(arena, served[at].kind);
        struct document document;

        end = served_version_end(served, count, at);
        if (arena->failed || !group_document(registry, path, served + at, end - at, &document))
            return false;
        buf_appendf(out, "%s\"%.*s\":{\"serverRelativeURL\":\"%.*s?hash=%.*s\"}",
                    at == 0 ? "" : ",", BYTES_FMT(bytes_from(path, strlen("/openapi/v3/"))),
                    BYTES_FMT(path), (int)strlen(document.etag) - 2, document.etag + 1);
        blob_unref(document.body);
    }
    buf_append_str(out, "}}");
    return true;
}

static bool index_document(struct registry *registry, struct bytes path,
                           struct document *ret_document)
{
    struct arena arena = {0};
    struct buf body = {0};
    size_t count;
    const struct served *served = served_kinds(registry, &count);
    bool ok;

    ok = served != NULL && write_index(&body, registry, &arena, served, count) &&
         documents_put(registry, path, NULL, BYTES("application/json"), &body, ret_document);
    buf_release(&body);
    arena_release(&arena);
    return ok;
}

static void add_to_v2(void *user, const struct kind *kind)
{
    openapi_v2_add(user, kind);
}

/* No more than kubectl looks for before 1.29: it goes on to v3, or needs no more. */
static bool v2_document(struct registry *registry, struct bytes path, struct document *ret_document)
{
    struct buf body = {0};
    bool ok;

    openapi_v2_begin(&body);
    registry_each(registry, add_to_v2, &body);
    ok = documents_put(registry, path, NULL,
                       BYTES("application/com.github.proto-openapi.spec.v2.v1.0+protobuf"), &body,
                       ret_document);
    buf_release(&body);
    return ok;
}

/* Group and version of a document's path; false if it is not of that form. */
static bool parse_path(struct bytes path, struct bytes *ret_group, struct bytes *ret_version)
{
    struct bytes rest = path, root;

    if (!bytes_starts_with(path, BYTES("/openapi/v3/")))
        return false;
    rest = bytes_from(path, strlen("/openapi/v3/"));
    root = bytes_cut(&rest, '/');
    *ret_group = bytes_eq_str(root, "apis") ? bytes_cut(&rest, '/') : BYTES("");
    *ret_version = rest;
    return (bytes_eq_str(root, "api") || ret_group->len > 0) && rest.len > 0;
}

bool openapi_document(struct registry *registry, struct bytes path, struct document *ret_document,
                      struct bytes *ret_hash)
{
    struct bytes group, version;
    size_t count;
    const struct served *served;

    *ret_hash = BYTES("");
    if (bytes_eq_str(path, "/openapi/v3"))
        return documents_get(registry, path, ret_document) ||
               index_document(registry, path, ret_document);
    if (bytes_eq_str(path, "/openapi/v2"))
        return documents_get(registry, path, ret_document) ||
               v2_document(registry, path, ret_document);
    served = served_kinds(registry, &count);
    if (served == NULL || !parse_path(path, &group, &version) ||
        !served_find(&served, &count, group, version) ||
        !group_document(registry, path, served, count, ret_document))
        return false;
    *ret_hash = documents_hash(ret_document);
    return true;
}
