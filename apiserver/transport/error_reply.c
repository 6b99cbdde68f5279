/*
 * The transport's own answers, in the words of Kubernetes. Its messages are literals without
 * characters that JSON would escape, so no encoder is needed here.
 */
#include "apiserver/transport/server.h"

static const struct {
    int status;
    const char *phrase, *reason; /* the StatusReason, NULL where Kubernetes has none */
} codes[] = {
    {101, "Switching Protocols", NULL},
    {200, "OK", NULL},
    {201, "Created", NULL},
    {202, "Accepted", NULL},
    {204, "No Content", NULL},
    {301, "Moved Permanently", NULL},
    {304, "Not Modified", NULL},
    {307, "Temporary Redirect", NULL},
    {400, "Bad Request", "BadRequest"},
    {401, "Unauthorized", "Unauthorized"},
    {403, "Forbidden", "Forbidden"},
    {404, "Not Found", "NotFound"},
    {405, "Method Not Allowed", "MethodNotAllowed"},
    {406, "Not Acceptable", "NotAcceptable"},
    {408, "Request Timeout", "Timeout"},
    {409, "Conflict", "Conflict"},
    {410, "Gone", "Gone"},
    {412, "Precondition Failed", NULL},
    {413, "Request Entity Too Large", "RequestEntityTooLarge"},
    {415, "Unsupported Media Type", "UnsupportedMediaType"},
    {417, "Expectation Failed", NULL},
    {422, "Unprocessable Entity", "Invalid"},
    {426, "Upgrade Required", NULL},
    {429, "Too Many Requests", "TooManyRequests"},
    {431, "Request Header Fields Too Large", NULL},
    {500, "Internal Server Error", "InternalError"},
    {501, "Not Implemented", NULL},
    {503, "Service Unavailable", "ServiceUnavailable"},
    {504, "Gateway Timeout", "Timeout"},
    {507, "Insufficient Storage", "InternalError"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].status == status)
            return codes[i].phrase;
    return "Status";
}

static const char *kubernetes_reason(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].status == status)
            return codes[i].reason;
    return NULL;
}

struct blob *error_reply_body(int status, const char *why)
{
    struct buf body = {0};
    const char *reason = kubernetes_reason(status);

    buf_appendf(&body,
                "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                "\"message\":\"%s\",",
                why != NULL ? why : http_reason(status));
    if (reason != NULL)
        buf_appendf(&body, "\"reason\":\"%s\",", reason);
    buf_appendf(&body, "\"code\":%d}\n", status);
    return buf_to_blob(&body);
}

struct blob *refusal_body(const struct http_server *server, int status, const char *why)
{
    char text[80];

    if (status == 413) {
        snprintf(text, sizeof(text), "Request entity too large: limit is %zu",
                 server->limits.body_max);
        why = text;
    }
    return error_reply_body(status, why);
}
