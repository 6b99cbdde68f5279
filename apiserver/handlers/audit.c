#include "apiserver/handlers/audit.h"

#include <stdlib.h>

#include "apiserver/auth/authenticator.h"
#include "apiserver/handlers/server_info.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "codec/yaml.h"

/* What is known before the answer is; in the request's arena. */
struct audit_trail {
    enum audit_level level;
    unsigned stages;
    struct bytes head; /* members of the event */
    bool truncated;
};

struct audit_stream {
    struct audit *audit;
    unsigned refs, stages;
    bool began;
    size_t head_len;
    char head[];
};

/* ---- pieces of an event ---- */

/* Bytes that are no UTF-8 are shown as the characters of their numbers: a line is always JSON. */
static void write_text(struct buf *out, struct bytes text)
{
    if (utf8_is_valid(text)) {
        json_write_string(out, text);
        return;
    }
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            buf_appendf(out, "\\u%04x", c);
        else
            buf_append_char(out, (char)c);
    }
    buf_append_char(out, '"');
}

static void member(struct buf *out, const char *name, struct bytes text)
{
    if (text.len == 0)
        return;
    buf_appendf(out, ",\"%s\":", name);
    write_text(out, text);
}

static void write_time(struct buf *out, const char *name, int64_t wall_us)
{
    char text[RFC3339_MICRO_LEN + 1];

    rfc3339_micro_format(wall_us, text);
    buf_appendf(out, ",\"%s\":\"%s\"", name, text);
}

/* "127.0.0.1:4711", "[::1]:4711" or "unix", without the port. */
static struct bytes host_of(struct bytes peer)
{
    size_t end = peer.len;

    while (end > 0 && peer.ptr[end - 1] != ':')
        end--;
    if (end == 0)
        return peer;
    peer.len = end - 1;
    if (peer.len > 2 && peer.ptr[0] == '[')
        return bytes_of(peer.ptr + 1, peer.len - 2);
    return peer;
}

/* Whatever path it was sent to: a policy's level was found by that. */
static bool is_secret(const struct json *object)
{
    static const char *const kinds[] = {"Secret", "SecretList", "TokenReview", "TokenRequest"};
    struct bytes kind = json_get_text(object, "kind");

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (bytes_ieq(kind, bytes_str(kinds[i])))
            return true;
    json_each(json_get(object, BYTES("items")), it)
        if (is_secret(it))
            return true;
    return false;
}

/* An object to be recorded, or one too long for it. NULL: none, or not to be read. */
static struct json *read_object(struct arena *arena, struct bytes text, bool is_yaml,
                                bool *truncated)
{
    struct json *tree = NULL;
    enum status st;

    if (text.len > AUDIT_BODY_MAX) {
        *truncated = true;
        return NULL;
    }
    if (text.len == 0)
        return NULL;
    st =
        is_yaml ? yaml_parse(arena, text, &tree, NULL) : json_parse(arena, text, &tree, NULL, NULL);
    return st == STATUS_OK ? tree : NULL;
}

/* The name of what is created stands in its body alone (audit/request.go LogRequestObject). */
static struct bytes name_of(const struct request_info *info, const struct json *body)
{
    if (info->name.len != 0 || info->verb != VERB_CREATE)
        return info->name;
    return json_get_text(json_get(body, BYTES("metadata")), "name");
}

static void write_reference(struct buf *out, const struct api_request *api, const struct json *body)
{
    const struct request_info *info = &api->info;
    size_t begin;

    if (!info->is_resource)
        return;
    buf_append_str(out, ",\"objectRef\":{");
    begin = out->len;
    member(out, "resource", info->resource);
    member(out, "namespace", info->namespace);
    member(out, "name", name_of(info, body));
    member(out, "apiGroup", info->group);
    member(out, "apiVersion", info->version);
    member(out, "subresource", info->subresource);
    if (out->len > begin) { /* the first comma */
        memmove(out->data + begin, out->data + begin + 1, out->len - begin - 1);
        out->len--;
    }
    buf_append_char(out, '}');
}

static void write_users(struct buf *out, const struct api_request *api)
{
    const struct user *real = api->identity != NULL && api->identity->user.name.len != 0
                                  ? &api->identity->user
                                  : api->user;

    buf_append_str(out, ",\"user\":");
    user_write(out, real);
    if (real != api->user) {
        buf_append_str(out, ",\"impersonatedUser\":");
        user_write(out, api->user);
    }
}

static bool is_yaml(struct bytes type)
{
    return bytes_find(type, 'y') != type.len && bytes_starts_with(type, BYTES("application/")) &&
           (bytes_starts_with(type, BYTES("application/yaml")) ||
            bytes_starts_with(type, BYTES("application/x-yaml")) ||
            bytes_starts_with(type, BYTES("application/apply-patch+yaml")));
}

static void write_head(struct buf *out, struct api_request *api, const struct access *what,
                       struct audit_trail *trail)
{
    const struct http_request *http = api->http;
    int64_t age_us = (int64_t)(clock_monotonic_us() - http->started_us);
    struct arena arena = {0};
    struct json *body = NULL;

