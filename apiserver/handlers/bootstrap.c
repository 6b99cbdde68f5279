#include "apiserver/handlers/bootstrap.h"

#include <unistd.h>

#include "apiserver/handlers/access.h"
#include "apiserver/handlers/create.h"
#include "base/log.h"
#include "codec/yaml.h"

static const struct bytes names[] = {BYTES_INIT("default"), BYTES_INIT("kube-system"),
                                     BYTES_INIT("kube-public"), BYTES_INIT("kube-node-lease")};

struct bootstrap_write {
    struct write_job job;
    struct bootstrap *bootstrap;
    const struct json *policy; /* what it makes; NULL: a namespace */
};

static enum status plan_namespace(struct write_job *job, struct error *reterr)
{
    struct json *tree = json_new_object(&job->arena);

    json_set_text(&job->arena, json_ensure_object(&job->arena, tree, "metadata"), "name",
                  job->name);
    return create_plan(job, tree, reterr);
}

static enum status plan_policy(struct write_job *job, struct error *reterr)
{
    const struct bootstrap_write *write = container_of(job, struct bootstrap_write, job);
    struct json *tree = json_copy(&job->arena, write->policy);
    struct json *labels = json_ensure_object(&job->arena, meta_of(&job->arena, tree), "labels");

    json_set_text(&job->arena, labels, "kubernetes.io/bootstrapping", BYTES("rbac-defaults"));
    return create_plan(job, tree, reterr);
}

static void release(struct bootstrap *bootstrap)
{
    for (size_t i = 0; i < bootstrap->count; i++)
        write_release(&bootstrap->writes[i].job);
    bootstrap->count = 0;
    arena_release(&bootstrap->arena);
}

static void one_is_done(struct bootstrap *bootstrap)
{
    if (--bootstrap->left > 0)
        return;
    release(bootstrap);
    bootstrap->on_ready(bootstrap->user);
}

static void on_done(struct write_job *job, enum status st, struct error *err)
{
    struct bootstrap_write *write = container_of(job, struct bootstrap_write, job);

    if (st != STATUS_OK && st != STATUS_ALREADY_EXISTS) {
        LOG_ERROR("what must always be there cannot be made", LOG_BYTES("name", job->name),
                  LOG_STR("why", error_message(err)));
        _exit(1); /* nobody has been let in yet; without it nobody ever would be */
    }
    error_release(err);
    one_is_done(write->bootstrap);
}

static void add(struct bootstrap *bootstrap, const char *group, struct bytes kind,
                struct bytes name, const struct json *policy)
{
    struct worker *worker = bootstrap->worker;

    bootstrap->writes[bootstrap->count++] = (struct bootstrap_write){
        .bootstrap = bootstrap,
        .policy = policy,
        .job = {.worker = worker,
                .kind = registry_find_kind(worker->registry, bytes_str(group), BYTES("v1"), kind),
                .name = name,
                .plan = policy != NULL ? plan_policy : plan_namespace,
                .on_done = on_done},
    };
}

/* NULL: there is none. */
static const struct json *read_policy(struct bootstrap *bootstrap)
{
    struct bytes text = bytes_of((const char *)bootstrap_policy, bootstrap_policy_len);
    struct json *all = NULL;
    struct error err = {0};

    if (access_uses_rbac(bootstrap->worker) &&
        yaml_parse_all(&bootstrap->arena, text, &all, &err) != STATUS_OK)
        LOG_ERROR("the first roles cannot be read", LOG_STR("why", error_message(&err)));
    error_release(&err);
    return json_first(all);
}

static void make_writes(struct bootstrap *bootstrap)
{
    const struct json *policy = read_policy(bootstrap);
    size_t count = ARRAY_LEN(names);

    for (const struct json *it = policy; it != NULL; it = it->next)
        count++;
    bootstrap->writes = arena_zalloc(&bootstrap->arena, count * sizeof(*bootstrap->writes));
    if (bootstrap->writes == NULL) {
        LOG_ERROR("out of memory");
        _exit(1);
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        add(bootstrap, "", BYTES("Namespace"), names[i], NULL);
    for (; policy != NULL; policy = policy->next)
        add(bootstrap, "rbac.authorization.k8s.io", json_get_text(policy, "kind"),
            meta_text(policy, "name"), policy);
}

/* What is there already is done at once: the first reference keeps that from being the end. */
void bootstrap_start(struct bootstrap *bootstrap, struct worker *worker,
                     void (*on_ready)(void *user), void *user)
{
    *bootstrap = (struct bootstrap){.worker = worker, .on_ready = on_ready, .user = user};
    make_writes(bootstrap);
    bootstrap->left = bootstrap->count + 1;
    for (size_t i = 0; i < bootstrap->count; i++)
        write_start(&bootstrap->writes[i].job);
    one_is_done(bootstrap);
}

void bootstrap_release(struct bootstrap *bootstrap)
{
    release(bootstrap);
}
