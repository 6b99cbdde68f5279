#include "apiserver/handlers/body.h"

#include "apiserver/registry/field_errors.h"
#include "codec/media_type.h"
#include "codec/message_check.h"
#include "codec/transcoder.h"
#include "codec/yaml.h"

enum status body_error(struct error *reterr, const struct kind *kind, const char *format, ...)
{
    struct buf why = {0};
    va_list args;

    va_start(args, format);
    buf_vappendf(&why, format, args);
    va_end(args);
    error_set(reterr, STATUS_BAD_REQUEST, "%s in version \"%s\" cannot be handled as a %s: %.*s",
              kind->kind, kind->version, kind->kind, BYTES_FMT(buf_bytes(&why)));
    buf_release(&why);
    return STATUS_BAD_REQUEST;
}

/* ---- syntax ---- */

/* A custom kind is the only one that the transcoder does not know by its name. */
static enum status read_protobuf(struct api_request *api, struct json **ret_tree,
                                 struct error *reterr)
{
    const struct kind *kind = api->kind;
    const struct message_type *type;
    bool options = api->info.verb == VERB_DELETE || api->info.verb == VERB_DELETE_COLLECTION;

    if (options || !kind->custom || bytes_eq_str(api->info.subresource, "scale"))
        return transcoder_read(
            &api->arena, api->http->body, options ? BYTES("v1") : bytes_str(kind->api_version),
            options ? BYTES("DeleteOptions") : bytes_str(kind->kind), ret_tree, NULL, reterr);
    type = kind_message(kind);
    if (type == NULL)
        return error_set(reterr, STATUS_UNSUPPORTED_MEDIA_TYPE,
                         "the body of the request was in an unknown format - accepted media types "
                         "include: application/json, application/yaml");
    return transcoder_read_as(&api->arena, type, api->http->body, bytes_str(kind->api_version),
                              bytes_str(kind->kind), ret_tree, NULL, reterr);
}

enum status body_read(struct api_request *api, struct json **ret_tree, struct json_report *report,
                      struct error *reterr)
{
    struct bytes content_type = http_header(api->http, "content-type"), body = api->http->body;
    enum status st = negotiate_body(content_type, reterr);
    struct media_type type;

    if (st != STATUS_OK)
        return st;
    if (bytes_trim(body).len == 0) {
        *ret_tree = NULL;
        return STATUS_OK;
    }
    if (!bytes_eq_str(content_type, "application/json") && media_type_parse(content_type, &type)) {
        if (media_type_is(&type, PROTOBUF_MEDIA_TYPE))
            return read_protobuf(api, ret_tree, reterr);
        if (media_type_is(&type, "application/yaml"))
            return yaml_parse(&api->arena, body, ret_tree, reterr);
    }
    return json_parse(&api->arena, body, ret_tree, report, reterr);
}

/* The beginning of what was sent, for the message (summarizeData in endpoints/handlers/rest.go): as
 * text if it could be an object, else in hex. */
static struct bytes summary(struct arena *arena, struct bytes body)
{
    enum { SHOWN = 30 };
    size_t len = body.len < SHOWN ? body.len : SHOWN;
    struct buf shown = {0};
    struct bytes text;

    if (body.len == 0)
        return BYTES("<empty>");
    for (size_t i = 0; i < len; i++) {
        char c = body.ptr[i];

        if (body.ptr[0] != '{')
            buf_appendf(&shown, "%02x", (unsigned)(unsigned char)c);
        else
            buf_append_char(&shown, c >= 0x20 && c < 0x7f ? c : '?');
    }
    buf_append_str(&shown, body.len > SHOWN ? " ..." : "");
    text = arena_dup(arena, buf_bytes(&shown));
    buf_release(&shown);
    return text;
}

static enum status unrecognized(struct api_request *api, struct error *reterr)
{
    struct bytes shown = summary(&api->arena, api->http->body);
    struct bytes why = arena_dup(&api->arena, bytes_str(error_message(reterr)));

    if (reterr->status != STATUS_BAD_REQUEST)
        return reterr->status;
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "the object provided is unrecognized (must be of type %s): couldn't get "
                     "version/kind; json parse error: %.*s (%.*s)",
                     api->kind->kind, BYTES_FMT(why), BYTES_FMT(shown));
}

/* What is bearable: warned of, or gathered in `all` to be refused. */
static void bear(struct api_request *api, enum field_validation validation, const char *what,
                 const struct bytes *paths, size_t count, struct buf *all)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes text =
            arena_printf(&api->arena, "%s field \"%.*s\"", what, BYTES_FMT(paths[i]));

        if (validation == VALIDATION_WARN)
            api_warn(api, text);
        if (validation == VALIDATION_STRICT)
            buf_appendf(all, "%s%.*s", all->len != 0 ? ", " : "", BYTES_FMT(text));
    }
}

static enum status tell(struct api_request *api, enum field_validation validation,
                        const struct json_report *report, const struct transcoder_report *unknown,
                        struct error *reterr)
{
    struct buf all = {0};
    enum status st = STATUS_OK;

