#include "apiserver/registry/discovery.h"

#include "apiserver/registry/registry_parts.h"
#include "codec/transcoder.h"

/* A mistake of a comma is a broken document: every list is written by this. */
static void separate(struct buf *out, bool *first)
{
    if (!*first)
        buf_append_char(out, ',');
    *first = false;
}

static void write_texts(struct buf *out, const char *member, const char *const *texts)
{
    if (texts == NULL)
        return;
    buf_appendf(out, ",\"%s\":[", member);
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        json_write_string(out, bytes_str(texts[i]));
    }
    buf_append_char(out, ']');
}

/* ---- verbs and subresources ---- */

/* While its CRD goes away a resource can be read and deleted. */
const char *const *discovery_verbs(const struct kind *kind)
{
    static const char *const all[] = {
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch", NULL};
    static const char *const one_by_one[] = {"create", "delete", "get",   "list",
                                             "patch",  "update", "watch", NULL};
    static const char *const terminating[] = {"delete", "deletecollection", "get", "list", "watch",
                                              NULL};
    static const char *const review[] = {"create", NULL};
    struct custom_info info;

    if (kind->review)
        return review;
    if (kind->has_finalize)
        return one_by_one;
    return registry_custom_info(kind, &info) && info.terminating ? terminating : all;
}

struct subresource {
    const char *name, *group, *version, *kind;
    const char *const *verbs;
};

enum { SUBRESOURCES_MAX = 3 };

/* What hangs below a resource, by name. */
static size_t subresources_of(const struct kind *kind, struct subresource ret[SUBRESOURCES_MAX])
{
    static const char *const access[] = {"get", "patch", "update", NULL};
    static const char *const update[] = {"update", NULL};
    static const char *const create[] = {"create", NULL};
    size_t count = 0;

    if (kind->has_finalize)
        ret[count++] =
            (struct subresource){"finalize", kind->group, kind->version, kind->kind, update};
    if (kind->has_scale)
        ret[count++] = (struct subresource){"scale", "autoscaling", "v1", "Scale", access};
    if (kind->has_status)
        ret[count++] =
            (struct subresource){"status", kind->group, kind->version, kind->kind, access};
    if (kind->has_token)
        ret[count++] =
            (struct subresource){"token", "authentication.k8s.io", "v1", "TokenRequest", create};
    return count;
}

/* ---- legacy: APIVersions, APIGroupList, APIGroup, APIResourceList ---- */

static void write_versions_document(struct buf *out)
{
    buf_append_str(out, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
                        "\"serverAddressByClientCIDRs\":[{\"clientCIDR\":\"0.0.0.0/0\","
                        "\"serverAddress\":\"\"}]}");
}

static void write_group_version(struct buf *out, const struct kind *kind)
{
    buf_appendf(out, "{\"groupVersion\":\"%s\",\"version\":\"%s\"}", kind->api_version,
                kind->version);
}

/* The members of an APIGroup; the first version is the preferred one. */
static void write_group(struct buf *out, const struct served *served, size_t count)
{
    bool first = true;

    buf_appendf(out, "\"name\":\"%s\",\"versions\":[", served[0].kind->group);
    for (size_t at = 0; at < count; at = served_version_end(served, count, at)) {
        separate(out, &first);
        write_group_version(out, served[at].kind);
    }
    buf_append_str(out, "],\"preferredVersion\":");
    write_group_version(out, served[0].kind);
    buf_append_char(out, '}');
}

static void write_group_list(struct buf *out, const struct served *served, size_t count)
{
    bool first = true;

    buf_append_str(out, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    for (size_t at = 0, end; at < count; at = end) {
        end = served_group_end(served, count, at);
        if (served[at].kind->group[0] == '\0')
            continue;
        separate(out, &first);
        buf_append_char(out, '{');
        write_group(out, served + at, end - at);
    }
    buf_append_str(out, "]}");
}

static void write_resource(struct buf *out, const struct kind *kind)
{
    struct subresource below[SUBRESOURCES_MAX];
    size_t count = subresources_of(kind, below);
    const char *namespaced = kind->namespaced ? "true" : "false";

    buf_appendf(out, "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\"",
                kind->plural, kind->singular, namespaced, kind->kind);
    write_texts(out, "verbs", discovery_verbs(kind));
    write_texts(out, "shortNames", kind->short_names);
    write_texts(out, "categories", kind->categories);
    buf_append_char(out, '}');
    for (size_t i = 0; i < count; i++) {
        buf_appendf(out, ",{\"name\":\"%s/%s\",\"singularName\":\"\",\"namespaced\":%s,",
                    kind->plural, below[i].name, namespaced);
        if (strcmp(below[i].group, kind->group) != 0)
            buf_appendf(out, "\"group\":\"%s\",\"version\":\"%s\",", below[i].group,
                        below[i].version);
        buf_appendf(out, "\"kind\":\"%s\"", below[i].kind);
        write_texts(out, "verbs", below[i].verbs);
        buf_append_char(out, '}');
    }
}

static void write_resource_list(struct buf *out, const struct served *served, size_t count)
{
    bool first = true;

    buf_append_str(out, "{\"kind\":\"APIResourceList\",");
    if (served[0].kind->group[0] != '\0')
        buf_append_str(out, "\"apiVersion\":\"v1\",");
    buf_appendf(out, "\"groupVersion\":\"%s\",\"resources\":[", served[0].kind->api_version);
    for (size_t i = 0; i < count; i++) {
        separate(out, &first);
        write_resource(out, served[i].kind);
    }
    buf_append_str(out, "]}");
}

/* ---- aggregated (KEP-3352) ---- */

static void write_response_kind(struct buf *out, const char *group, const char *version,
                                const char *kind)
{
    buf_appendf(out, "\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}",
                group, version, kind);
}

static void write_aggregated_resource(struct buf *out, const struct kind *kind)
{
    struct subresource below[SUBRESOURCES_MAX];
    size_t count = subresources_of(kind, below);

    buf_appendf(out, "{\"resource\":\"%s\",", kind->plural);
    write_response_kind(out, kind->group, kind->version, kind->kind);
    buf_appendf(out, ",\"scope\":\"%s\",\"singularResource\":\"%s\"",
                kind->namespaced ? "Namespaced" : "Cluster", kind->singular);
    write_texts(out, "verbs", discovery_verbs(kind));
    write_texts(out, "shortNames", kind->short_names);
    write_texts(out, "categories", kind->categories);
    for (size_t i = 0; i < count; i++) {
        buf_appendf(out, "%s{\"subresource\":\"%s\",", i == 0 ? ",\"subresources\":[" : ",",
                    below[i].name);
        write_response_kind(out, below[i].group, below[i].version, below[i].kind);
        write_texts(out, "verbs", below[i].verbs);
        buf_append_char(out, '}');
    }
    buf_append_str(out, count > 0 ? "]}" : "}");
}

static void write_aggregated_version(struct buf *out, const struct served *served, size_t count)
{
    bool first = true;

    buf_appendf(out, "{\"version\":\"%s\",\"resources\":[", served[0].kind->version);
    for (size_t i = 0; i < count; i++) {
        separate(out, &first);
        write_aggregated_resource(out, served[i].kind);
    }
    buf_append_str(out, "],\"freshness\":\"Current\"}");
}

static void write_aggregated_group(struct buf *out, const struct served *served, size_t count)
{
    const char *group = served[0].kind->group;
    bool first = true;

    buf_append_str(out, "{\"metadata\":{");
    if (group[0] != '\0')
        buf_appendf(out, "\"name\":\"%s\",", group);
    buf_append_str(out, "\"creationTimestamp\":null},\"versions\":[");
    for (size_t at = 0, end; at < count; at = end) {
        end = served_version_end(served, count, at);
        separate(out, &first);
        write_aggregated_version(out, served + at, end - at);
    }
    buf_append_str(out, "]}");
}

/* /api holds the group without a name, /apis all the others. */
static void write_aggregated(struct buf *out, const struct served *served, size_t count, bool core,
                             enum discovery_form form)
{
    bool first = true;

    buf_appendf(out,
                "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\","
                "\"metadata\":{},\"items\":[",
                form == DISCOVERY_AGGREGATED_V2 ? "v2" : "v2beta1");
    for (size_t at = 0, end; at < count; at = end) {
        end = served_group_end(served, count, at);
        if ((served[at].kind->group[0] == '\0') != core)
            continue;
        separate(out, &first);
        write_aggregated_group(out, served + at, end - at);
    }
    buf_append_str(out, "]}");
}

/* ---- which document ---- */

static const struct bytes content_types[] = {
    [DISCOVERY_LEGACY] = BYTES_INIT("application/json"),
    [DISCOVERY_LEGACY_PROTOBUF] = BYTES_INIT(PROTOBUF_MEDIA_TYPE),
    [DISCOVERY_AGGREGATED_V2] =
        BYTES_INIT("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
    [DISCOVERY_AGGREGATED_V2BETA1] =
        BYTES_INIT("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
};

/* Writes the document of a path, whose group becomes the one it depends on (NULL: all). */
static bool write_document(struct buf *out, struct bytes path, enum discovery_form form,
                           const struct served *served, size_t count, const char **ret_group)
{
    struct bytes rest = path, root, group, version;

    (void)bytes_cut(&rest, '/');
    root = bytes_cut(&rest, '/');
    group = bytes_eq_str(root, "apis") ? bytes_cut(&rest, '/') : BYTES("");
    version = bytes_cut(&rest, '/');
    if (rest.ptr != NULL || (!bytes_eq_str(root, "api") && !bytes_eq_str(root, "apis")))
        return false;
    *ret_group = NULL;
    if (group.len == 0 && version.len == 0) {
        bool core = bytes_eq_str(root, "api");

        if (form > DISCOVERY_LEGACY_PROTOBUF)
            write_aggregated(out, served, count, core, form);
        else if (core)
            write_versions_document(out);
        else
            write_group_list(out, served, count);
        return true;
    }
    if ((group.len == 0 && !bytes_eq_str(root, "api")) ||
        !served_find(&served, &count, group, version))
        return false;
    *ret_group = served[0].kind->group;
    if (version.len > 0) {
        write_resource_list(out, served, count);
    } else {
        buf_append_str(out, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
        write_group(out, served, count);
    }
    return true;
}

static void make_protobuf(struct buf *document)
{
    struct buf envelope = {.failed = document->failed};

    transcoder_write_text(&envelope, NULL, buf_bytes(document));
    buf_release(document);
    *document = envelope;
}

bool discovery_document(struct registry *registry, struct bytes path, enum discovery_form form,
                        struct document *ret_document)
{
    struct arena arena = {0};
    struct buf body = {0};
    size_t count;
    const struct served *served;
    const char *group;
    struct bytes key;
    bool found;

    if (form != DISCOVERY_LEGACY_PROTOBUF && !bytes_eq_str(path, "/api") &&
        !bytes_eq_str(path, "/apis"))
        form = DISCOVERY_LEGACY;
    key = arena_printf(&arena, "%d%.*s", (int)form, BYTES_FMT(path));
    found = !arena.failed && documents_get(registry, key, ret_document);
    if (!found) {
        served = served_kinds(registry, &count);
        found = served != NULL && write_document(&body, path, form, served, count, &group);
        if (found && form == DISCOVERY_LEGACY_PROTOBUF)
            make_protobuf(&body);
        found =
            found && documents_put(registry, key, group, content_types[form], &body, ret_document);
    }
    buf_release(&body);
    arena_release(&arena);
    return found;
}
