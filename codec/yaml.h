/*
 * yaml - YAML to and from the JSON tree, by libyaml, with the rules of sigs.k8s.io/yaml.
 *
 * Resolver as go-yaml v2 (YAML 1.1): yes/no/on/off are booleans, 0777 is octal, `<<` merges, `~`
 * is null; keys become strings. Refused: deeper than YAML_DEPTH_MAX (counted on the event stream:
 * libyaml itself is quadratic in nesting), aliases that would expand past the budget, %TAG lines,
 * UTF-16, duplicate keys.
 */
#ifndef TIDEWATCH_CODEC_YAML_H
#define TIDEWATCH_CODEC_YAML_H

#include "codec/json.h"

enum { YAML_DEPTH_MAX = 64, YAML_NODES_MAX = 1000000 };

/* Reads one document; more than one is BAD_REQUEST. No document gives a null node. */
MUST_CHECK enum status yaml_parse(struct arena *arena, struct bytes text, struct json **ret_json,
                                  struct error *reterr);
/* Reads every document of a stream into a JSON array; empty documents are left out. */
MUST_CHECK enum status yaml_parse_all(struct arena *arena, struct bytes text,
                                      struct json **ret_array, struct error *reterr);
/* Block style, members sorted by key, two blanks, strings quoted only where a reader would take
 * them for something else: what `kubectl get -o yaml` prints. */
void yaml_write(struct buf *out, const struct json *node);

#endif
