/*
 * patch - PATCH: the object as this version shows it, changed, is treated as a PUT would be.
 * Without a resourceVersion in the patch it is applied again to whatever a faster writer made of
 * the object.
 */
#include "apiserver/handlers/body.h"
#include "apiserver/handlers/patch_types.h"
#include "apiserver/handlers/scale.h"
#include "apiserver/handlers/update.h"

struct patch_request {
    struct write_job job; /* first */
    enum part part;
    enum field_validation validation;
    const struct patch_type *type;
    struct json *patch;
};

/* What came out is no object of this kind: the real server shows all of it. */
static enum status show(struct write_job *job, const struct json *tree, struct error *why,
                        struct error *reterr)
{
    struct field_errors errors = {.arena = &job->api->arena};
    struct buf text = {0};

    if (why->status == STATUS_NO_MEMORY) {
        error_release(why);
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    }
    json_write(&text, tree, false);
    field_invalid_text(&errors, BYTES("patch"), arena_dup(errors.arena, buf_bytes(&text)),
                       field_detail(&errors, "%s", error_message(why)));
    buf_release(&text);
    error_release(why);
    return field_errors_end(&errors, BYTES(""), BYTES(""), BYTES(""), reterr);
}

static enum status check_result(struct patch_request *patch, struct json *tree,
                                struct error *reterr)
{
    struct write_job *job = &patch->job;
    struct error why = {0};
    enum status st;

    if (!json_is(tree, JSON_OBJECT) || object_check(tree, &why) != STATUS_OK)
        return show(job, tree, &why, reterr);
    st = body_check(&job->arena, job->kind, tree, reterr);
    if (st == STATUS_OK &&
        body_fit(job->api, job->kind, patch->validation, NULL, tree, &why) != STATUS_OK)
        return show(job, tree, &why, reterr);
    return st == STATUS_OK ? update_check_name(job->api, tree, reterr) : st;
}

static enum status plan_patch(struct write_job *job, struct error *reterr)
{
    struct patch_request *patch = (struct patch_request *)job;
    const struct kind *kind = job->kind;
    struct json *tree;
    enum status st;

    write_look_up(job);
    if (job->old == NULL)
        return error_not_found(reterr, kind, job->name);
    st = object_to_json(job->old, job->old->base.rev, bytes_str(kind->api_version), &job->arena,
                        &tree);
    if (st != STATUS_OK)
        return error_set(reterr, st, "out of memory");
    st = patch_type_apply(patch->type, &job->arena, bytes_str(kind->group), bytes_str(kind->kind),
                          &tree, patch->patch, reterr);
    if (st == STATUS_OK)
        st = check_result(patch, tree, reterr);
    if (st == STATUS_OK)
        st = update_check_version(job, tree, reterr);
    return st == STATUS_OK ? update_plan(job, patch->part, tree, reterr) : st;
}

static enum status read_patch(struct api_request *api, const struct patch_type *type,
                              enum field_validation validation, struct json **ret_patch,
                              struct error *reterr)
{
    struct json_report report = {0};
    struct error why = {0};
    enum status st = json_parse(&api->arena, api->http->body, ret_patch, &report, &why);

    if (st != STATUS_OK)
        error_set(reterr, st, "error decoding patch: %s", error_message(&why));
    error_release(&why);
    if (st == STATUS_OK)
        st = patch_type_check(type, *ret_patch, reterr);
    return st == STATUS_OK ? body_report(api, validation, &report, reterr) : st;
}

void handle_patch(struct api_request *api)
{
    bool scale = bytes_eq_str(api->info.subresource, "scale");
    const struct patch_type *type;
    struct write_options options;
    struct patch_request *patch;
    struct json *tree;
    struct error err = {0};

    if (patch_type_find(http_header(api->http, "content-type"), scale || !api->kind->custom, &type,
                        &err) != STATUS_OK ||
        write_options_parse(&api->arena, &api->info.query, "PatchOptions", &options, &err) !=
            STATUS_OK ||
        read_patch(api, type, options.validation, &tree, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    if (scale) {
        handle_scale_patch(api, type, tree, options.dry_run);
        return;
    }
    patch = (struct patch_request *)write_job_of(api, sizeof(*patch), options.dry_run, plan_patch);
    if (patch == NULL)
        return;
    patch->type = type;
    patch->patch = tree;
    patch->validation = options.validation;
    patch->part = update_part(api);
    write_start(&patch->job);
}
