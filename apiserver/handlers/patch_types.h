/*
 * patch_types - the media types of a PATCH, and how each changes a tree
 * (k8s.io/apiserver/pkg/endpoints/handlers/patch.go).
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_PATCH_TYPES_H
#define TIDEWATCH_APISERVER_HANDLERS_PATCH_TYPES_H

#include "apiserver/registry/kind.h"

struct patch_type;

/* The type of a Content-Type. UNSUPPORTED_MEDIA_TYPE names those that `kind` takes; `schema` says
 * that what is patched is a built-in type with merge rules. */
MUST_CHECK enum status patch_type_find(struct bytes content_type, bool schema,
                                       const struct patch_type **ret_type, struct error *reterr);
/* Is it a patch at all? BAD_REQUEST. */
MUST_CHECK enum status patch_type_check(const struct patch_type *type, const struct json *patch,
                                        struct error *reterr);
/* Changes `*target`, an object of `group` and `kind`; `patch` is copied first. Both the target's
 * new nodes and the copy live in `arena`. */
MUST_CHECK enum status patch_type_apply(const struct patch_type *type, struct arena *arena,
                                        struct bytes group, struct bytes kind, struct json **target,
                                        const struct json *patch, struct error *reterr);

#endif
