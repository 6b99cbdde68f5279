/*
 * yaml_plain - what a YAML scalar without quotes means. Private to codec/yaml_*.c.
 *
 * The rules of go-yaml v2 (resolve.go), which are those of YAML 1.1 with its booleans and octals,
 * so that a manifest means here what it means to kubectl.
 */
#ifndef TIDEWATCH_CODEC_YAML_PLAIN_H
#define TIDEWATCH_CODEC_YAML_PLAIN_H

#include "base/arena.h"

enum yaml_plain_type {
    PLAIN_STRING,
    PLAIN_NULL,
    PLAIN_BOOL,
    PLAIN_INT,
    PLAIN_FLOAT,
    PLAIN_NOT_FINITE, /* .inf, .nan: numbers that JSON does not have */
    PLAIN_TIMESTAMP,
    PLAIN_MERGE, /* << */
};

struct yaml_plain {
    enum yaml_plain_type type;
    bool boolean;
    struct bytes text; /* an INT or FLOAT as JSON writes it; else what stood there */
};

/* New texts live in `arena`. */
struct yaml_plain yaml_plain_resolve(struct arena *arena, struct bytes text);
/* The tag of a type, as `!!int`. */
const char *yaml_plain_tag(enum yaml_plain_type type);
/* True for base 60, `1:30`: a string to us, a number to other readers. */
bool yaml_plain_is_base60(struct bytes text);

#endif
