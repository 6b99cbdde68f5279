/*
 * Namespace, Service and NetworkPolicy: what a table of defaults cannot say
 * (k8s.io/kubernetes/pkg/registry/core and pkg/apis/core/v1/defaults.go).
 */
#include "apiserver/handlers/kind_rules.h"

/* spec.finalizers is changed by namespaces/finalize alone; the label lets selectors name it. */
void namespace_prepare(struct draft *draft)
{
    struct arena *arena = draft->arena;
    const struct json *finalizers = json_at(draft->old, "spec", "finalizers", NULL);
    struct json *spec = json_ensure_object(arena, draft->tree, "spec");
    struct json *labels = json_ensure_object(arena, meta_of(arena, draft->tree), "labels");
    struct bytes name = meta_text(draft->tree, "name");

    json_set_text(arena, labels, "kubernetes.io/metadata.name", name);
    if (draft->old == NULL)
        return;
    if (finalizers != NULL)
        json_set(spec, BYTES("finalizers"), json_copy(arena, finalizers));
    else
        json_remove(spec, BYTES("finalizers"));
}

void service_prepare(struct draft *draft)
{
    json_each(json_at(draft->tree, "spec", "ports", NULL), it) {
        const struct json *port = json_get(it, BYTES("port"));

        if (json_is(it, JSON_OBJECT) && port != NULL && json_get(it, BYTES("targetPort")) == NULL)
            json_set(it, BYTES("targetPort"), json_copy(draft->arena, port));
    }
}

/* A policy without types is one of ingress, and of egress if it has rules for that
 * (pkg/apis/networking/v1/defaults.go). */
void network_policy_prepare(struct draft *draft)
{
    struct json *spec = json_get(draft->tree, BYTES("spec")), *types;
    const struct json *egress = json_get(spec, BYTES("egress"));

    if (!json_is(spec, JSON_OBJECT) || json_get(spec, BYTES("policyTypes")) != NULL)
        return;
    types = json_new_array(draft->arena);
    json_append(types, json_new_string(draft->arena, BYTES("Ingress")));
    if (json_is(egress, JSON_ARRAY) && egress->count != 0)
        json_append(types, json_new_string(draft->arena, BYTES("Egress")));
    json_set(spec, BYTES("policyTypes"), types);
}
