/*
 * Roles and bindings: what they must be, and that nobody gives away what he does not have
 * (k8s.io/kubernetes/pkg/apis/rbac/{v1,validation},
 * pkg/registry/rbac/{role,rolebinding}/policybased).
 */
#include "apiserver/handlers/kind_rules.h"

#include "apiserver/auth/rbac.h"
#include "apiserver/handlers/access.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

/* ---- defaults ---- */

static bool is_kind(const struct json *node, const char *kind)
{
    return bytes_eq_str(json_get_text(node, "kind"), kind);
}

void rbac_binding_prepare(struct draft *draft)
{
    struct json *ref = json_get(draft->tree, BYTES("roleRef"));

    if (json_is(ref, JSON_OBJECT) && json_get_text(ref, "apiGroup").len == 0)
        json_set_text(draft->arena, ref, "apiGroup", BYTES(RBAC_GROUP));
    json_each(json_get(draft->tree, BYTES("subjects")), it) {
        if (json_is(it, JSON_OBJECT) && json_get(it, BYTES("apiGroup")) == NULL &&
            (is_kind(it, "User") || is_kind(it, "Group")))
            json_set_text(draft->arena, it, "apiGroup", BYTES(RBAC_GROUP));
    }
}

/* ---- validation ---- */

static bool is_empty(const struct json *rule, const char *member)
{
    const struct json *list = json_get(rule, bytes_str(member));

    return !json_is(list, JSON_ARRAY) || list->count == 0;
}

static struct bytes at(struct field_errors *errors, size_t index, const char *member)
{
    return arena_printf(errors->arena, "rules[%zu].%s", index, member);
}

static void validate_rule(struct draft *draft, const struct json *rule, size_t i)
{
    struct field_errors *errors = &draft->errors;
    bool urls = !is_empty(rule, "nonResourceURLs");

    if (is_empty(rule, "verbs"))
        field_required(errors, at(errors, i, "verbs"), "verbs must contain at least one value");
    if (urls) {
        if (draft->kind->namespaced)
            field_invalid(errors, at(errors, i, "nonResourceURLs"),
                          json_get(rule, BYTES("nonResourceURLs")),
                          "namespaced rules cannot apply to non-resource URLs");
        if (!is_empty(rule, "apiGroups") || !is_empty(rule, "resources") ||
            !is_empty(rule, "resourceNames"))
            field_invalid(errors, at(errors, i, "nonResourceURLs"),
                          json_get(rule, BYTES("nonResourceURLs")),
                          "rules cannot apply to both regular resources and non-resource URLs");
        return;
    }
    if (is_empty(rule, "apiGroups"))
        field_required(errors, at(errors, i, "apiGroups"),
                       "resource rules must supply at least one api group");
    if (is_empty(rule, "resources"))
        field_required(errors, at(errors, i, "resources"),
                       "resource rules must supply at least one resource");
}

void rbac_role_validate(struct draft *draft)
{
    size_t i = 0;

    json_each(json_get(draft->tree, BYTES("rules")), it)
        validate_rule(draft, it, i++);
}

static void validate_ref(struct draft *draft)
{
    static const char *const kinds[] = {"Role", "ClusterRole", NULL};
    static const char *const cluster_kinds[] = {"ClusterRole", NULL};
    static const char *const groups[] = {RBAC_GROUP, NULL};
    const struct json *ref = json_get(draft->tree, BYTES("roleRef"));
    const struct json *old = json_get(draft->old, BYTES("roleRef"));
    struct bytes group = json_get_text(ref, "apiGroup"), kind = json_get_text(ref, "kind");

    if (old != NULL && !json_equal(ref, old))
        field_invalid(&draft->errors, BYTES("roleRef"), ref, "cannot change roleRef");
    if (!bytes_eq_str(group, RBAC_GROUP))
        field_not_supported(&draft->errors, BYTES("roleRef.apiGroup"), group, groups);
    if (!bytes_eq_str(kind, "ClusterRole") &&
        !(draft->kind->namespaced && bytes_eq_str(kind, "Role")))
        field_not_supported(&draft->errors, BYTES("roleRef.kind"), kind,
                            draft->kind->namespaced ? kinds : cluster_kinds);
    if (json_get_text(ref, "name").len == 0)
        field_required(&draft->errors, BYTES("roleRef.name"), "");
}

static void validate_subject(struct draft *draft, const struct json *subject, size_t i)
{
    static const char *const kinds[] = {"ServiceAccount", "User", "Group", NULL};
    static const char *const groups[] = {RBAC_GROUP, NULL}, *const no_group[] = {"", NULL};
    struct arena *arena = draft->arena;
    struct bytes group = json_get_text(subject, "apiGroup");
    bool account = is_kind(subject, "ServiceAccount");

    if (json_get_text(subject, "name").len == 0)
        field_required(&draft->errors, arena_printf(arena, "subjects[%zu].name", i), "");
    if (!account && !is_kind(subject, "User") && !is_kind(subject, "Group")) {
        field_not_supported(&draft->errors, arena_printf(arena, "subjects[%zu].kind", i),
                            json_get_text(subject, "kind"), kinds);
        return;
    }
    if (account ? group.len != 0 : !bytes_eq_str(group, RBAC_GROUP))
        field_not_supported(&draft->errors, arena_printf(arena, "subjects[%zu].apiGroup", i), group,
                            account ? no_group : groups);
    if (account && !draft->kind->namespaced && json_get_text(subject, "namespace").len == 0)
        field_required(&draft->errors, arena_printf(arena, "subjects[%zu].namespace", i), "");
}

