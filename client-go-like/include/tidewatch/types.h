/*
 * types - what every other header of libtidewatch needs: how a call ends, and why it failed.
 *
 * Shape    a call returns a tw_status; results come through ret_ arguments, untouched on failure.
 *          The last argument, where there is one, is a `tw_error **`: pass NULL to decline, or the
 *          address of a pointer that is NULL; on failure it then holds an error of yours.
 * Owner    tw_error_free() what you got. Texts of an error live as long as it does.
 * Threads  an error belongs to one thread at a time.
 * Errors   running out of memory is TW_ERR_NO_MEMORY and never ends the process; that error needs
 *          no memory itself.
 */
#ifndef TIDEWATCH_TYPES_H
#define TIDEWATCH_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TW_API __attribute__((visibility("default")))
#else
#define TW_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tw_status {
    TW_OK = 0,
    TW_END,           /* nothing more will come: the stream or channel has ended; not an error */
    TW_ERR_NO_MEMORY, /* nothing was changed */
    TW_ERR_ARGUMENT,  /* the caller's argument is unusable */
    TW_ERR_CONFIG,    /* a kubeconfig, certificate or token cannot be used */
    TW_ERR_CONNECT,   /* no connection: name, route, refused, TLS */
    TW_ERR_BROKEN,    /* the connection broke in the middle of an answer */
    TW_ERR_TIMEOUT,   /* a bound on waiting was reached */
    TW_ERR_STOPPED,   /* someone asked to stop */
    TW_ERR_PROTOCOL,  /* the answer is not what it must be, or larger than allowed */
    TW_ERR_SERVER,    /* the server answered with an error: see code, reason and message */
    TW_ERR_NO_MATCH   /* the server has no such resource type */
} tw_status;

typedef struct tw_error tw_error;

/* All accessors take NULL: TW_OK, 0 and "". */
TW_API tw_status tw_error_status(const tw_error *error);
/* The HTTP code with TW_ERR_SERVER, else 0. */
TW_API int tw_error_code(const tw_error *error);
/* A Kubernetes reason ("NotFound"), or "ConnectionRefused"; "" if there is none. */
TW_API const char *tw_error_reason(const tw_error *error);
TW_API const char *tw_error_message(const tw_error *error);
/* Is `reason` the reason of one of details.causes? */
TW_API bool tw_error_has_cause(const tw_error *error, const char *reason);
TW_API void tw_error_free(tw_error *error);

/* The enum's own name, for logs: "TW_ERR_TIMEOUT". */
TW_API const char *tw_status_name(tw_status status);
/* "0.1.0" */
TW_API const char *tw_version(void);

#ifdef __cplusplus
}
#endif
#endif
