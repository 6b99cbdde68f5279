/*
 * jsonpath - the part of JSONPath that printer columns, selectable fields and scripts are written
 * in.
 *
 *   .spec.replicas  .spec.ports[0].port  .list[-1]  .list[*].name  .labels['a/b']  .labels.a\.b/c
 *   .status.conditions[?(@.type=="Ready")].status
 *
 * Grammar  k8s.io/client-go/util/jsonpath, one expression, without `..`, slices and unions. Braces
 *          around it and a leading `$` are fine.
 * Shape    a parsed path is a plain value of fixed size that borrows the text.
 * Errors   BAD_REQUEST: not of this grammar, or more than JSONPATH_STEPS_MAX steps. What a path
 * does not find is absent, never an error. Threads  pure functions.
 */
#ifndef TIDEWATCH_CODEC_JSONPATH_H
#define TIDEWATCH_CODEC_JSONPATH_H

#include "codec/json.h"

enum { JSONPATH_STEPS_MAX = 24 };

enum jsonpath_step_type { JSONPATH_FIELD, JSONPATH_INDEX, JSONPATH_ALL, JSONPATH_FILTER };
enum jsonpath_op {
    JSONPATH_EXISTS,
    JSONPATH_EQ,
    JSONPATH_NE,
    JSONPATH_LT,
    JSONPATH_LE,
    JSONPATH_GT,
    JSONPATH_GE
};

struct jsonpath_step {
    enum jsonpath_step_type type;
    enum jsonpath_op op;  /* of a filter */
    struct bytes name;    /* a field, `\` still before escaped bytes; or a filter's path behind @ */
    struct bytes literal; /* what a filter compares with */
    enum json_type literal_type;
    int64_t index; /* negative: from the end */
};

struct jsonpath {
    size_t count;
    struct jsonpath_step steps[JSONPATH_STEPS_MAX];
};

MUST_CHECK enum status jsonpath_parse(struct bytes text, struct jsonpath *ret_path,
                                      struct error *reterr);
/* Calls back for each node found, in document order, until it says false. */
void jsonpath_each(const struct jsonpath *path, const struct json *root,
                   bool (*found)(void *user, const struct json *node), void *user);
/* The first node found, or NULL. */
const struct json *jsonpath_first(const struct jsonpath *path, const struct json *root);
/* As kubectl prints a result: a string as it is, all else as JSON. */
void jsonpath_write_text(struct buf *out, const struct json *node);

#endif
