/*
 * object - one Kubernetes object as the server keeps it: canonical JSON bytes, and an index of what
 * the server must know without parsing again.
 *
 *   {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":..,"uid":..
 *                 ^api_version_at .. _end                  ^rv_at: `"resourceVersion":"42",` goes
 * here
 *
 * Canonical: apiVersion, kind, metadata first, in this order; in metadata name, generateName,
 * namespace, uid, then the others as they came; no resourceVersion; no blanks. List and watch
 * splice the version and the revision in and send; they never parse or write the tree again.
 *
 * There is always a member of metadata behind rv_at, so the comma is always right: the one after
 * uid, or when none follows, the last of the four. Metadata without any member becomes
 * {"creationTimestamp":null}, as encoding/json writes an empty ObjectMeta.
 *
 * Owner    a struct value (base/value.h) with its rules: references, `rev` set once by the store.
 *          One allocation; every span points into it.
 * Threads  immutable after publishing: share at will.
 */
#ifndef TIDEWATCH_CODEC_OBJECT_H
#define TIDEWATCH_CODEC_OBJECT_H

#include "base/value.h"
#include "codec/json.h"
#include "codec/selector.h"

/* One selectable field of a kind, as a dotted way: {"status.phase", "status.phase", ""}. */
struct object_field {
    const char *label;    /* as fieldSelector names it */
    const char *path;     /* dotted member names from the root */
    const char *fallback; /* its value when absent */
};

struct object_owner {
    struct bytes uid;
    bool controller, block_deletion;
};

struct object {
    struct value base; /* first */
    /* Offsets into base.data; those of apiVersion are inside of its quotes. */
    uint32_t rv_at, api_version_at, api_version_end;
    struct bytes name, namespace, uid, generate_name;
    int64_t generation;
    int64_t created_s;               /* creationTimestamp, 0 if absent */
    struct bytes deletion_timestamp; /* empty: not being deleted */
    uint32_t label_count, field_count, finalizer_count, owner_count;
    const struct label *labels; /* sorted by key */
    const struct bytes *fields; /* values, in the order of the kind's fields */
    const struct bytes *finalizers;
    const struct object_owner *owners;
};

static inline struct object *object_of(struct value *value)
{
    return (struct object *)value;
}
static inline struct object *object_ref(struct object *object)
{
    value_ref(&object->base);
    return object;
}
static inline struct object *object_unref(struct object *object)
{
    if (object != NULL)
        value_unref(&object->base);
    return NULL;
}

/* The types of apiVersion, kind and all that metadata holds, as object_new() checks them.
 * BAD_REQUEST in the words of the apiserver's decoder. */
MUST_CHECK enum status object_check(const struct json *tree, struct error *reterr);
/* Makes the canonical image of a tree (the tree is read, resourceVersion is left out of the bytes).
 * BAD_REQUEST: metadata is not what it must be (types of name, labels, finalizers, ..), worded as
 * the apiserver words a decode error; or apiVersion or kind is missing. */
MUST_CHECK enum status object_new(const struct json *tree, const struct object_field *fields,
                                  size_t field_count, struct object **ret_object,
                                  struct error *reterr);
/* From canonical bytes as stored. CORRUPT if they are not. */
MUST_CHECK enum status object_load(struct bytes stored, uint64_t rev,
                                   const struct object_field *fields, size_t field_count,
                                   struct object **ret_object, struct error *reterr);
/* The same bytes without an index, for nothing but to be shown: name, labels, fields and what else
 * stands in the index are empty. They are not read as JSON: whoever calls knows by a checksum that
 * they are what was written. */
MUST_CHECK enum status object_load_image(struct bytes stored, uint64_t rev,
                                         struct object **ret_object, struct error *reterr);
/* The tree, with metadata.resourceVersion set (from `rev`, or left out if that is 0) and apiVersion
 * replaced if `api_version` is not empty. Texts are borrowed from the object: keep it referenced.
 */
MUST_CHECK enum status object_to_json(const struct object *object, uint64_t rev,
                                      struct bytes api_version, struct arena *arena,
                                      struct json **ret_tree);
/* The bytes a client sees, by splicing. `rev` 0 means the object's own. */
void object_write(struct buf *out, const struct object *object, uint64_t rev,
                  struct bytes api_version);

/* metadata.name and metadata.namespace are always selectable; others by `fields` (the same table
 * the object was made with). */
bool object_matches_fields(const struct object *object, const struct field_selector *selector,
                           const struct object_field *fields, size_t field_count);

#endif
