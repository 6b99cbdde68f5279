#include "apiserver/registry/openapi_schemas.h"

#include "apiserver/registry/registry_parts.h"

static const struct schema_doc *const tables[] = {schemas_meta, schemas_core, schemas_pod,
                                                  schemas_apps, schemas_cluster};

enum { DOCS_MAX = 128 };

/* All rows, and which of them a document needs. */
struct catalog {
    const struct schema_doc *docs[DOCS_MAX];
    bool wanted[DOCS_MAX];
    size_t count;
};

#define META(name) "io.k8s.apimachinery.pkg.apis.meta.v1." name
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"

/* ---- names ---- */

/* "apps.v1.Deployment" under the package it comes from. */
static void append_full_name(struct buf *out, struct bytes name)
{
    if (bytes_starts_with(name, BYTES("meta.")))
        buf_append_str(out, "io.k8s.apimachinery.pkg.apis.");
    else if (bytes_starts_with(name, BYTES("apiextensions.")))
        buf_append_str(out, "io.k8s.apiextensions-apiserver.pkg.apis.");
    else
        buf_append_str(out, "io.k8s.api.");
    buf_append_bytes(out, name);
}

/* "rbac.v1.Role": the group's first word, core for none. */
static void append_short_name(struct buf *out, const struct kind *kind)
{
    struct bytes group = bytes_str(kind->group[0] != '\0' ? kind->group : "core");

    buf_append_bytes(out, bytes_of(group.ptr, bytes_find(group, '.')));
    buf_appendf(out, ".%s.%s", kind->version, kind->kind);
}

/* "stable.example.com" -> "com.example.stable" */
static void append_reversed(struct buf *out, struct bytes group)
{
    while (group.len > 0) {
        size_t start = group.len;

        while (start > 0 && group.ptr[start - 1] != '.')
            start--;
        buf_append_bytes(out, bytes_from(group, start));
        buf_append_char(out, '.');
        group.len = start > 0 ? start - 1 : 0;
    }
}

void openapi_schema_name(struct buf *out, const struct kind *kind)
{
    struct buf name = {0};

    if (kind->custom) {
        append_reversed(out, bytes_str(kind->group));
        buf_appendf(out, "%s.%s", kind->version, kind->kind);
        return;
    }
    append_short_name(&name, kind);
    append_full_name(out, buf_bytes(&name));
    out->failed |= name.failed;
    buf_release(&name);
}

void openapi_write_gvk(struct buf *out, const struct kind *kind)
{
    buf_appendf(out, "{\"group\":\"%s\",\"kind\":\"%s\",\"version\":\"%s\"}", kind->group,
                kind->kind, kind->version);
}

/* ---- types ---- */

static void write_ref(struct buf *out, struct bytes name)
{
    buf_append_str(out, "{\"$ref\":\"#/components/schemas/");
    append_full_name(out, name);
    buf_append_str(out, "\"}");
}

