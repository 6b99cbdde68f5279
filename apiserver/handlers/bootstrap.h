/*
 * bootstrap - what is always there: the first namespaces
 * (k8s.io/kubernetes/pkg/controlplane/controller/systemnamespaces), and under RBAC the first roles
 * and bindings (bootstrap_policy.yaml). Those that are missing are made at each start, in one
 * commit.
 *
 * Owner    whoever holds the struct, at least until on_ready() has been called.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_BOOTSTRAP_H
#define TIDEWATCH_APISERVER_HANDLERS_BOOTSTRAP_H

#include "apiserver/handlers/write.h"

struct bootstrap {
    struct worker *worker;
    void (*on_ready)(void *user);
    void *user;
    struct arena arena;             /* of the policy */
    struct bootstrap_write *writes; /* one for each object */
    size_t count, left;             /* of them; of them not yet done */
};

/* Calls on_ready() on the loop once all are durable; not at all if they cannot be made, which is
 * logged. */
void bootstrap_start(struct bootstrap *bootstrap, struct worker *worker,
                     void (*on_ready)(void *user), void *user);
/* After on_ready(), or when neither the loop nor storage runs any more. */
void bootstrap_release(struct bootstrap *bootstrap);

/* bootstrap_policy.yaml; CMake makes them. */
extern const unsigned char bootstrap_policy[];
extern const size_t bootstrap_policy_len;

#endif
