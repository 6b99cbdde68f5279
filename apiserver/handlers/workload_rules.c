/*
 * Deployments and their kin: a selector that is there, matches the template, and stays
 * (k8s.io/kubernetes/pkg/apis/apps/validation).
 */
#include "apiserver/handlers/kind_rules.h"
#include "apiserver/handlers/selector_rules.h"

static bool is_empty(const struct json *selector)
{
    const struct json *labels = json_get(selector, BYTES("matchLabels")),
                      *expressions = json_get(selector, BYTES("matchExpressions"));

    return (labels == NULL || labels->count == 0) &&
           (expressions == NULL || expressions->count == 0);
}

static void check_replicas(struct draft *draft)
{
    const struct json *replicas = json_at(draft->tree, "spec", "replicas", NULL);
    int64_t n;

    if (replicas != NULL && json_to_i64(replicas, &n) && n < 0)
        field_invalid(&draft->errors, BYTES("spec.replicas"), replicas,
                      "must be greater than or equal to 0");
}

void workload_validate(struct draft *draft)
{
    static const struct json no_labels = {.type = JSON_OBJECT};
    const struct json *selector = json_at(draft->tree, "spec", "selector", NULL);
    const struct json *labels =
        json_at(draft->tree, "spec", "template", "metadata", "labels", NULL);

    check_replicas(draft);
    if (!json_is(selector, JSON_OBJECT)) {
        field_required(&draft->errors, BYTES("spec.selector"), "");
        return;
    }
    selector_validate(&draft->errors, selector);
    if (is_empty(selector))
        field_invalid(&draft->errors, BYTES("spec.selector"), selector,
                      field_detail(&draft->errors, "empty selector is invalid for %s",
                                   draft->kind->singular));
    else if (!selector_matches_labels(selector, labels))
        field_invalid(&draft->errors, BYTES("spec.template.metadata.labels"),
                      labels != NULL ? labels : &no_labels,
                      "`selector` does not match template `labels`");
    if (draft->old != NULL && !json_equal(selector, json_at(draft->old, "spec", "selector", NULL)))
        field_invalid(&draft->errors, BYTES("spec.selector"), selector, "field is immutable");
}

/* ---- what the defaults of a pod need to look at ---- */

/* "app", "app:latest" and "host:5000/app" float; a digest or another tag does not. */
static bool image_floats(struct bytes image)
{
    struct bytes name = image;

    if (bytes_find(image, '@') != image.len)
        return false;
    while (bytes_find(name, '/') != name.len)
        (void)bytes_cut(&name, '/');
    (void)bytes_cut(&name, ':');
    return name.len == 0 || bytes_eq_str(name, "latest");
}

static void set_pull_policies(struct arena *arena, const struct json *containers)
{
    json_each(containers, it) {
        if (json_is(it, JSON_OBJECT) && json_get(it, BYTES("imagePullPolicy")) == NULL)
            json_set_text(arena, it, "imagePullPolicy",
                          image_floats(json_get_text(it, "image")) ? BYTES("Always")
                                                                   : BYTES("IfNotPresent"));
    }
}

static void prepare_pod_spec(struct arena *arena, const struct json *spec)
{
    set_pull_policies(arena, json_get(spec, BYTES("containers")));
    set_pull_policies(arena, json_get(spec, BYTES("initContainers")));
}

/* What a container may use at most is what it asks for, unless it says (SetDefaults_Pod). */
static void default_requests(struct arena *arena, const struct json *containers)
{
    json_each(containers, it) {
        struct json *resources = json_get(it, BYTES("resources"));
        const struct json *limits = json_get(resources, BYTES("limits"));
        struct json *requests;

        if (!json_is(limits, JSON_OBJECT) || limits->count == 0)
            continue;
        requests = json_ensure_object(arena, resources, "requests");
        json_each(limits, limit) {
            if (json_get(requests, limit->key) == NULL)
                json_set(requests, limit->key, json_copy(arena, limit));
        }
    }
}

struct qos {
    bool any;        /* something is asked for */
    bool guaranteed; /* every container asks for all that it may use, cpu and memory */
};

static void look_at_resources(const struct json *containers, struct qos *qos)
{
    static const char *const names[] = {"cpu", "memory"};

    json_each(containers, it) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            const struct json *request = json_at(it, "resources", "requests", names[i], NULL);
            const struct json *limit = json_at(it, "resources", "limits", names[i], NULL);

            qos->any |= request != NULL || limit != NULL;
            qos->guaranteed &= limit != NULL && json_equal(request, limit);
        }
    }
}

/* k8s.io/kubernetes/pkg/apis/core/v1/helper/qos/qos.go ComputePodQOS; set once. */
static void set_qos_class(struct arena *arena, struct json *tree)
{
    const struct json *spec = json_get(tree, BYTES("spec"));
    struct qos qos = {.guaranteed = true};

    look_at_resources(json_get(spec, BYTES("containers")), &qos);
    look_at_resources(json_get(spec, BYTES("initContainers")), &qos);
    json_set_text(arena, json_ensure_object(arena, tree, "status"), "qosClass",
                  !qos.any         ? BYTES("BestEffort")
                  : qos.guaranteed ? BYTES("Guaranteed")
                                   : BYTES("Burstable"));
}

void pod_prepare(struct draft *draft)
{
    const struct json *spec = json_get(draft->tree, BYTES("spec"));

    prepare_pod_spec(draft->arena, spec);
    default_requests(draft->arena, json_get(spec, BYTES("containers")));
    default_requests(draft->arena, json_get(spec, BYTES("initContainers")));
    if (draft->old == NULL)
        set_qos_class(draft->arena, draft->tree);
}

void workload_prepare(struct draft *draft)
{
    prepare_pod_spec(draft->arena, json_at(draft->tree, "spec", "template", "spec", NULL));
}

void cron_job_prepare(struct draft *draft)
{
    prepare_pod_spec(draft->arena,
                     json_at(draft->tree, "spec", "jobTemplate", "spec", "template", "spec", NULL));
}

/* Without a selector of its own it selects its template's pods; both default together
 * (SetDefaults_ReplicationController). */
void controller_prepare(struct draft *draft)
{
    struct json *spec = json_get(draft->tree, BYTES("spec"));
    const struct json *labels = json_at(spec, "template", "metadata", "labels", NULL);
    struct json *meta;

    workload_prepare(draft);
    if (!json_is(labels, JSON_OBJECT) || labels->count == 0)
        return;
    if (json_get(spec, BYTES("selector")) == NULL)
        json_set(spec, BYTES("selector"), json_copy(draft->arena, labels));
    meta = meta_of(draft->arena, draft->tree);
    if (json_get(meta, BYTES("labels")) == NULL)
        json_set(meta, BYTES("labels"), json_copy(draft->arena, labels));
}
