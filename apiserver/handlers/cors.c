#include "apiserver/handlers/cors.h"

#include "apiserver/handlers/server_info.h"
#include "apiserver/request/origin.h"

static bool is_preflight(const struct api_request *api)
{
    return bytes_eq_str(api->http->method, "OPTIONS") &&
           http_header(api->http, "access-control-request-method").len != 0;
}

static void respond_preflight(struct api_request *api)
{
    api_add_header(api, "access-control-allow-methods",
                   BYTES("GET, HEAD, POST, PUT, PATCH, DELETE"));
    api_add_header(api, "access-control-allow-headers",
                   BYTES("Accept, Authorization, Content-Type, If-None-Match, Last-Event-ID, "
                         "X-Requested-With"));
    api_add_header(api, "access-control-max-age", BYTES("600"));
    respond_empty(api, 204);
}

bool cors_begin(struct api_request *api)
{
    struct bytes list = api->worker->info->allowed_origins;
    struct bytes origin = http_header(api->http, "origin");
    bool any = origin_is_any(list);

    if (list.len == 0)
        return false;
    if (!any) /* a cache must not give one page what was said to another */
        api_add_header(api, "vary", BYTES("Origin"));
    if (origin.len == 0 || !origin_is_listed(list, origin))
        return false;
    api_add_header(api, "access-control-allow-origin", any ? BYTES("*") : origin);
    if (is_preflight(api)) {
        respond_preflight(api);
        return true;
    }
    api_add_header(api, "access-control-expose-headers",
                   BYTES("Audit-Id, ETag, Tidewatch-Resource-Version, Warning"));
    return false;
}
