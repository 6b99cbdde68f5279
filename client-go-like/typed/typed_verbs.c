#include "client-go-like/rest/path.h"
#include "client-go-like/typed/type.h"

static const char accept[] = PROTOBUF_MEDIA_TYPE ",application/json";

/* Ends `path`, sends, and reads the answer if someone wants it. */
static tw_status send(tw_client *client, struct buf *path, tw_request *request, const tw_type *type,
                      struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    tw_response *response = NULL;
    tw_status st;

    request->accept = accept;
    request->path = path_end(path);
    st = request->path != NULL ? tw_client_do(client, request, &response, reterr)
                               : tw_fail_no_memory(reterr);
    if (st == TW_OK && ret_message != NULL) {
        size_t len;
        const char *body = tw_response_body(response, &len);

        st = tw_type_decode_bytes(type, body, len, ret_message, reterr);
    }
    tw_response_free(response);
    buf_release(path);
    return st;
}

tw_status tw_typed_get(tw_client *client, const tw_resource *resource, const char *ns,
                       const char *name, const tw_type *type, struct ProtobufCMessage **ret_message,
                       tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = "GET"};

    if (name == NULL || *name == '\0')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "resource name may not be empty");
    path_begin(&path, resource, ns, name);
    return send(client, &path, &request, type, ret_message, reterr);
}

tw_status tw_typed_list(tw_client *client, const tw_resource *resource, const char *ns,
                        const tw_list_options *options, const tw_type *list_type,
                        struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = "GET"};

    path_begin(&path, resource, ns, NULL);
    if (options != NULL)
        path_list_options(&path, options);
    return send(client, &path, &request, list_type, ret_message, reterr);
}

static tw_status send_json(tw_client *client, struct buf *path, const char *method,
                           const tw_type *type, const struct ProtobufCMessage *message,
                           struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    tw_request request = {.method = method};
    tw_object *object = NULL;
    tw_status st = tw_type_encode(type, message, &object, reterr);

    if (st == TW_OK && (request.body = tw_object_json(object)) == NULL)
        st = tw_fail_no_memory(reterr);
    if (request.body != NULL) {
        request.body_len = strlen(request.body);
        st = send(client, path, &request, type, ret_message, reterr);
    }
    tw_object_unref(object);
    buf_release(path);
    return st;
}

static tw_status send_protobuf(tw_client *client, struct buf *path, const char *method,
                               const tw_type *type, const struct ProtobufCMessage *message,
                               struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    tw_request request = {.method = method, .content_type = PROTOBUF_MEDIA_TYPE};
    struct buf body = {0};
    tw_status st = type_write(type, message, &body, reterr);

    request.body = body.data;
    request.body_len = body.len;
    if (st == TW_OK)
        st = send(client, path, &request, type, ret_message, reterr);
    buf_release(&body);
    buf_release(path);
    return st;
}

/* What a custom resource's fields are numbered is for its server to say: with other numbers a field
 * would be lost without a word, so it is written as JSON. Of built-in kinds a server that has no
 * protobuf says 415. */
static tw_status send_message(tw_client *client, struct buf *path, const char *method,
                              const tw_type *type, const struct ProtobufCMessage *message,
                              struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    struct buf again = {0};
    tw_status st;

    if (!type->is_builtin)
        return send_json(client, path, method, type, message, ret_message, reterr);
    buf_append_bytes(&again, buf_bytes(path));
    st = send_protobuf(client, path, method, type, message, ret_message, error);
    if (st == TW_ERR_SERVER && tw_error_code(*error) == 415) {
        tw_error_clear(error);
        st = send_json(client, &again, method, type, message, ret_message, error);
    }
    buf_release(&again);
    tw_error_free(own);
    return st;
}

tw_status tw_typed_create(tw_client *client, const tw_resource *resource, const char *ns,
                          const tw_type *type, const struct ProtobufCMessage *message,
                          struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    struct buf path = {0};

    path_begin(&path, resource, ns, NULL);
    return send_message(client, &path, "POST", type, message, ret_message, reterr);
}

tw_status tw_typed_update(tw_client *client, const tw_resource *resource, const char *ns,
                          const char *name, const tw_type *type,
                          const struct ProtobufCMessage *message,
                          struct ProtobufCMessage **ret_message, tw_error **reterr)
{
    struct buf path = {0};

    if (name == NULL || *name == '\0')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "resource name may not be empty");
    path_begin(&path, resource, ns, name);
    return send_message(client, &path, "PUT", type, message, ret_message, reterr);
}
