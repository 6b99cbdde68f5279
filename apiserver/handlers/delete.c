#include "apiserver/handlers/delete.h"

#include "apiserver/handlers/admission.h"
#include "apiserver/handlers/body.h"
#include "base/clock.h"
#include "base/planted.h"
#include "codec/status_object.h"

struct delete_request {
    struct write_job job; /* first */
    struct delete_options options;
};

static enum status check_preconditions(struct write_job *job, const struct delete_options *options,
                                       struct error *reterr)
{
    const struct object *old = job->old;
    struct bytes now = arena_printf(&job->arena, "%llu", (unsigned long long)old->base.rev);

    if (PLANTED(delete_unchecked))
        return STATUS_OK;
    if (options->uid.len != 0 && !bytes_eq(options->uid, old->uid))
        return error_conflict(
            reterr, job->kind, job->name,
            arena_str(&job->arena,
                      arena_printf(&job->arena,
                                   "the UID in the precondition (%.*s) does not match the UID in "
                                   "record (%.*s). The object might have been deleted and then "
                                   "recreated",
                                   BYTES_FMT(options->uid), BYTES_FMT(old->uid))));
    if (options->resource_version.len != 0 && !bytes_eq(options->resource_version, now))
        return error_conflict(
            reterr, job->kind, job->name,
            arena_str(&job->arena,
                      arena_printf(&job->arena,
                                   "the ResourceVersion in the precondition (%.*s) does not match "
                                   "the ResourceVersion in record (%.*s). The object might have "
                                   "been modified",
                                   BYTES_FMT(options->resource_version), BYTES_FMT(now))));
    return STATUS_OK;
}

/* Most objects: nothing holds them, so that nothing needs to be read. */
static bool is_plain(const struct write_job *job, const struct delete_options *options)
{
    const struct kind *kind = job->kind;
    bool special =
        kind->has_finalize || (!kind->custom && strcmp(kind->group_resource, "pods") == 0);

    return !special && (job->old->finalizer_count == 0 || PLANTED(ignore_finalizer)) &&
           job->old->deletion_timestamp.len == 0 && options->propagation <= PROPAGATION_BACKGROUND;
}

/* Puts the finalizer of a propagation policy in, and takes the other's out: their garbage is
 * collected by whoever takes the finalizer away. */
static void set_propagation(struct arena *arena, struct json *tree, enum propagation propagation)
{
    static const char *const finalizers[] = {
        [PROPAGATION_FOREGROUND] = "foregroundDeletion", [PROPAGATION_ORPHAN] = "orphan"};
    struct json *meta = meta_of(arena, tree), *kept, *had;

    if (propagation == PROPAGATION_DEFAULT)
        return;
    had = json_get(meta, BYTES("finalizers"));
    kept = json_new_array(arena);
    json_each(had, it) {
        if (!bytes_eq_str(json_text(it), "foregroundDeletion") &&
            !bytes_eq_str(json_text(it), "orphan"))
            json_append(kept, json_copy(arena, it));
    }
    if (propagation >= PROPAGATION_FOREGROUND)
        json_append(kept, json_new_string(arena, bytes_str(finalizers[propagation])));
    if (kept != NULL && kept->count != 0)
        json_set(meta, BYTES("finalizers"), kept);
    else
        json_remove(meta, BYTES("finalizers"));
}

/* The first deletion: marks the object, or lets it go at once. */
static enum status begin(struct write_job *job, const struct delete_options *options,
                         struct json *tree, const struct json *old, struct error *reterr)
{
    int64_t grace_s = strategy_grace_s(job->kind, tree, options->has_grace, options->grace_s);

    set_propagation(&job->arena, tree, options->propagation);
    if (grace_s == 0 && strategy_may_go(job->kind, tree)) {
        write_plan_delete(job);
        return STATUS_OK;
    }
    meta_begin_deletion(&job->arena, tree, grace_s);
    strategy_mark_deleting(&job->arena, job->kind, tree);
    return write_plan_put(job, tree, old, reterr);
}