static const char *scalar_members(struct bytes type)
{
    static const char *const words[][2] = {
        {"string", "\"type\":\"string\""},
        {"integer", "\"type\":\"integer\",\"format\":\"int64\""},
        {"number", "\"type\":\"number\""},
        {"boolean", "\"type\":\"boolean\""},
        {"time", "\"type\":\"string\",\"format\":\"date-time\""},
        {"micro-time", "\"type\":\"string\",\"format\":\"date-time\""},
        {"bytes", "\"type\":\"string\",\"format\":\"byte\""},
        {"quantity", "\"type\":\"string\",\"format\":\"quantity\""},
        {"int-or-string", "\"type\":\"string\",\"format\":\"int-or-string\""},
        {"object", "\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (bytes_eq_str(type, words[i][0]))
            return words[i][1];
    }
    assert(false && "a type that the language of openapi_schemas.h knows");
    return "";
}

/* The members of a schema of `type`, without its braces. Recurses on our own tables only. */
static void write_type(struct buf *out, struct bytes type)
{
    bool list = bytes_starts_with(type, BYTES("[]")), map = bytes_starts_with(type, BYTES("{}"));

    if (list || map) {
        buf_append_str(out, list ? "\"type\":\"array\",\"items\":"
                                 : "\"type\":\"object\",\"additionalProperties\":");
        type = bytes_from(type, 2);
        if (type.ptr[0] == '&') {
            write_ref(out, bytes_from(type, 1));
            return;
        }
        buf_append_char(out, '{');
        write_type(out, type);
        buf_append_char(out, '}');
    } else if (type.ptr[0] == '&') { /* allOf, for a description beside $ref would not count */
        buf_append_str(out, "\"allOf\":[");
        write_ref(out, bytes_from(type, 1));
        buf_append_char(out, ']');
    } else {
        buf_append_str(out, scalar_members(type));
    }
}

static void write_field(struct buf *out, const char *name, const char *type, const char *text)
{
    buf_appendf(out, "\"%s\":{\"description\":", name);
    json_write_string(out, bytes_str(text));
    buf_append_char(out, ',');
    write_type(out, bytes_str(type));
    buf_append_char(out, '}');
}

/* ---- schemas of built-in kinds ---- */

static const struct field_doc type_fields[] = {
    {"apiVersion", "string", "The group and version the object is written in."},
    {"kind", "string", "What the object is. It cannot be changed."},
    {"metadata", "&meta.v1.ObjectMeta", "Name, labels and all that every object has."},
};

/* `gvk` may be empty: the schema is of no kind. */
static void write_doc(struct buf *out, const struct schema_doc *doc, struct bytes gvk)
{
    bool first = true;

    buf_append_char(out, '"');
    append_full_name(out, bytes_str(doc->name));
    buf_append_str(out, "\":{\"description\":");
    json_write_string(out, bytes_str(doc->text));
    buf_append_str(out, ",\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; doc->kind && i < ARRAY_LEN(type_fields); i++) {
        buf_append_str(out, first ? "" : ",");
        write_field(out, type_fields[i].name, type_fields[i].type, type_fields[i].text);
        first = false;
    }
    for (size_t i = 0; i < doc->field_count; i++) {
        buf_append_str(out, first ? "" : ",");
        write_field(out, doc->fields[i].name, doc->fields[i].type, doc->fields[i].text);
        first = false;
    }
    buf_append_char(out, '}');
    if (doc->open)
        buf_append_str(out, ",\"x-kubernetes-preserve-unknown-fields\":true");
    if (gvk.len > 0) {
        buf_append_str(out, ",\"x-kubernetes-group-version-kind\":[");
        buf_append_bytes(out, gvk);
        buf_append_char(out, ']');
    }
    buf_append_char(out, '}');
}

static size_t find_doc(const struct catalog *catalog, struct bytes name)
{
    size_t i = 0;

    while (i < catalog->count && !bytes_eq_str(name, catalog->docs[i]->name))
        i++;
    return i;
}

static bool want(struct catalog *catalog, struct bytes name)
{
    size_t i = find_doc(catalog, name);
    bool is_new;

    assert(i < catalog->count);
    is_new = !catalog->wanted[i];
    catalog->wanted[i] = true;
    return is_new;
}

/* Wants what the fields of wanted schemas refer to, until nothing new comes. */
static void close_over(struct catalog *catalog)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < catalog->count; i++) {
            const struct schema_doc *doc = catalog->docs[i];

            for (size_t f = 0; catalog->wanted[i] && f < doc->field_count; f++) {
                struct bytes type = bytes_str(doc->fields[f].type);
                size_t at = bytes_find(type, '&');

                if (at < type.len && want(catalog, bytes_from(type, at + 1)))
                    changed = true;
            }
        }
    }
}

