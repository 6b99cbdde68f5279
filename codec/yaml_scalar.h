/*
 * yaml_scalar - one scalar of YAML becomes a value or a member's name. Private to codec/yaml_*.c.
 *
 * Errors   false, with the reason in `why`. Without memory the node is NULL.
 */
#ifndef TIDEWATCH_CODEC_YAML_SCALAR_H
#define TIDEWATCH_CODEC_YAML_SCALAR_H

#include "codec/json.h"

struct yaml_scalar {
    struct bytes text, tag; /* no tag: ptr NULL */
    bool is_plain;          /* without quotes: its text says what it is */
    bool is_key;
    bool is_merge_key; /* set by yaml_scalar_read(): `<<` as a key */
};

MUST_CHECK bool yaml_scalar_read(struct arena *arena, struct yaml_scalar *scalar,
                                 struct json **ret_node, struct buf *why);
/* The member name that a scalar is, as sigs.k8s.io/yaml converts keys that are not strings. */
MUST_CHECK bool yaml_scalar_key(struct arena *arena, const struct json *node, struct bytes *ret_key,
                                struct buf *why);

#endif
