#include "apiserver/handlers/create.h"

#include "apiserver/handlers/admission.h"
#include "apiserver/handlers/body.h"
#include "base/planted.h"
#include "base/rand.h"

/* k8s.io/apiserver/pkg/storage/names/generate.go and registry/generic/registry/store.go. */
enum { GENERATED_LEN = 5, GENERATED_BASE_MAX = 63 - GENERATED_LEN, NAME_ATTEMPTS = 8 };

struct create_request {
    struct write_job job; /* first */
    struct json *body;
    struct bytes name_base; /* metadata.generateName, if that is what names it */
};

enum status create_plan(struct write_job *job, struct json *tree, struct error *reterr)
{
    struct draft draft = {.arena = &job->arena, .registry = job->worker->registry, .api = job->api};
    enum status st = admit_new(job, reterr);

    if (st != STATUS_OK)
        return st;
    draft.kind = job->kind;
    draft.namespace = job->namespace;
    draft.tree = tree;
    st = strategy_create(&draft, reterr);
    if (st != STATUS_OK)
        return st;
    write_look_up(job);
    if (job->old != NULL && !PLANTED(create_twice))
        return error_already_exists(reterr, job->kind, job->name);
    job->created = true;
    return write_plan_put(job, draft.tree, NULL, reterr);
}

/* Without vowels and what looks alike (k8s.io/apimachinery/pkg/util/rand). */
static struct bytes generate_name(struct arena *arena, struct bytes base)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char suffix[GENERATED_LEN];
    struct bytes parts[] = {base, bytes_of(suffix, sizeof(suffix))};

    if (base.len > GENERATED_BASE_MAX)
        parts[0].len = GENERATED_BASE_MAX;
    for (size_t i = 0; i < sizeof(suffix); i++)
        suffix[i] = letters[rand_below(sizeof(letters) - 1)];
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

static enum status plan_generated(struct write_job *job, struct error *reterr)
{
    struct create_request *create = (struct create_request *)job;
    enum status st = STATUS_ALREADY_EXISTS;

    for (int i = 0; i < NAME_ATTEMPTS && st == STATUS_ALREADY_EXISTS; i++) {
        struct json *tree = json_copy(&job->arena, create->body);

        job->guard_count = 0;
        job->old = object_unref(job->old);
        job->name = generate_name(&job->api->arena, create->name_base);
        json_set_text(&job->arena, meta_of(&job->arena, tree), "name", job->name);
        st = create_plan(job, tree, reterr);
    }
    if (st != STATUS_ALREADY_EXISTS)
        return st;
    error_set(reterr, st,
              "%s \"%.*s\" already exists, the server was not able to generate a unique name for "
              "the object",
              job->kind->group_resource, BYTES_FMT(job->name));
    error_set_details(reterr, bytes_str(job->kind->group), bytes_str(job->kind->plural), job->name);
    reterr->retry_after_s = 1;
    return st;
}

static enum status plan_named(struct write_job *job, struct error *reterr)
{
    struct create_request *create = (struct create_request *)job;

    return create_plan(job, json_copy(&job->arena, create->body), reterr);
}

static enum status check_metadata(const struct api_request *api, const struct json *body,
                                  struct error *reterr)
{
    struct bytes namespace = meta_text(body, "namespace");

    /* The real server says 500 here, in the same words: the request is at fault, not the server. */
    if (meta_text(body, "resourceVersion").len != 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "resourceVersion should not be set on objects to be created");
    if (namespace.len != 0 && !bytes_eq(namespace, api->info.namespace))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "the namespace of the provided object does not match the namespace sent "
                         "on the request");
    return STATUS_OK;
}

void handle_create(struct api_request *api)
{
    struct write_options options;
    struct create_request *create;
    struct json *body;
    struct error err = {0};

    if (write_options_parse(&api->arena, &api->info.query, "CreateOptions", &options, &err) !=
            STATUS_OK ||
        body_read_object(api, options.validation, &body, &err) != STATUS_OK ||
        check_metadata(api, body, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    create =
        (struct create_request *)write_job_of(api, sizeof(*create), options.dry_run, plan_named);
    if (create == NULL)
        return;
    create->body = body;
    create->name_base = meta_text(body, "generateName");
    create->job.name = arena_dup(&api->arena, meta_text(body, "name"));
    if (create->job.name.len == 0 && create->name_base.len != 0)
        create->job.plan = plan_generated;
    write_start(&create->job);
}
