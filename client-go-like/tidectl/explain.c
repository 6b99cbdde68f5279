#include "client-go-like/tidectl/explain.h"

#include <stdio.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/request.h"

enum { REFS_MAX = 32 }; /* one that goes in a circle ends */

static struct bytes ref_name(const struct json *node)
{
    static const struct bytes prefix = BYTES_INIT("#/components/schemas/");
    struct bytes ref = json_get_text(node, "$ref");

    return bytes_starts_with(ref, prefix) ? bytes_from(ref, prefix.len) : bytes_of(NULL, 0);
}

const struct json *explain_resolve(const struct explain *e, const struct json *node,
                                   struct bytes *ret_ref)
{
    for (int i = 0; i < REFS_MAX && node != NULL; i++) {
        const struct json *all = json_get(node, BYTES("allOf"));
        struct bytes name = ref_name(node);

        if (name.len != 0) {
            if (ret_ref != NULL)
                *ret_ref = name;
            node = json_get(e->schemas, name);
        } else if (json_is(all, JSON_ARRAY) && all->count == 1 &&
                   json_get(node, BYTES("properties")) == NULL) {
            node = all->first;
        } else {
            return node;
        }
    }
    return node;
}

const struct json *explain_inside(const struct explain *e, const struct json *node)
{
    for (int i = 0; i < REFS_MAX; i++) {
        const struct json *items, *values;

        node = explain_resolve(e, node, NULL);
        items = json_get(node, BYTES("items"));
        values = json_get(node, BYTES("additionalProperties"));
        if (json_is(items, JSON_OBJECT))
            node = items;
        else if (json_is(values, JSON_OBJECT))
            node = values;
        else
            return node;
    }
    return node;
}

static bool is_of(const struct json *schema, const tw_resource *r)
{
    json_each(json_get(schema, BYTES("x-kubernetes-group-version-kind")), it) {
        if (bytes_eq_str(json_get_text(it, "group"), r->group) &&
            bytes_eq_str(json_get_text(it, "version"), r->version) &&
            bytes_eq_str(json_get_text(it, "kind"), r->kind))
            return true;
    }
    return false;
}

static bool find_schema(struct explain *e)
{
    json_each(e->schemas, it) {
        if (is_of(it, e->resource)) {
            e->schema = it;
            return true;
        }
    }
    return tidectl_say("GVR (%s/%s) not found in OpenAPI schema", e->resource->group,
                       e->resource->resource) == 0;
}

/* Goes down the fields of "spec.containers.name". */
static bool find_field(struct explain *e, struct bytes path)
{
    while (path.len != 0) {
        struct bytes name = bytes_cut(&path, '.');
        const struct json *inside = explain_inside(e, e->schema);

        e->field = name;
        e->schema = json_get(json_get(inside, BYTES("properties")), name);
        if (e->schema == NULL) {
            struct buf out = {0};

            explain_print_head(e, &out);
            tidectl_finish(&out, 0);
            return tidectl_say("field \"%.*s\" does not exist", BYTES_FMT(name)) == 0;
        }
    }
    return true;
}

static tw_status find_resource(struct tidectl *t, struct bytes name,
                               const tw_resource_info **ret_info, tw_error **reterr)
{
    const char *version = t->flags.api_version;
    struct bytes group = bytes_str(version);
    struct buf full = {0};
    tw_status st;

    buf_append_bytes(&full, name);
    if (version != NULL && strchr(version, '/') != NULL) {
        group = bytes_cut(&group, '/');
        buf_appendf(&full, ".%s.%.*s", strchr(version, '/') + 1, BYTES_FMT(group));
    }
    buf_append_char(&full, '\0');
    st = full.failed ? tw_fail_no_memory(reterr)
                     : tw_discovery_find(t->discovery, full.data, ret_info, reterr);
    buf_release(&full);
    return st;
}

static int print(struct explain *e, const tw_object *document, struct bytes path)
{
    struct buf out = {0};

    e->schemas = json_at(document->tree, "components", "schemas", NULL);
    if (!find_schema(e) || !find_field(e, path))
        return EXIT_FAILED;
    explain_print(e, &out);
    return tidectl_finish(&out, 0);
}

int tidectl_explain(struct tidectl *t)
{
    struct explain e = {.recursive = t->flags.recursive};
    struct bytes path = {0}, name;
    const tw_resource_info *info = NULL;
    tw_object *document = NULL;
    tw_error *error = NULL;
    struct buf url = {0};
    int rc;

    if (t->flags.word_count != 1)
        return tidectl_say("You must specify the type of resource to explain. Use \"tidectl "
                           "api-resources\" for a complete list of supported resources.");
    path = bytes_str(t->flags.words[0]);
    name = bytes_cut(&path, '.');
    if (find_resource(t, name, &info, &error) != TW_OK)
        return tidectl_fail(error);
    e.resource = &info->resource;
    buf_append_str(&url, *e.resource->group != '\0' ? "/openapi/v3/apis/" : "/openapi/v3/api/");
    buf_appendf(&url, "%s%s%s", e.resource->group, *e.resource->group != '\0' ? "/" : "",
                e.resource->version);
    buf_append_char(&url, '\0');
    if (url.failed)
        rc = tidectl_say_no_memory();
    else if (call_document(t, url.data, &document, &error) != TW_OK)
        rc = tidectl_fail(error);
    else
        rc = print(&e, document, path);
    tw_object_unref(document);
    buf_release(&url);
    return rc;
}
