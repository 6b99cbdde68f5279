/*
 * jsonpath_template - what `kubectl -o jsonpath=` is written in: text with JSONPath in braces.
 *
 *   {range .items[*]}{.metadata.name}{"\t"}{.spec.ports[0,2:4].port}{"\n"}{end}
 *   {..image}  {.items[?(@.status.phase!="Running")].metadata['name','uid']}
 *
 * Grammar  k8s.io/client-go/util/jsonpath, whole: range and end, `..`, slices with a step, unions,
 *          filters with a path or a literal on each side, quoted text with Go's escapes. (The paths
 *          of printer columns, which a server evaluates for others, are the plain ones of
 *          jsonpath.h.)
 * Shape    nodes in the caller's arena, which borrow the text. Members are visited in document
 *          order. What a path does not find is nothing, as with AllowMissingKeys.
 * Errors   BAD_REQUEST in client-go's words: a mistake in the template, or a value it does not fit.
 * Limits   JSONPATH_TEMPLATE_DEPTH filters and unions in each other; JSONPATH_VALUES_MAX found at
 *          a time.
 */
#ifndef TIDEWATCH_CODEC_JSONPATH_TEMPLATE_H
#define TIDEWATCH_CODEC_JSONPATH_TEMPLATE_H

#include "codec/json.h"

enum { JSONPATH_TEMPLATE_DEPTH = 16, JSONPATH_VALUES_MAX = 1000000 };

enum jsonpath_node_type {
    JSONPATH_NODE_FIELD,
    JSONPATH_NODE_ALL,
    JSONPATH_NODE_SLICE,
    JSONPATH_NODE_BELOW, /* .. */
    JSONPATH_NODE_UNION,
    JSONPATH_NODE_FILTER,
    JSONPATH_NODE_LITERAL,
};

struct jsonpath_list;

struct jsonpath_node {
    enum jsonpath_node_type type;
    struct jsonpath_node *next;
    struct bytes name;                  /* of a field */
    struct json *literal;               /* text, number or boolean */
    struct jsonpath_list *left, *right; /* of a filter; left alone: does it exist? */
    struct bytes op;
    int64_t from, to, step; /* of a slice */
    bool has_from, has_to, has_step, single;
};

/* A chain of nodes, each applied to what the one before has found; lists of a union and actions of
 * a template stand side by side. */
struct jsonpath_list {
    struct jsonpath_node *first, *last;
    struct jsonpath_list *next;
    bool is_range, is_end;
    struct bytes text;         /* outside of braces, when `first` is NULL and it is no end */
    struct jsonpath_list *end; /* of a range; NULL: the template's end */
};

struct jsonpath_template {
    struct jsonpath_list *first, *last;
};

MUST_CHECK enum status jsonpath_template_parse(struct arena *arena, struct bytes text,
                                               struct jsonpath_template *ret_template,
                                               struct error *reterr);
/* As --sort-by and custom-columns take it: `.metadata.name`, `metadata.name` or in braces. */
MUST_CHECK enum status jsonpath_template_parse_relaxed(struct arena *arena, struct bytes text,
                                                       struct jsonpath_template *ret_template,
                                                       struct error *reterr);

struct jsonpath_values { /* in the arena they were found with */
    const struct json **items;
    size_t count, capacity;
};

/* All values of all actions; texts outside of braces are not values, and range does nothing. */
MUST_CHECK enum status jsonpath_template_find(const struct jsonpath_template *template,
                                              struct arena *arena, const struct json *root,
                                              struct jsonpath_values *ret_values,
                                              struct error *reterr);
/* Writes the text; values of one action with a blank between them, each by `write`. */
MUST_CHECK enum status
jsonpath_template_write(const struct jsonpath_template *template, const struct json *root,
                        void (*write)(struct buf *out, const struct json *value), struct buf *out,
                        struct error *reterr);

#endif
