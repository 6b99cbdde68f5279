/*
 * respond - the ways a request ends, and what every answer carries.
 */
#include "apiserver/handlers/api.h"

#include <libdeflate.h>
#include <stdlib.h>

#include "apiserver/handlers/audit.h"
#include "apiserver/handlers/held.h"
#include "apiserver/handlers/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/status_object.h"
#include "codec/transcoder.h"
#include "codec/yaml.h"

static const struct bytes json_type = BYTES_INIT("application/json");
static const struct bytes yaml_type = BYTES_INIT("application/yaml");
static const struct bytes protobuf_type = BYTES_INIT(PROTOBUF_MEDIA_TYPE);
static const struct bytes text_type = BYTES_INIT("text/plain; charset=utf-8");

void api_warn(struct api_request *api, struct bytes text)
{
    struct bytes quoted;
    struct buf escaped = {0};

    if (api->warning_count == API_WARNINGS_MAX)
        return;
    /* A quoted string of RFC 9110: no control characters may reach a header. */
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '"' || c == '\\')
            buf_append_char(&escaped, '\\');
        buf_append_char(&escaped, (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c);
    }
    quoted = arena_printf(&api->arena, "299 - \"%.*s\"", BYTES_FMT(buf_bytes(&escaped)));
    buf_release(&escaped);
    for (size_t i = 0; i < api->warning_count; i++)
        if (bytes_eq(api->warnings[i], quoted))
            return;
    api->warnings[api->warning_count++] = quoted;
}

static void add_header(struct http_header *headers, size_t *count, const char *name,
                       struct bytes value)
{
    headers[(*count)++] = (struct http_header){bytes_str(name), value};
}

void api_add_header(struct api_request *api, const char *name, struct bytes value)
{
    assert(api->extra_count < API_EXTRA_HEADERS_MAX);
    api->extra[api->extra_count++] = (struct http_header){bytes_str(name), value};
}

size_t api_headers(struct api_request *api, struct bytes content_type,
                   struct http_header *ret_headers)
{
    size_t count = 0;

    add_header(ret_headers, &count, "audit-id", bytes_str(api->audit_id));
    add_header(ret_headers, &count, "cache-control", BYTES("no-cache, private"));
    if (content_type.len != 0)
        add_header(ret_headers, &count, "content-type", content_type);
    add_header(ret_headers, &count, "x-content-type-options", BYTES("nosniff"));
    for (size_t i = 0; i < api->extra_count; i++)
        ret_headers[count++] = api->extra[i];
    for (size_t i = 0; i < api->warning_count; i++)
        add_header(ret_headers, &count, "warning", api->warnings[i]);
    return count;
}

static void log_request(struct api_request *api, uint64_t took_us)
{
    LOG_DEBUG("request", LOG_STR("id", api->audit_id), LOG_BYTES("method", api->http->method),
              LOG_BYTES("target", request_target_for_log(&api->arena, api->http->target)),
              LOG_BYTES("peer", api->http->peer), LOG_BYTES("user", api->user->name),
              LOG_INT("code", api->code), LOG_INT("us", (int64_t)took_us));
}

void respond(struct api_request *api, const struct http_response *response)
{
    uint64_t took_us = clock_monotonic_us() - api->http->started_us;

    api->code = response->status;
    metrics_count_request(api->worker->metrics, api, took_us,
                          response->body != NULL ? response->body->len : 0);
    log_request(api, took_us);
    audit_end(api, api->code, response->body != NULL ? blob_bytes(response->body) : BYTES(""));
    api->http->on_gone = NULL;
    http_reply(api->http, response);
    api->http = NULL;
    if (api->overdue)
        api_leave(api);
    else
        api_free(api);
}

enum { GZIP_LEAST = 128 * 1024, GZIP_LEVEL = 1 };

/* As k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/writers.go: GET, large, asked for. */
bool respond_wants_gzip(const struct api_request *api)
{
    struct bytes accepted = http_header(api->http, "accept-encoding");

    if (!bytes_eq_str(api->http->method, "GET"))
        return false;
    while (accepted.len != 0)
        if (bytes_eq_str(bytes_trim(bytes_cut(&accepted, ',')), "gzip"))
            return true;
    return false;
}

/* NULL: not to be had; the plain body does as well. */
static struct blob *gzip(const struct blob *body)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
    struct blob *packed = NULL;
    size_t room, len;
    char *data;

    if (compressor == NULL)
        return NULL;
    room = libdeflate_gzip_compress_bound(compressor, body->len);
    data = malloc(room);
    len =
        data != NULL ? libdeflate_gzip_compress(compressor, body->data, body->len, data, room) : 0;
    if (len != 0)
        packed = blob_take(data, len);
    if (packed == NULL)
        free(data);
    libdeflate_free_compressor(compressor);
    return packed;
}

