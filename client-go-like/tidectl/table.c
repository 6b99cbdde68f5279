#include "client-go-like/tidectl/table.h"

#include <ctype.h>
#include <time.h>

#include "client-go-like/tidectl/age.h"

void table_release(struct table *table)
{
    tabs_release(&table->tabs);
    tw_object_unref(table->columns_of);
    table->columns_of = NULL;
}

bool table_begin(struct table *table, tw_object *object)
{
    const struct json *columns = json_get(object->tree, BYTES("columnDefinitions"));

    if (strcmp(tw_object_kind(object), "Table") != 0)
        return false;
    if (json_is(columns, JSON_ARRAY) && columns->count != 0 &&
        (table->columns == NULL || !json_equal(columns, table->columns))) {
        tw_object_unref(table->columns_of);
        table->columns_of = tw_object_ref(object);
        table->columns = columns;
        table->headed = false;
    }
    return true;
}

const struct json *table_row_metadata(const struct json *row)
{
    return json_at(row, "object", "metadata", NULL);
}

static bool is_shown(const struct table *table, const struct json *column)
{
    int64_t priority = 0;

    return table->wide || !json_to_i64(json_get(column, BYTES("priority")), &priority) ||
           priority == 0;
}

/* Puts a tab before every cell but the first of a line. */
static void next_cell(struct table *table, bool *first)
{
    if (!*first)
        buf_append_char(&table->tabs.text, '\t');
    *first = false;
}

/* A cell ends at its first line break, and cannot reach the terminal (printers/terminal.go). */
static void append_text(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr("\f\n\r", text.ptr[i], 3) != NULL) {
            buf_append_str(out, "...");
            return;
        }
        if (text.ptr[i] == '\x1b')
            buf_append_str(out, "^[");
        else
            buf_append_char(out, text.ptr[i]);
    }
}

static void append_cell(struct buf *out, const struct json *cell)
{
    if (json_is(cell, JSON_STRING))
        append_text(out, json_text(cell));
    else if (!json_is(cell, JSON_NULL))
        json_write(out, cell, false);
}

static void append_upper(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_append_char(out, (char)toupper((unsigned char)text.ptr[i]));
}

static void write_headers(struct table *table)
{
    struct buf *out = &table->tabs.text;
    bool first = true;

    if (table->with_times) {
        next_cell(table, &first);
        buf_append_str(out, "TIME");
    }
    if (table->with_events) {
        next_cell(table, &first);
        buf_append_str(out, "EVENT");
    }
    if (table->with_namespace) {
        next_cell(table, &first);
        buf_append_str(out, "NAMESPACE");
    }
    json_each(table->columns, column) {
        if (is_shown(table, column)) {
            next_cell(table, &first);
            append_upper(out, json_get_text(column, "name"));
        }
    }
    for (size_t i = 0; table->label_columns != NULL && i < table->label_columns->count; i++) {
        const char *key = table->label_columns->items[i], *slash = strrchr(key, '/');

        next_cell(table, &first);
        append_upper(out, bytes_str(slash != NULL ? slash + 1 : key));
    }
    if (table->show_labels) {
        next_cell(table, &first);
        buf_append_str(out, "LABELS");
    }
    buf_append_char(out, '\n');
}

static bool is_name_column(const struct json *column)
{
    return bytes_eq(json_get_text(column, "format"), BYTES("name")) &&
           bytes_eq(json_get_text(column, "type"), BYTES("string"));
}

/* "a=1,b=2" by key, or "<none>" (labels.FormatLabels). */
static void append_labels(struct buf *out, const struct json *labels)
{
    struct bytes last = {0};
    bool any = false;

    for (uint32_t n = json_is(labels, JSON_OBJECT) ? labels->count : 0; n != 0; n--) {
        const struct json *least = NULL;

        json_each(labels, it) {
            if ((!any || bytes_cmp(it->key, last) > 0) &&
                (least == NULL || bytes_cmp(it->key, least->key) < 0))
                least = it;
        }
        if (least == NULL)
            break;
        if (any)
            buf_append_char(out, ',');
        append_text(out, least->key);
        buf_append_char(out, '=');
        append_text(out, json_text(least));
        last = least->key;
        any = true;
    }
    if (!any)
        buf_append_str(out, "<none>");
}

static bool is_age(const struct table *table, const struct json *column)
{
    return table->counts_ages && bytes_eq(json_get_text(column, "name"), BYTES("Age"));
}

static void write_cells(struct table *table, const struct json *cells, struct bytes created,
                        bool *first)
{
    struct buf *out = &table->tabs.text;
    const struct json *column = table->columns->first;
    bool named = table->with_kind == NULL;

    json_each(cells, cell) {
        if (column == NULL)
            break; /* more cells than columns: a server's mistake */
        if (is_shown(table, column)) {
            next_cell(table, first);
            if (!named && is_name_column(column)) {
                buf_appendf(out, "%s/", table->with_kind);
                named = true;
            }
            if (is_age(table, column) && created.len != 0)
                age_append_since(out, created);
            else
                append_cell(out, cell);
        }
        column = column->next;
    }
}

/* What stands before the server's columns. */
static void write_lead(struct table *table, const struct json *metadata, const char *event,
                       bool *first)
{
    struct buf *out = &table->tabs.text;

    if (table->with_times) {
        char text[32];
        time_t now = time(NULL);
        struct tm utc;

        next_cell(table, first);
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
        buf_append_str(out, text);
    }
    if (table->with_events) {
        next_cell(table, first);
        buf_appendf(out, "%-8s", event);
    }
    if (table->with_namespace) {
        next_cell(table, first);
        append_text(out, json_get_text(metadata, "namespace"));
    }
}

static void write_labels(struct table *table, const struct json *labels, bool *first)
{
    struct buf *out = &table->tabs.text;

    for (size_t i = 0; table->label_columns != NULL && i < table->label_columns->count; i++) {
        const struct json *value = json_get(labels, bytes_str(table->label_columns->items[i]));

        next_cell(table, first);
        append_text(out, json_text(value));
    }
    if (table->show_labels) {
        next_cell(table, first);
        append_labels(out, labels);
    }
}

static const char *colour_of(const char *event)
{
    static const struct {
        const char *event, *colour;
    } colours[] = {{"ADDED", "\x1b[32m"}, {"MODIFIED", "\x1b[33m"}, {"DELETED", "\x1b[31m"}};

    for (size_t i = 0; i < ARRAY_LEN(colours); i++)
        if (strcmp(colours[i].event, event) == 0)
            return colours[i].colour;
    return NULL;
}

void table_row(struct table *table, const struct json *row, const char *event)
{
    struct buf *out = &table->tabs.text;
    const struct json *metadata = table_row_metadata(row);
    const char *colour = table->coloured ? colour_of(event) : NULL;
    bool first = true;

    if (table->columns == NULL)
        return;
    if (!table->headed && !table->no_headers)
        write_headers(table);
    table->headed = true;
    if (colour != NULL)
        buf_append_str(out, colour);
    write_lead(table, metadata, event, &first);
    write_cells(table, json_get(row, BYTES("cells")), json_get_text(metadata, "creationTimestamp"),
                &first);
    write_labels(table, json_get(metadata, BYTES("labels")), &first);
    if (colour != NULL)
        buf_append_str(out, "\x1b[0m");
    buf_append_char(out, '\n');
}

void table_flush(struct table *table, struct buf *out)
{
    tabs_flush(&table->tabs, out);
}
