/*
 * fail - how the library makes a tw_error. Internal.
 *
 * Shape    an HTTP code and the words of a struct error, or the one error that needs no memory.
 * Errors   every maker returns the status it was given, or TW_ERR_NO_MEMORY where the words did not
 *          fit in memory; a `reterr` that is NULL declines the words. What *reterr held is freed.
 */
#ifndef TIDEWATCH_CLIENT_FAIL_H
#define TIDEWATCH_CLIENT_FAIL_H

#include <tidewatch/types.h>

#include "base/error.h"

struct tw_error {
    tw_status status;
    int code;
    struct error detail;
};

tw_status tw_fail(tw_error **reterr, tw_status status, const char *format, ...) PRINTF_LIKE(3, 4);
void tw_say_no_memory(tw_error **reterr);
/* Inline: whoever reads a caller, an analyzer too, sees that it never gives TW_OK. */
static inline tw_status tw_fail_no_memory(tw_error **reterr)
{
    tw_say_no_memory(reterr);
    return TW_ERR_NO_MEMORY;
}
/* The same, with a reason: "ConnectionRefused". */
tw_status tw_fail_reason(tw_error **reterr, tw_status status, const char *reason,
                         const char *format, ...) PRINTF_LIKE(4, 5);
/* From an error of codec/ or base/: NO_MEMORY stays that, anything else becomes `status`. Its words
 * are prefixed by `what` and released. */
tw_status tw_fail_detail(tw_error **reterr, tw_status status, const char *what,
                         struct error *detail);
/* TW_ERR_SERVER from what a server answered; takes `detail` over. */
tw_status tw_fail_server(tw_error **reterr, int code, struct error *detail);
/* Drops what *reterr holds, for a second attempt. */
void tw_error_clear(tw_error **reterr);

#endif
