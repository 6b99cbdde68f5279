/*
 * rbac - who may do what, from roles and bindings, in memory.
 *
 *   Role, ClusterRole ----rules----.
 *   RoleBinding, ClusterRoleBinding -+- subject (user, group, in a namespace or everywhere) -->
 * grants
 *
 * Shape    roles by name; grants by subject. A decision looks up the user and each group, twice
 *          (everywhere, and in the namespace): its cost is that of the user's own bindings,
 * whatever others have. Additive alone, default deny. Owner    one index a loop, fed by that loop's
 * watch cache with every change of the four kinds. Threads  its loop only. Errors   rbac_put() is
 * false without memory: the loop cannot go on then.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_RBAC_H
#define TIDEWATCH_APISERVER_AUTH_RBAC_H

#include "apiserver/auth/rbac_rule.h"
#include "apiserver/auth/user.h"

enum rbac_kind { RBAC_ROLE, RBAC_CLUSTER_ROLE, RBAC_ROLE_BINDING, RBAC_CLUSTER_ROLE_BINDING };

struct rbac;

struct rbac *rbac_new(void);
void rbac_free(struct rbac *rbac);
/* `tree` is the object; `namespace` is empty for the cluster's kinds. */
MUST_CHECK bool rbac_put(struct rbac *rbac, enum rbac_kind kind, struct bytes namespace,
                         struct bytes name, const struct json *tree);
void rbac_remove(struct rbac *rbac, enum rbac_kind kind, struct bytes namespace, struct bytes name);

/* May `user` do it? `ret_reason` (may be NULL) gets which binding allows it, or which roles that
 * are bound to the user are not there. */
bool rbac_allows(const struct rbac *rbac, const struct user *user, const struct access *what,
                 struct buf *ret_reason);
/* Every rule the user has in a namespace (empty: in the cluster alone), until `each` is false. */
void rbac_each_rule(const struct rbac *rbac, const struct user *user, struct bytes namespace,
                    bool (*each)(void *state, const struct rbac_rule *rule), void *state);
/* The rules of a role. False: there is no such role. */
bool rbac_role_rules(const struct rbac *rbac, enum rbac_kind kind, struct bytes namespace,
                     struct bytes name, struct rbac_rules *ret_rules);
/* Does the user have all of it there? If not, `missing` gets a line for each rule that is missing.
 * At most RBAC_PARTS_MAX single rights are looked at: more are missing. */
enum { RBAC_PARTS_MAX = 100000 };
bool rbac_covers(const struct rbac *rbac, const struct user *user, struct bytes namespace,
                 struct rbac_rules wanted, struct buf *missing);

#endif
