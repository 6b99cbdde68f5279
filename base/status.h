/*
 * status - every outcome a call can have, with the HTTP code and the Kubernetes reason it becomes.
 *
 * What can be expected has a value here; assert() is for our own mistakes, never for input.
 * Codes and reasons: k8s.io/apimachinery/pkg/apis/meta/v1/types.go (StatusReason).
 */
#ifndef TIDEWATCH_BASE_STATUS_H
#define TIDEWATCH_BASE_STATUS_H

#include "base/base.h"

#define STATUS_LIST(X)                                                                             \
    X(OK, 200, "")                                                                                 \
    X(END, 200, "") /* nothing more for now; not an error */                                       \
    X(BAD_REQUEST, 400, "BadRequest")                                                              \
    X(UNAUTHORIZED, 401, "Unauthorized")                                                           \
    X(FORBIDDEN, 403, "Forbidden")                                                                 \
    X(NOT_FOUND, 404, "NotFound")                                                                  \
    X(METHOD_NOT_ALLOWED, 405, "MethodNotAllowed")                                                 \
    X(NOT_ACCEPTABLE, 406, "NotAcceptable")                                                        \
    X(CONFLICT, 409, "Conflict")                                                                   \
    X(ALREADY_EXISTS, 409, "AlreadyExists")                                                        \
    X(EXPIRED, 410, "Expired")                                                                     \
    X(TOO_LARGE, 413, "RequestEntityTooLarge")                                                     \
    X(UNSUPPORTED_MEDIA_TYPE, 415, "UnsupportedMediaType")                                         \
    X(INVALID, 422, "Invalid")                                                                     \
    X(TOO_MANY_REQUESTS, 429, "TooManyRequests")                                                   \
    X(INTERNAL, 500, "InternalError")                                                              \
    X(NO_MEMORY, 500, "InternalError")                                                             \
    X(IO, 500, "InternalError")       /* the disk or the network failed */                         \
    X(CORRUPT, 500, "InternalError")  /* stored bytes are not what was written */                  \
    X(SEALED, 500, "InternalError")   /* stored bytes that no key opens */                         \
    X(NO_SPACE, 507, "InternalError") /* the disk is full; nothing was changed */                  \
    X(UNAVAILABLE, 503, "ServiceUnavailable")                                                      \
    X(TIMEOUT, 504, "Timeout")

#define STATUS_ENUM(name, http, reason) STATUS_##name,
enum status { STATUS_LIST(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

/* The HTTP code, the Kubernetes reason ("" for success) and the enum's own name, for logs. */
int status_http_code(enum status status);
const char *status_reason(enum status status);
const char *status_name(enum status status);

#endif
