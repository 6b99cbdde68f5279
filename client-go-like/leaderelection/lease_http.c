#include "client-go-like/leaderelection/elector.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/rest/path.h"

enum { LEASE_MAX = 4 << 20 }; /* bytes of an answer */

static const tw_resource leases = {"coordination.k8s.io", "v1", "leases", "Lease", true};

tw_status lease_ask(tw_elector *e, const tw_object *body, bool create, unsigned timeout_ms,
                    tw_object **ret_lease, tw_error **reterr)
{
    struct buf path = {0};
    struct http_request request = {
        .method = body == NULL ? "GET"
                  : create     ? "POST"
                               : "PUT",
        .bounds = {.connect_ms = timeout_ms,
                   .first_byte_ms = timeout_ms,
                   .idle_ms = timeout_ms,
                   .deadline_ms = clock_monotonic_ms() + timeout_ms,
                   .body_max = LEASE_MAX},
    };
    tw_status st = TW_OK;

    if (body != NULL) {
        request.body = bytes_str(tw_object_json(body));
        if (request.body.ptr == NULL)
            return tw_fail_no_memory(reterr);
    }
    path_begin(&path, &leases, e->ns, create ? NULL : e->name);
    request.path = path_end(&path);
    st = request.path != NULL ? client_fetch(e->client, e->http, &request, reterr)
                              : tw_fail_no_memory(reterr);
    if (st == TW_OK) {
        struct bytes text = buf_bytes(http_body(e->http));

        st = tw_object_from_json(text.ptr, text.len, ret_lease, reterr);
    }
    http_finish(e->http);
    buf_release(&path);
    return st;
}
