#include "client-go-like/object.h"
#include "client-go-like/rest/client.h"

#include <stdlib.h>

#include "base/clock.h"

struct tw_response {
    int code;
    struct buf body; /* ends in NUL, which body.len does not count */
    char *content_type;
};

void tw_response_free(tw_response *response)
{
    if (response == NULL)
        return;
    buf_release(&response->body);
    free(response->content_type);
    free(response);
}

tw_status client_take_response(struct http *http, tw_response **ret_response, tw_error **reterr)
{
    tw_response *response = calloc(1, sizeof(*response));
    struct buf *body = http_body(http);

    if (response == NULL || !buf_reserve(body, 1) ||
        (response->content_type = strdup(http_content_type(http))) == NULL) {
        tw_response_free(response);
        return tw_fail_no_memory(reterr);
    }
    body->data[body->len] = '\0';
    response->code = http_code(http);
    response->body = *body;
    *body = (struct buf){0};
    *ret_response = response;
    return TW_OK;
}

tw_status client_prepare(const tw_client *client, const tw_request *from,
                         struct http_request *ret_request, tw_error **reterr)
{
    unsigned timeout_ms =
        from->timeout_ms != 0 ? from->timeout_ms : atomic_load(&client->timeout_ms);

    if (from->path == NULL || from->path[0] != '/')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a path must begin with /");
    *ret_request = (struct http_request){
        .method = from->method != NULL ? from->method : "GET",
        .path = from->path,
        .accept = from->accept,
        .content_type = from->content_type,
        .body = bytes_of(from->body, from->body_len),
        .gzip = true,
        .bounds = {.connect_ms = HTTP_CONNECT_MS,
                   .deadline_ms = timeout_ms != 0 ? clock_monotonic_ms() + timeout_ms : 0,
                   .body_max = HTTP_BODY_MAX},
    };
    return TW_OK;
}

tw_status tw_client_do(tw_client *client, const tw_request *request, tw_response **ret_response,
                       tw_error **reterr)
{
    struct http_request prepared;
    struct http *http = NULL;
    tw_status st = client_prepare(client, request, &prepared, reterr);

    if (st == TW_OK)
        st = client_acquire(client, &http, reterr);
    if (st == TW_OK)
        st = client_fetch(client, http, &prepared, reterr);
    if (st == TW_OK && ret_response != NULL)
        st = client_take_response(http, ret_response, reterr);
    client_release(client, http);
    return st;
}

int tw_response_code(const tw_response *response)
{
    return response->code;
}

const char *tw_response_body(const tw_response *response, size_t *ret_len)
{
    if (ret_len != NULL)
        *ret_len = response->body.len;
    return response->body.data;
}

const char *tw_response_content_type(const tw_response *response)
{
    return response->content_type;
}

static struct bytes body_of(const tw_response *response)
{
    return bytes_of(response->body.data, response->body.len);
}

tw_status tw_response_object(const tw_response *response, tw_object **ret_object, tw_error **reterr)
{
    return object_read(body_of(response), ret_object, reterr);
}

tw_status tw_response_list(const tw_response *response, tw_list **ret_list, tw_error **reterr)
{
    tw_list *list = list_new();
    tw_status st =
        list != NULL ? list_read_page(list, body_of(response), reterr) : tw_fail_no_memory(reterr);

    if (st == TW_OK)
        *ret_list = list;
    else
        tw_list_free(list);
    return st;
}
