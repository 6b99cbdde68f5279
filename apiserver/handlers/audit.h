/*
 * audit - who did what, and how it ended: audit.k8s.io/v1 Events, a line each.
 *
 *   request --audit_note()--> its head, while it is there --audit_end()--> ResponseComplete
 *   watch   --audit_stream_began()--> ResponseStarted ... audit_stream_unref() --> ResponseComplete
 *
 * A write whose client has left is recorded all the same. Bodies of secrets and tokens never are;
 * what a client sends is escaped, and cannot forge a line. A body past AUDIT_BODY_MAX is left out,
 * with the annotation audit.k8s.io/truncated.
 *
 * Threads  the worker's loop.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_AUDIT_H
#define TIDEWATCH_APISERVER_HANDLERS_AUDIT_H

#include "apiserver/auth/audit_log.h"
#include "apiserver/auth/audit_policy.h"
#include "apiserver/handlers/api.h"

enum { AUDIT_BODY_MAX = 256 << 10 };

/* One for all workers; only the log changes. */
struct audit {
    struct audit_policy *policy;
    struct audit_log *log;
};

/* A stream that will end: shared by its watches. */
struct audit_stream;

/* Keeps what is about to go: before the client is forgotten. */
void audit_note(struct api_request *api);
/* The answer. `body` NULL, or not readable as JSON: without. */
void audit_end(struct api_request *api, int code, struct bytes body);

/* The request may become a stream. NULL: it is not recorded. A reference. */
struct audit_stream *audit_stream_of(struct api_request *api);
/* It has. */
void audit_stream_began(struct api_request *api);
/* With the last one the stream has ended. NULL is fine. */
void audit_stream_unref(struct audit_stream *stream);

#endif
