/*
 * field_errors - what is wrong with an object, field by field, in the words of a 422.
 *
 *   field_invalid(&errors, "spec.scope", ..) ... --field_errors_end()--> INVALID, with causes
 *
 * Wording  k8s.io/apimachinery/pkg/util/validation/field/errors.go, api/errors.NewInvalid.
 * Owner    texts live in the arena of the one who asks.
 * Errors   without memory entries are lost, and arena->failed says so.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_FIELD_ERRORS_H
#define TIDEWATCH_APISERVER_REGISTRY_FIELD_ERRORS_H

#include "apiserver/registry/kind.h"

struct field_error {
    struct field_error *next;
    const char *reason; /* "FieldValueInvalid" */
    struct bytes field, body;
};

struct field_errors {
    struct arena *arena;
    struct field_error *first, *last;
    size_t count;
};

/* "Required value: <detail>"; the colon goes if `detail` is empty. */
void field_required(struct field_errors *errors, struct bytes field, const char *detail);
void field_forbidden(struct field_errors *errors, struct bytes field, const char *detail);
/* `value` is shown quoted if it is text, as JSON otherwise; NULL is null. */
void field_invalid(struct field_errors *errors, struct bytes field, const struct json *value,
                   const char *detail);
void field_invalid_text(struct field_errors *errors, struct bytes field, struct bytes value,
                        const char *detail);
/* `supported` is NULL-terminated. */
void field_not_supported(struct field_errors *errors, struct bytes field, struct bytes value,
                         const char *const *supported);
/* The same for a value that is no text. */
void field_not_supported_json(struct field_errors *errors, struct bytes field,
                              const struct json *value, const char *const *supported);
void field_duplicate(struct field_errors *errors, struct bytes field, struct bytes value);
/* "Too long: may not be more than N bytes". */
void field_too_long(struct field_errors *errors, struct bytes field, size_t max);
/* A detail that is made for one error; "" without memory. */
const char *field_detail(struct field_errors *errors, const char *format, ...) PRINTF_LIKE(2, 3);

/* OK if there were none, else INVALID: `Kind.group "name" is invalid: ..`. */
MUST_CHECK enum status field_errors_end(const struct field_errors *errors, struct bytes group,
                                        struct bytes kind, struct bytes name, struct error *reterr);

#endif
