/*
 * explain - what an OpenAPI v3 document says of a type, and how kubectl prints it.
 *
 *   explain.c finds document, schema and field --> explain_print.c
 *
 * Shape    nodes of the document; `$ref`s are followed when a schema is looked into.
 */
#ifndef TIDEWATCH_TIDECTL_EXPLAIN_H
#define TIDEWATCH_TIDECTL_EXPLAIN_H

#include <tidewatch/client.h>

#include "codec/json.h"

struct explain {
    const struct json *schemas; /* components.schemas */
    const tw_resource *resource;
    const struct json *schema; /* of the type or the field */
    struct bytes field;        /* its name; empty: the type itself */
    bool recursive;
};

/* The schema that `$ref`, or an allOf of one, stands for; `node` itself if it is none. `ret_ref`
 * may be NULL, else the last name that was followed. */
const struct json *explain_resolve(const struct explain *e, const struct json *node,
                                   struct bytes *ret_ref);
/* The schema of what a list holds or a map maps to, else `node`; resolved. */
const struct json *explain_inside(const struct explain *e, const struct json *node);
void explain_print_head(const struct explain *e, struct buf *out);
void explain_print(const struct explain *e, struct buf *out);

#endif
