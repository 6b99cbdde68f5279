#include "client-go-like/tidectl/output.h"

#include <stdio.h>

#include "client-go-like/tidectl/print.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

static const struct {
    const char *name;
    enum output_form form;
    bool takes_text, from_file; /* "jsonpath=..", "jsonpath-file=.." */
} forms[] = {
    {"custom-columns", OUTPUT_COLUMNS, true, false},
    {"custom-columns-file", OUTPUT_COLUMNS, true, true},
    {"json", OUTPUT_JSON, false, false},
    {"jsonpath", OUTPUT_JSONPATH, true, false},
    {"jsonpath-file", OUTPUT_JSONPATH, true, true},
    {"name", OUTPUT_NAME, false, false},
    {"wide", OUTPUT_WIDE, false, false},
    {"yaml", OUTPUT_YAML, false, false},
};

static bool say_allowed(const char *asked, unsigned allowed)
{
    struct buf list = {0};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if ((allowed & 1u << forms[i].form) != 0)
            buf_appendf(&list, "%s%s", list.len != 0 ? "," : "", forms[i].name);
    if (strncmp(asked, "go-template", 11) == 0 || strncmp(asked, "template", 8) == 0)
        buf_append_str(&list, " (Go templates need Go: use jsonpath)");
    tidectl_say("unable to match a printer suitable for the output format \"%s\", allowed formats "
                "are: %.*s",
                asked, BYTES_FMT(buf_bytes(&list)));
    buf_release(&list);
    return false;
}

bool output_read_file(const char *path, struct buf *text)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    size_t got = 1;
    bool ok;

    if (file == NULL)
        return tidectl_say("open %s: %m", path) == 0;
    while (got != 0 && text->len <= FILE_MAX && buf_reserve(text, 4096)) {
        got = fread(text->data + text->len, 1, 4096, file);
        text->len += got;
    }
    ok = !ferror(file) && got == 0;
    if (!is_stdin)
        fclose(file);
    return ok ||
           tidectl_say("cannot read %s: it is no file of less than %d bytes", path, FILE_MAX) == 0;
}

static bool read_template(struct output *o, struct bytes text)
{
    struct error error = {0};

    o->template_text = text;
    if (jsonpath_template_parse(&o->arena, text, &o->template, &error) == STATUS_OK)
        return true;
    tidectl_say("error parsing jsonpath %.*s, %s", BYTES_FMT(text), error_message(&error));
    error_release(&error);
    return false;
}

static bool read_text(struct output *o, size_t form, const char *text)
{
    struct buf file = {0};
    struct bytes kept;

    if (forms[form].from_file && !output_read_file(text, &file)) {
        buf_release(&file);
        return false;
    }
    kept = forms[form].from_file ? arena_dup(&o->arena, buf_bytes(&file)) : bytes_str(text);
    buf_release(&file);
    if (forms[form].form == OUTPUT_JSONPATH)
        return read_template(o, kept);
    return forms[form].from_file ? output_read_columns_file(o, kept) : output_read_columns(o, kept);
}

bool output_begin(struct output *o, const struct flags *f, unsigned allowed)
{
    struct bytes rest = bytes_str(f->output), name = bytes_cut(&rest, '=');

    *o = (struct output){.keep_managed = f->show_managed_fields, .no_headers = f->no_headers};
    if (f->output == NULL || *f->output == '\0')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (!bytes_eq_str(name, forms[i].name) || (allowed & 1u << forms[i].form) == 0)
            continue;
        o->form = forms[i].form;
        if (!forms[i].takes_text && rest.ptr == NULL)
            return true;
        if (forms[i].takes_text && rest.len != 0)
            return read_text(o, i, rest.ptr);
        if (forms[i].takes_text)
            return tidectl_say("template format specified but no template given") == 0;
    }
    return say_allowed(f->output, allowed);
}

void output_release(struct output *o)
{
    arena_release(&o->arena);
    tabs_release(&o->tabs);
}

static bool write_template(struct output *o, const struct json *tree, struct buf *out)
{
    struct error error = {0};
    enum status st = jsonpath_template_write(&o->template, tree, print_value, out, &error);

    if (st != STATUS_OK)
        tidectl_say("error executing jsonpath \"%.*s\": Error executing template: %s",
                    BYTES_FMT(o->template_text), error_message(&error));
    error_release(&error);
    return st == STATUS_OK;
}

