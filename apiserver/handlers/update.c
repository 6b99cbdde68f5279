#include "apiserver/handlers/update.h"

#include "apiserver/handlers/body.h"
#include "apiserver/handlers/create.h"
#include "apiserver/handlers/scale.h"
#include "base/planted.h"

struct update_request {
    struct write_job job; /* first */
    enum part part;
    struct json *body;
};

enum part update_part(const struct api_request *api)
{
    if (bytes_eq_str(api->info.subresource, "status"))
        return PART_STATUS;
    return bytes_eq_str(api->info.subresource, "finalize") ? PART_FINALIZE : PART_WHOLE;
}

enum status update_check_name(const struct api_request *api, const struct json *tree,
                              struct error *reterr)
{
    struct bytes name = meta_text(tree, "name"), namespace = meta_text(tree, "namespace");
    const struct request_info *info = &api->info;

    if (name.len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "the name of the object (%.*s based on URL) was undeterminable: name must "
                         "be provided",
                         BYTES_FMT(info->name));
    if (!bytes_eq(name, info->name))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "the name of the object (%.*s) does not match the name on the URL (%.*s)",
                         BYTES_FMT(name), BYTES_FMT(info->name));
    if (namespace.len != 0 && !bytes_eq(namespace, info->namespace))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "the namespace of the provided object does not match the namespace sent "
                         "on the request");
    return STATUS_OK;
}

enum status update_check_version(const struct write_job *job, const struct json *tree,
                                 struct error *reterr)
{
    struct bytes version = meta_text(tree, "resourceVersion"), uid = meta_text(tree, "uid");
    uint64_t rev = 0;

    if (version.len != 0 && !bytes_to_u64(version, &rev))
        return error_set(reterr, STATUS_BAD_REQUEST, "invalid resource version: \"%.*s\"",
                         BYTES_FMT(version));
    if (uid.len != 0 && !bytes_eq(uid, job->old->uid))
        return error_conflict(reterr, job->kind, job->name,
                              arena_printf(&job->api->arena,
                                           "Precondition failed: UID in precondition: %.*s, UID in "
                                           "object meta: %.*s",
                                           BYTES_FMT(uid), BYTES_FMT(job->old->uid))
                                  .ptr);
    if (rev != 0 && rev != job->old->base.rev && !PLANTED(ignore_precondition))
        return error_conflict(reterr, job->kind, job->name, NULL);
    return STATUS_OK;
}

/* ---- the plan ---- */

static enum status prepare(struct draft *draft, enum part part, struct error *reterr)
{
    switch (part) {
    case PART_WHOLE:
        return strategy_update(draft, reterr);
    case PART_STATUS:
        return strategy_update_status(draft, reterr);
    case PART_FINALIZE:
        return strategy_update_finalize(draft, reterr);
    }
    return STATUS_INTERNAL;
}

/* ShouldDeleteDuringUpdate in registry/generic/registry/store.go. */
static bool goes_now(const struct kind *kind, const struct json *tree)
{
    const struct json *grace = json_at(tree, "metadata", "deletionGracePeriodSeconds", NULL);
    int64_t grace_s = 0;

    return meta_is_deleting(tree) && (!json_to_i64(grace, &grace_s) || grace_s == 0) &&
           strategy_may_go(kind, tree);
}

enum status update_plan(struct write_job *job, enum part part, struct json *tree,
                        struct error *reterr)
{
    struct draft draft = {.arena = &job->arena,
                          .registry = job->worker->registry,
                          .api = job->api,
                          .kind = job->kind,
                          .namespace = job->namespace,
                          .tree = tree};
    struct json *old;
    enum status st = write_old_tree(job, &old, reterr);

    if (st != STATUS_OK)
        return st;
    draft.old = old;
    st = prepare(&draft, part, reterr);
    if (st == STATUS_OK)
        st = write_plan_put(job, draft.tree, old, reterr);
    if (st == STATUS_OK && goes_now(job->kind, draft.tree))
        write_plan_delete(job);
    return st;
}

/* ---- PUT ---- */

/* A PUT that creates needs the right to (endpoints/handlers/update.go withAuthorization). */
static enum status may_create(struct write_job *job, struct error *reterr)
{
    struct access what = {.is_resource = true,
                          .verb = BYTES("create"),
                          .group = bytes_str(job->kind->group),
                          .version = bytes_str(job->kind->version),
                          .resource = bytes_str(job->kind->plural),
                          .namespace = job->namespace,
                          .name = job->name};

    return api_authorize(job->api, &what, reterr);
}

static enum status plan_missing(struct write_job *job, const struct json *body,
                                struct error *reterr)
{
    struct update_request *update = (struct update_request *)job;

    if (!job->kind->create_on_update || update->part != PART_WHOLE)
        return error_not_found(reterr, job->kind, job->name);
    /* A version or a uid means an object that was there: it must not come back to life. */
    if (meta_text(body, "uid").len != 0 || meta_text(body, "resourceVersion").len != 0)
        return error_conflict(reterr, job->kind, job->name, NULL);
    if (job->api != NULL && may_create(job, reterr) != STATUS_OK)
        return STATUS_FORBIDDEN;
    return create_plan(job, json_copy(&job->arena, body), reterr);
}

static enum status check_has_version(const struct write_job *job, const struct json *body,
                                     struct error *reterr)
{
    static const struct json zero = {.type = JSON_NUMBER, .text = BYTES_INIT("0")};
    struct field_errors errors = {.arena = &job->api->arena};
    struct bytes version = meta_text(body, "resourceVersion");

    if (job->kind->unconditional_update || (version.len != 0 && !bytes_eq_str(version, "0")))
        return STATUS_OK;
    field_invalid(&errors, BYTES("metadata.resourceVersion"), &zero,
                  "must be specified for an update");
    /* of the resource, not the kind: the store finds it, which knows no kinds (registry/store.go)
     */
    return field_errors_end(&errors, bytes_str(job->kind->group), bytes_str(job->kind->plural),
                            job->name, reterr);
}

static enum status plan_update(struct write_job *job, struct error *reterr)
{
    struct update_request *update = (struct update_request *)job;
    enum status st;

    write_look_up(job);
    if (job->old == NULL)
        return plan_missing(job, update->body, reterr);
    st = check_has_version(job, update->body, reterr);
    if (st == STATUS_OK)
        st = update_check_version(job, update->body, reterr);
    if (st == STATUS_OK)
        st = update_plan(job, update->part, json_copy(&job->arena, update->body), reterr);
    return st;
}

void handle_update(struct api_request *api)
{
    struct write_options options;
    struct update_request *update;
    struct json *body;
    struct error err = {0};

    if (bytes_eq_str(api->info.subresource, "scale")) {
        handle_scale_update(api);
        return;
    }
    if (write_options_parse(&api->arena, &api->info.query, "UpdateOptions", &options, &err) !=
            STATUS_OK ||
        body_read_object(api, options.validation, &body, &err) != STATUS_OK ||
        update_check_name(api, body, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    update =
        (struct update_request *)write_job_of(api, sizeof(*update), options.dry_run, plan_update);
    if (update == NULL)
        return;
    update->body = body;
    update->part = update_part(api);
    write_start(&update->job);
}
