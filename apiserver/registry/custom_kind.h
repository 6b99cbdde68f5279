/*
 * custom_kind - the kinds that one CustomResourceDefinition serves.
 *
 *   CRD object --custom_kinds_make()--> one struct custom_kind a served version
 *
 * Shape    a struct kind with its own texts, and a reference on the CRD's image for what is looked
 *          up rarely (the schema).
 * Owner    counted; the registry holds one reference, kind_ref() takes more. It outlives its CRD.
 * Threads  immutable but for the count.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_CUSTOM_KIND_H
#define TIDEWATCH_APISERVER_REGISTRY_CUSTOM_KIND_H

#include <stdatomic.h>

#include "apiserver/registry/registry.h"
#include "base/list.h"
#include "codec/transcoder_custom.h"

struct custom_kind {
    struct kind kind; /* first */
    struct list link; /* in the list of its CRD */
    atomic_uint refs;
    struct arena arena;                  /* every text and table of `kind` */
    struct object *crd;                  /* referenced */
    struct bytes resource_key, kind_key; /* "group/version/plural", "group/version/Kind" */
    struct custom_info info;
    struct scale_paths scale;
    struct custom_messages *messages; /* NULL: none can be made of its schema */
};

/* Appends what `crd` serves now to `kinds`: nothing unless it is Established. False without memory:
 * `kinds` holds what was made so far. */
MUST_CHECK bool custom_kinds_make(const struct object *crd, struct list *kinds);
void custom_kinds_release(struct list *kinds);

void custom_kind_ref(const struct custom_kind *custom);
void custom_kind_unref(const struct custom_kind *custom);

/* Of its objects, or of lists; NULL: none. */
const struct message_type *custom_kind_message(const struct custom_kind *custom, bool list);

bool custom_kind_matches_fields(const struct kind *kind, const struct object *object,
                                const struct field_selector *selector);
/* The version's entry in spec.versions, read into `arena`; NULL without memory. */
const struct json *custom_kind_version(const struct custom_kind *custom, struct arena *arena);

#endif
