#include "apiserver/handlers/scale.h"

#include "apiserver/handlers/body.h"
#include "apiserver/handlers/update.h"
#include "codec/jsonpath.h"

struct scale_request {
    struct write_job job;          /* first */
    struct json *body;             /* PUT: the Scale; NULL: a PATCH */
    const struct patch_type *type; /* PATCH */
    const struct json *patch;
};

/* What a Scale is checked against as a body. */
static const struct kind scale_kind = {
    .group = "autoscaling",
    .version = "v1",
    .kind = "Scale",
    .list_kind = "ScaleList",
    .plural = "scales",
    .singular = "scale",
    .api_version = "autoscaling/v1",
    .group_resource = "scales.autoscaling",
    .prefix = "autoscaling/scales/",
    .namespaced = true,
};

/* ---- from the object to its Scale ---- */

static bool number_at(const char *text, const struct json *tree, int64_t *ret)
{
    struct jsonpath path;

    return text[0] != '\0' && jsonpath_parse(bytes_str(text), &path, NULL) == STATUS_OK &&
           json_to_i64(jsonpath_first(&path, tree), ret);
}

static void copy_metadata(struct arena *arena, struct json *scale, const struct json *tree)
{
    static const char *const copied[] = {"name", "namespace", "uid", "resourceVersion",
                                         "creationTimestamp"};
    struct json *meta = json_ensure_object(arena, scale, "metadata");

    for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
        struct bytes text = meta_text(tree, copied[i]);

        if (text.len != 0)
            json_set_text(arena, meta, copied[i], text);
    }
}

static struct bytes selector_text(struct arena *arena, const struct kind *kind,
                                  const struct json *tree)
{
    struct buf out = {0};
    struct bytes text;

    registry_scale_selector(kind, tree, &out);
    text = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return text;
}

/* `tree` is the whole object, with its resourceVersion. */
static enum status make_scale(struct arena *arena, const struct kind *kind, const struct json *tree,
                              struct json **ret_scale, struct error *reterr)
{
    struct json *scale = json_new_object(arena), *status;
    struct scale_paths paths;
    int64_t wanted = 0, there = 0;

    if (!registry_scale_paths(kind, &paths))
        return error_set(reterr, STATUS_NOT_FOUND,
                         "the server could not find the requested resource");
    if (!number_at(paths.spec_replicas, tree, &wanted))
        return error_set(reterr, STATUS_INTERNAL, "the spec replicas field \"%s\" does not exist",
                         paths.spec_replicas);
    (void)number_at(paths.status_replicas, tree, &there);
    json_set_text(arena, scale, "kind", BYTES("Scale"));
    json_set_text(arena, scale, "apiVersion", BYTES("autoscaling/v1"));
    copy_metadata(arena, scale, tree);
    json_set(json_ensure_object(arena, scale, "spec"), BYTES("replicas"),
             json_new_int(arena, wanted));
    status = json_ensure_object(arena, scale, "status");
    json_set(status, BYTES("replicas"), json_new_int(arena, there));
    json_set_text(arena, status, "selector", selector_text(arena, kind, tree));
    *ret_scale = scale;
    return arena->failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}

