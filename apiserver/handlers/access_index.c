/*
 * The index of roles and bindings follows the watch cache.
 */
#include "apiserver/handlers/access_parts.h"

#include <stdlib.h>

#include "base/log.h"

static const struct {
    struct bytes prefix;
    enum rbac_kind kind;
    bool namespaced;
} followed[] = {
    {BYTES_INIT("rbac.authorization.k8s.io/roles/"), RBAC_ROLE, true},
    {BYTES_INIT("rbac.authorization.k8s.io/clusterroles/"), RBAC_CLUSTER_ROLE, false},
    {BYTES_INIT("rbac.authorization.k8s.io/rolebindings/"), RBAC_ROLE_BINDING, true},
    {BYTES_INIT("rbac.authorization.k8s.io/clusterrolebindings/"), RBAC_CLUSTER_ROLE_BINDING,
     false},
};

/* What tokens are bound to: when one goes, they do. */
static const struct bytes bound[] = {BYTES_INIT("core/serviceaccounts/"), BYTES_INIT("core/pods/"),
                                     BYTES_INIT("core/secrets/"), BYTES_INIT("core/nodes/")};

static bool put(struct rbac *rbac, size_t at, struct bytes namespace, struct bytes name,
                const struct object *object)
{
    struct arena arena = {0};
    struct json *tree;
    bool fine = object_to_json(object, 0, BYTES(""), &arena, &tree) == STATUS_OK &&
                rbac_put(rbac, followed[at].kind, namespace, name, tree);

    arena_release(&arena);
    return fine;
}

/* False without memory. `object` NULL: it is gone. */
static bool follow(struct access_control *control, struct bytes key, const struct object *object)
{
    for (size_t i = 0; i < ARRAY_LEN(followed); i++) {
        struct bytes name, namespace = BYTES("");

        if (!bytes_starts_with(key, followed[i].prefix))
            continue;
        name = bytes_from(key, followed[i].prefix.len);
        if (followed[i].namespaced)
        namespace = bytes_cut(&name, '/');
        access_recheck_soon(control);
        if (object != NULL)
            return put(control->rbac, i, namespace, name, object);
        rbac_remove(control->rbac, followed[i].kind, namespace, name);
        return true;
    }
    return true;
}

bool access_load(struct worker *worker, struct bytes key, const struct object *object)
{
    return !access_uses_rbac(worker) || follow(worker->access, key, object);
}

void access_on_event(struct worker *worker, const struct event *event)
{
    struct access_control *control = worker->access;

    if (control == NULL)
        return;
    if (event->type == EVENT_DELETE)
        for (size_t i = 0; i < ARRAY_LEN(bound); i++)
            if (bytes_starts_with(event->key, bound[i]))
                access_recheck_soon(control);
    if (control->rbac == NULL ||
        follow(control, event->key, event->type == EVENT_PUT ? object_of(event->value) : NULL))
        return;
    LOG_ERROR("out of memory: a loop that misses a rule would decide wrongly");
    abort();
}
