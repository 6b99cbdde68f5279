#include "apiserver/handlers/bootstrap.h"

#include "apiserver/handlers/create.h"
#include "base/log.h"

static const struct bytes names[] = {BYTES_INIT("default"), BYTES_INIT("kube-system"),
                                     BYTES_INIT("kube-public"), BYTES_INIT("kube-node-lease")};

static enum status plan(struct write_job *job, struct error *reterr)
{
    struct json *tree = json_new_object(&job->arena);

    json_set_text(&job->arena, json_ensure_object(&job->arena, tree, "metadata"), "name",
                  job->name);
    return create_plan(job, tree, reterr);
}

static void make_next(struct bootstrap *bootstrap);

static void on_done(struct write_job *job, enum status st, struct error *err)
{
    struct bootstrap *bootstrap = container_of(job, struct bootstrap, job);

    if (st == STATUS_OK || st == STATUS_ALREADY_EXISTS)
        make_next(bootstrap);
    else
        LOG_ERROR("a first namespace cannot be made", LOG_BYTES("name", job->name),
                  LOG_STR("why", error_message(err)));
    error_release(err);
}

/* One after the other; the last one calls back. */
static void make_next(struct bootstrap *bootstrap)
{
    struct worker *worker = bootstrap->worker;

    write_release(&bootstrap->job);
    if (bootstrap->next == ARRAY_LEN(names)) {
        bootstrap->on_ready(bootstrap->user);
        return;
    }
    bootstrap->job = (struct write_job){
        .worker = worker,
        .kind = registry_find(worker->registry, BYTES(""), BYTES("v1"), BYTES("namespaces")),
        .name = names[bootstrap->next++],
        .plan = plan,
        .on_done = on_done};
    write_start(&bootstrap->job);
}

void bootstrap_start(struct bootstrap *bootstrap, struct worker *worker,
                     void (*on_ready)(void *user), void *user)
{
    *bootstrap = (struct bootstrap){.worker = worker, .on_ready = on_ready, .user = user};
    make_next(bootstrap);
}

void bootstrap_release(struct bootstrap *bootstrap)
{
    write_release(&bootstrap->job);
}
