/*
 * request_info - what a request asks for, read from its method and URL alone.
 *
 * Grammar: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go.
 * Owner    texts live in the arena given, or are spans of the target.
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_REQUEST_INFO_H
#define TIDEWATCH_APISERVER_REQUEST_REQUEST_INFO_H

#include "base/arena.h"

enum verb {
    VERB_NONE,
    VERB_GET,
    VERB_LIST,
    VERB_WATCH,
    VERB_CREATE,
    VERB_UPDATE,
    VERB_PATCH,
    VERB_DELETE,
    VERB_DELETE_COLLECTION,
    VERB_COUNT
};
const char *verb_name(enum verb verb); /* "get", "deletecollection" */

struct query_param {
    struct bytes name, value; /* decoded */
};
struct query {
    struct query_param *params;
    size_t count;
};

struct request_info {
    struct bytes path; /* decoded; ptr NULL if it does not decode or a segment is not plain */
    struct query query;
    bool is_resource;   /* below /api/v1/ or /apis/{group}/{version}/, with a resource */
    bool is_watch_path; /* the deprecated /api/v1/watch/... */
    bool head;          /* HEAD: a GET without a body */
    enum verb verb;
    struct bytes group, version, namespace, resource, name, subresource;
};

/* Always fills `ret_info`; what cannot be understood is no resource, and its path names nothing. */
void request_info_parse(struct arena *arena, struct bytes method, struct bytes target,
                        struct request_info *ret_info);

/* May it stand in a path, decoded? */
bool request_segment_is_plain(struct bytes segment);

/* What another method (but HEAD, a GET) would mean for the same URL of a resource. */
enum verb request_info_verb(const struct request_info *info, struct bytes method);

/* The first value of a parameter; ptr NULL: not given. */
struct bytes query_get(const struct query *query, const char *name);
bool query_has(const struct query *query, const char *name);
/* Kubernetes' booleans: absent, "false", "False"-like and "0" are false, all else (also empty) true
 * (k8s.io/apimachinery/pkg/runtime/conversion.go Convert_Slice_string_To_bool). */
bool query_bool(const struct query *query, const char *name);

/* A target as it may be recorded: credentials do not belong into URLs (RFC 6750, 5.3), but get
 * there. The value of each parameter whose name speaks of a token, secret or password is "-". */
struct bytes request_target_for_log(struct arena *arena, struct bytes target);

#endif
