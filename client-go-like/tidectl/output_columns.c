#include "client-go-like/tidectl/output.h"

/* "NAME:.metadata.name,IMAGE:.spec.containers[*].image" (KC cmd/get/customcolumn.go) */

static bool add_column(struct output *o, struct bytes header, struct bytes path)
{
    struct output_column *columns =
        arena_alloc(&o->arena, (o->column_count + 1) * sizeof(*columns));
    struct error error = {0};

    if (columns == NULL)
        return tidectl_say_no_memory() == 0;
    if (o->column_count != 0)
        memcpy(columns, o->columns, o->column_count * sizeof(*columns));
    o->columns = columns;
    columns[o->column_count].header = header;
    if (jsonpath_template_parse_relaxed(&o->arena, path, &columns[o->column_count].template,
                                        &error) != STATUS_OK) {
        tidectl_say("%s", error_message(&error));
        error_release(&error);
        return false;
    }
    o->column_count++;
    return true;
}

/* The next column ends at a comma that is in no brackets or quotes. */
static size_t column_len(struct bytes text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '[' || c == '(')
            depth++;
        else if ((c == ']' || c == ')') && depth != 0)
            depth--;
        else if (c == ',' && depth == 0)
            return i;
    }
    return text.len;
}

bool output_read_columns(struct output *o, struct bytes text)
{
    while (text.len != 0) {
        size_t len = column_len(text), colon;
        struct bytes one = bytes_of(text.ptr, len);

        colon = bytes_find(one, ':');
        if (colon == one.len)
            return tidectl_say("unexpected custom-columns spec: %.*s, expected <header>:<json-path-"
                               "expr>",
                               BYTES_FMT(one)) == 0;
        if (!add_column(o, bytes_of(one.ptr, colon), bytes_from(one, colon + 1)))
            return false;
        text = bytes_from(text, len + 1);
    }
    return true;
}

static struct bytes next_word(struct bytes *line)
{
    size_t len = 0;
    struct bytes word;

    *line = bytes_trim(*line);
    while (len < line->len && line->ptr[len] != ' ' && line->ptr[len] != '\t')
        len++;
    word = bytes_of(line->ptr, len);
    *line = bytes_from(*line, len);
    return word;
}

/* A line of headers and a line of paths. */
bool output_read_columns_file(struct output *o, struct bytes text)
{
    struct bytes headers = bytes_cut(&text, '\n'), paths = bytes_cut(&text, '\n');

    for (;;) {
        struct bytes header = next_word(&headers), path = next_word(&paths);

        if (header.len == 0 && path.len == 0)
            return o->column_count != 0 ||
                   tidectl_say("custom-columns format specified but no custom columns given") == 0;
        if (header.len == 0 || path.len == 0)
            return tidectl_say("number of headers and field specifications don't match") == 0;
        if (!add_column(o, header, path))
            return false;
    }
}
