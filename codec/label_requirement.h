/*
 * label_requirement - a parsed label selector from inside. Private to codec/label_*.c.
 *
 *   label_parse.c  makes it      label_selector.c  matches it
 *
 * One block: the struct, its requirements sorted by key, their values (sorted within a
 * requirement), and the text they point into.
 */
#ifndef TIDEWATCH_CODEC_LABEL_REQUIREMENT_H
#define TIDEWATCH_CODEC_LABEL_REQUIREMENT_H

#include "codec/selector.h"

enum requirement_op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_MISSING, OP_GREATER, OP_LESS };

struct requirement {
    struct bytes key;
    const struct bytes *values; /* of IN and NOT_IN; `=` is IN with one value */
    uint32_t value_count;
    enum requirement_op op;
    int64_t bound; /* of GREATER and LESS */
};

struct label_selector {
    size_t count;
    struct requirement requirements[];
};

/* As strconv.ParseInt(text, 10, 64). */
bool label_parse_int(struct bytes text, int64_t *ret);

#endif
