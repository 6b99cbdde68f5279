/*
 * Random policies and requests, decided twice: by the index, and by an evaluator that does not know
 * it, and reads the objects as they are. RBAC_PAIRS=1000000 is the long form.
 */
#include <stdlib.h>

#include "apiserver/auth/rbac.h"
#include "unit/test.h"

enum { ROLES = 8, BINDINGS = 12, PAIRS_PER_POLICY = 200 };

/* ---- chance, the same each time ---- */

static uint64_t chance = 0x9e3779b97f4a7c15;

static size_t below(size_t bound)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (size_t)(chance % bound);
}

static const char *one_of(const char *const *texts, size_t count)
{
    return texts[below(count)];
}
#define ONE_OF(texts) one_of(texts, ARRAY_LEN(texts))

static const char *const verbs[] = {"get", "list", "watch", "create", "*"};
static const char *const groups[] = {"", "apps", "batch", "*"};
static const char *const resources[] = {"pods",  "pods/log", "deployments", "deployments/scale",
                                        "jobs",  "*/scale",  "*/log",       "*",
                                        "pods/", "/log"};
static const char *const names[] = {"a", "b", "c"};
static const char *const urls[] = {"/healthz", "/api/*", "/api", "*", "/metrics", "/ap*"};
static const char *const paths[] = {"/healthz", "/api/v1", "/api", "/apis", "/metrics", ""};
static const char *const namespaces[] = {"red", "blue"};
static const char *const users[] = {"ann", "bob", "system:serviceaccount:red:bot",
                                    "system:serviceaccount:blue:bot"};
static const char *const teams[] = {"dev", "ops", "system:authenticated"};
static const char *const role_names[] = {"r0", "r1", "r2", "r3"};

/* ---- a policy ---- */

struct thing {
    enum rbac_kind kind;
    const char *namespace, *name;
    struct json *tree;
};

struct policy {
    struct arena arena;
    struct rbac *rbac;
    struct thing roles[ROLES], bindings[BINDINGS];
};

static void add_texts(struct policy *policy, struct json *rule, const char *member,
                      const char *const *texts, size_t count, size_t least)
{
    struct json *list = json_new_array(&policy->arena);

    for (size_t i = least + below(4); i > 0; i--)
        json_append(list, json_new_string(&policy->arena, bytes_str(one_of(texts, count))));
    json_set(rule, bytes_str(member), list);
}

static struct json *new_rule(struct policy *policy)
{
    struct json *rule = json_new_object(&policy->arena);

    add_texts(policy, rule, "verbs", verbs, ARRAY_LEN(verbs), 1);
    if (below(4) == 0) {
        add_texts(policy, rule, "nonResourceURLs", urls, ARRAY_LEN(urls), 1);
        return rule;
    }
    add_texts(policy, rule, "apiGroups", groups, ARRAY_LEN(groups), 1);
    add_texts(policy, rule, "resources", resources, ARRAY_LEN(resources), 1);
    if (below(3) == 0)
        add_texts(policy, rule, "resourceNames", names, ARRAY_LEN(names), 0);
    return rule;
}

static void make_role(struct policy *policy, struct thing *role)
{
    struct json *rules = json_new_array(&policy->arena);
    bool cluster = below(2) == 0;

    role->kind = cluster ? RBAC_CLUSTER_ROLE : RBAC_ROLE;
    role->namespace = cluster ? "" : ONE_OF(namespaces);
    role->name = ONE_OF(role_names);
    role->tree = json_new_object(&policy->arena);
    for (size_t i = 1 + below(4); i > 0; i--)
        json_append(rules, new_rule(policy));
    json_set(role->tree, BYTES("rules"), rules);
}

static struct json *new_subject(struct policy *policy)
{
    struct json *subject = json_new_object(&policy->arena);
    size_t kind = below(3);

    json_set_text(&policy->arena, subject, "kind",
                  bytes_str(kind == 0   ? "User"
                            : kind == 1 ? "Group"
                                        : "ServiceAccount"));
    json_set_text(&policy->arena, subject, "name",
                  bytes_str(kind == 0   ? ONE_OF(users)
                            : kind == 1 ? ONE_OF(teams)
                                        : "bot"));
    if (kind == 2 && below(3) != 0)
        json_set_text(&policy->arena, subject, "namespace", bytes_str(ONE_OF(namespaces)));
    return subject;
}