void rbac_binding_validate(struct draft *draft)
{
    size_t i = 0;

    validate_ref(draft);
    json_each(json_get(draft->tree, BYTES("subjects")), it)
        validate_subject(draft, it, i++);
}

/* ---- escalation ---- */

static bool is_judged(const struct draft *draft)
{
    return draft->api != NULL && access_uses_rbac(draft->api->worker) &&
           !user_is_in(draft->api->user, GROUP_MASTERS);
}

static enum status forbid(const struct draft *draft, struct bytes why, struct error *reterr)
{
    struct bytes name = meta_text(draft->tree, "name");

    error_set(reterr, STATUS_FORBIDDEN, "%s \"%.*s\" is forbidden: %.*s",
              draft->kind->group_resource, BYTES_FMT(name), BYTES_FMT(why));
    error_set_details(reterr, bytes_str(draft->kind->group), bytes_str(draft->kind->plural), name);
    return STATUS_FORBIDDEN;
}

static void describe_user(struct buf *out, const struct user *user)
{
    buf_append_str(out, "user ");
    append_quoted(out, user->name);
    buf_append_str(out, " (groups=[");
    for (size_t i = 0; i < user->group_count; i++) {
        if (i != 0)
            buf_append_char(out, ' ');
        append_quoted(out, user->groups[i]);
    }
    buf_append_str(out, "])");
}

static enum status must_have(struct draft *draft, struct rbac_rules rules, struct error *reterr)
{
    const struct api_request *api = draft->api;
    struct buf missing = {0}, why = {0};
    enum status st = STATUS_OK;

    if (!rbac_covers(access_rbac(api->worker), api->user, draft->namespace, rules, &missing)) {
        describe_user(&why, api->user);
        buf_appendf(&why, " is attempting to grant RBAC permissions not currently held:\n%.*s",
                    BYTES_FMT(buf_bytes(&missing)));
        st = forbid(draft, buf_bytes(&why), reterr);
    }
    buf_release(&missing);
    buf_release(&why);
    return st;
}

/* May the user do `verb` to that role, whatever he has himself? */
static bool is_authorized(const struct draft *draft, const char *verb, struct bytes resource,
                          struct bytes name)
{
    struct access what = {.is_resource = true,
                          .verb = bytes_str(verb),
                          .group = BYTES(RBAC_GROUP),
                          .version = BYTES("v1"),
                          .resource = resource,
                          .namespace = draft->namespace,
                          .name = name};

    return access_allows(draft->api->worker, draft->api->user, &what, NULL);
}

/* Somebody who may do everything may let others' labels decide. */
static bool has_everything(struct draft *draft)
{
    static const struct bytes any[] = {BYTES_INIT("*")};
    const struct text_list all = {any, 1};
    const struct rbac_rule rules[] = {{.verbs = all, .groups = all, .resources = all},
                                      {.verbs = all, .urls = all}};

    return rbac_covers(access_rbac(draft->api->worker), draft->api->user, BYTES(""),
                       (struct rbac_rules){rules, ARRAY_LEN(rules)}, NULL);
}

enum status rbac_role_finish(struct draft *draft, struct error *reterr)
{
    const struct json *rules = json_get(draft->tree, BYTES("rules"));
    const struct json *aggregation = json_get(draft->tree, BYTES("aggregationRule"));
    const struct json *old_rules = json_get(draft->old, BYTES("rules"));
    const struct json *old_aggregation = json_get(draft->old, BYTES("aggregationRule"));

    if (!is_judged(draft) || is_authorized(draft, "escalate", bytes_str(draft->kind->plural),
                                           meta_text(draft->tree, "name")))
        return STATUS_OK;
    if (draft->old != NULL && json_equal(rules, old_rules) &&
        json_equal(aggregation, old_aggregation))
        return STATUS_OK;
    if (aggregation != NULL && aggregation->type != JSON_NULL && !has_everything(draft))
        return forbid(draft, BYTES("must have cluster-admin privileges to use an aggregationRule"),
                      reterr);
    return must_have(draft, rbac_rules_read(draft->arena, rules), reterr);
}

enum status rbac_binding_finish(struct draft *draft, struct error *reterr)
{
    const struct json *ref = json_get(draft->tree, BYTES("roleRef"));
    bool cluster_role = is_kind(ref, "ClusterRole");
    struct bytes name = json_get_text(ref, "name");
    struct bytes resource = cluster_role ? BYTES("clusterroles") : BYTES("roles");
    struct rbac_rules rules;

    if (!is_judged(draft) || is_authorized(draft, "bind", resource, name))
        return STATUS_OK;
    if (!rbac_role_rules(access_rbac(draft->api->worker),
                         cluster_role ? RBAC_CLUSTER_ROLE : RBAC_ROLE,
                         cluster_role ? BYTES("") : draft->namespace, name, &rules)) {
        error_set(reterr, STATUS_NOT_FOUND, "%.*s." RBAC_GROUP " \"%.*s\" not found",
                  BYTES_FMT(resource), BYTES_FMT(name));
        error_set_details(reterr, BYTES(RBAC_GROUP), resource, name);
        return STATUS_NOT_FOUND;
    }
    return must_have(draft, rules, reterr);
}
