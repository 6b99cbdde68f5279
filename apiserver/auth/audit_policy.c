#include "apiserver/auth/audit_policy.h"

#include <stdlib.h>

#include "apiserver/auth/read_file.h"
#include "codec/yaml.h"

struct audit_policy {
    struct arena arena;
    struct buf text;          /* of which the tree has spans */
    const struct json *rules; /* NULL: metadata of everything */
    const struct json *omit_stages;
};

static const char *const levels[] = {"None", "Metadata", "Request", "RequestResponse"};
static const char *const stages[] = {"RequestReceived", "ResponseStarted", "ResponseComplete"};
/* Of stages the API knows and this server does not have. */
static const char *const panic = "Panic";

const char *audit_level_name(enum audit_level level)
{
    return levels[level];
}

const char *audit_stage_name(enum audit_stage stage)
{
    return stages[stage];
}

/* ---- reading ---- */

static const char *const policy_fields[] = {"apiVersion", "kind",       "metadata",
                                            "rules",      "omitStages", "omitManagedFields"};
static const char *const rule_fields[] = {"level",           "users",      "userGroups",
                                          "verbs",           "resources",  "namespaces",
                                          "nonResourceURLs", "omitStages", "omitManagedFields"};

static enum status check_fields(const struct json *object, const char *const *known, size_t count,
                                struct error *reterr)
{
    if (!json_is(object, JSON_OBJECT))
        return error_set(reterr, STATUS_BAD_REQUEST, "audit policy: an object is expected");
    json_each(object, it) {
        size_t i = 0;

        while (i < count && !bytes_eq_str(it->key, known[i]))
            i++;
        if (i == count)
            return error_set(reterr, STATUS_BAD_REQUEST, "audit policy: unknown field \"%.*s\"",
                             BYTES_FMT(it->key));
    }
    return STATUS_OK;
}

/* NULL, or an array of strings. */
static enum status check_list(const struct json *object, const char *name, struct error *reterr)
{
    const struct json *list = json_get(object, bytes_str(name));
    bool fine = list == NULL || json_is(list, JSON_NULL) || json_is(list, JSON_ARRAY);

    json_each(list, it)
        fine = fine && json_is(it, JSON_STRING);
    return fine ? STATUS_OK
                : error_set(reterr, STATUS_BAD_REQUEST,
                            "audit policy: \"%s\" is no list of strings", name);
}

static enum status check_stages(const struct json *object, struct error *reterr)
{
    enum status st = check_list(object, "omitStages", reterr);

    json_each(json_get(object, BYTES("omitStages")), it) {
        size_t i = 0;

        while (i < ARRAY_LEN(stages) && !bytes_eq_str(it->text, stages[i]))
            i++;
        if (st == STATUS_OK && i == ARRAY_LEN(stages) && !bytes_eq_str(it->text, panic))
            st = error_set(reterr, STATUS_BAD_REQUEST, "audit policy: no stage \"%.*s\"",
                           BYTES_FMT(it->text));
    }
    return st;
}

static int level_of(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (bytes_eq_str(name, levels[i]))
            return (int)i;
    return -1;
}

static enum status check_rule(const struct json *rule, struct error *reterr)
{
    static const char *const lists[] = {"users", "userGroups", "verbs", "namespaces",
                                        "nonResourceURLs"};
    static const char *const resource_fields[] = {"group", "resources", "resourceNames"};
    enum status st = check_fields(rule, rule_fields, ARRAY_LEN(rule_fields), reterr);

    if (st == STATUS_OK && level_of(json_get_text(rule, "level")) < 0)
        st = error_set(reterr, STATUS_BAD_REQUEST,
                       "audit policy: level \"%.*s\" is none of None, Metadata, Request and "
                       "RequestResponse",
                       BYTES_FMT(json_get_text(rule, "level")));
    for (size_t i = 0; i < ARRAY_LEN(lists) && st == STATUS_OK; i++)
        st = check_list(rule, lists[i], reterr);
    if (st == STATUS_OK)
        st = check_stages(rule, reterr);
    json_each(json_get(rule, BYTES("resources")), it) {
        if (st == STATUS_OK)
            st = check_fields(it, resource_fields, ARRAY_LEN(resource_fields), reterr);
        if (st == STATUS_OK)
            st = check_list(it, "resources", reterr);
        if (st == STATUS_OK)
            st = check_list(it, "resourceNames", reterr);
    }
    return st;
}

