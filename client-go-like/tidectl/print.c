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

void print_kind(struct buf *out, const tw_resource *resource)
{
    for (const char *at = resource->kind; *at != '\0'; at++)
        buf_append_char(out, (char)tolower((unsigned char)*at));
    if (*resource->group != '\0')
        buf_appendf(out, ".%s", resource->group);
}

void print_strip(struct json *tree)
{
    struct json *metadata = json_get(tree, BYTES("metadata"));

    if (json_is(metadata, JSON_OBJECT))
        json_remove(metadata, BYTES("managedFields"));
}
