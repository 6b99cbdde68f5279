#include "apiserver/auth/rbac.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"

struct role {
    struct arena arena;
    struct rbac_rules rules;
    struct bytes key;
};

/* One subject's way to a binding. */
struct grant {
    struct list link; /* of its subject */
    struct binding *binding;
    struct subject *subject;
    struct bytes described; /* `User "x"` */
};

struct binding {
    struct arena arena;
    struct bytes key, described; /* `RoleBinding "x/ns"` */
    struct bytes role_key, role_described;
    struct grant *grants;
    size_t grant_count;
};

/* A user or a group, everywhere or in one namespace. */
struct subject {
    struct list grants;
    size_t key_len;
    char key[];
};

struct rbac {
    struct map roles, bindings, subjects;
};

struct rbac *rbac_new(void)
{
    return calloc(1, sizeof(struct rbac));
}

/* ---- keys: "K NAMESPACE/NAME", where no part has a '/' but a user's name, which is last ---- */

static struct bytes role_key(struct arena *arena, enum rbac_kind kind, struct bytes namespace,
                             struct bytes name)
{
    return kind == RBAC_ROLE || kind == RBAC_ROLE_BINDING
               ? arena_printf(arena, "n%.*s/%.*s", BYTES_FMT(namespace), BYTES_FMT(name))
               : arena_printf(arena, "c/%.*s", BYTES_FMT(name));
}

static bool is_role(enum rbac_kind kind)
{
    return kind == RBAC_ROLE || kind == RBAC_CLUSTER_ROLE;
}

static struct bytes quote(struct arena *arena, const char *what, struct bytes name)
{
    struct buf text = {0};
    struct bytes copy;

    buf_appendf(&text, "%s ", what);
    append_quoted(&text, name);
    copy = arena_dup(arena, buf_bytes(&text));
    buf_release(&text);
    return copy;
}

/* ---- subjects ---- */

static struct subject *subject_of(struct rbac *rbac, struct bytes key)
{
    struct subject *subject = map_get(&rbac->subjects, key);

    if (subject != NULL)
        return subject;
    subject = calloc(1, sizeof(*subject) + key.len);
    if (subject == NULL)
        return NULL;
    list_init(&subject->grants);
    subject->key_len = key.len;
    memcpy(subject->key, key.ptr, key.len);
    if (map_put(&rbac->subjects, bytes_of(subject->key, key.len), subject))
        return subject;
    free(subject);
    return NULL;
}

static void leave_subject(struct rbac *rbac, struct grant *grant)
{
    struct subject *subject = grant->subject;

    if (subject == NULL)
        return;
    list_remove(&grant->link);
    if (!list_empty(&subject->grants))
        return;
    map_remove(&rbac->subjects, bytes_of(subject->key, subject->key_len));
    free(subject);
}

/* The key of a binding's subject: 'u' or 'g', the namespace it is good for, '/' and its name. */
static bool read_subject(struct binding *binding, const struct json *tree, struct bytes namespace,
                         struct bytes *ret_key, struct bytes *ret_described)
{
    struct arena *arena = &binding->arena;
    struct bytes kind = json_get_text(tree, "kind"), name = json_get_text(tree, "name");
    struct bytes of = json_get_text(tree, "namespace");
    bool group = bytes_eq_str(kind, "Group");

    if (bytes_eq_str(kind, "ServiceAccount")) {
        of = of.len != 0 ? of : namespace;
        *ret_described = quote(arena, "ServiceAccount",
                               arena_printf(arena, "%.*s/%.*s", BYTES_FMT(name), BYTES_FMT(of)));
        name =
            arena_printf(arena, "system:serviceaccount:%.*s:%.*s", BYTES_FMT(of), BYTES_FMT(name));
    } else if (group || bytes_eq_str(kind, "User")) {
        *ret_described = quote(arena, group ? "Group" : "User", name);
    } else {
        return false;
    }
    *ret_key = arena_printf(arena, "%c%.*s/%.*s", group ? 'g' : 'u', BYTES_FMT(namespace),
                            BYTES_FMT(name));
    return name.len != 0;
}

/* ---- changes ---- */

static void free_role(struct role *role)
{
    struct arena arena = role->arena; /* which the role lives in */

    arena_release(&arena);
}

static void free_binding(struct rbac *rbac, struct binding *binding)
{
    struct arena arena = binding->arena;

    for (size_t i = 0; i < binding->grant_count; i++)
        leave_subject(rbac, &binding->grants[i]);
    arena_release(&arena);
}

static bool put_role(struct rbac *rbac, enum rbac_kind kind, struct bytes namespace,
                     struct bytes name, const struct json *tree)
{
    struct arena arena = {0};
    struct role *role = arena_new(&arena, struct role);

