/*
 * The end of a CustomResourceDefinition
 * (k8s.io/apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go).
 */
#include "apiserver/handlers/emptying.h"
#include "apiserver/handlers/kind_rules.h"

static void each_part(struct emptying *emptying)
{
    struct bytes group = emptying->name, plural = bytes_cut(&group, '.');
    const struct kind *kind = registry_find_any(emptying->worker->registry, group, plural);

    if (kind != NULL && kind->custom)
        emptying_scan(emptying, kind, bytes_of(NULL, 0));
}

static enum status plan_finish(struct write_job *job, struct error *reterr)
{
    struct json *old, *tree;
    enum status st;

    write_look_up(job);
    if (job->old == NULL)
        return STATUS_NOT_FOUND;
    st = write_old_tree(job, &old, reterr);
    if (st != STATUS_OK)
        return st;
    tree = json_copy(&job->arena, old);
    crd_remove_finalizer(&job->arena, tree);
    st = write_plan_put(job, tree, old, reterr);
    if (st == STATUS_OK && strategy_may_go(job->kind, tree))
        write_plan_delete(job);
    return st;
}

const struct emptying_ops crd_emptying = {each_part, plan_finish};