void api_add_gzip_headers(struct http_header *headers, size_t *count)
{
    add_header(headers, count, "content-encoding", BYTES("gzip"));
    add_header(headers, count, "vary", BYTES("Accept-Encoding"));
}

void respond_body(struct api_request *api, int code, struct finished_body finished)
{
    struct http_header headers[API_HEADERS_MAX + 2];
    struct http_response response = {.status = code, .headers = headers, .body = finished.body};
    struct error err = {0};

    if (api->http == NULL) {
        audit_end(api, code, finished.body != NULL ? blob_bytes(finished.body) : BYTES(""));
        blob_unref(finished.body);
        api_free(api);
        return;
    }
    if (finished.body == NULL) {
        response.status = status_http_code(STATUS_NO_MEMORY);
        finished.type = bytes_of(NULL, 0);
    } else if (held_count(api, finished.body, &err) != STATUS_OK) {
        blob_unref(finished.body);
        respond_error(api, &err);
        return;
    }
    response.header_count = api_headers(api, finished.type, headers);
    if (finished.packed)
        api_add_gzip_headers(headers, &response.header_count);
    respond(api, &response);
    blob_unref(finished.body);
}

static void pack(struct finished_body *finished)
{
    struct blob *packed = NULL;

    if (finished->body == NULL || finished->body->len <= GZIP_LEAST ||
        (packed = gzip(finished->body)) == NULL)
        return;
    blob_unref(finished->body);
    finished->body = packed;
    finished->packed = true;
}

void respond_blob(struct api_request *api, int code, struct bytes content_type, struct blob *body)
{
    struct finished_body finished = {.type = content_type, .body = body};

    if (api->http != NULL && respond_wants_gzip(api))
        pack(&finished);
    respond_body(api, code, finished);
}

void respond_empty(struct api_request *api, int code)
{
    struct http_header headers[API_HEADERS_MAX];
    struct http_response response = {.status = code, .headers = headers};

    response.header_count = api_headers(api, bytes_of(NULL, 0), headers);
    respond(api, &response);
}

static void write_indented(struct buf *out, const struct json *tree)
{
    json_write(out, tree, true);
    buf_append_char(out, '\n');
}

static void rewrite(struct buf *body, void (*write)(struct buf *out, const struct json *tree))
{
    struct arena arena = {0};
    struct buf rewritten = {0};
    struct json *tree;

    if (!body->failed && json_parse(&arena, buf_bytes(body), &tree, NULL, NULL) == STATUS_OK) {
        write(&rewritten, tree);
        buf_release(body);
        *body = rewritten;
    }
    arena_release(&arena);
}

/* Objects and lists come in their envelope already (registry/view.h). */
static void make_protobuf(struct buf *body)
{
    struct buf envelope = {.failed = body->failed};

    if (protobuf_is_envelope(buf_bytes(body)))
        return;
    transcoder_write_text(&envelope, NULL, buf_bytes(body));
    buf_release(body);
    *body = envelope;
}

/* A body is built as compact JSON. What a person asked for by hand is indented, and may be YAML.
 * Returns its type. */
static struct bytes finish_body(struct body_form form, struct buf *body)
{
    if (form.form == FORM_PROTOBUF) {
        make_protobuf(body);
        return protobuf_type;
    }
    if (form.form == FORM_YAML) {
        rewrite(body, yaml_write);
        return yaml_type;
    }
    if (form.pretty)
        rewrite(body, write_indented);
    else
        buf_append_char(body, '\n');
    return json_type;
}

struct body_form api_body_form(const struct api_request *api)
{
    return (struct body_form){.form = api->negotiated.form,
                              .pretty = api->pretty || api->negotiated.pretty,
                              .gzip = api->http != NULL && respond_wants_gzip(api)};
}

struct finished_body body_finish(struct body_form form, struct buf *body)
{
    struct finished_body finished = {.type = finish_body(form, body)};

    finished.body = buf_to_blob(body);
    if (form.gzip)
        pack(&finished);
    return finished;
}

void respond_json(struct api_request *api, int code, struct buf *body)
{
    respond_body(api, code, body_finish(api_body_form(api), body));
}

void respond_text(struct api_request *api, int code, const char *text)
{
    respond_blob(api, code, text_type, blob_new(bytes_str(text)));
}

/* What stands below /api and the built-in groups has handlers of its own, which answer with a
 * Status; all else falls through to the server's last one, which answers with text. */
