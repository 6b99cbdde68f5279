/*
 * registry_parts - what the registry's own files share: its insides, its order of kinds, and the
 * documents made from them. Nobody else includes this.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_REGISTRY_PARTS_H
#define TIDEWATCH_APISERVER_REGISTRY_REGISTRY_PARTS_H

#include "apiserver/registry/custom_kind.h"
#include "apiserver/registry/discovery.h"
#include "base/map.h"

struct served;

/* The kinds of one CRD. */
struct crd {
    struct list kinds;     /* of struct custom_kind */
    struct object *object; /* referenced; its name is the map's key */
};

struct registry {
    uint64_t generation;
    struct arena arena;      /* keys of the built-in kinds */
    struct map by_resource;  /* "group/version/plural" -> kind */
    struct map by_kind;      /* "group/version/Kind" -> kind */
    struct map builtin;      /* "plural.group" -> kind */
    struct map crds;         /* name, which is "plural.group" -> struct crd */
    const struct kind **all; /* in order; NULL: to be made again */
    size_t all_count;
    struct served *served; /* the same in the order of discovery */
    struct map documents;  /* key -> struct cached_document */
};

/* Every kind in the order of registry_each(); NULL without memory. */
const struct kind *const *registry_all(struct registry *registry, size_t *ret_count);

/* ---- names that are taken (registry_names.c) ---- */
/* Adds to the sets what kinds of `group` are called, but for those of the CRD `but`. */
bool registry_taken_names(const struct registry *registry, struct bytes group, struct bytes but,
                          struct map *resources, struct map *kinds);

/* ---- documents (documents.c) ---- */
/* A document that was kept, as a new reference. */
bool documents_get(struct registry *registry, struct bytes key, struct document *ret_document);
/* Keeps `body`, and gives a reference. It goes with the next change of a kind of `group`, or with
 * any change if `group` is NULL. */
bool documents_put(struct registry *registry, struct bytes key, const char *group,
                   struct bytes content_type, struct buf *body, struct document *ret_document);
/* The hash of a kept document, which lives as long as its body. */
struct bytes documents_hash(const struct document *document);
/* Forgets what a change of `group` makes stale; all if `group` is NULL. */
void documents_forget(struct registry *registry, const char *group);

/* ---- discovery's order: groups by priority, versions by preference, resources by name (served.c)
 */
struct served {
    const struct kind *kind;
    size_t rank; /* of the group */
};
/* Borrowed until the registry changes; NULL without memory. */
const struct served *served_kinds(struct registry *registry, size_t *ret_count);
/* Where the run that shares its group, or its group and version, with `at` ends. */
size_t served_group_end(const struct served *served, size_t count, size_t at);
size_t served_version_end(const struct served *served, size_t count, size_t at);
/* Narrows `served` down to a group, and to a version if it is not empty. False: none is there. */
bool served_find(const struct served **served, size_t *count, struct bytes group,
                 struct bytes version);

/* The verbs that discovery lists, NULL-terminated (discovery.c). */
const char *const *discovery_verbs(const struct kind *kind);

/* ---- OpenAPI (openapi_schemas.c) ---- */
/* The name of a kind's schema: "io.k8s.api.core.v1.ConfigMap", "com.example.stable.v1.CronTab". */
void openapi_schema_name(struct buf *out, const struct kind *kind);
/* The members of components.schemas that the kinds of one group and version need. */
void openapi_write_schemas(struct buf *out, const struct served *served, size_t count);
/* {"group":"apps","kind":"Deployment","version":"v1"} */
void openapi_write_gvk(struct buf *out, const struct kind *kind);

#endif
