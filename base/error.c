#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

void error_release(struct error *err)
{
    for (size_t i = 0; i < err->cause_count; i++) {
        free(err->causes[i].reason);
        free(err->causes[i].message);
        free(err->causes[i].field);
    }
    free(err->causes);
    free(err->message);
    free(err->reason);
    free(err->name);
    free(err->group);
    free(err->kind);
    free(err->uid);
    free(err->continue_token);
    *err = (struct error){0};
}

/* NULL without memory. */
static char *format_text(const char *format, va_list args)
{
    char *text;

    return vasprintf(&text, format, args) >= 0 ? text : NULL;
}

enum status error_set(struct error *err, enum status status, const char *format, ...)
{
    va_list args;
    char *message;

    if (err == NULL)
        return status;
    va_start(args, format);
    message = format_text(format, args); /* first: an argument may be a text of `err` itself */
    va_end(args);
    error_release(err);
    err->status = status;
    err->message = message;
    return status;
}

static void replace_text(char **text, struct bytes with)
{
    free(*text);
    *text = with.len != 0 ? bytes_dup(with) : NULL;
}

void error_set_details(struct error *err, struct bytes group, struct bytes kind, struct bytes name)
{
    if (err == NULL)
        return;
    replace_text(&err->group, group);
    replace_text(&err->kind, kind);
    replace_text(&err->name, name);
}

void error_set_uid(struct error *err, struct bytes uid)
{
    if (err != NULL)
        replace_text(&err->uid, uid);
}

void error_add_cause(struct error *err, const char *reason, struct bytes field, const char *format,
                     ...)
{
    struct error_cause *causes;
    va_list args;

    if (err == NULL)
        return;
    causes = realloc(err->causes, (err->cause_count + 1) * sizeof(*causes));
    if (causes == NULL)
        return;
    err->causes = causes;
    va_start(args, format);
    causes[err->cause_count++] = (struct error_cause){
        .reason = bytes_dup(bytes_str(reason)),
        .message = format_text(format, args),
        .field = field.len != 0 ? bytes_dup(field) : NULL,
    };
    va_end(args);
}

const char *error_message(const struct error *err)
{
    return err->message != NULL ? err->message : status_reason(err->status);
}
