/*
 * access - who asks, and may he? The first two questions of every request.
 *
 *   credentials --authenticator--> identity --impersonation--> api->user --rbac--> 403, or go on
 *
 * A worker has an index of roles and bindings of its own, which follows its watch cache as the
 * registry follows CRDs: a request is judged by what was acknowledged before it came in. Without
 * RBAC (--authorization-mode=AlwaysAllow) there is no index, and everything is allowed.
 *
 * A watch goes on being judged: when a role, a binding, a bound object or the credential files
 * change, all watches of the worker are asked again, within ACCESS_RECHECK_MS.
 *
 * Owner    one a worker. Identity and user of a request live in its arena.
 * Threads  the worker's loop; access_get_stats() from any.
 * Errors   UNAUTHORIZED, FORBIDDEN in the words of the real server.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_ACCESS_H
#define TIDEWATCH_APISERVER_HANDLERS_ACCESS_H

#include "apiserver/auth/authenticator.h"
#include "apiserver/handlers/api.h"

enum { ACCESS_RECHECK_MS = 500 };

/* `rbac`: decide by roles and bindings; else everything is allowed. NULL without memory. */
struct access_control *access_new(struct worker *worker, struct authenticator *authenticator,
                                  bool rbac);
void access_free(struct access_control *control);
/* Roles and bindings that are there at the start; false without memory. */
bool access_load(struct worker *worker, struct bytes key, const struct object *object);
/* Every event of the worker's cache. */
void access_on_event(struct worker *worker, const struct event *event);
/* The credential files have changed: watches that they no longer let in end. */
void access_set_authenticator(struct worker *worker, struct authenticator *authenticator);

/* Judges the request. False: it was answered, with 401 or 403. */
bool access_begin(struct api_request *api);
/* Is it RBAC that decides? */
bool access_uses_rbac(const struct worker *worker);
/* The decision itself. `ret_reason` may be NULL. */
bool access_allows(const struct worker *worker, const struct user *user, const struct access *what,
                   struct buf *ret_reason);
/* FORBIDDEN, `pods is forbidden: User "x" cannot list resource "pods" in API group "" ..`. */
enum status access_error_forbidden(struct error *reterr, const struct user *user,
                                   const struct access *what, struct bytes reason);
/* Who it is that takes something for the request: its user, or, if that is nobody, its address. */
struct bytes access_write_holder(struct buf *out, const struct api_request *api);
/* What objects there are, for tokens. */
struct account_world access_world(const struct worker *worker);
struct authenticator *access_authenticator(const struct worker *worker);
const struct rbac *access_rbac(const struct worker *worker);

/* impersonation.c: sets api->user to whom the headers name. FORBIDDEN, BAD_REQUEST. */
MUST_CHECK enum status impersonation_begin(struct api_request *api, struct error *reterr);
/* May `real` act as `acting`? */
MUST_CHECK enum status impersonation_check(const struct worker *worker, const struct user *real,
                                           const struct user *acting, struct error *reterr);

struct access_stats {
    uint64_t authenticated, unauthenticated, allowed, forbidden, watches_ended;
};
void access_get_stats(const struct worker *worker, struct access_stats *ret_stats);

#endif
