/*
 * meta_rules - what metadata must and may be: the fields the server owns, and the syntax of the
 * rest (k8s.io/apiserver/pkg/registry/rest/{create,update,meta}.go,
 * k8s.io/apimachinery/pkg/api/validation/objectmeta.go).
 *
 * Threads  pure functions on trees of the caller.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_META_RULES_H
#define TIDEWATCH_APISERVER_HANDLERS_META_RULES_H

#include "apiserver/handlers/name_rules.h"
#include "apiserver/registry/kind.h"

/* metadata, made if it is missing; members that are null are dropped. */
struct json *meta_of(struct arena *arena, struct json *tree);
/* Text of metadata.`name`; empty if absent. */
struct bytes meta_text(const struct json *tree, const char *name);

/* A new object: wipes what only the server sets, and sets it. */
void meta_begin(struct arena *arena, const struct kind *kind, struct json *tree,
                struct bytes namespace);
/* A change: keeps from `old` what only the server sets. */
void meta_keep(struct arena *arena, struct json *tree, const struct json *old);
/* Counts a change in metadata.generation. */
void meta_bump_generation(struct arena *arena, struct json *tree);
/* Marks the beginning of a deletion: timestamp, grace period, generation (rest/delete.go). */
void meta_begin_deletion(struct arena *arena, struct json *tree, int64_t grace_s);
bool meta_is_deleting(const struct json *tree);
/* True if metadata.finalizers names `finalizer`; NULL: any. */
bool meta_has_finalizer(const struct json *tree, const char *finalizer);

/* `old` is NULL on create. */
void meta_validate(struct field_errors *errors, const struct kind *kind, enum name_rule rule,
                   const struct json *tree, const struct json *old);

#endif
