#include "apiserver/registry/field_errors.h"

enum { CAUSES_MAX = 100 }; /* more help nobody, and an object may have a million mistakes */

static void add(struct field_errors *errors, const char *reason, struct bytes field,
                struct bytes body)
{
    struct field_error *error = arena_new(errors->arena, struct field_error);

    if (error == NULL)
        return;
    *error = (struct field_error){NULL, reason, field, body};
    if (errors->last != NULL)
        errors->last->next = error;
    else
        errors->first = error;
    errors->last = error;
    errors->count++;
}

static void add_body(struct field_errors *errors, const char *reason, struct bytes field,
                     struct buf *body)
{
    if (body->failed)
        errors->arena->failed = true;
    else if (errors->count < CAUSES_MAX)
        add(errors, reason, field, arena_dup(errors->arena, buf_bytes(body)));
    buf_release(body);
}

static void append_detail(struct buf *body, const char *detail)
{
    if (detail[0] != '\0')
        buf_appendf(body, ": %s", detail);
}

void field_required(struct field_errors *errors, struct bytes field, const char *detail)
{
    struct buf body = {0};

    buf_append_str(&body, "Required value");
    append_detail(&body, detail);
    add_body(errors, "FieldValueRequired", field, &body);
}

void field_forbidden(struct field_errors *errors, struct bytes field, const char *detail)
{
    struct buf body = {0};

    buf_append_str(&body, "Forbidden");
    append_detail(&body, detail);
    add_body(errors, "FieldValueForbidden", field, &body);
}

void field_invalid(struct field_errors *errors, struct bytes field, const struct json *value,
                   const char *detail)
{
    struct buf body = {0};

    buf_append_str(&body, "Invalid value: ");
    if (value != NULL)
        json_write(&body, value, false);
    else
        buf_append_str(&body, "null");
    append_detail(&body, detail);
    add_body(errors, "FieldValueInvalid", field, &body);
}

void field_invalid_text(struct field_errors *errors, struct bytes field, struct bytes value,
                        const char *detail)
{
    struct json text = {.type = JSON_STRING, .text = value};

    field_invalid(errors, field, &text, detail);
}

void field_not_supported_json(struct field_errors *errors, struct bytes field,
                              const struct json *value, const char *const *supported)
{
    struct buf body = {0};

    buf_append_str(&body, "Unsupported value: ");
    json_write(&body, value, false);
    for (size_t i = 0; supported[i] != NULL; i++) {
        buf_append_str(&body, i == 0 ? ": supported values: " : ", ");
        json_write_string(&body, bytes_str(supported[i]));
    }
    add_body(errors, "FieldValueNotSupported", field, &body);
}

void field_not_supported(struct field_errors *errors, struct bytes field, struct bytes value,
                         const char *const *supported)
{
    struct json text = {.type = JSON_STRING, .text = value};

    field_not_supported_json(errors, field, &text, supported);
}

void field_duplicate(struct field_errors *errors, struct bytes field, struct bytes value)
{
    struct buf body = {0};

    buf_append_str(&body, "Duplicate value: ");
    json_write_string(&body, value);
    add_body(errors, "FieldValueDuplicate", field, &body);
}

void field_too_long(struct field_errors *errors, struct bytes field, size_t max)
{
    struct buf body = {0};

    buf_appendf(&body, "Too long: may not be more than %zu bytes", max);
    add_body(errors, "FieldValueTooLong", field, &body);
}

const char *field_detail(struct field_errors *errors, const char *format, ...)
{
    struct buf text = {0};
    const char *detail;
    va_list args;

    if (errors->count == CAUSES_MAX)
        return ""; /* it would not be kept */
    va_start(args, format);
    buf_vappendf(&text, format, args);
    va_end(args);
    detail = arena_str(errors->arena, buf_bytes(&text));
    buf_release(&text);
    return detail;
}

enum status field_errors_end(const struct field_errors *errors, struct bytes group,
                             struct bytes kind, struct bytes name, struct error *reterr)
{
    struct buf all = {0};

    if (errors->arena->failed)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (errors->count == 0)
        return STATUS_OK;
    for (const struct field_error *it = errors->first; it != NULL; it = it->next)
        buf_appendf(&all, "%s%.*s: %.*s", it == errors->first ? "" : ", ", BYTES_FMT(it->field),
                    BYTES_FMT(it->body));
    error_set(reterr, STATUS_INVALID,
              errors->count > 1 ? "%.*s%s%.*s \"%.*s\" is invalid: [%.*s]"
                                : "%.*s%s%.*s \"%.*s\" is invalid: %.*s",
              BYTES_FMT(kind), group.len > 0 ? "." : "", BYTES_FMT(group), BYTES_FMT(name),
              BYTES_FMT(buf_bytes(&all)));
    buf_release(&all);
    error_set_details(reterr, group, kind, name);
    for (const struct field_error *it = errors->first; it != NULL; it = it->next)
        error_add_cause(reterr, it->reason, it->field, "%.*s", BYTES_FMT(it->body));
    return STATUS_INVALID;
}
