#include "client-go-like/object.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/rest/path.h"

static const struct {
    const char *content_type;
} patch_types[] = {
    [TW_PATCH_JSON] = {"application/json-patch+json"},
    [TW_PATCH_MERGE] = {"application/merge-patch+json"},
    [TW_PATCH_STRATEGIC] = {"application/strategic-merge-patch+json"},
    [TW_PATCH_APPLY] = {"application/apply-patch+yaml"},
};

/* Ends `path`, sends, and reads one object out of the answer if someone wants it. */
static tw_status send(tw_client *client, struct buf *path, tw_request *request,
                      tw_object **ret_object, tw_error **reterr)
{
    tw_response *response = NULL;
    tw_status st;

    request->path = path_end(path);
    st = request->path != NULL ? tw_client_do(client, request, &response, reterr)
                               : tw_fail_no_memory(reterr);
    if (st == TW_OK && ret_object != NULL) {
        size_t len;
        const char *body = tw_response_body(response, &len);

        st = tw_object_from_json(body, len, ret_object, reterr);
    }
    tw_response_free(response);
    buf_release(path);
    return st;
}

static tw_status need_name(const char *name, tw_error **reterr)
{
    return name != NULL && *name != '\0'
               ? TW_OK
               : tw_fail(reterr, TW_ERR_ARGUMENT, "resource name may not be empty");
}

tw_status tw_get(tw_client *client, const tw_resource *resource, const char *ns, const char *name,
                 tw_object **ret_object, tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = "GET"};
    tw_status st = need_name(name, reterr);

    if (st != TW_OK)
        return st;
    path_begin(&path, resource, ns, name);
    return send(client, &path, &request, ret_object, reterr);
}

tw_status tw_list_get(tw_client *client, const tw_resource *resource, const char *ns,
                      const tw_list_options *options, tw_list **ret_list, tw_error **reterr)
{
    static const tw_list_options none;
    const tw_list_options *o = options != NULL ? options : &none;
    struct buf path = {0};
    tw_request request = {.method = "GET"};
    tw_response *response = NULL;
    tw_list *list = list_new();
    tw_status st;

    path_begin(&path, resource, ns, NULL);
    path_query(&path, "labelSelector", o->label_selector);
    path_query(&path, "fieldSelector", o->field_selector);
    path_query(&path, "resourceVersion", o->resource_version);
    path_query(&path, "resourceVersionMatch", o->resource_version_match);
    path_query(&path, "continue", o->continue_token);
    if (o->limit != 0)
        path_query_u64(&path, "limit", o->limit);
    request.path = path_end(&path);
    st = request.path != NULL && list != NULL ? tw_client_do(client, &request, &response, reterr)
                                              : tw_fail_no_memory(reterr);
    if (st == TW_OK) {
        struct bytes body = {0};

        body.ptr = tw_response_body(response, &body.len);
        st = list_read_page(list, body, reterr);
    }
    if (st == TW_OK)
        *ret_list = list;
    else
        tw_list_free(list);
    tw_response_free(response);
    buf_release(&path);
    return st;
}

/* POST to the collection or PUT to the object. */
static tw_status write_object(tw_client *client, const tw_resource *resource, const char *ns,
                              const char *name, const char *method, const tw_object *object,
                              tw_object **ret_object, tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = method, .body = tw_object_json(object)};

    if (request.body == NULL)
        return tw_fail_no_memory(reterr);
    request.body_len = strlen(request.body);
    if (ns == NULL || *ns == '\0')
        ns = tw_object_namespace(object);
    path_begin(&path, resource, ns, name);
    return send(client, &path, &request, ret_object, reterr);
}

tw_status tw_create(tw_client *client, const tw_resource *resource, const char *ns,
                    const tw_object *object, tw_object **ret_object, tw_error **reterr)
{
    return write_object(client, resource, ns, NULL, "POST", object, ret_object, reterr);
}

tw_status tw_update(tw_client *client, const tw_resource *resource, const char *ns,
                    const tw_object *object, tw_object **ret_object, tw_error **reterr)
{
    const char *name = tw_object_name(object);
    tw_status st = need_name(name, reterr);

    return st == TW_OK ? write_object(client, resource, ns, name, "PUT", object, ret_object, reterr)
                       : st;
}

tw_status tw_patch(tw_client *client, const tw_resource *resource, const char *ns, const char *name,
                   tw_patch_type type, const char *patch, size_t len, tw_object **ret_object,
                   tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = "PATCH", .body = patch, .body_len = len};
    tw_status st = need_name(name, reterr);

    if (st != TW_OK)
        return st;
    if ((size_t)type >= ARRAY_LEN(patch_types))
        return tw_fail(reterr, TW_ERR_ARGUMENT, "unknown patch type %d", (int)type);
    request.content_type = patch_types[type].content_type;
    path_begin(&path, resource, ns, name);
    if (type == TW_PATCH_APPLY) /* the server insists on one */
        path_query(&path, "fieldManager", "tidewatch");
    return send(client, &path, &request, ret_object, reterr);
}

tw_status tw_delete(tw_client *client, const tw_resource *resource, const char *ns,
                    const char *name, tw_object **ret_object, tw_error **reterr)
{
    static const struct bytes options = BYTES_INIT("{\"propagationPolicy\":\"Background\"}");
    struct buf path = {0};
    tw_request request = {.method = "DELETE", .body = options.ptr, .body_len = options.len};
    tw_status st = need_name(name, reterr);

    if (st != TW_OK)
        return st;
    path_begin(&path, resource, ns, name);
    return send(client, &path, &request, ret_object, reterr);
}