static bool is_below_own_group(struct bytes path)
{
    const struct bytes apis = BYTES("/apis/");
    struct bytes rest;

    if (bytes_starts_with(path, BYTES("/api/")))
        return true;
    if (!bytes_starts_with(path, apis))
        return false;
    rest = bytes_from(path, apis.len);
    return kinds_have_group(bytes_cut(&rest, '/'));
}

void respond_no_such_path(struct api_request *api)
{
    struct error err = {0};

    if (!is_below_own_group(api->info.path)) {
        respond_text(api, 404, "404 page not found\n");
        return;
    }
    error_set(&err, STATUS_NOT_FOUND, "the server could not find the requested resource");
    respond_error(api, &err);
}

void respond_error(struct api_request *api, struct error *err)
{
    struct http_header headers[API_HEADERS_MAX + 2];
    struct http_response response = {.status = status_http_code(err->status), .headers = headers};
    struct bytes type;
    struct buf body = {0};

    if (api->http == NULL) {
        audit_end(api, response.status, BYTES(""));
        error_release(err);
        api_free(api);
        return;
    }
    api->negotiated.form = negotiate_failure(&api->arena, http_header(api->http, "accept"));
    status_object_write(&body, err);
    type = finish_body(api_body_form(api), &body);
    response.header_count = api_headers(api, type, headers);
    if (err->retry_after_s != 0)
        add_header(headers, &response.header_count, "retry-after",
                   arena_printf(&api->arena, "%u", err->retry_after_s));
    if (response.status == 405 && api->allow.len != 0)
        add_header(headers, &response.header_count, "allow", api->allow);
    response.body = buf_to_blob(&body);
    error_release(err);
    respond(api, &response);
    blob_unref(response.body);
}

enum status api_view(const struct api_request *api, struct view *ret_view, struct error *reterr)
{
    struct bytes include = query_get(&api->info.query, "includeObject");
    const struct negotiated *n = &api->negotiated;

    *ret_view = (struct view){.shape = n->as == AS_OBJECT  ? VIEW_OBJECT
                                       : n->as == AS_TABLE ? VIEW_TABLE
                                                           : VIEW_METADATA,
                              .v1beta1 = n->v1beta1,
                              .protobuf = n->form == FORM_PROTOBUF,
                              .projection = n->projection};
    if (n->as != AS_TABLE || include.len == 0 || bytes_eq_str(include, "Metadata"))
        return STATUS_OK;
    if (bytes_eq_str(include, "None"))
        ret_view->include = VIEW_INCLUDE_NONE;
    else if (bytes_eq_str(include, "Object"))
        ret_view->include = VIEW_INCLUDE_OBJECT;
    else
        return error_set(reterr, STATUS_BAD_REQUEST, "unrecognized includeObject value: \"%.*s\"",
                         BYTES_FMT(include));
    return STATUS_OK;
}

void respond_object(struct api_request *api, int code, const struct object *object, uint64_t rev)
{
    struct error err = {0};
    struct buf body = {0};
    struct view view;

    if (api->http != NULL && api_view(api, &view, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    if (api->http != NULL)
        view_write_object(&body, api->kind, view, object, rev);
    respond_json(api, code, &body);
}

/* ---- errors every handler words alike ---- */

enum status error_not_found(struct error *reterr, const struct kind *kind, struct bytes name)
{
    error_set(reterr, STATUS_NOT_FOUND, "%s \"%.*s\" not found", kind->group_resource,
              BYTES_FMT(name));
    error_set_details(reterr, bytes_str(kind->group), bytes_str(kind->plural), name);
    return STATUS_NOT_FOUND;
}

enum status error_already_exists(struct error *reterr, const struct kind *kind, struct bytes name)
{
    error_set(reterr, STATUS_ALREADY_EXISTS, "%s \"%.*s\" already exists", kind->group_resource,
              BYTES_FMT(name));
    error_set_details(reterr, bytes_str(kind->group), bytes_str(kind->plural), name);
    return STATUS_ALREADY_EXISTS;
}

enum status error_conflict(struct error *reterr, const struct kind *kind, struct bytes name,
                           const char *why)
{
    error_set(reterr, STATUS_CONFLICT, "Operation cannot be fulfilled on %s \"%.*s\": %s",
              kind->group_resource, BYTES_FMT(name),
              why != NULL ? why
                          : "the object has been modified; please apply your changes to the "
                            "latest version and try again");
    error_set_details(reterr, bytes_str(kind->group), bytes_str(kind->plural), name);
    return STATUS_CONFLICT;
}