static enum status check_policy(const struct json *tree, struct error *reterr)
{
    enum status st = check_fields(tree, policy_fields, ARRAY_LEN(policy_fields), reterr);

    if (st == STATUS_OK && (!bytes_eq_str(json_get_text(tree, "kind"), "Policy") ||
                            !bytes_eq_str(json_get_text(tree, "apiVersion"), "audit.k8s.io/v1")))
        st = error_set(reterr, STATUS_BAD_REQUEST, "audit policy: not an audit.k8s.io/v1 Policy");
    if (st == STATUS_OK && !json_is(json_get(tree, BYTES("rules")), JSON_ARRAY))
        st = error_set(reterr, STATUS_BAD_REQUEST, "audit policy: it has no rules");
    if (st == STATUS_OK)
        st = check_stages(tree, reterr);
    json_each(json_get(tree, BYTES("rules")), it)
        if (st == STATUS_OK)
            st = check_rule(it, reterr);
    return st;
}

enum status audit_policy_parse(struct bytes text, struct audit_policy **ret_policy,
                               struct error *reterr)
{
    struct audit_policy *policy = calloc(1, sizeof(*policy));
    struct json *tree = NULL;
    enum status st;

    if (policy == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    buf_append_bytes(&policy->text, text);
    st = yaml_parse(&policy->arena, buf_bytes(&policy->text), &tree, reterr);
    if (st == STATUS_OK)
        st = check_policy(tree, reterr);
    if (st != STATUS_OK) {
        audit_policy_free(policy);
        return st;
    }
    policy->rules = json_get(tree, BYTES("rules"));
    policy->omit_stages = json_get(tree, BYTES("omitStages"));
    *ret_policy = policy;
    return STATUS_OK;
}

enum status audit_policy_new(const char *file, struct audit_policy **ret_policy,
                             struct error *reterr)
{
    struct buf text = {0};
    enum status st;