    if (role == NULL)
        return false;
    role->rules = rbac_rules_read(&arena, json_get(tree, BYTES("rules")));
    role->key = role_key(&arena, kind, namespace, name);
    role->arena = arena;
    if (!arena.failed && map_put(&rbac->roles, role->key, role))
        return true;
    free_role(role);
    return false;
}

static bool add_grants(struct rbac *rbac, struct binding *binding, struct bytes namespace,
                       const struct json *subjects)
{
    size_t room = json_is(subjects, JSON_ARRAY) ? subjects->count : 0;

    binding->grants = arena_zalloc(&binding->arena, (room + 1) * sizeof(*binding->grants));
    if (binding->grants == NULL)
        return false;
    json_each(subjects, it) {
        struct grant *grant = &binding->grants[binding->grant_count];
        struct bytes key;

        if (!read_subject(binding, it, namespace, &key, &grant->described))
            continue;
        grant->binding = binding;
        grant->subject = subject_of(rbac, key);
        if (grant->subject == NULL)
            return false;
        list_append(&grant->subject->grants, &grant->link);
        binding->grant_count++;
    }
    return true;
}

static void describe_binding(struct binding *binding, enum rbac_kind kind, struct bytes namespace,
                             struct bytes name, const struct json *role_ref)
{
    struct arena *arena = &binding->arena;
    struct bytes role = json_get_text(role_ref, "name");
    bool cluster_role = !bytes_eq_str(json_get_text(role_ref, "kind"), "Role");

    binding->key = role_key(arena, kind, namespace, name);
    binding->described =
        kind == RBAC_ROLE_BINDING
            ? quote(arena, "RoleBinding",
                    arena_printf(arena, "%.*s/%.*s", BYTES_FMT(name), BYTES_FMT(namespace)))
            : quote(arena, "ClusterRoleBinding", name);
    /* A ClusterRoleBinding to a Role gives nothing: there is no namespace to look in. */
    binding->role_key =
        role_key(arena, cluster_role ? RBAC_CLUSTER_ROLE : RBAC_ROLE, namespace, role);
    binding->role_described = quote(arena, cluster_role ? "ClusterRole" : "Role", role);
}

static bool put_binding(struct rbac *rbac, enum rbac_kind kind, struct bytes namespace,
                        struct bytes name, const struct json *tree)
{
    struct arena arena = {0};
    struct binding *binding = arena_new(&arena, struct binding);

    if (binding == NULL)
        return false;
    binding->arena = arena;
    describe_binding(binding, kind, namespace, name, json_get(tree, BYTES("roleRef")));
    if (add_grants(rbac, binding, namespace, json_get(tree, BYTES("subjects"))) &&
        !binding->arena.failed && map_put(&rbac->bindings, binding->key, binding))
        return true;
    free_binding(rbac, binding);
    return false;
}

void rbac_remove(struct rbac *rbac, enum rbac_kind kind, struct bytes namespace, struct bytes name)
{
    struct arena arena = {0};
    struct bytes key = role_key(&arena, kind, namespace, name);

    if (is_role(kind)) {
        struct role *role = map_remove(&rbac->roles, key);

        if (role != NULL)
            free_role(role);
    } else {
        struct binding *binding = map_remove(&rbac->bindings, key);

        if (binding != NULL)
            free_binding(rbac, binding);
    }
    arena_release(&arena);
}

bool rbac_put(struct rbac *rbac, enum rbac_kind kind, struct bytes namespace, struct bytes name,
              const struct json *tree)
{
    rbac_remove(rbac, kind, namespace, name);
    return is_role(kind) ? put_role(rbac, kind, namespace, name, tree)
                         : put_binding(rbac, kind, namespace, name, tree);
}

void rbac_free(struct rbac *rbac)
{
    if (rbac == NULL)
        return;
    for (struct map_slot *it = map_next(&rbac->roles, NULL); it != NULL;
         it = map_next(&rbac->roles, it))
        free_role(it->value);
    for (struct map_slot *it = map_next(&rbac->bindings, NULL); it != NULL;
         it = map_next(&rbac->bindings, it))
        free_binding(rbac, it->value);
    map_release(&rbac->roles);
    map_release(&rbac->bindings);
    map_release(&rbac->subjects);
    free(rbac);
}

/* ---- decisions ---- */

/* Walks a user's grants; `each` is false to stop. */
struct walk {
    const struct rbac *rbac;
    bool (*each)(struct walk *walk, const struct grant *grant, const struct role *role);
    void *state;
    bool stopped;
};

