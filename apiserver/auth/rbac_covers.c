/*
 * Nobody gives away what he does not have: every single right of a rule is looked for among the
 * giver's own (k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go, and
 * k8s.io/kubernetes/pkg/registry/rbac/validation/rule.go ConfirmNoEscalation).
 */
#include "apiserver/auth/rbac.h"

struct cover {
    const struct rbac *rbac;
    const struct user *user;
    struct bytes namespace;
    struct buf *missing;
    size_t looked_at;
    bool all;
};

struct search {
    const struct rbac_rule *part;
    bool found;
};

static bool look(void *state, const struct rbac_rule *rule)
{
    struct search *search = state;

    search->found = rbac_rule_covers(rule, search->part);
    return !search->found;
}

static bool has_part(struct cover *cover, const struct rbac_rule *part)
{
    struct search search = {.part = part};

    if (cover->looked_at++ >= RBAC_PARTS_MAX)
        return false;
    rbac_each_rule(cover->rbac, cover->user, cover->namespace, look, &search);
    return search.found;
}

static void tell_missing(struct cover *cover, const struct rbac_rule *rule)
{
    cover->all = false;
    if (cover->missing == NULL)
        return;
    if (cover->missing->len != 0)
        buf_append_char(cover->missing, '\n');
    rbac_rule_describe(cover->missing, rule);
}

static struct text_list one_of(struct text_list list, size_t at)
{
    return at < list.count ? (struct text_list){&list.texts[at], 1} : (struct text_list){0};
}

/* The verbs of a rule for one group, resource and name, or for one URL: those that are missing are
 * told in one line. */
static void cover_verbs(struct cover *cover, struct text_list verbs, struct rbac_rule part,
                        struct arena *arena)
{
    struct bytes *texts = arena_zalloc(arena, (verbs.count + 1) * sizeof(*texts));
    struct text_list missing = {.texts = texts};

    for (size_t i = 0; i < verbs.count && cover->looked_at < RBAC_PARTS_MAX; i++) {
        part.verbs = one_of(verbs, i);
        if (!has_part(cover, &part) && texts != NULL)
            texts[missing.count++] = verbs.texts[i];
    }
    part.verbs = missing;
    if (texts == NULL || missing.count != 0)
        tell_missing(cover, &part);
}

static void cover_rule(struct cover *cover, const struct rbac_rule *rule, struct arena *arena)
{
    size_t names = rule->names.count != 0 ? rule->names.count : 1;

    for (size_t u = 0; u < rule->urls.count && cover->looked_at < RBAC_PARTS_MAX; u++)
        cover_verbs(cover, rule->verbs, (struct rbac_rule){.urls = one_of(rule->urls, u)}, arena);
    for (size_t g = 0; g < rule->groups.count; g++)
        for (size_t r = 0; r < rule->resources.count; r++)
            for (size_t n = 0; n < names && cover->looked_at < RBAC_PARTS_MAX; n++)
                cover_verbs(cover, rule->verbs,
                            (struct rbac_rule){.groups = one_of(rule->groups, g),
                                               .resources = one_of(rule->resources, r),
                                               .names = one_of(rule->names, n)},
                            arena);
}

bool rbac_covers(const struct rbac *rbac, const struct user *user, struct bytes namespace,
                 struct rbac_rules wanted, struct buf *missing)
{
    struct cover cover = {
        .rbac = rbac, .user = user, .namespace = namespace, .missing = missing, .all = true};
    struct arena arena = {0};

    for (size_t i = 0; i < wanted.count && cover.looked_at < RBAC_PARTS_MAX; i++)
        cover_rule(&cover, &wanted.rules[i], &arena);
    if (cover.looked_at >= RBAC_PARTS_MAX)
        cover.all = false;
    arena_release(&arena);
    return cover.all;
}
