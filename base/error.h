/*
 * error - why a call failed, in the words and details a Kubernetes Status carries.
 *
 * A call that can fail in a way a human will read takes `struct error *reterr` last, and writes it
 * only on failure. The status it returns and reterr->status are the same.
 *
 * Shape    zeroed is "no error"; texts are heap copies.
 * Owner    whoever holds the struct calls error_release(); setting again frees what was there.
 * Errors   without memory the texts stay NULL: the status alone is then the message.
 *          Every setter accepts NULL for the error, so that a caller may decline the words.
 */
#ifndef TIDEWATCH_BASE_ERROR_H
#define TIDEWATCH_BASE_ERROR_H

#include "base/bytes.h"
#include "base/status.h"

#include <stdarg.h>

/* One entry of details.causes: `reason` is a CauseType such as FieldValueInvalid. */
struct error_cause {
    char *reason, *message, *field;
};

struct error {
    enum status status;
    char *message;
    char *reason; /* instead of the status' own, e.g. "Timeout"; NULL: the status' own */
    /* details; NULL or 0: left out */
    char *name, *group, *kind, *uid;
    struct error_cause *causes;
    size_t cause_count;
    uint32_t retry_after_s;
    char *continue_token; /* metadata.continue of an expired list */
};

void error_release(struct error *err);

/* Sets status and message, dropping what was there, and returns `status`, for `return
 * error_set(..)`. */
enum status error_set(struct error *err, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* details.name, .group and .kind; an empty span leaves one out. */
void error_set_details(struct error *err, struct bytes group, struct bytes kind, struct bytes name);
void error_set_uid(struct error *err, struct bytes uid);
void error_add_cause(struct error *err, const char *reason, struct bytes field, const char *format,
                     ...) PRINTF_LIKE(4, 5);
/* The message, or the status' reason when there was no memory for one. Never NULL. */
const char *error_message(const struct error *err);

#endif
