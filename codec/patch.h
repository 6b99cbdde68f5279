/*
 * patch - the three ways to change a tree: JSON patch, JSON merge patch, strategic merge patch.
 *
 * The target tree is changed in place; on failure it is left half changed: work on a json_copy().
 * New nodes live in `arena`. The patch stays as it is (a retry may apply it again), but the target
 * then borrows its texts: they must outlive it.
 *
 * Limits  those of kube-apiserver (endpoints/handlers/patch.go), JSON_PATCH_OPS_MAX operations and
 *         JSON_PATCH_COPY_MAX bytes added by `copy`; ours, 10^8 values walked over. TOO_LARGE.
 */
#ifndef TIDEWATCH_CODEC_PATCH_H
#define TIDEWATCH_CODEC_PATCH_H

#include "codec/json.h"

enum { JSON_PATCH_OPS_MAX = 10000, JSON_PATCH_COPY_MAX = 3 * 1024 * 1024 };

/* RFC 6902. BAD_REQUEST: the patch itself is malformed. INVALID: a test failed, a path does not
 * exist, or the result nests deeper than JSON_DEPTH_MAX. `*target` may become another node when the
 * whole document is replaced. */
MUST_CHECK enum status json_patch_apply(struct arena *arena, struct json **target,
                                        const struct json *patch, struct error *reterr);

/* RFC 7386. Cannot fail but for memory, which the arena remembers. */
struct json *json_merge_patch_apply(struct arena *arena, struct json *target,
                                    const struct json *patch);

/* How values of a built-in kind merge: the facts of the `patchStrategy` and `patchMergeKey` tags in
 * k8s.io/api. `path` is the dotted way from the root without indexes: "spec.containers.ports".
 * A rule whose path begins with "**." applies under any prefix (PodSpec stands in many kinds). */
struct merge_rule {
    const char *path;
    const char
        *merge_key;   /* lists of objects: their key; NULL: a list of scalars merged as a set */
    bool retain_keys; /* strategy retainKeys too; without a key: of an object, not of a list */
    bool replace;     /* strategy replace: an object that is not merged */
};

/* Strategic merge patch with `$patch`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`,
 * `$retainKeys` (apimachinery/pkg/util/strategicpatch). Lists without a rule are replaced.
 * BAD_REQUEST: malformed directives, or a list item without its merge key. */
MUST_CHECK enum status strategic_merge_patch_apply(struct arena *arena, struct json *target,
                                                   const struct json *patch,
                                                   const struct merge_rule *rules,
                                                   size_t rule_count, struct error *reterr);

#endif