    if (report != NULL)
        bear(api, validation, "duplicate", report->duplicates, report->duplicate_count, &all);
    if (unknown != NULL)
        bear(api, validation, "unknown", unknown->paths, unknown->path_count, &all);
    if (all.len != 0)
        st = error_set(reterr, STATUS_BAD_REQUEST, "strict decoding error: %.*s",
                       BYTES_FMT(buf_bytes(&all)));
    if (all.failed)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    buf_release(&all);
    return st;
}

enum status body_report(struct api_request *api, enum field_validation validation,
                        const struct json_report *report, struct error *reterr)
{
    return tell(api, validation, report, NULL, reterr);
}

enum status body_fit(struct api_request *api, const struct kind *kind,
                     enum field_validation validation, const struct json_report *report,
                     struct json *tree, struct error *reterr)
{
    const struct message_type *type = kind->custom ? NULL : kind_message(kind);
    struct transcoder_report unknown = {0};
    enum status st = STATUS_OK;

    if (type != NULL)
        st = message_check(type, tree, &unknown, reterr);
    if (st == STATUS_OK)
        st = tell(api, validation, report, &unknown, reterr);
    transcoder_report_release(&unknown);
    return st;
}

/* ---- type ---- */

static enum status wrong_kind(struct arena *arena, const struct kind *kind, struct bytes sent_kind,
                              struct bytes sent_version, struct error *reterr)
{
    struct field_errors errors = {.arena = arena};

    if (!kind->custom)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "%.*s in version \"%.*s\" cannot be handled as a %s: converting "
                         "(%.*s.%.*s) to (%s.%s): unknown conversion",
                         BYTES_FMT(sent_kind), BYTES_FMT(sent_version), kind->kind,
                         BYTES_FMT(sent_version), BYTES_FMT(sent_kind), kind->version, kind->kind);
    field_invalid_text(&errors, BYTES("kind"), sent_kind,
                       field_detail(&errors, "must be %s", kind->kind));
    return field_errors_end(&errors, bytes_str(kind->group), bytes_str(kind->kind), BYTES(""),
                            reterr);
}

/* The text member, which is set to `fallback` if it is absent, null or empty. */
static struct bytes default_text(struct arena *arena, struct json *tree, const char *name,
                                 const char *fallback)
{
    const struct json *node = json_get(tree, bytes_str(name));

    if (node == NULL || node->type == JSON_NULL ||
        (node->type == JSON_STRING && node->text.len == 0))
        json_set_text(arena, tree, name, bytes_str(fallback));
    return json_get_text(tree, name);
}

enum status body_check(struct arena *arena, const struct kind *kind, struct json *tree,
                       struct error *reterr)
{
    struct bytes sent_version, sent_kind;
    struct error why = {0};
    enum status st;

    if (!json_is(tree, JSON_OBJECT))
        return body_error(reterr, kind, "json: cannot unmarshal %s into Go value of type %s.%s",
                          tree != NULL ? json_type_name((enum json_type)tree->type) : "nothing",
                          kind->version, kind->kind);
    sent_version = default_text(arena, tree, "apiVersion", kind->api_version);
    sent_kind = default_text(arena, tree, "kind", kind->kind);
    st = object_check(tree, &why);
    if (st != STATUS_OK) {
        st = body_error(reterr, kind, "%s", error_message(&why));
        error_release(&why);
        return st;
    }
    if (!bytes_eq_str(sent_version, kind->api_version))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "the API version in the data (%.*s) does not match the expected API "
                         "version (%s)",
                         BYTES_FMT(sent_version), kind->api_version);
    if (!bytes_eq_str(sent_kind, kind->kind))
        return wrong_kind(arena, kind, sent_kind, sent_version, reterr);
    return arena->failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}

enum status body_accept(struct api_request *api, const struct kind *kind,
                        enum field_validation validation, const struct json_report *report,
                        struct json *tree, struct error *reterr)
{
    enum status st = body_check(&api->arena, kind, tree, reterr);
    struct error why = {0};

    if (st != STATUS_OK)
        return st;
    st = body_fit(api, kind, validation, report, tree, &why);
    if (st == STATUS_BAD_REQUEST)
        body_error(reterr, kind, "%s", error_message(&why));
    else if (st != STATUS_OK)
        error_set(reterr, st, "%s", error_message(&why));
    error_release(&why);
    return st;
}

enum status body_read_object(struct api_request *api, enum field_validation validation,
                             struct json **ret_tree, struct error *reterr)
{
    struct json_report report = {0};
    enum status st = body_read(api, ret_tree, &report, reterr);

    if (st == STATUS_UNSUPPORTED_MEDIA_TYPE)
        return st;
    if (st == STATUS_OK && *ret_tree == NULL)
        st = error_set(reterr, STATUS_BAD_REQUEST, "unexpected end of JSON input");
    if (st != STATUS_OK)
        return unrecognized(api, reterr);
    return body_accept(api, api->kind, validation, &report, *ret_tree, reterr);
}
