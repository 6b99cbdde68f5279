#include "apiserver/handlers/strategy.h"

#include "apiserver/handlers/defaults.h"
#include "apiserver/handlers/json_members.h"
#include "apiserver/handlers/kind_rules.h"

/* What kinds do differently; a kind without a row here does nothing differently. */
static const struct kind_rules kind_rules[] = {
    {.group_resource = "configmaps",
     .prepare = config_map_prepare,
     .validate = config_map_validate},
    {.group_resource = "secrets", .prepare = secret_prepare, .validate = secret_validate},
    {.group_resource = "namespaces", .name_rule = NAME_LABEL, .prepare = namespace_prepare},
    {.group_resource = "services", .name_rule = NAME_LABEL_1035, .prepare = service_prepare},
    {.group_resource = "pods", .prepare = pod_prepare},
    {.group_resource = "nodes", .keeps_status = true},
    {.group_resource = "replicationcontrollers", .prepare = controller_prepare},
    {.group_resource = "deployments.apps",
     .prepare = workload_prepare,
     .validate = workload_validate},
    {.group_resource = "replicasets.apps",
     .prepare = workload_prepare,
     .validate = workload_validate},
    {.group_resource = "statefulsets.apps",
     .prepare = workload_prepare,
     .validate = workload_validate},
    {.group_resource = "daemonsets.apps",
     .prepare = workload_prepare,
     .validate = workload_validate},
    {.group_resource = "jobs.batch", .prepare = workload_prepare},
    {.group_resource = "cronjobs.batch", .prepare = cron_job_prepare},
    {.group_resource = "networkpolicies.networking.k8s.io", .prepare = network_policy_prepare},
    {.group_resource = "customresourcedefinitions.apiextensions.k8s.io", .finish = crd_finish},
    {.group_resource = "roles.rbac.authorization.k8s.io",
     .name_rule = NAME_PATH_SEGMENT,
     .validate = rbac_role_validate,
     .finish = rbac_role_finish},
    {.group_resource = "clusterroles.rbac.authorization.k8s.io",
     .name_rule = NAME_PATH_SEGMENT,
     .validate = rbac_role_validate,
     .finish = rbac_role_finish},
    {.group_resource = "rolebindings.rbac.authorization.k8s.io",
     .name_rule = NAME_PATH_SEGMENT,
     .prepare = rbac_binding_prepare,
     .validate = rbac_binding_validate,
     .finish = rbac_binding_finish},
    {.group_resource = "clusterrolebindings.rbac.authorization.k8s.io",
     .name_rule = NAME_PATH_SEGMENT,
     .prepare = rbac_binding_prepare,
     .validate = rbac_binding_validate,
     .finish = rbac_binding_finish},
    {.group_resource = "apiservices.apiregistration.k8s.io", .name_rule = NAME_PATH_SEGMENT},
};

static const struct kind_rules *rules_of(const struct kind *kind)
{
    static const struct kind_rules none = {0};

    for (size_t i = 0; i < ARRAY_LEN(kind_rules) && !kind->custom; i++)
        if (strcmp(kind_rules[i].group_resource, kind->group_resource) == 0)
            return &kind_rules[i];
    return &none;
}

/* ---- what every write goes through ---- */

static enum status validate(struct draft *draft, const struct kind_rules *rules,
                            struct error *reterr)
{
    const struct kind *kind = draft->kind;

    draft->errors.arena = draft->arena;
    meta_validate(&draft->errors, kind, rules->name_rule, draft->tree, draft->old);
    if (rules->validate != NULL)
        rules->validate(draft);
    return field_errors_end(&draft->errors, bytes_str(kind->group), bytes_str(kind->kind),
                            meta_text(draft->tree, "name"), reterr);
}

static enum status fill_and_validate(struct draft *draft, const struct kind_rules *rules,
                                     struct error *reterr)
{
    enum status st = STATUS_OK;

    defaults_apply(draft->arena, draft->kind, draft->tree);
    if (rules->prepare != NULL)
        rules->prepare(draft);
    st = validate(draft, rules, reterr);
    if (st == STATUS_OK && rules->finish != NULL)
        st = rules->finish(draft, reterr);
    return st;
}

/* The members that metadata.generation counts, without a copy of what is below them. */
static struct json *counted_part(struct arena *arena, const struct kind *kind,
                                 const struct json *tree)
{
    struct json *part = json_new_object(arena);

    json_each(tree, it) {
        if (bytes_eq_str(it->key, "metadata") || bytes_eq_str(it->key, "apiVersion") ||
            bytes_eq_str(it->key, "kind") || (kind->has_status && bytes_eq_str(it->key, "status")))
            continue;
        json_link_member(part, json_new_member(arena, it));
    }
    return part;
}

static void count_generation(struct draft *draft)
{
    if (draft->kind->has_generation &&
        !json_equal(counted_part(draft->arena, draft->kind, draft->tree),
                    counted_part(draft->arena, draft->kind, draft->old)))
        meta_bump_generation(draft->arena, draft->tree);
}

static enum status out_of_memory(const struct arena *arena, struct error *reterr)
{
    return arena->failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}

/* ---- the four ways ---- */

enum status strategy_create(struct draft *draft, struct error *reterr)
{
    const struct kind_rules *rules = rules_of(draft->kind);
    enum status st;

