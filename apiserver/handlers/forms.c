#include "apiserver/handlers/forms.h"

/* A long poll's events stand in one object of our own, and a push reads what it pushes. */
static bool is_json_alone(const struct api_request *api)
{
    return api->info.verb == VERB_WATCH && !api->http->websocket &&
           (query_bool(&api->info.query, "longPoll") || query_bool(&api->info.query, "push"));
}

static bool has_message(const struct api_request *api)
{
    return bytes_eq_str(api->info.subresource, "scale") || kind_message(api->kind) != NULL;
}

/* A custom resource is in protobuf like any other once its CRD numbers its fields. Without that
 * only for who takes nothing else: clients that list protobuf first, and get JSON for all custom
 * resources of a kube-apiserver, could not read it. */
static bool is_protobuf_expected(const struct api_request *api)
{
    struct custom_info info;

    return !registry_custom_info(api->kind, &info) || info.numbered ||
           bytes_eq_str(api->info.subresource, "scale");
}

enum status api_negotiate(struct api_request *api, struct error *reterr)
{
    struct bytes accept = http_header(api->http, "accept");
    unsigned form = api->info.verb == VERB_WATCH ? OFFER_STREAM : 0;
    enum status st;

    if (is_json_alone(api))
        return negotiate(&api->arena, accept, form, &api->negotiated, reterr);
    if (!has_message(api))
        return negotiate(&api->arena, accept, form | OFFER_PROTOBUF_METADATA, &api->negotiated,
                         reterr);
    if (!is_protobuf_expected(api)) {
        st = negotiate(&api->arena, accept, form | OFFER_PROTOBUF_METADATA, &api->negotiated, NULL);
        if (st == STATUS_OK)
            return st;
    }
    return negotiate(&api->arena, accept, form | OFFER_PROTOBUF, &api->negotiated, reterr);
}
