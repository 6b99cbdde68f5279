/*
 * origin - which pages of a browser may talk to this server (RFC 6454; the Fetch standard's CORS).
 *
 * A page of another origin may read answers, and open a WebSocket, only if the allow-list says so.
 * A request without Origin comes from no page; one from a page that this server itself serves is of
 * its own origin. Neither needs the list.
 *
 * Shape    "https://a.example,http://localhost:3000", or "*" for every page. Compared as bytes:
 *          browsers write origins in one form only.
 * Threads  pure functions.
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_ORIGIN_H
#define TIDEWATCH_APISERVER_REQUEST_ORIGIN_H

#include "base/error.h"

/* BAD_REQUEST: an entry is neither `*` nor scheme://host[:port]. */
MUST_CHECK enum status origin_list_check(struct bytes list, struct error *reterr);
/* Does the list name it? `origin` is not empty. */
bool origin_is_listed(struct bytes list, struct bytes origin);
/* Does the list let every page in? */
bool origin_is_any(struct bytes list);
/* May it talk to us: no page, a page that `authority` (Host, :authority) itself serves, or one of
 * the list? */
bool origin_is_allowed(struct bytes list, struct bytes origin, struct bytes authority);

#endif