static void collect(struct catalog *catalog, const struct served *served, size_t count)
{
    static const char *const always[] = {"meta.v1.ObjectMeta", "meta.v1.ListMeta", "meta.v1.Status",
                                         "meta.v1.DeleteOptions", "meta.v1.Patch"};

    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (size_t i = 0; tables[t][i].name != NULL; i++) {
            assert(catalog->count < DOCS_MAX);
            catalog->docs[catalog->count++] = &tables[t][i];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        want(catalog, bytes_str(always[i]));
    for (size_t i = 0; i < count; i++) {
        struct buf name = {0};

        append_short_name(&name, served[i].kind);
        if (!served[i].kind->custom && !name.failed)
            want(catalog, buf_bytes(&name));
        if (served[i].kind->has_scale)
            want(catalog, BYTES("autoscaling.v1.Scale"));
        buf_release(&name);
    }
    close_over(catalog);
}

/* The group, version and kind that a row is the schema of; empty for most. */
static void append_doc_gvk(struct buf *out, const struct schema_doc *doc,
                           const struct served *served, size_t count)
{
    if (strcmp(doc->name, "autoscaling.v1.Scale") == 0)
        buf_append_str(out, "{\"group\":\"autoscaling\",\"kind\":\"Scale\",\"version\":\"v1\"}");
    if (strcmp(doc->name, "meta.v1.Status") == 0)
        buf_append_str(out, "{\"group\":\"\",\"kind\":\"Status\",\"version\":\"v1\"}");
    for (size_t i = 0; i < count && out->len == 0; i++) {
        struct buf name = {0};

        append_short_name(&name, served[i].kind);
        if (!served[i].kind->custom && bytes_eq_str(buf_bytes(&name), doc->name))
            openapi_write_gvk(out, served[i].kind);
        buf_release(&name);
    }
}

/* ---- lists and custom kinds ---- */

static void write_list_schema(struct buf *out, const struct kind *kind)
{
    struct buf name = {0};

    openapi_schema_name(&name, kind);
    out->failed |= name.failed;
    buf_appendf(out,
                ",\"%.*sList\":{\"description\":\"A list of %s.\",\"type\":\"object\","
                "\"required\":[\"items\"],\"properties\":{",
                BYTES_FMT(buf_bytes(&name)), kind->plural);
    write_field(out, "apiVersion", "string", "The group and version of the list.");
    buf_appendf(out,
                ",\"items\":{\"description\":\"The objects.\",\"type\":\"array\",\"items\":"
                "{\"$ref\":\"#/components/schemas/%.*s\"}},",
                BYTES_FMT(buf_bytes(&name)));
    write_field(out, "kind", "string", "What the list is.");
    buf_append_char(out, ',');
    write_field(out, "metadata", "&meta.v1.ListMeta", "The revision of the list.");
    buf_appendf(out,
                "},\"x-kubernetes-group-version-kind\":[{\"group\":\"%s\",\"kind\":\"%s\","
                "\"version\":\"%s\"}]}",
                kind->group, kind->list_kind, kind->version);
    buf_release(&name);
}

/* apiVersion, kind and metadata of the schema, said as for every object whatever the CRD says. */
static bool set_type_fields(struct arena *arena, struct json *properties)
{
    for (size_t i = 0; i < ARRAY_LEN(type_fields); i++) {
        struct buf field = {0};
        struct bytes text;
        struct json *schema;

        buf_append_str(&field, "{\"description\":");
        json_write_string(&field, bytes_str(type_fields[i].text));
        buf_append_char(&field, ',');
        write_type(&field, bytes_str(type_fields[i].type));
        buf_append_char(&field, '}');
        text = arena_dup(arena, buf_bytes(&field));
        arena->failed |= field.failed;
        buf_release(&field);
        if (arena->failed || json_parse(arena, text, &schema, NULL, NULL) != STATUS_OK)
            return false;
        json_set(properties, bytes_str(type_fields[i].name), schema);
    }
    return true;
}

/* The CRD's own schema, with what every object has, and the kind it is of. */
static void write_custom_schema(struct buf *out, const struct kind *kind)
{
    struct arena arena = {0};
    const struct json *version = custom_kind_version(kind->of, &arena);
    const struct json *sent = json_at(version, "schema", "openAPIV3Schema", NULL);
    struct json *schema =
        json_is(sent, JSON_OBJECT) ? json_copy(&arena, sent) : json_new_object(&arena);
    struct json *gvks = json_new_array(&arena), *gvk = json_new_object(&arena);

    json_set_text(&arena, gvk, "group", bytes_str(kind->group));
    json_set_text(&arena, gvk, "kind", bytes_str(kind->kind));
    json_set_text(&arena, gvk, "version", bytes_str(kind->version));
    json_append(gvks, gvk);
    json_set(schema, BYTES("x-kubernetes-group-version-kind"), gvks);
    if (!set_type_fields(&arena, json_ensure_object(&arena, schema, "properties")) || arena.failed)
        out->failed = true;
    buf_append_str(out, ",\"");
    openapi_schema_name(out, kind);
    buf_append_str(out, "\":");
    if (schema != NULL)
        json_write(out, schema, false);
    arena_release(&arena);
}

void openapi_write_schemas(struct buf *out, const struct served *served, size_t count)
{
    struct catalog catalog = {0};
    bool first = true;

    collect(&catalog, served, count);
    for (size_t i = 0; i < catalog.count; i++) {
        struct buf gvk = {0};

        if (!catalog.wanted[i])
            continue;
        append_doc_gvk(&gvk, catalog.docs[i], served, count);
        buf_append_str(out, first ? "" : ",");
        write_doc(out, catalog.docs[i], buf_bytes(&gvk));
        out->failed |= gvk.failed;
        buf_release(&gvk);
        first = false;
    }
    for (size_t i = 0; i < count; i++) {
        if (served[i].kind->custom)
            write_custom_schema(out, served[i].kind);
        write_list_schema(out, served[i].kind);
    }
}
