/*
 * strategic - what the two halves of strategic merge patch share. Private to codec/strategic_*.c.
 *
 *   strategic_merge_patch.c  objects and their directives
 *   strategic_list.c         lists: merged by key or as a set, then put in order
 *
 * Source: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
 */
#ifndef TIDEWATCH_CODEC_STRATEGIC_H
#define TIDEWATCH_CODEC_STRATEGIC_H

#include "codec/patch.h"

struct strategic {
    struct arena *arena;
    const struct merge_rule *rules;
    size_t rule_count;
    struct error *reterr;
};

/* Where in the object a value stands: the names from it up to the root (NULL), without indexes. */
struct place {
    const struct place *up;
    struct bytes name;
};

/* Merges `patch` into the object `target`, in place. */
enum status strategic_merge_object(struct strategic *s, struct json *target,
                                   const struct json *patch, const struct place *place);

/* Merges the list `patch` (NULL: none) into the list `target`, in place, in the order of `order`, a
 * $setElementOrder list (NULL: none). */
enum status strategic_merge_list(struct strategic *s, struct json *target, const struct json *patch,
                                 const struct json *order, const struct merge_rule *rule,
                                 const struct place *place);
/* Takes every item of the list `doomed` out of the list of scalars `target`. */
enum status strategic_delete_scalars(struct strategic *s, struct json *target,
                                     const struct json *doomed);

/* A copy of what a patch adds, without nulls and directives. NULL: it was itself a directive. */
struct json *strategic_clean(struct arena *arena, const struct json *value);
/* The same of an object, whatever its `$patch` says. */
struct json *strategic_clean_object(struct arena *arena, const struct json *value);

enum patch_directive {
    DIRECTIVE_NONE, /* no `$patch` member */
    DIRECTIVE_MERGE,
    DIRECTIVE_REPLACE,
    DIRECTIVE_DELETE,
    DIRECTIVE_UNKNOWN,
};
enum patch_directive strategic_directive(const struct json *object);
enum status strategic_unknown_directive(struct strategic *s, const struct json *object);

#endif
