/*
 * output - how objects are printed: what -o says, read once.
 *
 *   output_begin()  output_object() each  output_flush()  output_release()
 *
 * Shape    custom columns are aligned with what came before, the header before the first row.
 * Errors   what a template does not fit is told, and output_object() is false.
 */
#ifndef TIDEWATCH_TIDECTL_OUTPUT_H
#define TIDEWATCH_TIDECTL_OUTPUT_H

#include "client-go-like/tidectl/tabs.h"
#include "client-go-like/tidectl/tidectl.h"
#include "codec/jsonpath_template.h"

enum output_form {
    OUTPUT_TABLE, /* no -o */
    OUTPUT_WIDE,
    OUTPUT_JSON,
    OUTPUT_YAML,
    OUTPUT_NAME,
    OUTPUT_JSONPATH,
    OUTPUT_COLUMNS,
};

struct output_column {
    struct bytes header;
    struct jsonpath_template template;
};

struct output {
    enum output_form form;
    bool keep_managed, no_headers;
    struct arena arena;
    struct jsonpath_template template;
    struct bytes template_text;
    struct output_column *columns;
    size_t column_count;
    struct tabs tabs;
    bool headed;
    size_t documents; /* of YAML */
};

enum {
    OUTPUTS_OBJECTS =
        1u << OUTPUT_JSON | 1u << OUTPUT_YAML | 1u << OUTPUT_NAME | 1u << OUTPUT_JSONPATH
};

/* `forms`: the bits of what the command can print besides OUTPUT_TABLE. False after saying what is
 * wrong with -o. */
bool output_begin(struct output *o, const struct flags *flags, unsigned forms);
/* Reads custom columns: "NAME:.metadata.name,..", or the two lines of a file. */
bool output_read_columns(struct output *o, struct bytes text);
bool output_read_columns_file(struct output *o, struct bytes text);
/* Prints one object, or a list; `tree` may be sorted and stripped. `resource` NULL: the tree says.
 */
bool output_object(struct output *o, const tw_resource *resource, struct json *tree,
                   struct buf *out);
/* What was aligned meanwhile goes to `out`. */
void output_flush(struct output *o, struct buf *out);
void output_release(struct output *o);
/* A whole file; what is wrong is told. */
bool output_read_file(const char *path, struct buf *text);

/* "configmap/a created", with what --dry-run adds, or what -o asks for. */
bool output_done(struct tidectl *t, struct output *o, const tw_resource *resource,
                 const struct json *tree, const char *done);

#endif
