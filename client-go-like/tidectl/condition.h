/*
 * condition - what `wait --for` and `get --until` wait for.
 *
 *   condition=Ready  condition=Ready=False  jsonpath={.data.k}=v  create  delete  deleted  count=3
 *
 * Shape    parsed once; borrows the text and lives in the arena.
 */
#ifndef TIDEWATCH_TIDECTL_CONDITION_H
#define TIDEWATCH_TIDECTL_CONDITION_H

#include "codec/jsonpath_template.h"

enum condition_type {
    CONDITION_STATUS,   /* of status.conditions */
    CONDITION_JSONPATH, /* one value, equal to `value` if that is given */
    CONDITION_CREATED,
    CONDITION_DELETED,
    CONDITION_COUNT, /* of lines */
};

struct condition {
    enum condition_type type;
    struct bytes name, value;
    struct jsonpath_template template;
    uint64_t count;
};

/* `types`: the bits of what is allowed. False after saying what is wrong. */
bool condition_parse(struct condition *condition, struct arena *arena, const char *text,
                     unsigned types);
/* Of CONDITION_STATUS and CONDITION_JSONPATH; false for all others. */
bool condition_holds(const struct condition *condition, const struct json *object);

#endif
