/*
 * client - synchronous requests to one server.
 *
 *   tw_get() tw_list() tw_create() ... --> tw_client_do() --> a kept connection, retried politely
 *
 * Shape    a pool of connections; each request takes one and gives it back. An answer 429 or 5xx
 *          with Retry-After is asked again, at most 10 times and never past the deadline. One
 *          that found its kept connection closed, with no answer begun, is sent once more.
 * Owner    reference counted; results are the caller's to free.
 * Threads  any number at once. The warning handler runs in the thread that made the request.
 * Errors   TW_ERR_SERVER carries the server's Status: code, reason, message. With TLS a program
 *          should ignore SIGPIPE: OpenSSL may raise it in the thread that makes a request.
 */
#ifndef TIDEWATCH_CLIENT_H
#define TIDEWATCH_CLIENT_H

#include <tidewatch/config.h>
#include <tidewatch/object.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_client tw_client;

/* `config` NULL: tw_config_default(). */
TW_API tw_status tw_client_new(const tw_config *config, tw_client **ret_client, tw_error **reterr);
TW_API tw_client *tw_client_ref(tw_client *client);
TW_API void tw_client_unref(tw_client *client);
/* The namespace of the config it was made with; lives as long as the client. */
TW_API const char *tw_client_namespace(const tw_client *client);

/* Called for each `Warning: 299 - "text"`. Set it before the first request. */
typedef void tw_warning_fn(void *user, const char *text);
TW_API void tw_client_on_warning(tw_client *client, tw_warning_fn *on_warning, void *user);
/* A token bucket: `burst` requests at once, then `per_second`; what exceeds it waits, or is
 * TW_ERR_TIMEOUT if it would wait past its deadline. 0: no limit, as at first. Watches are not
 * counted. (client-go's QPS and Burst.) */
TW_API void tw_client_set_rate_limit(tw_client *client, double per_second, unsigned burst);
/* How long a request may take in all, retries included; 60 s at first, 0 for ever. */
TW_API void tw_client_set_timeout(tw_client *client, unsigned timeout_ms);

/* ---- any path ---- */
typedef struct tw_request {
    const char *method;       /* NULL: GET */
    const char *path;         /* "/api/v1/pods?limit=5", escaped */
    const char *accept;       /* NULL: application/json */
    const char *content_type; /* of the body; NULL: application/json */
    const char *body;
    size_t body_len;
    unsigned timeout_ms; /* 0: the client's */
} tw_request;

typedef struct tw_response tw_response;

/* TW_OK only for 2xx. */
TW_API tw_status tw_client_do(tw_client *client, const tw_request *request,
                              tw_response **ret_response, tw_error **reterr);
TW_API int tw_response_code(const tw_response *response);
/* NUL-terminated; `ret_len` may be NULL. */
TW_API const char *tw_response_body(const tw_response *response, size_t *ret_len);
TW_API const char *tw_response_content_type(const tw_response *response);
/* The body read as JSON; both may be asked for more than once. */
TW_API tw_status tw_response_object(const tw_response *response, tw_object **ret_object,
                                    tw_error **reterr);
TW_API tw_status tw_response_list(const tw_response *response, tw_list **ret_list,
                                  tw_error **reterr);
TW_API void tw_response_free(tw_response *response);

/* ---- objects of a resource type ---- */
/* A resource type; from tw_discovery_find(), or written down: {"", "v1", "pods", "Pod", true}. */
typedef struct tw_resource {
    const char *group; /* "" for the core group */
    const char *version;
    const char *resource; /* plural, lower case */
    const char *kind;     /* "": do not check what arrives */
    bool namespaced;
} tw_resource;

typedef struct tw_list_options {
    const char *label_selector, *field_selector;
    const char *resource_version;       /* NULL: most recent */
    const char *resource_version_match; /* NULL, "Exact" or "NotOlderThan" */
    const char *continue_token;
    uint32_t limit; /* 0: all at once */
} tw_list_options;

typedef enum tw_patch_type {
    TW_PATCH_JSON,      /* RFC 6902 */
    TW_PATCH_MERGE,     /* RFC 7386 */
    TW_PATCH_STRATEGIC, /* Kubernetes' own */
    TW_PATCH_APPLY      /* server-side apply */
} tw_patch_type;

/* In all of these `ns` NULL or "" means all namespaces, or none for a cluster-scoped type;
 * ret_object may be NULL where the result does not matter. */
TW_API tw_status tw_get(tw_client *client, const tw_resource *resource, const char *ns,
                        const char *name, tw_object **ret_object, tw_error **reterr);
/* One page, or all of it with limit 0; `options` may be NULL. */
TW_API tw_status tw_list_get(tw_client *client, const tw_resource *resource, const char *ns,
                             const tw_list_options *options, tw_list **ret_list, tw_error **reterr);
TW_API tw_status tw_create(tw_client *client, const tw_resource *resource, const char *ns,
                           const tw_object *object, tw_object **ret_object, tw_error **reterr);
/* A PUT: with a resourceVersion in `object` it must be the current one, else reason "Conflict". */
TW_API tw_status tw_update(tw_client *client, const tw_resource *resource, const char *ns,
                           const tw_object *object, tw_object **ret_object, tw_error **reterr);
TW_API tw_status tw_patch(tw_client *client, const tw_resource *resource, const char *ns,
                          const char *name, tw_patch_type type, const char *patch, size_t len,
                          tw_object **ret_object, tw_error **reterr);
/* Background propagation. The result is a Status, or the object if it is not gone yet. */
TW_API tw_status tw_delete(tw_client *client, const tw_resource *resource, const char *ns,
                           const char *name, tw_object **ret_object, tw_error **reterr);

#ifdef __cplusplus
}
#endif
#endif
