/*
 * registry - which kinds are served now: the built-in ones, and those of the
 * CustomResourceDefinitions.
 *
 * Owner    one registry a loop, fed by that loop's watch cache with every change of a CRD.
 * Threads  its loop only.
 * Errors   only memory.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_REGISTRY_H
#define TIDEWATCH_APISERVER_REGISTRY_REGISTRY_H

#include "apiserver/registry/kind.h"

struct registry;

struct registry *registry_new(void);
void registry_free(struct registry *registry);

/* NULL: not served. Borrowed until the registry changes. */
const struct kind *registry_find(const struct registry *registry, struct bytes group,
                                 struct bytes version, struct bytes plural);
const struct kind *registry_find_kind(const struct registry *registry, struct bytes group,
                                      struct bytes version, struct bytes kind);
/* Any served version of a resource. */
const struct kind *registry_find_any(const struct registry *registry, struct bytes group,
                                     struct bytes plural);
/* Every served kind: built-in ones first, then custom ones by group, version, plural. */
void registry_each(const struct registry *registry,
                   void (*each)(void *user, const struct kind *kind), void *user);

/* A CRD as it is stored now (create and update alike); kinds that it does not serve any more go.
 * False without memory. A CRD that is being deleted still serves reads and deletes. */
bool registry_put_crd(struct registry *registry, const struct object *crd);
void registry_remove_crd(struct registry *registry, struct bytes name);
/* The CRD of a custom kind: its storage key and revision (to guard writes), and whether it is being
 * deleted (creates are refused). */
struct custom_info {
    struct bytes crd_key;
    uint64_t crd_rev;
    bool terminating;
    bool numbered; /* its fields have the numbers that the CRD gives: see crd_parts.h */
    const char *storage_api_version; /* objects are stored with this apiVersion */
};
bool registry_custom_info(const struct kind *kind, struct custom_info *ret_info);
/* The .proto file of a custom kind; false: it is none, or has no messages. */
bool registry_write_proto(const struct kind *kind, struct buf *out);
/* Where a kind with has_scale keeps its numbers, as JSONPaths; false for the others. */
struct scale_paths {
    const char *spec_replicas, *status_replicas;
    const char
        *label_selector; /* of a string; "" for none. Built-in kinds: a whole LabelSelector */
};
bool registry_scale_paths(const struct kind *kind, struct scale_paths *ret_paths);
/* The selector of an object with has_scale as a Scale's status.selector words it; adds nothing if
 * there is none. */
void registry_scale_selector(const struct kind *kind, const struct json *object, struct buf *out);

/* ---- CustomResourceDefinition objects themselves (registry/crd.c) ---- */
/* Defaults (singular, listKind, conversion, ..) and validates one to be written, and sets its
 * status (acceptedNames, storedVersions, conditions NamesAccepted and Established, at once). `old`
 * is NULL on create. INVALID with causes, as the real server words them. */
MUST_CHECK enum status crd_prepare(const struct registry *registry, struct arena *arena,
                                   struct json *crd, const struct json *old, struct error *reterr);

#endif
