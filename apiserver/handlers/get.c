#include "apiserver/handlers/api.h"
#include "apiserver/handlers/etag.h"
#include "apiserver/handlers/scale.h"

static void answer_get(struct api_request *api)
{
    const struct request_info *info = &api->info;
    struct bytes key = kind_key(api->kind, &api->arena, info->namespace, info->name);
    struct object *object = watch_cache_get(api->worker->cache, key);
    struct error err = {0};
    struct view view;

    if (object == NULL) {
        error_not_found(&err, api->kind, info->name);
        respond_error(api, &err);
    } else if (bytes_eq_str(info->subresource, "scale")) {
        respond_scale(api, object);
    } else if (api_view(api, &view, &err) != STATUS_OK) {
        respond_error(api, &err);
    } else if (!etag_answers(api, view, object->base.rev)) {
        respond_object(api, 200, object, 0);
    }
}

/* resourceVersion on a get means "not older than" (k8s.io/apiserver/pkg/storage/cacher). */
void handle_get(struct api_request *api)
{
    struct bytes text = query_get(&api->info.query, "resourceVersion");
    struct error err = {0};
    uint64_t rv = 0;

    if (text.len != 0 && !bytes_to_u64(text, &rv)) {
        error_set(&err, STATUS_BAD_REQUEST, "invalid resource version: \"%.*s\"", BYTES_FMT(text));
        respond_error(api, &err);
        return;
    }
    api_wait_for_rv(api, rv, answer_get, NULL);
}
