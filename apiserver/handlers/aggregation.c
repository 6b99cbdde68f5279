#include "apiserver/handlers/aggregation.h"

#include <stdlib.h>

#include "base/log.h"

static const struct bytes prefix = BYTES_INIT("rbac.authorization.k8s.io/clusterroles/");

/* ---- which roles a rule means ---- */

static struct bytes label_of(const struct object *role, struct bytes key)
{
    for (size_t i = 0; i < role->label_count; i++)
        if (bytes_eq(role->labels[i].key, key))
            return role->labels[i].value;
    return bytes_of(NULL, 0);
}

static bool has_value(const struct json *values, struct bytes value)
{
    json_each(values, it)
        if (bytes_eq(json_text(it), value))
            return true;
    return false;
}

static bool meets(const struct object *role, const struct json *requirement)
{
    struct bytes value = label_of(role, json_get_text(requirement, "key"));
    struct bytes operator= json_get_text(requirement, "operator");
    const struct json *values = json_get(requirement, BYTES("values"));

    if (bytes_eq_str(operator, "In"))
        return value.ptr != NULL && has_value(values, value);
    if (bytes_eq_str(operator, "NotIn"))
        return value.ptr == NULL || !has_value(values, value);
    if (bytes_eq_str(operator, "Exists"))
        return value.ptr != NULL;
    return bytes_eq_str(operator, "DoesNotExist") && value.ptr == NULL;
}

/* A metav1.LabelSelector. */
static bool selects(const struct json *selector, const struct object *role)
{
    json_each(json_get(selector, BYTES("matchLabels")), it) {
        struct bytes value = label_of(role, it->key);

        if (value.ptr == NULL || !bytes_eq(value, json_text(it)))
            return false;
    }
    json_each(json_get(selector, BYTES("matchExpressions")), it)
        if (!meets(role, it))
            return false;
    return true;
}

/* ---- the rules ---- */

struct gathering {
    struct arena *arena;
    const struct json *selector;
    const struct object *self;
    struct json *rules;
};

static bool has_rule(const struct json *rules, const struct json *rule)
{
    json_each(rules, it)
        if (json_equal(it, rule))
            return true;
    return false;
}

static bool gather(void *user, struct bytes key, struct object *role)
{
    struct gathering *gathering = user;
    struct json *tree;

    (void)key;
    if (role == gathering->self || !selects(gathering->selector, role) ||
        object_to_json(role, 0, BYTES(""), gathering->arena, &tree) != STATUS_OK)
        return true;
    json_each(json_get(tree, BYTES("rules")), it)
        if (!has_rule(gathering->rules, it))
            json_append(gathering->rules, json_copy(gathering->arena, it));
    return true;
}

/* What its rules should be; NULL: it has no aggregation rule. */
static struct json *wanted_rules(struct worker *worker, const struct object *role,
                                 const struct json *tree, struct arena *arena)
{
    const struct json *rule = json_get(tree, BYTES("aggregationRule"));
    struct gathering gathering = {.arena = arena, .self = role, .rules = json_new_array(arena)};

    if (!json_is(rule, JSON_OBJECT))
        return NULL;
    json_each(json_get(rule, BYTES("clusterRoleSelectors")), it) {
        gathering.selector = it;
        watch_cache_each(worker->cache, prefix, bytes_of(NULL, 0), gather, &gathering);
    }
    return gathering.rules;
}

/* ---- writing them ---- */

static enum status plan(struct write_job *job, struct error *reterr)
{
    struct json *old, *tree, *rules;
    enum status st;

    write_look_up(job);
    if (job->old == NULL)
        return STATUS_OK;
    st = write_old_tree(job, &old, reterr);
    if (st != STATUS_OK)
        return st;
    tree = json_copy(&job->arena, old);
    rules = wanted_rules(job->worker, job->old, tree, &job->arena);
    if (rules == NULL)
        return STATUS_OK;
    json_set(tree, BYTES("rules"), rules);
    return write_plan_put(job, tree, old, reterr);
}

static void let_go(struct aggregation *aggregation)
{
    write_release(&aggregation->job);
    free((char *)aggregation->name.ptr);
    aggregation->name = bytes_of(NULL, 0);
}

static void on_done(struct write_job *job, enum status st, struct error *err)
{
    struct aggregation *aggregation = container_of(job, struct aggregation, job);

    if (st != STATUS_OK)
        LOG_WARN("a ClusterRole is not aggregated", LOG_BYTES("name", job->name),
                 LOG_STR("why", error_message(err)));
    error_release(err);
    let_go(aggregation);
    if (st == STATUS_OK || aggregation->again)
        loop_defer(aggregation->worker->loop, &aggregation->look);
}

/* ---- looking ---- */

struct search {
    struct aggregation *aggregation;
    struct bytes name; /* of the first that is not as it should be; heap */
};

static bool is_as_it_should_be(struct worker *worker, const struct object *role)
{
    struct arena arena = {0};
    struct json *tree;
    const struct json *wanted = NULL;
    bool fine = true;

    if (object_to_json(role, 0, BYTES(""), &arena, &tree) == STATUS_OK)
        wanted = wanted_rules(worker, role, tree, &arena);
    if (wanted != NULL && !arena.failed)
        fine = json_equal(wanted, json_get(tree, BYTES("rules")));
    arena_release(&arena);
    return fine;
}

static bool look_at(void *user, struct bytes key, struct object *role)
{
    static const char mark[] = "\"aggregationRule\":";
    struct search *search = user;

    (void)key;
    /* Most have none: not worth a parse. */
    if (memmem(role->base.data, role->base.len, mark, sizeof(mark) - 1) == NULL ||
        is_as_it_should_be(search->aggregation->worker, role))
        return true;
    search->name = bytes_of(bytes_dup(role->name), role->name.len);
    return false;
}

static void look(struct loop_task *task)
{
    struct aggregation *aggregation = container_of(task, struct aggregation, look);
    struct worker *worker = aggregation->worker;
    struct search search = {.aggregation = aggregation};

    if (aggregation->name.ptr != NULL) {
        aggregation->again = true; /* once the one under way is written */
        return;
    }
    aggregation->again = false;
    watch_cache_each(worker->cache, prefix, bytes_of(NULL, 0), look_at, &search);
    if (search.name.ptr == NULL)
        return;
    aggregation->name = search.name;
    aggregation->job = (struct write_job){.worker = worker,
                                          .kind = registry_find(worker->registry,
                                                                BYTES("rbac.authorization.k8s.io"),
                                                                BYTES("v1"), BYTES("clusterroles")),
                                          .name = search.name,
                                          .plan = plan,
                                          .on_done = on_done};
    write_start(&aggregation->job);
}

void aggregation_init(struct aggregation *aggregation, struct worker *worker)
{
    *aggregation = (struct aggregation){.worker = worker, .look = {.run = look}};
    loop_defer(worker->loop, &aggregation->look);
}

void aggregation_on_change(struct aggregation *aggregation)
{
    loop_defer(aggregation->worker->loop, &aggregation->look);
}

void aggregation_release(struct aggregation *aggregation)
{
    let_go(aggregation);
}
