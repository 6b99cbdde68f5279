#include "client-go-like/tidectl/request.h"

#include <stdio.h>

#include "base/clock.h"
#include "client-go-like/rest/path.h"

enum { LOG_REQUESTS = 6, LOG_BODIES = 8, LOG_WHOLE_BODIES = 10, LOG_BODY_MAX = 1024, PAGE = 500 };

static void log_body(const struct tidectl *t, const char *what, const char *body, size_t len)
{
    bool cut = t->verbosity < LOG_WHOLE_BODIES && len > LOG_BODY_MAX;

    if (t->verbosity >= LOG_BODIES && len != 0)
        fprintf(stderr, "%s: %.*s%s\n", what, cut ? LOG_BODY_MAX : (int)len, body,
                cut ? " [truncated]" : "");
}

tw_status request_do(struct tidectl *t, const tw_request *request, tw_response **ret_response,
                     tw_error **reterr)
{
    uint64_t began = clock_monotonic_ms();
    tw_error *error = NULL;
    tw_status st;

    log_body(t, "request body", request->body, request->body_len);
    st = tw_client_do(t->client, request, ret_response, &error);
    if (t->verbosity >= LOG_REQUESTS)
        fprintf(stderr, "%s %s%s %d in %llu ms\n",
                request->method != NULL ? request->method : "GET", tw_config_server(t->config),
                request->path, st == TW_OK ? tw_response_code(*ret_response) : tw_error_code(error),
                (unsigned long long)(clock_monotonic_ms() - began));
    if (st == TW_OK) {
        size_t len;
        const char *body = tw_response_body(*ret_response, &len);

        log_body(t, "response body", body, len);
    }
    if (reterr != NULL)
        *reterr = error;
    else
        tw_error_free(error);
    return st;
}

/* Sends, and reads the one object that is answered. Ends `path`. */
static tw_status send(struct tidectl *t, tw_request *request, struct buf *path,
                      tw_object **ret_object, tw_error **reterr)
{
    tw_response *response = NULL;
    tw_status st;

    request->path = path_end(path);
    st = request->path != NULL ? request_do(t, request, &response, reterr)
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

/* --validate: true and strict are one, and so on (KC cmd/util/helpers.go). */
static const char *validation(const struct tidectl *t)
{
    static const struct {
        const char *word, *value;
    } words[] = {{"", "Strict"},   {"true", "Strict"},  {"strict", "Strict"},
                 {"warn", "Warn"}, {"false", "Ignore"}, {"ignore", "Ignore"}};

    for (size_t i = 0; t->flags.validate != NULL && i < ARRAY_LEN(words); i++)
        if (strcmp(t->flags.validate, words[i].word) == 0)
            return words[i].value;
    return "Strict";
}

tw_status call_object(struct tidectl *t, const struct call *call, tw_object **ret_object,
                      tw_error **reterr)
{
    struct buf path = {0};
    tw_request request = {.method = call->method,
                          .content_type = call->content_type,
                          .body = call->body.ptr,
                          .body_len = call->body.len};

    path_begin(&path, call->resource, call->ns, call->name);
    if (call->subresource != NULL)
        buf_appendf(&path, "/%s", call->subresource);
    if (call->manager != NULL) {
        if (t->dry_run == DRY_RUN_SERVER)
            path_query(&path, "dryRun", "All");
        path_query(&path, "fieldManager",
                   t->flags.field_manager != NULL ? t->flags.field_manager : call->manager);
    }
    if (call->strict)
        path_query(&path, "fieldValidation", validation(t));
    if (call->force)
        path_query(&path, "force", "true");
    return send(t, &request, &path, ret_object, reterr);
}

tw_status call_get(struct tidectl *t, const tw_resource *resource, const char *ns, const char *name,
                   tw_object **ret_object, tw_error **reterr)
{
    const struct call call = {.resource = resource, .ns = ns, .name = name};

    if (name == NULL || *name == '\0')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "resource name may not be empty");
    return call_object(t, &call, ret_object, reterr);
}

tw_status call_list(struct tidectl *t, const tw_resource *resource, const char *ns,
                    const char *label_selector, const char *field_selector, tw_list **ret_list,
                    tw_error **reterr)
{
    tw_list *list = list_new();
    tw_status st = list != NULL ? TW_OK : tw_fail_no_memory(reterr);

    while (st == TW_OK) {
        struct buf path = {0};
        tw_request request = {.method = NULL};
        tw_response *response = NULL;
        struct bytes body = {0};

        path_begin(&path, resource, ns, NULL);
        path_query(&path, "continue", tw_list_continue(list));
        path_query(&path, "fieldSelector", field_selector);
        path_query(&path, "labelSelector", label_selector);
        path_query_u64(&path, "limit", PAGE);
        request.path = path_end(&path);
        st = request.path != NULL ? request_do(t, &request, &response, reterr)
                                  : tw_fail_no_memory(reterr);
        if (st == TW_OK) {
            body.ptr = tw_response_body(response, &body.len);
            st = list_read_page(list, body, reterr);
        }
        tw_response_free(response);
        buf_release(&path);
        if (*tw_list_continue(list) == '\0')
            break;
    }
    if (st == TW_OK)
        *ret_list = list;
    else
        tw_list_free(list);
    return st;
}

tw_status call_post(struct tidectl *t, const char *path, struct bytes body, tw_object **ret_object,
                    tw_error **reterr)
{
    tw_request request = {.method = "POST", .body = body.ptr, .body_len = body.len};
    struct buf copy = {0};

    buf_append_str(&copy, path);
    return send(t, &request, &copy, ret_object, reterr);
}

tw_status call_document(struct tidectl *t, const char *path, tw_object **ret_object,
                        tw_error **reterr)
{
    tw_request request = {.method = NULL};
    struct buf copy = {0};

    buf_append_str(&copy, path);
    return send(t, &request, &copy, ret_object, reterr);
}
