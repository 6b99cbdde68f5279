#include "client-go-like/tidectl/explain.h"

#include <stdlib.h>

/* The text is kubectl's (KC explain/v2/templates/plaintext.tmpl). */

enum { LINE_MAX_LEN = 76, ENUM_SHOWN = 4, DEPTH_MAX = 32 };

static void indent(struct buf *out, size_t n)
{
    while (n-- != 0)
        buf_append_char(out, ' ');
}

/* Greedily, at blanks; line breaks of the text stay. */
static void append_wrapped(struct buf *out, struct bytes text, size_t margin)
{
    while (text.len != 0) {
        struct bytes line = bytes_cut(&text, '\n');
        size_t column = 0;

        indent(out, margin);
        while (line.len != 0) {
            struct bytes word = bytes_cut(&line, ' ');

            if (column != 0 && column + 1 + word.len > LINE_MAX_LEN) {
                buf_append_char(out, '\n');
                indent(out, margin);
                column = 0;
            }
            if (column != 0)
                buf_append_char(out, ' ');
            buf_append_bytes(out, word);
            column += word.len + (column != 0);
        }
        buf_append_char(out, '\n');
    }
}

/* "[]string", "map[string]Object", "Container". */
static void append_type(const struct json *node, struct buf *out)
{
    for (int i = 0; i < DEPTH_MAX; i++) {
        const struct json *items = json_get(node, BYTES("items"));
        const struct json *values = json_get(node, BYTES("additionalProperties"));
        const struct json *all = json_get(node, BYTES("allOf"));
        struct bytes ref = json_get_text(node, "$ref"), type = json_get_text(node, "type");

        if (json_is(items, JSON_OBJECT)) {
            buf_append_str(out, "[]");
            node = items;
        } else if (json_is(values, JSON_OBJECT)) {
            buf_append_str(out, "map[string]");
            node = values;
        } else if (ref.len == 0 && json_is(all, JSON_ARRAY) && all->count == 1 &&
                   json_get(node, BYTES("properties")) == NULL) {
            node = all->first;
        } else if (ref.len != 0) {
            while (bytes_find(ref, '.') < ref.len)
                bytes_cut(&ref, '.');
            buf_append_bytes(out, ref);
            return;
        } else {
            if (type.len == 0 || bytes_eq_str(type, "object"))
                type = BYTES("Object");
            buf_append_bytes(out, type);
            return;
        }
    }
}

static const struct json *enum_of(const struct explain *e, const struct json *node)
{
    const struct json *inside = explain_resolve(e, node, NULL);
    const struct json *values = json_get(inside, BYTES("enum"));

    return json_is(values, JSON_ARRAY) ? values : NULL;
}

static void append_enum_value(struct buf *out, const struct json *value)
{
    if (json_is(value, JSON_STRING) && value->text.len != 0)
        buf_append_bytes(out, value->text);
    else
        json_write(out, value, false);
}

/* "enum: a, b" below a field. */
static void append_short_enum(struct buf *out, const struct json *values, size_t margin)
{
    size_t n = 0;

    if (values == NULL)
        return;
    indent(out, margin);
    buf_append_str(out, "enum: ");
    json_each(values, value) {
        if (n == ENUM_SHOWN) {
            buf_append_str(out, ", ....");
            break;
        }
        if (n++ != 0)
            buf_append_str(out, ", ");
        append_enum_value(out, value);
    }
    buf_append_char(out, '\n');
}

static bool is_required(const struct json *schema, struct bytes name)
{
    json_each(json_get(schema, BYTES("required")), it) {
        if (bytes_eq(json_text(it), name))
            return true;
    }
    return false;
}

static int by_key(const void *a, const void *b)
{
    return bytes_cmp((*(const struct json *const *)a)->key, (*(const struct json *const *)b)->key);
}

