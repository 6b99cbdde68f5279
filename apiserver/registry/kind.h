/*
 * kind - one resource in one version, as data: names, scope, columns, fields, rules.
 *
 * Built-in kinds are rows of static tables; the kinds of a CustomResourceDefinition are made from
 * it. A new built-in kind is a row.
 *
 * Owner    built-in kinds live for ever. Custom ones are counted: whoever keeps one past the call
 *          that found it (a watcher) holds kind_ref().
 * Threads  a kind is immutable. Custom kinds belong to the registry of one loop.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_KIND_H
#define TIDEWATCH_APISERVER_REGISTRY_KIND_H

#include "codec/object.h"

struct kind;
struct message_type;

/* What a cell function may look at. */
struct cell_source {
    const struct kind *kind;
    const struct object *object;
    const struct json *tree; /* the whole object */
    int64_t now_s;
};

struct column {
    const char *name, *type, *format, *description;
    int32_t priority; /* > 0: only with -o wide */
    /* One of both: a JSONPath below the root (".spec.replicas"), or a function that writes the cell
     * as a JSON value. */
    const char *path;
    void (*cell)(struct buf *out, const struct cell_source *from);
};

struct kind {
    const char *group, *version, *kind, *list_kind, *plural, *singular;
    const char *api_version;           /* "v1", "apps/v1" */
    const char *group_resource;        /* "configmaps", "deployments.apps": for messages */
    const char *prefix;                /* of its storage keys, ends with '/': "core/configmaps/" */
    const char *const *short_names;    /* NULL-terminated, or NULL */
    const char *const *categories;     /* NULL-terminated, or NULL */
    const struct object_field *fields; /* selectable, besides metadata.name and .namespace */
    size_t field_count;
    const struct column *columns;
    size_t column_count;
    bool namespaced;
    bool has_status; /* the status subresource */
    bool has_scale;
    bool has_finalize;   /* it holds others: the finalize subresource, and no deletecollection */
    bool has_token;      /* the token subresource: made, never kept */
    bool has_generation; /* metadata.generation counts changes outside metadata and status */
    bool unconditional_update;  /* PUT without resourceVersion is allowed */
    bool create_on_update;      /* PUT to a missing name creates it */
    bool delete_returns_object; /* DELETE answers the object, not a Status */
    bool review;                /* a question: create only, answered and never stored */
    bool custom;
    bool deprecated;
    const char *deprecation_warning; /* of a deprecated version */
    uint32_t ttl_s;                  /* objects expire (events); 0: never */
    uint64_t crd_rev;                /* custom only: of the CRD that it was made from */
    const struct custom_kind *of;    /* custom only: the registry's own */
};

const struct kind *kind_ref(const struct kind *kind);
void kind_unref(const struct kind *kind);

/* Storage key of an object: prefix, namespace and '/', name. `namespace` is empty for cluster
 * scope. */
struct bytes kind_key(const struct kind *kind, struct arena *arena, struct bytes namespace,
                      struct bytes name);
/* Key prefix of a namespace, or of the whole kind if `namespace` is empty. */
struct bytes kind_key_prefix(const struct kind *kind, struct arena *arena, struct bytes namespace);

/* The built-in kinds, in the order that discovery shows. */
const struct kind *const *kinds_builtin(size_t *ret_count);
/* Is there a built-in kind of that group? */
bool kinds_have_group(struct bytes group);
/* The built-in kind whose prefix begins `key`, or NULL. From any thread. */
const struct kind *kind_of_key(struct bytes key);

/* The protobuf message of its objects, or of a list of them; NULL: none. */
const struct message_type *kind_message(const struct kind *kind);
const struct message_type *kind_list_message(const struct kind *kind);

/* True if `field` may stand in a field selector for this kind. */
bool kind_has_field(const struct kind *kind, struct bytes field);
/* Does the object match? Custom fields are looked up in its JSON. */
bool kind_matches_fields(const struct kind *kind, const struct object *object,
                         const struct field_selector *selector);

#endif