/* One value a column; several are joined by commas, none is <none>. */
static bool write_column(struct output *o, const struct output_column *column,
                         const struct json *tree, struct arena *arena)
{
    struct jsonpath_values found;
    struct error error = {0};
    struct buf *out = &o->tabs.text;

    if (jsonpath_template_find(&column->template, arena, tree, &found, &error) != STATUS_OK) {
        tidectl_say("%s", error_message(&error));
        error_release(&error);
        return false;
    }
    if (found.count == 0)
        buf_append_str(out, "<none>");
    for (size_t i = 0; i < found.count; i++) {
        if (i != 0)
            buf_append_char(out, ',');
        print_go_value(out, found.items[i]);
    }
    return true;
}

static bool write_columns(struct output *o, const struct json *tree)
{
    struct arena arena = {0};
    bool ok = true;

    for (size_t i = 0; i < o->column_count && !o->headed && !o->no_headers; i++)
        buf_appendf(&o->tabs.text, "%.*s%s", BYTES_FMT(o->columns[i].header),
                    i + 1 < o->column_count ? "\t" : "\n");
    o->headed = true;
    for (size_t i = 0; i < o->column_count && ok; i++) {
        if (i != 0)
            buf_append_char(&o->tabs.text, '\t');
        ok = write_column(o, &o->columns[i], tree, &arena);
    }
    buf_append_char(&o->tabs.text, '\n');
    arena_release(&arena);
    return ok;
}

static bool write_all_columns(struct output *o, const struct json *tree)
{
    const struct json *items = json_get(tree, BYTES("items"));
    bool ok = true;

    json_each(items, item) {
        ok = ok && write_columns(o, item);
    }
    if (items == NULL || items->count != 0 || o->headed || o->no_headers)
        return items != NULL ? ok : write_columns(o, tree);
    for (size_t i = 0; i < o->column_count; i++) /* an empty list has a header */
        buf_appendf(&o->tabs.text, "%.*s%s", BYTES_FMT(o->columns[i].header),
                    i + 1 < o->column_count ? "\t" : "\n");
    o->headed = true;
    return ok;
}

static void strip(const struct output *o, struct json *tree)
{
    if (o->keep_managed)
        return;
    print_strip(tree);
    json_each(json_get(tree, BYTES("items")), item) {
        print_strip(item);
    }
}

bool output_object(struct output *o, const tw_resource *resource, struct json *tree,
                   struct buf *out)
{
    switch (o->form) {
    case OUTPUT_JSON:
        strip(o, tree);
        print_json(out, tree);
        return true;
    case OUTPUT_YAML:
        if (o->documents++ != 0)
            buf_append_str(out, "---\n");
        strip(o, tree);
        print_yaml(out, tree);
        return true;
    case OUTPUT_JSONPATH:
        return write_template(o, tree, out);
    case OUTPUT_COLUMNS:
        return write_all_columns(o, tree);
    default:
        if (resource != NULL)
            print_kind(out, resource);
        else
            print_kind_of(out, tree);
        buf_appendf(out, "/%.*s\n",
                    BYTES_FMT(json_get_text(json_get(tree, BYTES("metadata")), "name")));
        return true;
    }
}

void output_flush(struct output *o, struct buf *out)
{
    tabs_flush(&o->tabs, out);
}

bool output_done(struct tidectl *t, struct output *o, const tw_resource *resource,
                 const struct json *tree, const char *done)
{
    static const char *const suffixes[] = {"", " (dry run)", " (server dry run)"};
    struct arena arena = {0};
    struct buf out = {0};
    bool ok = true;

    if (o->form == OUTPUT_TABLE) {
        print_kind(&out, resource);
        buf_appendf(&out, "/%.*s %s%s\n",
                    BYTES_FMT(json_get_text(json_get(tree, BYTES("metadata")), "name")), done,
                    suffixes[t->dry_run]);
    } else {
        struct json *copy = json_copy(&arena, tree);

        ok = copy != NULL && output_object(o, resource, copy, &out);
        output_flush(o, &out);
    }
    arena_release(&arena);
    return tidectl_finish(&out, 0) == 0 && ok;
}
