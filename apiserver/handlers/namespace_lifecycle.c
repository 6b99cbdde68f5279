/*
 * The end of a namespace (k8s.io/kubernetes/pkg/controller/namespace/deletion).
 */
#include "apiserver/handlers/emptying.h"

static void scan_kind(void *user, const struct kind *kind)
{
    struct emptying *emptying = user;
    const struct kind *first = registry_find_any(emptying->worker->registry, bytes_str(kind->group),
                                                 bytes_str(kind->plural));

    if (kind->namespaced && kind == first) /* once, however many versions it has */
        emptying_scan(emptying, kind, emptying->name);
}

static void each_part(struct emptying *emptying)
{
    registry_each(emptying->worker->registry, scan_kind, emptying);
}

/* Without "kubernetes" in spec.finalizers nothing holds the namespace, unless people do. */
static enum status plan_finish(struct write_job *job, struct error *reterr)
{
    struct json *old, *tree, *spec, *kept;
    enum status st;

    write_look_up(job);
    if (job->old == NULL)
        return STATUS_NOT_FOUND;
    st = write_old_tree(job, &old, reterr);
    if (st != STATUS_OK)
        return st;
    tree = json_copy(&job->arena, old);
    spec = json_ensure_object(&job->arena, tree, "spec");
    kept = json_new_array(&job->arena);
    json_each(json_get(spec, BYTES("finalizers")), it) {
        if (!bytes_eq_str(json_text(it), "kubernetes"))
            json_append(kept, json_copy(&job->arena, it));
    }
    if (kept != NULL && kept->count != 0)
        json_set(spec, BYTES("finalizers"), kept);
    else
        json_remove(spec, BYTES("finalizers"));
    st = write_plan_put(job, tree, old, reterr);
    if (st == STATUS_OK && strategy_may_go(job->kind, tree))
        write_plan_delete(job);
    return st;
}

const struct emptying_ops namespace_emptying = {each_part, plan_finish};