/* The properties by name; NULL without any. The caller's to free. */
static const struct json **sorted_fields(const struct json *schema, size_t *ret_count)
{
    const struct json *properties = json_get(schema, BYTES("properties"));
    const struct json **fields;

    *ret_count = 0;
    if (json_first(properties) == NULL ||
        (fields = calloc(properties->count, sizeof(*fields))) == NULL)
        return NULL;
    json_each(properties, it) {
        fields[(*ret_count)++] = it;
    }
    qsort(fields, *ret_count, sizeof(*fields), by_key);
    return fields;
}

/* Schemas that a recursive explain is in: a type that holds itself is told once. */
struct way {
    const struct way *up;
    const struct json *schema;
    size_t depth;
};

static bool is_on(const struct way *way, const struct json *schema)
{
    for (; way != NULL; way = way->up)
        if (way->schema == schema)
            return true;
    return false;
}

static void append_description(const struct explain *e, const struct json *field, struct buf *out)
{
    struct bytes text = json_get_text(field, "description");

    if (text.len == 0)
        text = json_get_text(explain_resolve(e, field, NULL), "description");
    append_wrapped(out, text.len != 0 ? text : BYTES("<no description>"), 4);
    buf_append_char(out, '\n');
}

static void append_fields(const struct explain *e, const struct json *schema, const struct way *up,
                          struct buf *out)
{
    const struct way way = {up, schema, up != NULL ? up->depth + 1 : 1};
    size_t count, margin = way.depth * 2;
    const struct json **fields = sorted_fields(schema, &count);

    for (size_t i = 0; i < count; i++) {
        const struct json *inside = explain_inside(e, fields[i]);

        indent(out, margin);
        buf_appendf(out, "%.*s\t<", BYTES_FMT(fields[i]->key));
        append_type(fields[i], out);
        buf_append_str(out, is_required(schema, fields[i]->key) ? "> -required-\n" : ">\n");
        append_short_enum(out, enum_of(e, fields[i]), margin);
        if (!e->recursive)
            append_description(e, fields[i], out);
        else if (way.depth < DEPTH_MAX && !is_on(&way, inside))
            append_fields(e, inside, &way, out);
    }
    free(fields);
}

void explain_print_head(const struct explain *e, struct buf *out)
{
    if (*e->resource->group != '\0')
        buf_appendf(out, "GROUP:      %s\n", e->resource->group);
    buf_appendf(out, "KIND:       %s\nVERSION:    %s\n\n", e->resource->kind, e->resource->version);
}

static void append_field_head(const struct explain *e, struct buf *out)
{
    const struct json *values = enum_of(e, e->schema);

    buf_appendf(out, "FIELD: %.*s <", BYTES_FMT(e->field));
    append_type(e->schema, out);
    buf_append_str(out, ">\n");
    if (values != NULL)
        buf_append_str(out, "ENUM:\n");
    json_each(values, value) {
        buf_append_str(out, "    ");
        append_enum_value(out, value);
        buf_append_char(out, '\n');
    }
    buf_append_char(out, '\n');
}

/* Its own words, and those of the type it is of. */
static void append_descriptions(const struct explain *e, struct buf *out)
{
    const struct json *inside = explain_inside(e, e->schema);
    struct bytes own = json_get_text(e->schema, "description");
    struct bytes types = json_get_text(inside, "description");
    bool any = false;

    if (own.len != 0) {
        append_wrapped(out, own, 4);
        any = true;
    }
    if (inside != e->schema && types.len != 0) {
        append_wrapped(out, types, 4);
        any = true;
    }
    buf_append_str(out, any ? "    \n" : "    <empty>\n");
}

void explain_print(const struct explain *e, struct buf *out)
{
    const struct json *inside = explain_inside(e, e->schema);

    explain_print_head(e, out);
    if (e->field.len != 0) {
        append_field_head(e, out);
        if (enum_of(e, e->schema) == NULL)
            buf_append_char(out, '\n');
    }
    buf_append_str(out, "DESCRIPTION:\n");
    append_descriptions(e, out);
    if (json_first(json_get(inside, BYTES("properties"))) != NULL) {
        buf_append_str(out, "FIELDS:\n");
        append_fields(e, inside, NULL, out);
    }
    buf_append_char(out, '\n');
}
