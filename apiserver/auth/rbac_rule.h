/*
 * rbac_rule - one PolicyRule: what it allows, and what it covers
 * (k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac, pkg/apis/rbac/v1/evaluation_helpers.go,
 * k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go).
 *
 * Owner    texts and arrays live in the arena they were read into.
 * Threads  pure functions.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_RBAC_RULE_H
#define TIDEWATCH_APISERVER_AUTH_RBAC_RULE_H

#include "base/buf.h"
#include "codec/json.h"

/* What somebody wants to do. Of a path that is no resource `verb` and `path` alone count. */
struct access {
    bool is_resource;
    struct bytes verb;
    struct bytes group, version, resource, subresource, namespace, name;
    struct bytes path;
};

struct text_list {
    const struct bytes *texts;
    size_t count;
};
bool text_list_has(struct text_list list, struct bytes text);

struct rbac_rule {
    struct text_list verbs, groups, resources, names, urls;
};
struct rbac_rules {
    const struct rbac_rule *rules;
    size_t count;
};

/* Of a role's `rules`; what is not of the right type is left out. Texts are copied. */
struct rbac_rules rbac_rules_read(struct arena *arena, const struct json *rules);
bool rbac_rule_allows(const struct rbac_rule *rule, const struct access *what);
/* All that `part` allows, `whole` allows too. Each list of `part` has at most one text. */
bool rbac_rule_covers(const struct rbac_rule *whole, const struct rbac_rule *part);
/* {APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]} */
void rbac_rule_describe(struct buf *out, const struct rbac_rule *rule);
/* As a ResourceRule, or a NonResourceRule, of a SelfSubjectRulesReview. */
void rbac_rule_write(struct buf *out, const struct rbac_rule *rule);
/* A Go string literal: fmt's %q. */
void append_quoted(struct buf *out, struct bytes text);

#endif
