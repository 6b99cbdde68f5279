/*
 * subscribe - what a client asks of a multiplexed watch: which watches to add, and which to end.
 *
 *   in a message  {"add":[{"id":"pods","version":"v1","resource":"pods","labelSelector":"a=b"}],
 *                  "remove":["nodes"]}
 *   in a query    subscribe=pods=/api/v1/pods?labelSelector=a%3Db     (escaped once more)
 *
 * Both become what the URL of such a watch becomes: a request_info, whose query has the options.
 *
 * Owner    texts live in the arena, or are spans of what was read; subscribe_release() drops the
 *          errors.
 * Errors   BAD_REQUEST for the whole where it is not clear what is asked for. What is wrong with
 * one subscription stands in its `why`, and leaves the others alone.
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_SUBSCRIBE_H
#define TIDEWATCH_APISERVER_REQUEST_SUBSCRIBE_H

#include "apiserver/request/request_info.h"
#include "base/error.h"

enum { SUBSCRIPTIONS_MAX = 128, SUBSCRIPTION_ID_MAX = 63 };

struct subscription {
    struct bytes id;
    struct request_info info; /* group, version, resource, namespace, name and query are set */
    struct error why;         /* its status is STATUS_OK if nothing is wrong */
};

struct subscribe {
    struct subscription *add;
    size_t add_count;
    struct bytes *remove;
    size_t remove_count;
};

MUST_CHECK enum status subscribe_parse(struct arena *arena, struct bytes message,
                                       struct subscribe *ret_subscribe, struct error *reterr);
/* From all parameters `subscribe`; there may be none. */
MUST_CHECK enum status subscribe_parse_query(struct arena *arena, const struct query *query,
                                             struct subscribe *ret_subscribe, struct error *reterr);
void subscribe_release(struct subscribe *subscribe);

/* The Last-Event-ID of a list of subscriptions: "42", or "42.pods": those up to "pods" have been
 * told of 42, those behind it of everything before. */
struct resume_point {
    uint64_t rev;
    size_t told; /* how many of them have been told of `rev` itself */
};
MUST_CHECK enum status resume_point_parse(struct bytes text, const struct subscribe *subscribe,
                                          struct resume_point *ret_point, struct error *reterr);

#endif
