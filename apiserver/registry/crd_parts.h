/*
 * crd_parts - what crd_prepare() is made of: defaults and status (crd.c), checks (crd_validate.c),
 * names (crd_names.c),
 * types (crd_types.c), versions (crd_versions.c), field numbers (crd_protobuf.c).
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_CRD_PARTS_H
#define TIDEWATCH_APISERVER_REGISTRY_CRD_PARTS_H

#include "apiserver/registry/field_errors.h"
#include "apiserver/registry/registry.h"
#include "codec/transcoder_custom.h"

enum { CRD_SELECTABLE_MAX = 8 };

/* The members that are read here have the types of the Go struct; BAD_REQUEST as its decoder says.
 */
MUST_CHECK enum status crd_check_types(const struct json *crd, struct error *reterr);
/* A DNS-1035 label. */
void crd_check_label(struct field_errors *errors, struct bytes field, struct bytes text);
bool crd_is_one_of(struct bytes text, const char *const *words);
void crd_check_versions(struct field_errors *errors, const struct json *versions);
void crd_validate(const struct json *crd, const struct json *old, struct field_errors *errors);
/* Sets status.acceptedNames and the conditions NamesAccepted and Established. False without memory.
 */
MUST_CHECK bool crd_accept_names(const struct registry *registry, struct arena *arena,
                                 struct json *crd, struct json *status);
bool crd_is_established(const struct json *crd);

/* ---- protobuf ---- */
/* The annotation that gives fields numbers, {"spec.replicas": 4}, in all versions alike; the others
 * keep those that are made of their names (codec/transcoder_custom.h). */
#define CRD_FIELD_NUMBERS "tidewatch.dev/protobuf-field-numbers"
bool crd_has_numbers(const struct json *crd);
/* Messages of one version; NOT_ACCEPTABLE: there are none; INVALID: the numbers are wrong. */
MUST_CHECK enum status crd_messages(const struct json *crd, const struct json *version,
                                    struct custom_messages **ret_messages, struct error *reterr);
/* A CRD without the annotation is never refused. */
void crd_check_numbers(struct field_errors *errors, const struct json *crd);

#endif
