#include "client-go-like/tidectl/print.h"

#include <ctype.h>

#include "codec/yaml.h"

/* Inside strings only: JSON has these bytes nowhere else. */
static void append_html_safe(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '<' || c == '>' || c == '&')
            buf_appendf(out, "\\u%04x", (unsigned)c);
        else
            buf_append_char(out, c);
    }
}

void print_json(struct buf *out, struct json *tree)
{
    struct buf narrow = {0};
    struct bytes rest;

    json_sort(tree);
    json_write(&narrow, tree, true);
    rest = buf_bytes(&narrow);
    while (rest.len !=
           0) { /* blanks at a line's start are indentation: strings hold no line break */
        struct bytes line = bytes_cut(&rest, '\n');
        size_t blanks = 0;

        while (blanks < line.len && line.ptr[blanks] == ' ')
            blanks++;
        buf_append(out, line.ptr, blanks);
        buf_append(out, line.ptr, blanks);
        append_html_safe(out, bytes_from(line, blanks));
        buf_append_char(out, '\n');
    }
    out->failed |= narrow.failed;
    buf_release(&narrow);
}

void print_compact(struct buf *out, struct json *tree)
{
    struct buf plain = {0};

    json_sort(tree);
    json_write(&plain, tree, false);
    append_html_safe(out, buf_bytes(&plain));
    out->failed |= plain.failed;
    buf_release(&plain);
}

void print_yaml(struct buf *out, struct json *tree)
{
    json_sort(tree);
    yaml_write(out, tree);
}

static void append_kind(struct buf *out, struct bytes kind, struct bytes group)
{
    for (size_t i = 0; i < kind.len; i++)
        buf_append_char(out, (char)tolower((unsigned char)kind.ptr[i]));
    if (group.len != 0)
        buf_appendf(out, ".%.*s", BYTES_FMT(group));
}

void print_kind(struct buf *out, const tw_resource *resource)
{
    append_kind(out, bytes_str(resource->kind), bytes_str(resource->group));
}

void print_kind_of(struct buf *out, const struct json *tree)
{
    struct bytes version = json_get_text(tree, "apiVersion"), group = bytes_cut(&version, '/');

    append_kind(out, json_get_text(tree, "kind"), version.ptr != NULL ? group : BYTES(""));
}

void print_strip(struct json *tree)
{
    struct json *metadata = json_get(tree, BYTES("metadata"));

    if (json_is(metadata, JSON_OBJECT))
        json_remove(metadata, BYTES("managedFields"));
}

void print_value(struct buf *out, const struct json *value)
{
    struct arena arena = {0};

    if (value->type == JSON_STRING) {
        buf_append_bytes(out, value->text);
    } else if (value->type >= JSON_ARRAY) {
        struct json *copy = json_copy(&arena, value);

        if (copy != NULL)
            print_compact(out, copy);
        out->failed |= copy == NULL;
    } else {
        json_write(out, value, false);
    }
    arena_release(&arena);
}

/* As deep as documents are: JSON_DEPTH_MAX. */
static void append_go_value(struct buf *out, const struct json *value)
{
    bool is_map = value->type == JSON_OBJECT;

    if (value->type == JSON_STRING) {
        buf_append_bytes(out, value->text);
    } else if (value->type == JSON_NULL) {
        buf_append_str(out, "<nil>");
    } else if (value->type < JSON_ARRAY) {
        json_write(out, value, false);
    } else {
        buf_append_str(out, is_map ? "map[" : "[");
        json_each(value, child) {
            if (child != value->first)
                buf_append_char(out, ' ');
            if (is_map)
                buf_appendf(out, "%.*s:", BYTES_FMT(child->key));
            append_go_value(out, child);
        }
        buf_append_char(out, ']');
    }
}

void print_go_value(struct buf *out, const struct json *value)
{
    struct arena arena = {0};
    struct json *copy = json_copy(&arena, value);

    if (copy != NULL) {
        json_sort(copy);
        append_go_value(out, copy);
    }
    out->failed |= copy == NULL;
    arena_release(&arena);
}
