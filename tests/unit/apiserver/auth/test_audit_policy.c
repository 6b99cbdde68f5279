#include "apiserver/auth/audit_policy.h"

#include "unit/test.h"

#define HEAD "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"

static struct access resource(const char *verb, const char *group, const char *name,
                              const char *subresource)
{
    return (struct access){.is_resource = true,
                           .verb = bytes_str(verb),
                           .group = bytes_str(group),
                           .resource = bytes_str(name),
                           .subresource = bytes_str(subresource),
                           .namespace = BYTES("default"),
                           .name = BYTES("x")};
}

static enum audit_level level_in(const char *text, const struct user *user, struct access what)
{
    struct audit_policy *policy = NULL;
    struct error err = {0};
    enum audit_level level;
    unsigned stages;

    CHECK_INT(audit_policy_parse(bytes_str(text), &policy, &err), STATUS_OK);
    level = audit_policy_level(policy, user, &what, &stages);
    audit_policy_free(policy);
    return level;
}

static enum audit_level level(const char *text, struct access what)
{
    return level_in(text, &user_anonymous, what);
}

TEST(audit_policy, the_first_rule_that_matches_decides_and_none_is_none)
{
    const char *text = HEAD "- {level: Request, verbs: [create]}\n"
                            "- {level: Metadata, verbs: [create, get]}\n";

    CHECK_INT(level(text, resource("create", "", "pods", "")), AUDIT_REQUEST);
    CHECK_INT(level(text, resource("get", "", "pods", "")), AUDIT_METADATA);
    CHECK_INT(level(text, resource("list", "", "pods", "")), AUDIT_NONE);
}

TEST(audit_policy, resources_are_named_with_their_subresources)
{
    static const struct {
        const char *pattern, *group, *resource, *subresource;
        bool matches;
    } rows[] = {
        {"pods", "", "pods", "", true},           {"pods", "", "pods", "log", false},
        {"pods", "apps", "pods", "", false},      {"pods/log", "", "pods", "log", true},
        {"pods/*", "", "pods", "log", true},      {"pods/*", "", "services", "log", false},
        {"*/status", "", "pods", "status", true}, {"*/status", "", "pods", "", false},
        {"*", "", "pods", "status", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena = {0};
        struct bytes text = arena_printf(&arena,
                                         HEAD "- {level: Request, resources: [{group: \"\", "
                                              "resources: [\"%s\"]}]}\n",
                                         rows[i].pattern);
        struct access what = resource("get", rows[i].group, rows[i].resource, rows[i].subresource);

        CHECK_INT(level(arena_str(&arena, text), what),
                  rows[i].matches ? AUDIT_REQUEST : AUDIT_NONE);
        arena_release(&arena);
    }
}

TEST(audit_policy, users_groups_namespaces_and_paths_narrow_a_rule)
{
    const struct bytes groups[] = {BYTES_INIT("dev")};
    const struct user jane = {.name = BYTES_INIT("jane"), .groups = groups, .group_count = 1};
    const struct access path = {.verb = BYTES_INIT("get"), .path = BYTES_INIT("/healthz/ping")};
    struct access pods = resource("get", "", "pods", "");

    CHECK_INT(level_in(HEAD "- {level: Request, users: [jane]}\n", &jane, pods), AUDIT_REQUEST);
    CHECK_INT(level_in(HEAD "- {level: Request, users: [joe]}\n", &jane, pods), AUDIT_NONE);
    CHECK_INT(level_in(HEAD "- {level: Request, userGroups: [ops, dev]}\n", &jane, pods),
              AUDIT_REQUEST);
    CHECK_INT(level(HEAD "- {level: Request, userGroups: [dev]}\n", pods), AUDIT_NONE);
    CHECK_INT(level(HEAD "- {level: Request, namespaces: [kube-system]}\n", pods), AUDIT_NONE);
    CHECK_INT(level(HEAD "- {level: Request, namespaces: [default]}\n", path), AUDIT_NONE);
    CHECK_INT(level(HEAD "- {level: Request, nonResourceURLs: [\"/healthz*\"]}\n", path),
              AUDIT_REQUEST);
    CHECK_INT(level(HEAD "- {level: Request, nonResourceURLs: [\"/healthz\"]}\n", path),
              AUDIT_NONE);
    CHECK_INT(level(HEAD "- {level: Request, nonResourceURLs: [\"*\"]}\n", pods), AUDIT_NONE);
}

TEST(audit_policy, secrets_and_tokens_are_never_more_than_metadata)
{
    const char *all = HEAD "- {level: RequestResponse}\n";

    CHECK_INT(level(all, resource("create", "", "pods", "")), AUDIT_REQUEST_RESPONSE);
    CHECK_INT(level(all, resource("list", "", "secrets", "")), AUDIT_METADATA);
    CHECK_INT(level(all, resource("create", "", "serviceaccounts", "token")), AUDIT_METADATA);
    CHECK_INT(level(all, resource("create", "authentication.k8s.io", "tokenreviews", "")),
              AUDIT_METADATA);
}

TEST(audit_policy, stages_are_left_out_by_the_policy_or_a_rule)
{
    struct audit_policy *policy = NULL;
    struct access what = resource("get", "", "pods", "");
    struct error err = {0};
    unsigned stages = 0;

    CHECK_INT(audit_policy_parse(BYTES("apiVersion: audit.k8s.io/v1\nkind: Policy\n"
                                       "omitStages: [ResponseStarted]\nrules:\n"
                                       "- {level: Metadata, verbs: [get], omitStages: [Panic]}\n"
                                       "- {level: Metadata, omitStages: [ResponseComplete]}\n"),
                                 &policy, &err),
              STATUS_OK);
    CHECK_INT(audit_policy_level(policy, &user_anonymous, &what, &stages), AUDIT_METADATA);
    CHECK_INT(stages, 1U << AUDIT_COMPLETE);
    what.verb = BYTES("list");
    CHECK_INT(audit_policy_level(policy, &user_anonymous, &what, &stages), AUDIT_METADATA);
    CHECK_INT(stages, 0);
    audit_policy_free(policy);
}
