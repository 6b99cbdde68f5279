/*
 * body - the body of a request as a tree: its media type, its syntax, and whether it is an object
 * of the kind that the URL names (k8s.io/apiserver/pkg/endpoints/handlers/{create,update,rest}.go).
 *
 * Owner    nodes live in the request's arena; texts may be spans of the body, which lives as long
 * as the HTTP request. Errors   BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, INVALID, as the real server
 * words them.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_BODY_H
#define TIDEWATCH_APISERVER_HANDLERS_BODY_H

#include "apiserver/handlers/api.h"
#include "apiserver/handlers/write_options.h"

/* BAD_REQUEST `X in version "v1" cannot be handled as a X: ...`. */
enum status body_error(struct error *reterr, const struct kind *kind, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Is this tree an object of `kind`? A missing apiVersion or kind is filled in. Types in metadata
 * are checked. */
MUST_CHECK enum status body_check(struct arena *arena, const struct kind *kind, struct json *tree,
                                  struct error *reterr);
/* That, and does it fit: what an object of a built-in kind has no place for is taken out, and with
 * the duplicates of `report` warned of or refused, as `validation` says; a value of a wrong type is
 * refused. */
MUST_CHECK enum status body_accept(struct api_request *api, const struct kind *kind,
                                   enum field_validation validation,
                                   const struct json_report *report, struct json *tree,
                                   struct error *reterr);
/* Reads the object of a create or an update, and accepts it. */
MUST_CHECK enum status body_read_object(struct api_request *api, enum field_validation validation,
                                        struct json **ret_tree, struct error *reterr);
/* Reads any JSON or YAML, or protobuf; `*ret_tree` is NULL if the body is empty. */
MUST_CHECK enum status body_read(struct api_request *api, struct json **ret_tree,
                                 struct json_report *report, struct error *reterr);
/* Duplicate members, as fieldValidation wants them taken. */
MUST_CHECK enum status body_report(struct api_request *api, enum field_validation validation,
                                   const struct json_report *report, struct error *reterr);
/* Does the tree fit, in the words of the decoder alone? `report` may be NULL. */
MUST_CHECK enum status body_fit(struct api_request *api, const struct kind *kind,
                                enum field_validation validation, const struct json_report *report,
                                struct json *tree, struct error *reterr);

#endif