    if (trail->level >= AUDIT_REQUEST || api->info.verb == VERB_CREATE)
        body = read_object(&arena, http->body, is_yaml(http_header(http, "content-type")),
                           &trail->truncated);
    buf_appendf(out, "\"level\":\"%s\",\"auditID\":\"%s\"", audit_level_name(trail->level),
                api->audit_id);
    member(out, "requestURI", request_target_for_log(&arena, http->target));
    member(out, "verb", what->verb);
    write_users(out, api);
    buf_append_str(out, ",\"sourceIPs\":[");
    write_text(out, host_of(http->peer));
    buf_append_char(out, ']');
    member(out, "userAgent", http_header(http, "user-agent"));
    write_reference(out, api, body);
    if (trail->level >= AUDIT_REQUEST && body != NULL && !is_secret(body)) {
        buf_append_str(out, ",\"requestObject\":");
        json_write(out, body, false);
    }
    write_time(out, "requestReceivedTimestamp", clock_wall_us() - age_us);
    arena_release(&arena);
}

static void append_event(struct audit *audit, enum audit_stage stage, struct bytes head, int code,
                         const struct json *answer, bool truncated)
{
    struct buf line = {0};

    buf_appendf(&line, "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"stage\":\"%s\",",
                audit_stage_name(stage));
    buf_append_bytes(&line, head);
    buf_appendf(&line, ",\"responseStatus\":{\"metadata\":{},\"code\":%d}", code);
    if (answer != NULL && !is_secret(answer)) {
        buf_append_str(&line, ",\"responseObject\":");
        json_write(&line, answer, false);
    }
    write_time(&line, "stageTimestamp", clock_wall_us());
    if (truncated)
        buf_append_str(&line, ",\"annotations\":{\"audit.k8s.io/truncated\":\"true\"}");
    buf_append_str(&line, "}\n");
    if (!line.failed)
        audit_log_append(audit->log, buf_bytes(&line));
    buf_release(&line);
}

/* ---- requests ---- */

void audit_note(struct api_request *api)
{
    struct audit *audit = api->worker->info->audit;
    struct audit_trail *trail;
    struct access what;
    struct buf head = {0};

    if (audit == NULL || api->audit != NULL || api->http == NULL)
        return;
    trail = arena_new(&api->arena, struct audit_trail);
    if (trail == NULL)
        return;
    api_access_of(api, &what);
    trail->level = audit_policy_level(audit->policy, api->user, &what, &trail->stages);
    if (trail->level != AUDIT_NONE) {
        write_head(&head, api, &what, trail);
        trail->head = arena_dup(&api->arena, buf_bytes(&head));
        if (head.failed || trail->head.len == 0)
            trail->level = AUDIT_NONE;
    }
    buf_release(&head);
    api->audit = trail;
}

static bool wants(const struct api_request *api, enum audit_stage stage)
{
    return api->audit != NULL && api->audit->level != AUDIT_NONE &&
           (api->audit->stages & (1U << stage)) != 0;
}

void audit_end(struct api_request *api, int code, struct bytes body)
{
    struct audit_trail *trail;
    struct arena arena = {0};
    struct json *answer = NULL;

    audit_note(api);
    if (!wants(api, AUDIT_COMPLETE))
        return;
    trail = api->audit;
    if (trail->level == AUDIT_REQUEST_RESPONSE)
        answer = read_object(&arena, body, api->negotiated.form == FORM_YAML, &trail->truncated);
    append_event(api->worker->info->audit, AUDIT_COMPLETE, trail->head, code, answer,
                 trail->truncated && trail->level >= AUDIT_REQUEST);
    arena_release(&arena);
}

/* ---- streams ---- */

struct audit_stream *audit_stream_of(struct api_request *api)
{
    struct audit_stream *stream = api->audit_stream;

    if (stream == NULL) {
        audit_note(api);
        if (api->audit == NULL || api->audit->level == AUDIT_NONE)
            return NULL;
        stream = calloc(1, sizeof(*stream) + api->audit->head.len);
        if (stream == NULL)
            return NULL;
        stream->audit = api->worker->info->audit;
        stream->stages = api->audit->stages;
        stream->head_len = api->audit->head.len;
        memcpy(stream->head, api->audit->head.ptr, stream->head_len);
        stream->refs = 1; /* the request's */
        api->audit_stream = stream;
    }
    stream->refs++;
    return stream;
}

void audit_stream_began(struct api_request *api)
{
    /* A long list: it was judged and found, what follows is its sending. */
    enum audit_stage stage = api->info.verb == VERB_LIST ? AUDIT_COMPLETE : AUDIT_STARTED;

    audit_note(api);
    if (wants(api, stage))
        append_event(api->worker->info->audit, stage, api->audit->head, api->code, NULL, false);
    if (api->audit_stream != NULL)
        api->audit_stream->began = true;
}

void audit_stream_unref(struct audit_stream *stream)
{
    if (stream == NULL || --stream->refs != 0)
        return;
    if (stream->began && (stream->stages & (1U << AUDIT_COMPLETE)) != 0)
        append_event(stream->audit, AUDIT_COMPLETE, bytes_of(stream->head, stream->head_len), 200,
                     NULL, false);
    free(stream);
}