static void respond_scale_at(struct api_request *api, const struct object *object, uint64_t rev)
{
    struct json *tree, *scale;
    struct error err = {0};
    struct buf body = {0};
    enum status st = object_to_json(object, rev, BYTES(""), &api->arena, &tree);

    if (st != STATUS_OK)
        error_set(&err, st, "out of memory");
    else
        st = make_scale(&api->arena, api->kind, tree, &scale, &err);
    if (st != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    json_write(&body, scale, false);
    respond_json(api, 200, &body);
}

void respond_scale(struct api_request *api, const struct object *object)
{
    respond_scale_at(api, object, object->base.rev);
}

/* ---- from the Scale to the object ---- */

/* Sets the number that a plain dotted path names, making objects on the way. */
static void set_number(struct arena *arena, struct json *tree, const char *path, int64_t n)
{
    struct bytes rest = bytes_str(path[0] == '.' ? path + 1 : path);

    for (;;) {
        struct bytes name = bytes_cut(&rest, '.');

        if (rest.ptr == NULL) {
            json_set(tree, name, json_new_int(arena, n));
            return;
        }
        tree = json_ensure_object(arena, tree, arena_str(arena, name));
    }
}

static enum status wanted_replicas(struct write_job *job, const struct json *scale,
                                   int64_t *ret_wanted, struct error *reterr)
{
    const struct json *node = json_at(scale, "spec", "replicas", NULL);
    struct field_errors errors = {.arena = &job->arena};

    *ret_wanted = 0;
    if (node != NULL && node->type != JSON_NULL && !json_to_i64(node, ret_wanted))
        return body_error(reterr, &scale_kind,
                          "json: cannot unmarshal %s into Go struct field ScaleSpec.spec.replicas "
                          "of type int32",
                          json_type_name((enum json_type)node->type));
    if (*ret_wanted < 0 || *ret_wanted > INT32_MAX)
        field_invalid(&errors, BYTES("spec.replicas"), node, "must be greater than or equal to 0");
    return field_errors_end(&errors, BYTES("autoscaling"), BYTES("Scale"), job->name, reterr);
}

/* The Scale that the client wants. */
static enum status wanted_scale(struct scale_request *request, struct json *tree,
                                struct json **ret_scale, struct error *reterr)
{
    struct write_job *job = &request->job;
    enum status st;

    if (request->body != NULL) {
        *ret_scale = request->body;
        return STATUS_OK;
    }
    st = make_scale(&job->arena, job->kind, tree, ret_scale, reterr);
    if (st == STATUS_OK)
        st = patch_type_apply(request->type, &job->arena, BYTES("autoscaling"), BYTES("Scale"),
                              ret_scale, request->patch, reterr);
    if (st == STATUS_OK)
        st = body_check(&job->arena, &scale_kind, *ret_scale, reterr);
    return st == STATUS_OK ? update_check_name(job->api, *ret_scale, reterr) : st;
}

static enum status plan_scale(struct write_job *job, struct error *reterr)
{
    struct scale_request *request = (struct scale_request *)job;
    struct scale_paths paths;
    struct json *tree, *scale;
    int64_t replicas;
    enum status st;

    write_look_up(job);
    if (job->old == NULL || !registry_scale_paths(job->kind, &paths))
        return error_not_found(reterr, job->kind, job->name);
    st = object_to_json(job->old, job->old->base.rev, BYTES(""), &job->arena, &tree);
    if (st != STATUS_OK)
        return error_set(reterr, st, "out of memory");
    st = wanted_scale(request, tree, &scale, reterr);
    if (st == STATUS_OK)
        st = update_check_version(job, scale, reterr);
    if (st == STATUS_OK)
        st = wanted_replicas(job, scale, &replicas, reterr);
    if (st != STATUS_OK)
        return st;
    set_number(&job->arena, tree, paths.spec_replicas, replicas);
    return update_plan(job, PART_WHOLE, tree, reterr);
}

static void answer_scale(struct write_job *job, enum status st, struct error *err)
{
    struct api_request *api = job->api;

    if (st != STATUS_OK)
        respond_error(api, err);
    else if (api->http == NULL)
        api_free(api);
    else
        respond_scale_at(api, job->next, write_shown_rev(job));
}

static void start(struct api_request *api, struct scale_request what, bool dry_run)
{
    struct scale_request *request =
        (struct scale_request *)write_job_of(api, sizeof(*request), dry_run, plan_scale);

    if (request == NULL)
        return;
    request->body = what.body;
    request->type = what.type;
    request->patch = what.patch;
    request->job.on_done = answer_scale;
    write_start(&request->job);
}

void handle_scale_update(struct api_request *api)
{
    struct json_report report = {0};
    struct write_options options;
    struct json *body = NULL;
    struct error err = {0};

    if (write_options_parse(&api->arena, &api->info.query, "UpdateOptions", &options, &err) !=
            STATUS_OK ||
        body_read(api, &body, &report, &err) != STATUS_OK ||
        body_accept(api, &scale_kind, options.validation, &report, body, &err) != STATUS_OK ||
        update_check_name(api, body, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    start(api, (struct scale_request){.body = body}, options.dry_run);
}

void handle_scale_patch(struct api_request *api, const struct patch_type *type,
                        const struct json *patch, bool dry_run)
{
    start(api, (struct scale_request){.type = type, .patch = patch}, dry_run);
}
