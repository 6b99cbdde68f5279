#include "apiserver/registry/table.h"

#include "apiserver/registry/cells.h"
#include "base/clock.h"
#include "codec/jsonpath.h"

static const struct column default_columns[] = {
    {"Name", "string", "name", "Name of the object.", 0, NULL, cell_name},
    {"Age", "string", "", "When the server created the object.", 0, NULL, cell_age},
};

static const struct column *columns_of(const struct kind *kind, size_t *ret_count)
{
    *ret_count = kind->column_count > 0 ? kind->column_count : ARRAY_LEN(default_columns);
    return kind->column_count > 0 ? kind->columns : default_columns;
}

static void write_text_member(struct buf *out, const char *name, const char *text)
{
    buf_appendf(out, "\"%s\":", name);
    json_write_string(out, bytes_str(text));
    buf_append_char(out, ',');
}

void table_write_columns(struct buf *out, const struct kind *kind)
{
    size_t count;
    const struct column *columns = columns_of(kind, &count);

    buf_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i == 0 ? "{" : ",{");
        write_text_member(out, "name", columns[i].name);
        write_text_member(out, "type", columns[i].type);
        write_text_member(out, "format", columns[i].format);
        write_text_member(out, "description", columns[i].description);
        buf_appendf(out, "\"priority\":%d}", columns[i].priority);
    }
    buf_append_char(out, ']');
}

/* ---- cells ---- */

static void write_date(struct buf *out, struct bytes text, int64_t now_s)
{
    struct buf age = {0};
    int64_t at_s;

    if (rfc3339_parse(text, &at_s))
        view_human_age(&age, now_s - at_s);
    else
        buf_append_str(&age, "<invalid>");
    cell_put_buf(out, &age, "");
}

static void write_text(struct buf *out, const struct json *node)
{
    struct buf text = {0};

    jsonpath_write_text(&text, node);
    cell_put_buf(out, &text, "");
}

/* A whole number is cut off a fraction, as Go's int64(float64). */
static bool write_integer(struct buf *out, const struct json *node)
{
    int64_t n;
    double d;

    if (json_to_i64(node, &n))
        cell_put_int(out, n);
    else if (json_to_double(node, &d) && d > -9e18 && d < 9e18)
        cell_put_int(out, (int64_t)d);
    else
        return false;
    return true;
}

/* A found value in the type of its column; false if it has another type. */
static bool write_value(struct buf *out, const char *type, const struct json *node, int64_t now_s)
{
    if (strcmp(type, "string") == 0) {
        write_text(out, node);
        return true;
    }
    if (strcmp(type, "integer") == 0)
        return write_integer(out, node);
    if (strcmp(type, "date") == 0 && node->type == JSON_STRING) {
        write_date(out, node->text, now_s);
        return true;
    }
    if ((strcmp(type, "number") == 0 && node->type == JSON_NUMBER) ||
        (strcmp(type, "boolean") == 0 && node->type == JSON_BOOL)) {
        json_write(out, node, false);
        return true;
    }
    return false;
}

/* What is absent: null of a custom kind, Go's zero value of a built-in one. */
static void write_absent(struct buf *out, const struct kind *kind, const char *type)
{
    if (kind->custom)
        buf_append_str(out, "null");
    else if (strcmp(type, "integer") == 0)
        buf_append_char(out, '0');
    else if (strcmp(type, "boolean") == 0)
        buf_append_str(out, "false");
    else
        buf_append_str(out, "\"\"");
}

static void write_cell(struct buf *out, const struct column *column, const struct cell_source *from)
{
    const struct json *node = NULL;
    struct jsonpath path;

    if (column->cell != NULL) {
        column->cell(out, from);
        return;
    }
    if (jsonpath_parse(bytes_str(column->path), &path, NULL) == STATUS_OK)
        node = jsonpath_first(&path, from->tree);
    if (node == NULL || node->type == JSON_NULL ||
        !write_value(out, column->type, node, from->now_s))
        write_absent(out, from->kind, column->type);
}

static void write_cells(struct buf *out, const struct cell_source *from)
{
    size_t count;
    const struct column *columns = columns_of(from->kind, &count);

    buf_append_str(out, "\"cells\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        write_cell(out, &columns[i], from);
    }
    buf_append_str(out, "],");
}

/* ---- rows ---- */

/* The end of the JSON value that begins at `at`. */
static size_t value_end(struct bytes text, size_t at)
{
    struct json_scan scan = {0};
    size_t len;

    if (json_scan_value(&scan, bytes_from(text, at), &len) != STATUS_OK)
        return text.len;
    return at + len;
}

struct bytes table_metadata_of(struct bytes whole)
{
    size_t at = 1;

    while (at < whole.len && whole.ptr[at] == '"') {
        size_t key_end = value_end(whole, at), end = value_end(whole, key_end + 1);

        if (end <= key_end || end >= whole.len)
            break;
        if (bytes_eq_str(bytes_of(whole.ptr + at, key_end - at), "\"metadata\""))
            return bytes_of(whole.ptr + key_end + 1, end - key_end - 1);
        at = end + 1; /* behind the comma */
    }
    return bytes_of(NULL, 0);
}

void table_write_partial(struct buf *out, struct view view, struct bytes metadata)
{
    buf_appendf(out,
                "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/%s\","
                "\"metadata\":",
                view.v1beta1 ? "v1beta1" : "v1");
    buf_append_bytes(out, metadata.len > 0 ? metadata : BYTES("{}"));
    buf_append_char(out, '}');
}

void table_write_row(struct buf *out, const struct kind *kind, struct view view,
                     const struct object *object, struct bytes whole)
{
    struct arena arena = {0};
    struct json *tree;

    if (object_to_json(object, 0, bytes_of(NULL, 0), &arena, &tree) != STATUS_OK) {
        out->failed = true;
        arena_release(&arena);
        return;
    }
    struct cell_source from = {kind, object, tree, clock_wall_s()};

    buf_append_char(out, '{');
    write_cells(out, &from);
    if (kind->group[0] == '\0' && strcmp(kind->kind, "Pod") == 0)
        cell_pod_row_conditions(out, tree);
    buf_append_str(out, "\"object\":");
    if (view.include == VIEW_INCLUDE_OBJECT)
        buf_append_bytes(out, whole);
    else if (view.include == VIEW_INCLUDE_METADATA)
        table_write_partial(out, view, table_metadata_of(whole));
    else
        buf_append_str(out, "null");
    buf_append_char(out, '}');
    arena_release(&arena);
}

void table_write_bookmark_row(struct buf *out, const struct kind *kind, struct view view,
                              struct bytes metadata)
{
    static const struct object nothing;
    static const struct json empty = {.type = JSON_OBJECT};
    struct cell_source from = {kind, &nothing, &empty, clock_wall_s()};

    buf_append_char(out, '{');
    write_cells(out, &from);
    buf_append_str(out, "\"object\":");
    table_write_partial(out, view, metadata);
    buf_append_char(out, '}');
}
