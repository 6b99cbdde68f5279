#include "client-go-like/fail.h"

#include <stdio.h>
#include <stdlib.h>

/* Shared and never freed: reporting that memory is gone must not need any. */
static tw_error no_memory = {.status = TW_ERR_NO_MEMORY};

static const char *const status_names[] = {
    [TW_OK] = "TW_OK",
    [TW_END] = "TW_END",
    [TW_ERR_NO_MEMORY] = "TW_ERR_NO_MEMORY",
    [TW_ERR_ARGUMENT] = "TW_ERR_ARGUMENT",
    [TW_ERR_CONFIG] = "TW_ERR_CONFIG",
    [TW_ERR_CONNECT] = "TW_ERR_CONNECT",
    [TW_ERR_BROKEN] = "TW_ERR_BROKEN",
    [TW_ERR_TIMEOUT] = "TW_ERR_TIMEOUT",
    [TW_ERR_STOPPED] = "TW_ERR_STOPPED",
    [TW_ERR_PROTOCOL] = "TW_ERR_PROTOCOL",
    [TW_ERR_SERVER] = "TW_ERR_SERVER",
    [TW_ERR_NO_MATCH] = "TW_ERR_NO_MATCH",
};

const char *tw_status_name(tw_status status)
{
    return (size_t)status < ARRAY_LEN(status_names) ? status_names[status] : "TW_ERR_UNKNOWN";
}

const char *tw_version(void)
{
    return TIDEWATCH_VERSION;
}

void tw_error_free(tw_error *error)
{
    if (error == NULL || error == &no_memory)
        return;
    error_release(&error->detail);
    free(error);
}

void tw_error_clear(tw_error **reterr)
{
    if (reterr == NULL)
        return;
    tw_error_free(*reterr);
    *reterr = NULL;
}

void tw_say_no_memory(tw_error **reterr)
{
    if (reterr == NULL)
        return;
    tw_error_free(*reterr);
    *reterr = &no_memory;
}

/* Takes over *detail. The old error goes last: its texts may be arguments of the new one. */
static tw_status give(tw_error **reterr, tw_status status, int code, struct error *detail)
{
    tw_error *error = reterr != NULL ? malloc(sizeof(*error)) : NULL;

    if (error == NULL) {
        error_release(detail);
        return reterr != NULL ? tw_fail_no_memory(reterr) : status;
    }
    *error = (tw_error){status, code, *detail};
    *detail = (struct error){0};
    tw_error_free(*reterr);
    *reterr = error;
    return status;
}

static tw_status vfail(tw_error **reterr, tw_status status, const char *reason, const char *format,
                       va_list args)
{
    struct error detail = {0};

    if (reterr == NULL)
        return status;
    detail.status = STATUS_INTERNAL;
    if (vasprintf(&detail.message, format, args) < 0)
        return tw_fail_no_memory(reterr);
    if (reason != NULL && (detail.reason = strdup(reason)) == NULL) {
        error_release(&detail);
        return tw_fail_no_memory(reterr);
    }
    return give(reterr, status, 0, &detail);
}

tw_status tw_fail(tw_error **reterr, tw_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    status = vfail(reterr, status, NULL, format, args);
    va_end(args);
    return status;
}

tw_status tw_fail_reason(tw_error **reterr, tw_status status, const char *reason,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    status = vfail(reterr, status, reason, format, args);
    va_end(args);
    return status;
}

tw_status tw_fail_detail(tw_error **reterr, tw_status status, const char *what,
                         struct error *detail)
{
    if (detail->status == STATUS_NO_MEMORY)
        status = tw_fail_no_memory(reterr);
    else
        status = tw_fail(reterr, status, "%s: %s", what, error_message(detail));
    error_release(detail);
    return status;
}

tw_status tw_fail_server(tw_error **reterr, int code, struct error *detail)
{
    return give(reterr, TW_ERR_SERVER, code, detail);
}

tw_status tw_error_status(const tw_error *error)
{
    return error != NULL ? error->status : TW_OK;
}

int tw_error_code(const tw_error *error)
{
    return error != NULL ? error->code : 0;
}

const char *tw_error_reason(const tw_error *error)
{
    if (error == NULL)
        return "";
    if (error->detail.reason != NULL)
        return error->detail.reason;
    return error->status == TW_ERR_SERVER ? status_reason(error->detail.status) : "";
}

const char *tw_error_message(const tw_error *error)
{
    if (error == NULL)
        return "";
    return error->status == TW_ERR_NO_MEMORY ? "out of memory" : error_message(&error->detail);
}

bool tw_error_has_cause(const tw_error *error, const char *reason)
{
    for (size_t i = 0; error != NULL && i < error->detail.cause_count; i++)
        if (error->detail.causes[i].reason != NULL &&
            strcmp(error->detail.causes[i].reason, reason) == 0)
            return true;
    return false;
}