/* A later one: may shorten the grace period, and no more (BeforeDelete in rest/delete.go). */
static enum status go_on(struct write_job *job, const struct delete_options *options,
                         struct json *tree, const struct json *old, struct error *reterr)
{
    struct json *meta = meta_of(&job->arena, tree);
    int64_t now_s = 0, began_s = 0, left_s;
    char text[RFC3339_LEN + 1];

    (void)json_to_i64(json_get(meta, BYTES("deletionGracePeriodSeconds")), &now_s);
    left_s = options->has_grace ? strategy_grace_s(job->kind, tree, true, options->grace_s) : now_s;
    if (left_s < now_s) {
        (void)rfc3339_parse(json_get_text(meta, "deletionTimestamp"), &began_s);
        rfc3339_format(began_s - now_s + left_s, text);
        json_set_text(&job->arena, meta, "deletionTimestamp",
                      arena_dup(&job->arena, bytes_str(text)));
        json_set(meta, BYTES("deletionGracePeriodSeconds"), json_new_int(&job->arena, left_s));
        now_s = left_s;
    }
    if (now_s == 0 && strategy_may_go(job->kind, tree)) {
        write_plan_delete(job);
        return STATUS_OK;
    }
    return write_plan_put(job, tree, old, reterr);
}

enum status delete_plan(struct write_job *job, const struct delete_options *options,
                        struct error *reterr)
{
    struct json *old, *tree;
    enum status st = admit_deletion(job->kind, job->name, reterr);

    if (st != STATUS_OK)
        return st;
    write_look_up(job);
    if (job->old == NULL)
        return error_not_found(reterr, job->kind, job->name);
    st = check_preconditions(job, options, reterr);
    if (st != STATUS_OK)
        return st;
    if (is_plain(job, options)) {
        write_plan_delete(job);
        return STATUS_OK;
    }
    st = write_old_tree(job, &old, reterr);
    if (st != STATUS_OK)
        return st;
    tree = json_copy(&job->arena, old);
    return meta_is_deleting(old) ? go_on(job, options, tree, old, reterr)
                                 : begin(job, options, tree, old, reterr);
}

/* ---- DELETE ---- */

static enum status plan_request(struct write_job *job, struct error *reterr)
{
    return delete_plan(job, &((struct delete_request *)job)->options, reterr);
}

static void answer(struct write_job *job, enum status st, struct error *err)
{
    struct api_request *api = job->api;
    const struct kind *kind = job->kind;
    struct buf body = {0};

    if (st != STATUS_OK || job->action != ACTION_DELETE || kind->delete_returns_object) {
        write_answer(job, st, err);
        return;
    }
    status_object_write_success(&body, bytes_str(kind->group), bytes_str(kind->plural),
                                job->old->name, job->old->uid);
    respond_json(api, 200, &body);
}

enum status delete_read_options(struct api_request *api, struct delete_options *ret_options,
                                struct error *reterr)
{
    struct json *body = NULL;
    struct delete_options options;
    enum status st = STATUS_OK;

    /* Some clients name a type for a body that they do not send. */
    if (bytes_trim(api->http->body).len != 0)
        st = body_read(api, &body, NULL, reterr);
    if (st == STATUS_OK)
        st = delete_options_parse(&api->arena, &api->info.query, body, &options, reterr);
    if (st != STATUS_OK)
        return st;
    options.uid = arena_dup(&api->arena, options.uid);
    options.resource_version = arena_dup(&api->arena, options.resource_version);
    *ret_options = options;
    return STATUS_OK;
}

void handle_delete(struct api_request *api)
{
    struct delete_options options;
    struct delete_request *request;
    struct error err = {0};

    if (delete_read_options(api, &options, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    request =
        (struct delete_request *)write_job_of(api, sizeof(*request), options.dry_run, plan_request);
    if (request == NULL)
        return;
    request->options = options;
    request->job.on_done = answer;
    write_start(&request->job);
}
