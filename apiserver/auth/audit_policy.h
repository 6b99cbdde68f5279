/*
 * audit_policy - how much is recorded of a request: the first rule of the policy file that matches.
 *
 * Rules    k8s.io/apiserver/pkg/audit/policy/checker.go, file: audit.k8s.io/v1 Policy.
 * Owner    audit_policy_free().
 * Threads  read only once it is made.
 * Errors   BAD_REQUEST, with the file and what is wrong in it.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_AUDIT_POLICY_H
#define TIDEWATCH_APISERVER_AUTH_AUDIT_POLICY_H

#include "apiserver/auth/rbac_rule.h"
#include "apiserver/auth/user.h"
#include "base/error.h"

enum audit_level { AUDIT_NONE, AUDIT_METADATA, AUDIT_REQUEST, AUDIT_REQUEST_RESPONSE };
enum audit_stage { AUDIT_RECEIVED, AUDIT_STARTED, AUDIT_COMPLETE, AUDIT_STAGE_COUNT };

struct audit_policy;

/* `file` NULL: metadata of everything. */
MUST_CHECK enum status audit_policy_new(const char *file, struct audit_policy **ret_policy,
                                        struct error *reterr);
MUST_CHECK enum status audit_policy_parse(struct bytes text, struct audit_policy **ret_policy,
                                          struct error *reterr);
void audit_policy_free(struct audit_policy *policy);

/* `*ret_stages`: bits of enum audit_stage that are wanted. Bodies that hold secrets or tokens are
 * never more than metadata, whatever the file says. */
enum audit_level audit_policy_level(const struct audit_policy *policy, const struct user *user,
                                    const struct access *what, unsigned *ret_stages);

const char *audit_level_name(enum audit_level level);
const char *audit_stage_name(enum audit_stage stage);

#endif