    meta_begin(draft->arena, draft->kind, draft->tree, draft->namespace);
    if (draft->kind->has_status && !rules->keeps_status)
        json_remove(draft->tree, BYTES("status"));
    st = fill_and_validate(draft, rules, reterr);
    return st == STATUS_OK ? out_of_memory(draft->arena, reterr) : st;
}

/* Puts the member of `old` in the place of the one in `tree`. */
static void keep_member(struct arena *arena, struct json *tree, const struct json *old,
                        const char *name)
{
    const struct json *value = json_get(old, bytes_str(name));

    if (value != NULL)
        json_set(tree, bytes_str(name), json_copy(arena, value));
    else
        json_remove(tree, bytes_str(name));
}

enum status strategy_update(struct draft *draft, struct error *reterr)
{
    const struct kind_rules *rules = rules_of(draft->kind);
    enum status st;

    meta_keep(draft->arena, draft->tree, draft->old);
    if (draft->kind->has_status)
        keep_member(draft->arena, draft->tree, draft->old, "status");
    st = fill_and_validate(draft, rules, reterr);
    if (st != STATUS_OK)
        return st;
    count_generation(draft);
    return out_of_memory(draft->arena, reterr);
}

enum status strategy_update_status(struct draft *draft, struct error *reterr)
{
    struct json *status = json_remove(draft->tree, BYTES("status"));

    draft->tree = json_copy(draft->arena, draft->old);
    if (status != NULL && status->type != JSON_NULL)
        json_set(draft->tree, BYTES("status"), status);
    else
        json_remove(draft->tree, BYTES("status"));
    return out_of_memory(draft->arena, reterr);
}

enum status strategy_update_finalize(struct draft *draft, struct error *reterr)
{
    struct json *finalizers = json_at(draft->tree, "spec", "finalizers", NULL);
    struct json *spec;

    if (finalizers != NULL)
        finalizers = json_copy(draft->arena, finalizers);
    draft->tree = json_copy(draft->arena, draft->old);
    spec = json_ensure_object(draft->arena, draft->tree, "spec");
    if (json_is(finalizers, JSON_ARRAY) && finalizers->count != 0)
        json_set(spec, BYTES("finalizers"), finalizers);
    else
        json_remove(spec, BYTES("finalizers"));
    return out_of_memory(draft->arena, reterr);
}

/* ---- deletion ---- */

bool strategy_may_go(const struct kind *kind, const struct json *tree)
{
    const struct json *more = json_at(tree, "spec", "finalizers", NULL);

    if (meta_has_finalizer(tree, NULL))
        return false;
    return kind->custom || strcmp(kind->group_resource, "namespaces") != 0 || more == NULL ||
           more->count == 0;
}

void strategy_mark_deleting(struct arena *arena, const struct kind *kind, struct json *tree)
{
    if (kind->custom)
        return;
    if (strcmp(kind->group_resource, "namespaces") == 0)
        json_set_text(arena, json_ensure_object(arena, tree, "status"), "phase",
                      BYTES("Terminating"));
    else if (strcmp(kind->plural, "customresourcedefinitions") == 0)
        crd_mark_deleting(arena, tree);
}

/* Only pods end in their own time (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go
 * CheckGracefulDelete), and only those that a node has been given. */
int64_t strategy_grace_s(const struct kind *kind, const struct json *tree, bool given,
                         int64_t asked)
{
    struct bytes phase = json_text(json_at(tree, "status", "phase", NULL));
    int64_t grace = 0;

    if (kind->custom || strcmp(kind->group_resource, "pods") != 0)
        return 0;
    if (json_text(json_at(tree, "spec", "nodeName", NULL)).len == 0 ||
        bytes_eq_str(phase, "Failed") || bytes_eq_str(phase, "Succeeded"))
        return 0;
    if (given)
        grace = asked;
    else if (!json_to_i64(json_at(tree, "spec", "terminationGracePeriodSeconds", NULL), &grace))
        grace = 0;
    return grace < 0 ? 1 : grace;
}

/* ---- the image ---- */

enum status strategy_image(struct arena *arena, const struct kind *kind, struct json *tree,
                           struct object **ret_object, struct error *reterr)
{
    const char *api_version = kind->api_version;
    struct custom_info info;
    struct object *object;
    enum status st;

    if (kind->custom && registry_custom_info(kind, &info))
        api_version = info.storage_api_version;
    json_set_text(arena, tree, "apiVersion", bytes_str(api_version));
    json_set_text(arena, tree, "kind", bytes_str(kind->kind));
    if (arena->failed)
        return out_of_memory(arena, reterr);
    /* Selectable fields of custom kinds are looked up in the JSON: they change with the CRD. */
    st = object_new(tree, kind->custom ? NULL : kind->fields, kind->custom ? 0 : kind->field_count,
                    &object, reterr);
    if (st != STATUS_OK)
        return st;
    if (object->base.len > OBJECT_BYTES_MAX) {
        object_unref(object);
        return error_set(reterr, STATUS_TOO_LARGE, "Request entity too large: limit is %d",
                         OBJECT_BYTES_MAX);
    }
    *ret_object = object;
    return STATUS_OK;
}
