#include <tidewatch/verbs.h>

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

static const tw_write_options no_write_options;

/* Ends `path`, sends, and reads one object out of the answer if someone wants it. */
static tw_status send(tw_client *client, struct buf *path, tw_request *request,
                      tw_object **ret_object, tw_error **reterr)
{
    tw_response *response = NULL;
    tw_status st;

    request->path = path_end(path);
    st = request->path != NULL ? tw_client_do(client, request, &response, reterr)
                               : tw_fail_no_memory(reterr);
    if (st == TW_OK && ret_object != NULL)
        st = tw_response_object(response, ret_object, reterr);
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

size_t tw_resource_path(const tw_resource *resource, const char *ns, const char *name,
                        const char *subresource, char *out, size_t size)
{
    struct buf path = {0};
    const char *text;
    size_t len = 0;

    path_begin(&path, resource, ns, name);
    path_subresource(&path, subresource);
    if ((text = path_end(&path)) != NULL) {
        len = strlen(text);
        if (size != 0) {
            size_t copied = len < size ? len : size - 1;

            memcpy(out, text, copied);
            out[copied] = '\0';
        }
    }
    buf_release(&path);
    return len;
}

/* ---- reading ---- */

tw_status tw_get_with(tw_client *client, const tw_resource *resource, const char *ns,
                      const char *name, const tw_get_options *options, tw_object **ret_object,
                      tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = "GET"};
    tw_status st = need_name(name, reterr);

    if (st != TW_OK)
        return st;
    path_begin(&path, resource, ns, name);
    if (options != NULL) {
        path_subresource(&path, options->subresource);
        path_query(&path, "resourceVersion", options->resource_version);
    }
    return send(client, &path, &request, ret_object, reterr);
}

tw_status tw_get(tw_client *client, const tw_resource *resource, const char *ns, const char *name,
                 tw_object **ret_object, tw_error **reterr)
{
    return tw_get_with(client, resource, ns, name, NULL, ret_object, reterr);
}

tw_status tw_list_get(tw_client *client, const tw_resource *resource, const char *ns,
                      const tw_list_options *options, tw_list **ret_list, tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = "GET"};
    tw_response *response = NULL;
    tw_status st;

    path_begin(&path, resource, ns, NULL);
    if (options != NULL)
        path_list_options(&path, options);
    request.path = path_end(&path);
    st = request.path != NULL ? tw_client_do(client, &request, &response, reterr)
                              : tw_fail_no_memory(reterr);
    if (st == TW_OK)
        st = tw_response_list(response, ret_list, reterr);
    tw_response_free(response);
    buf_release(&path);
    return st;
}

/* ---- writing ---- */

static void add_write_options(struct buf *path, const tw_write_options *o, bool apply)
{
    const char *manager = o->field_manager;

    if (apply && manager == NULL) /* the server insists on one */
        manager = "tidewatch";
    path_query(path, "dryRun", o->dry_run ? "All" : NULL);
    path_query(path, "fieldManager", manager);
    path_query(path, "fieldValidation", o->field_validation);
    path_query(path, "force", apply && o->force ? "true" : NULL);
}

/* POST to the collection, or the object's subresource; PUT to the object. */
static tw_status write_object(tw_client *client, const tw_resource *resource, const char *ns,
                              const char *name, const char *method, const tw_object *object,
                              const tw_write_options *options, tw_object **ret_object,
                              tw_error **reterr)
{
    const tw_write_options *o = options != NULL ? options : &no_write_options;
    struct buf path = {0};
    tw_request request = {.method = method, .body = tw_object_json(object)};

    if (request.body == NULL)
        return tw_fail_no_memory(reterr);
    request.body_len = strlen(request.body);
    if (ns == NULL || *ns == '\0')
        ns = tw_object_namespace(object);
    path_begin(&path, resource, ns, name);
    path_subresource(&path, o->subresource);
    add_write_options(&path, o, false);
    return send(client, &path, &request, ret_object, reterr);
}

tw_status tw_create_with(tw_client *client, const tw_resource *resource, const char *ns,
                         const tw_object *object, const tw_write_options *options,
                         tw_object **ret_object, tw_error **reterr)
{
    bool below = options != NULL && options->subresource != NULL;
    const char *name = below ? tw_object_name(object) : NULL;
    tw_status st = below ? need_name(name, reterr) : TW_OK;

    return st == TW_OK ? write_object(client, resource, ns, name, "POST", object, options,
                                      ret_object, reterr)
                       : st;
}

tw_status tw_create(tw_client *client, const tw_resource *resource, const char *ns,
                    const tw_object *object, tw_object **ret_object, tw_error **reterr)
{
    return tw_create_with(client, resource, ns, object, NULL, ret_object, reterr);
}

tw_status tw_update_with(tw_client *client, const tw_resource *resource, const char *ns,
                         const tw_object *object, const tw_write_options *options,
                         tw_object **ret_object, tw_error **reterr)
{
    const char *name = tw_object_name(object);
    tw_status st = need_name(name, reterr);

    return st == TW_OK ? write_object(client, resource, ns, name, "PUT", object, options,
                                      ret_object, reterr)
                       : st;
}

