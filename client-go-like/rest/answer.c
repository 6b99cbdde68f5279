#include "client-go-like/rest/client.h"

#include "codec/status_object.h"
#include "codec/transcoder.h"

/* What a code means when the body does not say (AM api/errors NewGenericServerResponse). */
static const struct {
    int code;
    enum status status;
    const char *message;
} generic[] = {
    {400, STATUS_BAD_REQUEST, "the server rejected our request for an unknown reason"},
    {401, STATUS_UNAUTHORIZED, "the server has asked for the client to provide credentials"},
    {403, STATUS_FORBIDDEN, "the server does not allow access to the requested resource"},
    {404, STATUS_NOT_FOUND, "the server could not find the requested resource"},
    {405, STATUS_METHOD_NOT_ALLOWED,
     "the server does not allow this method on the requested resource"},
    {406, STATUS_NOT_ACCEPTABLE,
     "the server was unable to respond with a content type that the client supports"},
    {409, STATUS_CONFLICT, "the server reported a conflict"},
    {410, STATUS_EXPIRED, "the requested resource version is no longer available"},
    {413, STATUS_TOO_LARGE, "the request is larger than the server accepts"},
    {415, STATUS_UNSUPPORTED_MEDIA_TYPE,
     "the server was unable to understand the content type of the request"},
    {422, STATUS_INVALID, "the server rejected our request due to an error in our request"},
    {429, STATUS_TOO_MANY_REQUESTS,
     "the server has received too many requests and has asked us to try again later"},
    {503, STATUS_UNAVAILABLE, "the server is currently unable to handle the request"},
    {504, STATUS_TIMEOUT,
     "the server was unable to return a response in the time allotted, but may still be processing "
     "the request"},
};

static tw_status fail_generic(int code, struct bytes body, tw_error **reterr)
{
    struct error detail = {0};

    for (size_t i = 0; i < ARRAY_LEN(generic); i++) {
        if (generic[i].code != code)
            continue;
        error_set(&detail, generic[i].status, "%s", generic[i].message);
        return tw_fail_server(reterr, code, &detail);
    }
    body = bytes_trim(body);
    if (body.len > 1024)
        body.len = 1024;
    if (body.len != 0)
        error_set(&detail, STATUS_INTERNAL,
                  "an error on the server (\"%.*s\") has prevented the request from succeeding",
                  BYTES_FMT(body));
    else
        error_set(&detail, STATUS_INTERNAL,
                  "the server responded with the status code %d but did not return more "
                  "information",
                  code);
    return tw_fail_server(reterr, code, &detail);
}

tw_status client_fail_status(const struct json *status, int code, tw_error **reterr)
{
    struct error detail = {0};
    int64_t own_code;

    if (!status_object_read(status, &detail)) {
        error_release(&detail);
        return fail_generic(code, bytes_of(NULL, 0), reterr);
    }
    if (code == 0 && json_to_i64(json_get(status, BYTES("code")), &own_code) && own_code > 0 &&
        own_code < 1000)
        code = (int)own_code;
    return tw_fail_server(reterr, code, &detail);
}

tw_status client_fail_answer(int code, struct bytes body, tw_error **reterr)
{
    struct arena arena = {0};
    struct json *tree = NULL;
    enum status read = protobuf_is_envelope(body)
                           ? transcoder_read(&arena, body, BYTES(""), BYTES(""), &tree, NULL, NULL)
                           : json_parse(&arena, body, &tree, NULL, NULL);
    tw_status st;

    if (read == STATUS_OK && json_is(tree, JSON_OBJECT) &&
        bytes_eq(json_get_text(tree, "kind"), BYTES("Status")))
        st = client_fail_status(tree, code, reterr);
    else
        st = fail_generic(code, body, reterr);
    arena_release(&arena);
    return st;
}
