/*
 * aggregation - ClusterRoles whose rules are those of others, chosen by labels
 * (k8s.io/kubernetes/pkg/controller/clusterroleaggregation).
 *
 * Owner    one, on worker 0, part of its lifecycle.
 * Threads  its loop.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_AGGREGATION_H
#define TIDEWATCH_APISERVER_HANDLERS_AGGREGATION_H

#include "apiserver/handlers/write.h"

struct aggregation {
    struct worker *worker;
    struct loop_task look; /* at all of them, once a turn in which one has changed */
    struct write_job job;
    struct bytes name; /* of the role being written; heap; ptr NULL: none */
    bool again;        /* something has changed meanwhile */
};

void aggregation_init(struct aggregation *aggregation, struct worker *worker);
/* A ClusterRole has changed, come or gone: the aggregated ones are filled again. */
void aggregation_on_change(struct aggregation *aggregation);
/* When neither the loop nor storage runs any more. */
void aggregation_release(struct aggregation *aggregation);

#endif