static void make_binding(struct policy *policy, struct thing *binding, size_t number)
{
    static const char *const binding_names[] = {"b0", "b1", "b2", "b3", "b4",  "b5",
                                                "b6", "b7", "b8", "b9", "b10", "b11"};
    struct json *ref, *subjects = json_new_array(&policy->arena);
    bool cluster = below(2) == 0;

    binding->kind = cluster ? RBAC_CLUSTER_ROLE_BINDING : RBAC_ROLE_BINDING;
    binding->namespace = cluster ? "" : ONE_OF(namespaces);
    binding->name = binding_names[number];
    binding->tree = json_new_object(&policy->arena);
    ref = json_ensure_object(&policy->arena, binding->tree, "roleRef");
    json_set_text(&policy->arena, ref, "kind", bytes_str(below(2) == 0 ? "Role" : "ClusterRole"));
    json_set_text(&policy->arena, ref, "name", bytes_str(ONE_OF(role_names)));
    for (size_t i = below(4); i > 0; i--)
        json_append(subjects, new_subject(policy));
    json_set(binding->tree, BYTES("subjects"), subjects);
}

static void put(struct policy *policy, const struct thing *thing)
{
    CHECK(rbac_put(policy->rbac, thing->kind, bytes_str(thing->namespace), bytes_str(thing->name),
                   thing->tree));
}

static bool same_place(const struct thing *a, const struct thing *b)
{
    return a->kind == b->kind && strcmp(a->namespace, b->namespace) == 0 &&
           strcmp(a->name, b->name) == 0;
}

