/*
 * write_options - what a write asks for besides its object: CreateOptions, UpdateOptions,
 * PatchOptions from the query, DeleteOptions from the body or the query
 * (k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go).
 *
 * Owner    texts are spans of the query or of the body.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_WRITE_OPTIONS_H
#define TIDEWATCH_APISERVER_HANDLERS_WRITE_OPTIONS_H

#include "apiserver/request/request_info.h"
#include "base/error.h"
#include "codec/json.h"

enum field_validation { VALIDATION_IGNORE, VALIDATION_WARN, VALIDATION_STRICT };

struct write_options {
    bool dry_run;
    enum field_validation validation;
};

/* `kind` is "CreateOptions", "UpdateOptions" or "PatchOptions". INVALID, worded with it. */
MUST_CHECK enum status write_options_parse(struct arena *arena, const struct query *query,
                                           const char *kind, struct write_options *ret_options,
                                           struct error *reterr);

enum propagation {
    PROPAGATION_DEFAULT,
    PROPAGATION_BACKGROUND,
    PROPAGATION_FOREGROUND,
    PROPAGATION_ORPHAN
};

struct delete_options {
    bool dry_run;
    bool has_grace;
    int64_t grace_s;
    enum propagation propagation;
    struct bytes uid, resource_version; /* preconditions; empty: none */
};

/* From the body if there is one (`body` not NULL), else from the query. */
MUST_CHECK enum status delete_options_parse(struct arena *arena, const struct query *query,
                                            const struct json *body,
                                            struct delete_options *ret_options,
                                            struct error *reterr);

#endif
