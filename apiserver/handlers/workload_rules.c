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