tw_status tw_update(tw_client *client, const tw_resource *resource, const char *ns,
                    const tw_object *object, tw_object **ret_object, tw_error **reterr)
{
    return tw_update_with(client, resource, ns, object, NULL, ret_object, reterr);
}

tw_status tw_patch_with(tw_client *client, const tw_resource *resource, const char *ns,
                        const char *name, tw_patch_type type, const char *patch, size_t len,
                        const tw_write_options *options, tw_object **ret_object, tw_error **reterr)
{
    const tw_write_options *o = options != NULL ? options : &no_write_options;
    struct buf path = {0};
    tw_request request = {.method = "PATCH", .body = patch, .body_len = len};
    tw_status st = need_name(name, reterr);

    if (st != TW_OK)
        return st;
    if ((size_t)type >= ARRAY_LEN(patch_types))
        return tw_fail(reterr, TW_ERR_ARGUMENT, "unknown patch type %d", (int)type);
    request.content_type = patch_types[type].content_type;
    path_begin(&path, resource, ns, name);
    path_subresource(&path, o->subresource);
    add_write_options(&path, o, type == TW_PATCH_APPLY);
    return send(client, &path, &request, ret_object, reterr);
}

tw_status tw_patch(tw_client *client, const tw_resource *resource, const char *ns, const char *name,
                   tw_patch_type type, const char *patch, size_t len, tw_object **ret_object,
                   tw_error **reterr)
{
    return tw_patch_with(client, resource, ns, name, type, patch, len, NULL, ret_object, reterr);
}

tw_status tw_apply(tw_client *client, const tw_resource *resource, const char *ns,
                   const tw_object *object, const tw_write_options *options, tw_object **ret_object,
                   tw_error **reterr)
{
    const char *body = tw_object_json(object); /* JSON is YAML */

    if (body == NULL)
        return tw_fail_no_memory(reterr);
    if (ns == NULL || *ns == '\0')
        ns = tw_object_namespace(object);
    return tw_patch_with(client, resource, ns, tw_object_name(object), TW_PATCH_APPLY, body,
                         strlen(body), options, ret_object, reterr);
}

/* ---- deleting ---- */

/* The DeleteOptions, as the body of the request. */
static void write_delete_options(struct buf *out, const tw_delete_options *o)
{
    struct arena arena = {0};
    struct json *body = json_new_object(&arena), *dry_run;

    json_set_text(&arena, body, "propagationPolicy",
                  bytes_str(o->propagation != NULL ? o->propagation : "Background"));
    if (o->grace_period_s != NULL)
        json_set(body, BYTES("gracePeriodSeconds"), json_new_int(&arena, *o->grace_period_s));
    if (o->uid != NULL)
        json_set_text(&arena, json_ensure_object(&arena, body, "preconditions"), "uid",
                      bytes_str(o->uid));
    if (o->resource_version != NULL)
        json_set_text(&arena, json_ensure_object(&arena, body, "preconditions"), "resourceVersion",
                      bytes_str(o->resource_version));
    if (o->dry_run) {
        dry_run = json_new_array(&arena);
        json_append(dry_run, json_new_string(&arena, BYTES("All")));
        json_set(body, BYTES("dryRun"), dry_run);
    }
    if (arena.failed)
        out->failed = true;
    else
        json_write(out, body, false);
    arena_release(&arena);
}

static tw_status send_delete(tw_client *client, struct buf *path, const tw_delete_options *options,
                             tw_object **ret_object, tw_error **reterr)
{
    static const tw_delete_options none;
    tw_request request = {.method = "DELETE"};
    struct buf body = {0};
    tw_status st;

    write_delete_options(&body, options != NULL ? options : &none);
    if (body.failed)
        path->failed = true; /* which send() reports */
    request.body = body.data;
    request.body_len = body.len;
    st = send(client, path, &request, ret_object, reterr);
    buf_release(&body);
    return st;
}

tw_status tw_delete_with(tw_client *client, const tw_resource *resource, const char *ns,
                         const char *name, const tw_delete_options *options, tw_object **ret_object,
                         tw_error **reterr)
{
    struct buf path = {0};
    tw_status st = need_name(name, reterr);

    if (st != TW_OK)
        return st;
    path_begin(&path, resource, ns, name);
    return send_delete(client, &path, options, ret_object, reterr);
}

tw_status tw_delete(tw_client *client, const tw_resource *resource, const char *ns,
                    const char *name, tw_object **ret_object, tw_error **reterr)
{
    return tw_delete_with(client, resource, ns, name, NULL, ret_object, reterr);
}

tw_status tw_delete_collection(tw_client *client, const tw_resource *resource, const char *ns,
                               const tw_list_options *which, const tw_delete_options *options,
                               tw_error **reterr)
{
    struct buf path = {0};

    path_begin(&path, resource, ns, NULL);
    if (which != NULL)
        path_list_options(&path, which);
    return send_delete(client, &path, options, NULL, reterr);
}
