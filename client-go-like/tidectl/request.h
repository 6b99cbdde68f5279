/*
 * request - one request for one object or collection, with all that the flags say about it.
 *
 * Shape    every request of tidectl but watches goes through request_do(), which -v tells about.
 */
#ifndef TIDEWATCH_TIDECTL_REQUEST_H
#define TIDEWATCH_TIDECTL_REQUEST_H

#include "client-go-like/object.h"
#include "client-go-like/tidectl/tidectl.h"

tw_status request_do(struct tidectl *t, const tw_request *request, tw_response **ret_response,
                     tw_error **reterr);

struct call {
    const char *method; /* NULL: GET */
    const tw_resource *resource;
    const char *ns, *name, *subresource; /* NULL where there is none */
    const char *content_type;            /* NULL: JSON */
    struct bytes body;
    /* Of writes: who writes, unless --field-manager says so, and with --dry-run=server only as if.
     */
    const char *manager;
    bool strict; /* fields the type does not have are refused, unless --validate says otherwise */
    bool force;  /* of a server-side apply */
};

/* The object, or for a delete perhaps a Status, that is answered. */
tw_status call_object(struct tidectl *t, const struct call *call, tw_object **ret_object,
                      tw_error **reterr);
tw_status call_get(struct tidectl *t, const tw_resource *resource, const char *ns, const char *name,
                   tw_object **ret_object, tw_error **reterr);
/* All of a collection, page by page. */
tw_status call_list(struct tidectl *t, const tw_resource *resource, const char *ns,
                    const char *label_selector, const char *field_selector, tw_list **ret_list,
                    tw_error **reterr);
/* A POST of a document that is answered and not kept: the reviews. */
tw_status call_post(struct tidectl *t, const char *path, struct bytes body, tw_object **ret_object,
                    tw_error **reterr);
/* A document that is no object of a resource: /version, /openapi/v3. */
tw_status call_document(struct tidectl *t, const char *path, tw_object **ret_object,
                        tw_error **reterr);

#endif