static void walk_subject(struct walk *walk, char kind, struct bytes namespace, struct bytes name)
{
    char few[256];
    struct arena arena = {0};
    size_t len = 2 + namespace.len + name.len;
    char *key = len <= sizeof(few) ? few : arena_alloc(&arena, len);
    const struct subject *subject;

    if (key == NULL || walk->stopped) {
        arena_release(&arena);
        return;
    }
    key[0] = kind;
    memcpy(key + 1, namespace.len != 0 ? namespace.ptr : "", namespace.len);
    key[1 + namespace.len] = '/';
    memcpy(key + 2 + namespace.len, name.len != 0 ? name.ptr : "", name.len);
    subject = map_get(&walk->rbac->subjects, bytes_of(key, len));
    arena_release(&arena);
    if (subject == NULL)
        return;
    list_for_each(&subject->grants, it) {
        const struct grant *grant = list_entry(it, struct grant, link);
        const struct role *role = map_get(&walk->rbac->roles, grant->binding->role_key);

        if (!walk->each(walk, grant, role)) {
            walk->stopped = true;
            return;
        }
    }
}

static void walk_user(struct walk *walk, const struct user *user, struct bytes namespace)
{
    const struct bytes scopes[] = {BYTES(""), namespace};

    for (size_t i = 0; i < (namespace.len != 0 ? 2 : 1); i++) {
        walk_subject(walk, 'u', scopes[i], user->name);
        for (size_t g = 0; g < user->group_count; g++)
            walk_subject(walk, 'g', scopes[i], user->groups[g]);
    }
}

struct question {
    const struct access *what;
    struct buf *reason;
    size_t missing;
    bool allowed;
};

/* Twice the same role may be missing: it is told once. */
static void note_missing(struct question *question, const struct binding *binding)
{
    struct bytes name = bytes_from(binding->role_key, bytes_find(binding->role_key, '/') + 1);

    if (question->reason == NULL || question->missing == 8)
        return;
    buf_appendf(question->reason, "%s%s.rbac.authorization.k8s.io \"%.*s\" not found",
                question->missing++ != 0 ? ", " : "",
                binding->role_key.ptr[0] == 'c' ? "clusterrole" : "role", BYTES_FMT(name));
}

static bool ask(struct walk *walk, const struct grant *grant, const struct role *role)
{
    struct question *question = walk->state;

    if (role == NULL)
        note_missing(question, grant->binding);
    for (size_t i = 0; role != NULL && i < role->rules.count; i++) {
        if (!rbac_rule_allows(&role->rules.rules[i], question->what))
            continue;
        question->allowed = true;
        if (question->reason != NULL) {
            question->reason->len = 0;
            buf_appendf(question->reason, "RBAC: allowed by %.*s of %.*s to %.*s",
                        BYTES_FMT(grant->binding->described),
                        BYTES_FMT(grant->binding->role_described), BYTES_FMT(grant->described));
        }
        return false;
    }
    return true;
}

bool rbac_allows(const struct rbac *rbac, const struct user *user, const struct access *what,
                 struct buf *ret_reason)
{
    struct buf reason = {0};
    struct question question = {.what = what, .reason = ret_reason != NULL ? &reason : NULL};
    struct walk walk = {.rbac = rbac, .each = ask, .state = &question};

    walk_user(&walk, user, what->is_resource ? what->namespace : BYTES(""));
    if (ret_reason != NULL && !question.allowed && reason.len != 0)
        buf_appendf(ret_reason, question.missing > 1 ? "RBAC: [%.*s]" : "RBAC: %.*s",
                    BYTES_FMT(buf_bytes(&reason)));
    else if (ret_reason != NULL)
        buf_append_bytes(ret_reason, buf_bytes(&reason));
    buf_release(&reason);
    return question.allowed;
}

struct each_rule {
    bool (*each)(void *state, const struct rbac_rule *rule);
    void *state;
};

static bool give_rules(struct walk *walk, const struct grant *grant, const struct role *role)
{
    const struct each_rule *to = walk->state;

    (void)grant;
    for (size_t i = 0; role != NULL && i < role->rules.count; i++)
        if (!to->each(to->state, &role->rules.rules[i]))
            return false;
    return true;
}

void rbac_each_rule(const struct rbac *rbac, const struct user *user, struct bytes namespace,
                    bool (*each)(void *state, const struct rbac_rule *rule), void *state)
{
    struct each_rule to = {each, state};
    struct walk walk = {.rbac = rbac, .each = give_rules, .state = &to};

    walk_user(&walk, user, namespace);
}

bool rbac_role_rules(const struct rbac *rbac, enum rbac_kind kind, struct bytes namespace,
                     struct bytes name, struct rbac_rules *ret_rules)
{
    struct arena arena = {0};
    const struct role *role = map_get(&rbac->roles, role_key(&arena, kind, namespace, name));

    arena_release(&arena);
    if (role != NULL)
        *ret_rules = role->rules;
    return role != NULL;
}
