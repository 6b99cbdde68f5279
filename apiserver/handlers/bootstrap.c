#include "apiserver/handlers/bootstrap.h"

#include <unistd.h>

#include "apiserver/handlers/access.h"
#include "apiserver/handlers/create.h"
#include "base/log.h"
#include "codec/yaml.h"

static const struct bytes names[] = {BYTES_INIT("default"), BYTES_INIT("kube-system"),
                                     BYTES_INIT("kube-public"), BYTES_INIT("kube-node-lease")};

static enum status plan_namespace(struct write_job *job, struct error *reterr)
{
    struct json *tree = json_new_object(&job->arena);

    json_set_text(&job->arena, json_ensure_object(&job->arena, tree, "metadata"), "name",
                  job->name);
    return create_plan(job, tree, reterr);
}

static enum status plan_policy(struct write_job *job, struct error *reterr)
{
    struct bootstrap *bootstrap = container_of(job, struct bootstrap, job);
    struct json *tree = json_copy(&job->arena, bootstrap->policy);
    struct json *labels = json_ensure_object(&job->arena, meta_of(&job->arena, tree), "labels");

    json_set_text(&job->arena, labels, "kubernetes.io/bootstrapping", BYTES("rbac-defaults"));
    return create_plan(job, tree, reterr);
}

static void make_next(struct bootstrap *bootstrap);

static void on_done(struct write_job *job, enum status st, struct error *err)
{
    struct bootstrap *bootstrap = container_of(job, struct bootstrap, job);

    if (st == STATUS_OK || st == STATUS_ALREADY_EXISTS) {
        if (bootstrap->next > ARRAY_LEN(names))
            bootstrap->policy = bootstrap->policy->next;
        make_next(bootstrap);
    } else {
        LOG_ERROR("what must always be there cannot be made", LOG_BYTES("name", job->name),
                  LOG_STR("why", error_message(err)));
        _exit(1); /* nobody has been let in yet; without it nobody ever would be */
    }
    error_release(err);
}

static void begin(struct bootstrap *bootstrap, const char *group, struct bytes kind,
                  struct bytes name,
                  enum status (*plan)(struct write_job *job, struct error *reterr))
{
    struct worker *worker = bootstrap->worker;

    bootstrap->job = (struct write_job){
        .worker = worker,
        .kind = registry_find_kind(worker->registry, bytes_str(group), BYTES("v1"), kind),
        .name = name,
        .plan = plan,
        .on_done = on_done};
    write_start(&bootstrap->job);
}

/* One after the other; the last one calls back. */
static void make_next(struct bootstrap *bootstrap)
{
    write_release(&bootstrap->job);
    if (bootstrap->next < ARRAY_LEN(names)) {
        begin(bootstrap, "", BYTES("Namespace"), names[bootstrap->next++], plan_namespace);
        return;
    }
    bootstrap->next = ARRAY_LEN(names) + 1;
    if (bootstrap->policy == NULL) {
        bootstrap->on_ready(bootstrap->user);
        return;
    }
    begin(bootstrap, "rbac.authorization.k8s.io", json_get_text(bootstrap->policy, "kind"),
          meta_text(bootstrap->policy, "name"), plan_policy);
}

static void read_policy(struct bootstrap *bootstrap)
{
    struct bytes text = bytes_of((const char *)bootstrap_policy, bootstrap_policy_len);
    struct json *all;
    struct error err = {0};

    if (yaml_parse_all(&bootstrap->arena, text, &all, &err) == STATUS_OK)
        bootstrap->policy = json_first(all);
    else
        LOG_ERROR("the first roles cannot be read", LOG_STR("why", error_message(&err)));
    error_release(&err);
}

void bootstrap_start(struct bootstrap *bootstrap, struct worker *worker,
                     void (*on_ready)(void *user), void *user)
{
    *bootstrap = (struct bootstrap){.worker = worker, .on_ready = on_ready, .user = user};
    if (access_uses_rbac(worker))
        read_policy(bootstrap);
    make_next(bootstrap);
}

void bootstrap_release(struct bootstrap *bootstrap)
{
    write_release(&bootstrap->job);
    arena_release(&bootstrap->arena);
}