    if (file == NULL) {
        *ret_policy = calloc(1, sizeof(**ret_policy));
        return *ret_policy != NULL ? STATUS_OK
                                   : error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    }
    st = read_whole_file(file, &text, reterr);
    if (st == STATUS_OK)
        st = audit_policy_parse(buf_bytes(&text), ret_policy, reterr);
    buf_release(&text);
    return st;
}

void audit_policy_free(struct audit_policy *policy)
{
    if (policy == NULL)
        return;
    arena_release(&policy->arena);
    buf_release(&policy->text);
    free(policy);
}

/* ---- matching ---- */

static bool is_empty(const struct json *rule, const char *name)
{
    return json_first(json_get(rule, bytes_str(name))) == NULL;
}

static bool has(const struct json *rule, const char *name, struct bytes text)
{
    json_each(json_get(rule, bytes_str(name)), it)
        if (bytes_eq(it->text, text))
            return true;
    return false;
}

static bool has_group(const struct json *rule, const struct user *user)
{
    for (size_t i = 0; i < user->group_count; i++)
        if (has(rule, "userGroups", user->groups[i]))
            return true;
    return false;
}

/* "*", "pods", "pods/log", "pods/\*" and "*\/scale". */
static bool names_resource(struct bytes pattern, const struct access *what)
{
    struct bytes subresource = pattern, resource = bytes_cut(&subresource, '/');

    if (bytes_eq_str(pattern, "*"))
        return true;
    if (resource.len == pattern.len)
        return what->subresource.len == 0 && bytes_eq(resource, what->resource);
    if (bytes_eq_str(resource, "*"))
        return what->subresource.len != 0 && bytes_eq(subresource, what->subresource);
    return bytes_eq(resource, what->resource) &&
           (bytes_eq_str(subresource, "*") || bytes_eq(subresource, what->subresource));
}

static bool matches_group_resource(const struct json *entry, const struct access *what)
{
    if (!bytes_eq(json_get_text(entry, "group"), what->group))
        return false;
    if (is_empty(entry, "resources"))
        return true;
    if (!is_empty(entry, "resourceNames") && !has(entry, "resourceNames", what->name))
        return false;
    json_each(json_get(entry, BYTES("resources")), it)
        if (names_resource(it->text, what))
            return true;
    return false;
}

static bool matches_resource(const struct json *rule, const struct access *what)
{
    if (!what->is_resource ||
        (!is_empty(rule, "namespaces") && !has(rule, "namespaces", what->namespace)))
        return false;
    if (is_empty(rule, "resources"))
        return true;
    json_each(json_get(rule, BYTES("resources")), it)
        if (matches_group_resource(it, what))
            return true;
    return false;
}

static bool matches_path(const struct json *rule, const struct access *what)
{
    if (what->is_resource)
        return false;
    json_each(json_get(rule, BYTES("nonResourceURLs")), it) {
        struct bytes pattern = it->text;

        if (bytes_eq(pattern, what->path))
            return true;
        if (bytes_ends_with(pattern, BYTES("*")) &&
            bytes_starts_with(what->path, bytes_of(pattern.ptr, pattern.len - 1)))
            return true;
    }
    return false;
}

static bool matches(const struct json *rule, const struct user *user, const struct access *what)
{
    if (!is_empty(rule, "users") && !has(rule, "users", user->name))
        return false;
    if (!is_empty(rule, "userGroups") && !has_group(rule, user))
        return false;
    if (!is_empty(rule, "verbs") && !has(rule, "verbs", what->verb))
        return false;
    if (!is_empty(rule, "namespaces") || !is_empty(rule, "resources"))
        return matches_resource(rule, what);
    return is_empty(rule, "nonResourceURLs") || matches_path(rule, what);
}

static unsigned without(unsigned wanted, const struct json *omitted)
{
    json_each(omitted, it)
        for (size_t i = 0; i < ARRAY_LEN(stages); i++)
            if (bytes_eq_str(it->text, stages[i]))
                wanted &= ~(1U << i);
    return wanted;
}

/* What nobody may read in a log, whatever its reader asked for. */
static bool is_secret(const struct access *what)
{
    static const char *const secret[][3] = {
        {"", "secrets", NULL},
        {"", "serviceaccounts", "token"},
        {"authentication.k8s.io", "tokenreviews", NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(secret) && what->is_resource; i++)
        if (bytes_eq_str(what->group, secret[i][0]) && bytes_eq_str(what->resource, secret[i][1]) &&
            (secret[i][2] == NULL || bytes_eq_str(what->subresource, secret[i][2])))
            return true;
    return false;
}

static enum audit_level level_by_rule(const struct audit_policy *policy, const struct user *user,
                                      const struct access *what, unsigned *stages_wanted)
{
    if (policy->rules == NULL)
        return AUDIT_METADATA;
    json_each(policy->rules, rule) {
        if (!matches(rule, user, what))
            continue;
        *stages_wanted = without(*stages_wanted, json_get(rule, BYTES("omitStages")));
        return (enum audit_level)level_of(json_get_text(rule, "level"));
    }
    return AUDIT_NONE;
}

enum audit_level audit_policy_level(const struct audit_policy *policy, const struct user *user,
                                    const struct access *what, unsigned *ret_stages)
{
    enum audit_level level;

    *ret_stages = without((1U << AUDIT_STARTED) | (1U << AUDIT_COMPLETE), policy->omit_stages);
    level = level_by_rule(policy, user, what, ret_stages);
    return level > AUDIT_METADATA && is_secret(what) ? AUDIT_METADATA : level;
}
