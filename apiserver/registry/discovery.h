/*
 * discovery - the documents that tell a client what is served: /api, /apis, aggregated discovery,
 * OpenAPI v3. Made from the registry, kept until it changes.
 *
 * Owner    the registry keeps the documents; a returned blob is a reference for the caller.
 * Threads  the registry's loop.   Errors  NULL: no such document, or no memory.
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_DISCOVERY_H
#define TIDEWATCH_APISERVER_REGISTRY_DISCOVERY_H

#include "apiserver/registry/registry.h"
#include "base/blob.h"

enum discovery_form {
    DISCOVERY_LEGACY,
    DISCOVERY_LEGACY_PROTOBUF,
    DISCOVERY_AGGREGATED_V2,
    DISCOVERY_AGGREGATED_V2BETA1
};

struct document {
    struct blob *body;
    struct bytes content_type; /* static */
    char etag[68];             /* quoted; "" for none */
};

/* `path` is one of /api, /apis, /api/v1, /apis/{group}, /apis/{group}/{version}; `form` is what the
 * client accepts best and matters for /api and /apis only. */
bool discovery_document(struct registry *registry, struct bytes path, enum discovery_form form,
                        struct document *ret_document);
/* /openapi/v3, /openapi/v3/api/v1, /openapi/v3/apis/{group}/{version} and /openapi/v2. `*ret_hash`
 * of a group's document (hex, static as long as the body) is what ?hash= must be. */
bool openapi_document(struct registry *registry, struct bytes path, struct document *ret_document,
                      struct bytes *ret_hash);

#endif
