/*
 * timeout - `timeout=32s`, which clients put on requests of every kind but watches.
 *
 * Nothing here takes longer than the few seconds of a wait for a revision, so that the value only
 * has to be right (k8s.io/apiserver/pkg/endpoints/filters/request_deadline.go).
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_TIMEOUT_H
#define TIDEWATCH_APISERVER_REQUEST_TIMEOUT_H

#include "apiserver/request/request_info.h"
#include "base/error.h"

/* BAD_REQUEST: no duration as Go writes them ("300ms", "-1.5h", "2h45m"), worded as Go does. */
MUST_CHECK enum status request_timeout_check(const struct query *query, struct error *reterr);

#endif
