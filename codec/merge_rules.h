/*
 * merge_rules - how strategic merge patch treats each built-in kind.
 *
 * The facts of the `patchStrategy` and `patchMergeKey` tags in k8s.io/api (v0.34), as tables. What
 * no rule names is the default: objects merge, lists are replaced.
 *
 * Owner    static tables.
 * Threads  constant: from anywhere.
 */
#ifndef TIDEWATCH_CODEC_MERGE_RULES_H
#define TIDEWATCH_CODEC_MERGE_RULES_H

#include "codec/patch.h"

/* The rules of a kind, whatever its version; `group` is empty for the core group. A kind without
 * rules of its own has those of its metadata. */
const struct merge_rule *merge_rules_for(struct bytes group, struct bytes kind, size_t *ret_count);

#endif