/* Some come, are changed, and go, before the policy stands. */
static void make_policy(struct policy *policy)
{
    *policy = (struct policy){.rbac = rbac_new()};
    for (size_t i = 0; i < ROLES; i++) {
        make_role(policy, &policy->roles[i]);
        for (size_t n = 0; n < i; n++)
            if (same_place(&policy->roles[i], &policy->roles[n]))
                policy->roles[n].tree = policy->roles[i].tree;
        put(policy, &policy->roles[i]);
    }
    for (size_t i = 0; i < BINDINGS; i++) {
        make_binding(policy, &policy->bindings[i], i);
        put(policy, &policy->bindings[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        struct thing *gone =
            below(2) == 0 ? &policy->bindings[below(BINDINGS)] : &policy->roles[below(ROLES)];

        rbac_remove(policy->rbac, gone->kind, bytes_str(gone->namespace), bytes_str(gone->name));
        for (size_t n = 0; n < ROLES; n++)
            if (gone != &policy->roles[n] && same_place(gone, &policy->roles[n]))
                policy->roles[n].tree = NULL;
        gone->tree = NULL;
    }
}

/* ---- the naive evaluator: strings, and no index ---- */

static bool lists(const struct json *rule, const char *member, const char *wanted)
{
    json_each(json_get(rule, bytes_str(member)), it) {
        if (bytes_eq_str(json_text(it), wanted) || bytes_eq_str(json_text(it), "*"))
            return true;
    }
    return false;
}

static bool naive_rule(const struct json *rule, const struct access *what)
{
    char whole[128], any[128], name[64];
    const struct json *only = json_get(rule, BYTES("resourceNames"));

    snprintf(name, sizeof(name), "%.*s", BYTES_FMT(what->verb));
    if (!lists(rule, "verbs", name))
        return false;
    if (!what->is_resource) {
        json_each(json_get(rule, BYTES("nonResourceURLs")), it) {
            char url[64], path[64];
            size_t len;

            snprintf(url, sizeof(url), "%.*s", BYTES_FMT(json_text(it)));
            snprintf(path, sizeof(path), "%.*s", BYTES_FMT(what->path));
            len = strlen(url);
            if (strcmp(url, path) == 0 ||
                (len > 0 && url[len - 1] == '*' && strncmp(url, path, len - 1) == 0))
                return true;
        }
        return false;
    }
    snprintf(name, sizeof(name), "%.*s", BYTES_FMT(what->group));
    if (!lists(rule, "apiGroups", name))
        return false;
    snprintf(whole, sizeof(whole), what->subresource.len != 0 ? "%.*s/%.*s" : "%.*s",
             BYTES_FMT(what->resource), BYTES_FMT(what->subresource));
    snprintf(any, sizeof(any), "*/%.*s", BYTES_FMT(what->subresource));
    if (!lists(rule, "resources", whole) &&
        (what->subresource.len == 0 || !lists(rule, "resources", any)))
        return false;
    if (only == NULL || only->count == 0)
        return true;
    json_each(only, it)
        if (bytes_eq(json_text(it), what->name))
            return true;
    return false;
}

static bool naive_subject(const struct thing *binding, const struct json *subject,
                          const struct user *user)
{
    char account[128];
    struct bytes kind = json_get_text(subject, "kind"), name = json_get_text(subject, "name");
    struct bytes namespace = json_get_text(subject, "namespace");

    if (bytes_eq_str(kind, "User"))
        return bytes_eq(name, user->name);
    if (bytes_eq_str(kind, "Group")) {
        for (size_t i = 0; i < user->group_count; i++)
            if (bytes_eq(name, user->groups[i]))
                return true;
        return false;
    }
    if (namespace.len == 0)
    namespace = bytes_str(binding->namespace);
    snprintf(account, sizeof(account), "system:serviceaccount:%.*s:%.*s", BYTES_FMT(namespace),
             BYTES_FMT(name));
    return bytes_eq_str(user->name, account);
}

static bool naive_binding(const struct policy *policy, const struct thing *binding,
                          const struct access *what)
{
    const struct json *ref = json_get(binding->tree, BYTES("roleRef"));
    bool cluster = bytes_eq_str(json_get_text(ref, "kind"), "ClusterRole");

    for (size_t i = 0; i < ROLES; i++) {
        const struct thing *role = &policy->roles[i];

        if (role->tree == NULL || !bytes_eq_str(json_get_text(ref, "name"), role->name) ||
            (role->kind == RBAC_CLUSTER_ROLE) != cluster ||
            (!cluster && strcmp(role->namespace, binding->namespace) != 0))
            continue;
        json_each(json_get(role->tree, BYTES("rules")), rule)
            if (naive_rule(rule, what))
                return true;
    }
    return false;
}

static bool naive(const struct policy *policy, const struct user *user, const struct access *what)
{
    for (size_t i = 0; i < BINDINGS; i++) {
        const struct thing *binding = &policy->bindings[i];
        bool means = false;

        if (binding->tree == NULL ||
            (binding->kind == RBAC_ROLE_BINDING &&
             (!what->is_resource || !bytes_eq_str(what->namespace, binding->namespace))))
            continue;
        json_each(json_get(binding->tree, BYTES("subjects")), it)
            means = means || naive_subject(binding, it, user);
        if (means && naive_binding(policy, binding, what))
            return true;
    }
    return false;
}

/* ---- requests ---- */

static struct access random_access(void)
{
    static const char *const asked[] = {"get", "list", "watch", "create", "delete"};
    static const char *const asked_groups[] = {"", "apps", "batch"};
    static const char *const asked_resources[] = {"pods", "deployments", "jobs", ""};
    static const char *const subresources[] = {"", "", "log", "scale"};
    static const char *const asked_names[] = {"", "a", "b", "z"};
    static const char *const asked_namespaces[] = {"", "red", "blue", "green"};

    if (below(5) == 0)
        return (struct access){.verb = bytes_str(ONE_OF(asked)),
                               .path = bytes_str(ONE_OF(paths)),
                               .namespace = bytes_str(ONE_OF(asked_namespaces))};
    return (struct access){.is_resource = true,
                           .verb = bytes_str(ONE_OF(asked)),
                           .group = bytes_str(ONE_OF(asked_groups)),
                           .resource = bytes_str(ONE_OF(asked_resources)),
                           .subresource = bytes_str(ONE_OF(subresources)),
                           .namespace = bytes_str(ONE_OF(asked_namespaces)),
                           .name = bytes_str(ONE_OF(asked_names))};
}

TEST(rbac_random, two_evaluators_agree)
{
    const char *wanted = getenv("RBAC_PAIRS");
    size_t pairs = wanted != NULL ? strtoull(wanted, NULL, 10) : 40000, allowed = 0;

    for (size_t done = 0; done < pairs; done += PAIRS_PER_POLICY) {
        struct policy policy;

        make_policy(&policy);
        for (size_t i = 0; i < PAIRS_PER_POLICY; i++) {
            struct bytes in[2] = {bytes_str(ONE_OF(teams)), bytes_str(ONE_OF(teams))};
            struct user user = {
                .name = bytes_str(ONE_OF(users)), .groups = in, .group_count = below(3)};
            struct access what = random_access();
            bool expected = naive(&policy, &user, &what);

            CHECK(rbac_allows(policy.rbac, &user, &what, NULL) == expected);
            allowed += expected ? 1 : 0;
        }
        rbac_free(policy.rbac);
        arena_release(&policy.arena);
    }
    printf("%zu pairs, %zu allowed\n", pairs, allowed);
    CHECK(allowed > pairs / 20 && allowed < pairs / 2); /* else chance asks nothing of worth */
}
