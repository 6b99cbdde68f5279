/*
 * json_depth - how deep a tree nests. Private to codec.
 */
#ifndef TIDEWATCH_CODEC_JSON_DEPTH_H
#define TIDEWATCH_CODEC_JSON_DEPTH_H

#include "codec/json.h"

/* More than `levels` containers stand one inside the other. Recurses at most that deep, whatever
 * the tree. */
bool json_is_deeper(const struct json *node, unsigned levels);

#endif
