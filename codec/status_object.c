#include "codec/status_object.h"

#include <stdlib.h>

/* ---- writing ---- */

/* `"name":"text",`; nothing for an empty text, as omitempty. The caller turns the last comma into
 * whatever ends its object. */
static void write_text(struct buf *out, const char *name, struct bytes text)
{
    if (text.len == 0)
        return;
    json_write_string(out, bytes_str(name));
    buf_append_char(out, ':');
    json_write_string(out, text);
    buf_append_char(out, ',');
}

static void write_number(struct buf *out, const char *name, uint64_t n)
{
    if (n == 0)
        return;
    json_write_string(out, bytes_str(name));
    buf_append_char(out, ':');
    buf_append_u64(out, n);
    buf_append_char(out, ',');
}

/* Behind a member, its comma goes. */
static void write_end(struct buf *out, const char *end)
{
    if (out->len != 0 && out->data[out->len - 1] == ',')
        out->len--;
    buf_append_str(out, end);
}

static void write_head(struct buf *out, const char *continue_token, const char *status)
{
    buf_append_str(out, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{");
    write_text(out, "continue", bytes_str(continue_token));
    write_end(out, "},");
    write_text(out, "status", bytes_str(status));
}

static void write_causes(struct buf *out, const struct error *err)
{
    if (err->cause_count == 0)
        return;
    buf_append_str(out, "\"causes\":[");
    for (size_t i = 0; i < err->cause_count; i++) {
        buf_append_char(out, '{');
        write_text(out, "reason", bytes_str(err->causes[i].reason));
        write_text(out, "message", bytes_str(err->causes[i].message));
        write_text(out, "field", bytes_str(err->causes[i].field));
        write_end(out, "},");
    }
    write_end(out, "],");
}

static bool has_details(const struct error *err)
{
    return err->name != NULL || err->group != NULL || err->kind != NULL || err->uid != NULL ||
           err->cause_count != 0 || err->retry_after_s != 0;
}

/* kube-apiserver makes these by NewGenericServerResponse (apimachinery api/errors), which gives
 * them details even with nothing to say. */
static bool are_details_owed(const struct error *err)
{
    return err->status == STATUS_NOT_FOUND || err->status == STATUS_METHOD_NOT_ALLOWED ||
           err->status == STATUS_NOT_ACCEPTABLE || err->status == STATUS_FORBIDDEN;
}

void status_object_write(struct buf *out, const struct error *err)
{
    const char *reason = err->reason != NULL ? err->reason : status_reason(err->status);

    write_head(out, err->continue_token, "Failure");
    write_text(out, "message", bytes_str(error_message(err)));
    write_text(out, "reason", bytes_str(reason));
    if (has_details(err) || are_details_owed(err)) {
        buf_append_str(out, "\"details\":{");
        write_text(out, "name", bytes_str(err->name));
        write_text(out, "group", bytes_str(err->group));
        write_text(out, "kind", bytes_str(err->kind));
        write_text(out, "uid", bytes_str(err->uid));
        write_causes(out, err);
        write_number(out, "retryAfterSeconds", err->retry_after_s);
        write_end(out, "},");
    }
    write_number(out, "code", (uint64_t)status_http_code(err->status));
    write_end(out, "}");
}

void status_object_write_success(struct buf *out, struct bytes group, struct bytes resource,
                                 struct bytes name, struct bytes uid)
{
    write_head(out, NULL, "Success");
    buf_append_str(out, "\"details\":{");
    write_text(out, "name", name);
    write_text(out, "group", group);
    write_text(out, "kind", resource);
    write_text(out, "uid", uid);
    write_end(out, "}}");
}

/* ---- reading ---- */

/* The reason says most; one that several outcomes share, or that is not ours ("ServerTimeout"),
 * leaves it to the code. */
static enum status status_of(struct bytes reason, int64_t code)
{
    enum status by_code = STATUS_INTERNAL;

    for (int i = STATUS_COUNT - 1; i > STATUS_END; i--) {
        enum status st = (enum status)i;

        if (st < STATUS_INTERNAL || st > STATUS_NO_SPACE)
            if (bytes_eq_str(reason, status_reason(st)))
                return st;
        if (status_http_code(st) == code)
            by_code = st; /* the first one in the list stays */
    }
    return by_code;
}

static void read_causes(const struct json *causes, struct error *err)
{
    json_each(causes, it) {
        char *reason = bytes_dup(json_get_text(it, "reason"));

        if (reason != NULL)
            error_add_cause(err, reason, json_get_text(it, "field"), "%.*s",
                            BYTES_FMT(json_get_text(it, "message")));
        free(reason);
    }
}

static void read_details(const struct json *details, struct error *err)
{
    int64_t retry_after_s;

    error_set_details(err, json_get_text(details, "group"), json_get_text(details, "kind"),
                      json_get_text(details, "name"));
    error_set_uid(err, json_get_text(details, "uid"));
    if (json_to_i64(json_get(details, BYTES("retryAfterSeconds")), &retry_after_s) &&
        retry_after_s > 0 && retry_after_s <= UINT32_MAX)
        err->retry_after_s = (uint32_t)retry_after_s;
    read_causes(json_get(details, BYTES("causes")), err);
}

static void read_failure(const struct json *status, struct error *err)
{
    struct bytes reason = json_get_text(status, "reason");
    struct bytes token = json_text(json_at(status, "metadata", "continue", NULL));
    int64_t code = 0;

    json_to_i64(json_get(status, BYTES("code")), &code);
    error_set(err, status_of(reason, code), "%.*s", BYTES_FMT(json_get_text(status, "message")));
    if (reason.len != 0 && !bytes_eq_str(reason, status_reason(err->status)))
        err->reason = bytes_dup(reason);
    if (token.len != 0)
        err->continue_token = bytes_dup(token);
    read_details(json_get(status, BYTES("details")), err);
}

bool status_object_read(const struct json *status, struct error *reterr)
{
    struct error ignored = {0};

    if (!bytes_eq(json_get_text(status, "kind"), BYTES("Status")))
        return false;
    if (reterr == NULL)
        reterr = &ignored;
    if (bytes_eq(json_get_text(status, "status"), BYTES("Success")))
        error_set(reterr, STATUS_OK, "%.*s", BYTES_FMT(json_get_text(status, "message")));
    else
        read_failure(status, reterr);
    error_release(&ignored);
    return true;
}
