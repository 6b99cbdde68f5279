/*
 * Namespace, Service and Pod: what a table of defaults cannot say
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

void pod_prepare(struct draft *draft)
{
    json_each(json_at(draft->tree, "spec", "containers", NULL), it) {
        if (json_is(it, JSON_OBJECT) && json_get(it, BYTES("imagePullPolicy")) == NULL)
            json_set_text(draft->arena, it, "imagePullPolicy",
                          image_floats(json_get_text(it, "image")) ? BYTES("Always")
                                                                   : BYTES("IfNotPresent"));
    }
}
