#include "apiserver/handlers/watch_websocket.h"

#include "apiserver/handlers/server_info.h"
#include "apiserver/handlers/watch_many.h"
#include "apiserver/request/origin.h"
#include "apiserver/request/subprotocol.h"

/* What is no watch stays HTTP, all of it: an upgrade that is half believed lets later bytes past
 * whoever checks requests (CVE-2018-1002105). */
static enum status check_path(const struct api_request *api, struct error *reterr)
{
    const struct request_info *info = &api->info;

    if (watch_many_is_path(info))
        return STATUS_OK;
    if (!info->is_resource || info->verb != VERB_WATCH)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "only a watch of a collection can be a WebSocket");
    if (query_bool(&info->query, "longPoll"))
        return error_set(reterr, STATUS_BAD_REQUEST, "a long poll cannot be a WebSocket");
    return STATUS_OK;
}

/* A browser sends its user's credentials with every WebSocket, whichever page opens it. */
static enum status check_origin(const struct api_request *api, struct error *reterr)
{
    struct bytes origin = http_header(api->http, "origin");

    if (origin_is_allowed(api->worker->info->allowed_origins, origin, api->http->authority))
        return STATUS_OK;
    return error_set(reterr, STATUS_FORBIDDEN, "forbidden: origin \"%.*s\" is not allowed",
                     BYTES_FMT(origin));
}

/* All headers of that name, as one list. */
static struct bytes offered_protocols(struct api_request *api)
{
    const struct http_request *req = api->http;
    struct bytes all = {0};

    for (size_t i = 0; i < req->header_count; i++) {
        struct bytes value = req->headers[i].value;

        if (bytes_eq_str(req->headers[i].name, "sec-websocket-protocol"))
            all = all.len == 0
                      ? value
                      : arena_printf(&api->arena, "%.*s,%.*s", BYTES_FMT(all), BYTES_FMT(value));
    }
    return all;
}

bool websocket_admit(struct api_request *api)
{
    struct subprotocol protocol = {0};
    struct error err = {0};

    if (check_path(api, &err) != STATUS_OK || check_origin(api, &err) != STATUS_OK ||
        subprotocol_choose(&api->arena, offered_protocols(api), &protocol, &err) != STATUS_OK) {
        respond_error(api, &err);
        return false;
    }
    api->bearer = protocol.token;
    api->http->subprotocol = arena_dup(api->http->arena, protocol.chosen);
    return true;
}
