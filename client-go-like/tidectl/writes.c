#include "client-go-like/tidectl/writes.h"

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/print.h"

int writes_each(struct tidectl *t, const char *verb, write_fn *write)
{
    struct writes w = {.t = t};
    int rc = EXIT_FAILED;

    if (output_begin(&w.output, &t->flags, OUTPUTS_OBJECTS))
        rc = manifests_read(t, &w.files) ? 0 : EXIT_FAILED;
    for (size_t i = 0; i < w.files.count; i++) {
        tw_error *error = NULL;

        w.doing.len = 0;
        buf_appendf(&w.doing, "error when %s \"%s\": ", verb, w.files.items[i].source);
        if (write(&w, &w.files.items[i], &error) != TW_OK) {
            buf_append_char(&w.doing, '\0');
            rc = tidectl_fail_doing(error, w.doing.failed ? "" : w.doing.data);
        }
    }
    manifests_release(&w.files);
    output_release(&w.output);
    buf_release(&w.doing);
    return rc;
}

tw_status writes_done(struct writes *w, const struct manifest *m, const struct json *tree,
                      const char *done, tw_error **reterr)
{
    return output_done(w->t, &w->output, &m->info->resource, tree, done)
               ? TW_OK
               : tw_fail(reterr, TW_ERR_ARGUMENT, "nothing could be printed");
}

tw_status writes_post(struct writes *w, const struct manifest *m, const char *manager,
                      tw_error **reterr)
{
    struct buf body = {0};
    struct call call = {.method = "POST",
                        .resource = &m->info->resource,
                        .ns = m->ns,
                        .manager = manager,
                        .strict = true};
    tw_object *made = NULL;
    tw_status st;

    if (w->t->dry_run == DRY_RUN_CLIENT)
        return writes_done(w, m, m->tree, "created", reterr);
    json_write(&body, m->tree, false);
    call.body = buf_bytes(&body);
    st = body.failed ? tw_fail_no_memory(reterr) : call_object(w->t, &call, &made, reterr);
    if (st == TW_OK)
        st = writes_done(w, m, made->tree, "created", reterr);
    tw_object_unref(made);
    buf_release(&body);
    return st;
}

static tw_status create(struct writes *w, struct manifest *m, tw_error **reterr)
{
    return writes_post(w, m, "kubectl-create", reterr);
}

int tidectl_create(struct tidectl *t)
{
    if (t->flags.word_count != 0)
        return tidectl_say("unknown kind of object \"%s\": see 'tidectl help'", t->flags.words[0]);
    return writes_each(t, "creating", create);
}

/* ---- replace ---- */

/* --force: the old one goes first, whatever becomes of the new one. */
static tw_status remove_first(struct writes *w, const struct manifest *m, tw_error **reterr)
{
    const struct call call = {.method = "DELETE",
                              .resource = &m->info->resource,
                              .ns = m->ns,
                              .name = m->name,
                              .body = BYTES("{\"propagationPolicy\":\"Background\"}")};
    tw_status st = call_object(w->t, &call, NULL, reterr);

    if (st == TW_ERR_SERVER && tw_error_code(*reterr) == 404) {
        tw_error_clear(reterr);
        st = TW_OK;
    }
    return st;
}

/* Without a version of its own it replaces whatever there is (CLI resource/helper.go). */
static tw_status take_version(struct writes *w, const struct manifest *m, struct json *metadata,
                              tw_error **reterr)
{
    tw_object *current = NULL;
    tw_status st;

    if (json_get_text(metadata, "resourceVersion").len != 0)
        return TW_OK;
    st = call_get(w->t, &m->info->resource, m->ns, m->name, &current, reterr);
    if (st == TW_OK)
        json_set_text(&w->files.arena, metadata, "resourceVersion",
                      arena_dup(&w->files.arena, bytes_str(tw_object_resource_version(current))));
    tw_object_unref(current);
    return st;
}

static tw_status replace(struct writes *w, struct manifest *m, tw_error **reterr)
{
    struct buf body = {0};
    struct call call = {.method = "PUT",
                        .resource = &m->info->resource,
                        .ns = m->ns,
                        .name = m->name,
                        .subresource = w->t->flags.subresource,
                        .manager = "kubectl-replace",
                        .strict = true};
    struct json *metadata = json_get(m->tree, BYTES("metadata"));
    tw_object *changed = NULL;
    bool force = w->t->flags.force;
    tw_status st = TW_OK;

    if (w->t->dry_run == DRY_RUN_CLIENT)
        return writes_done(w, m, m->tree, "replaced", reterr);
    if (force) { /* a new object has none of these */
        json_remove(metadata, BYTES("resourceVersion"));
        json_remove(metadata, BYTES("uid"));
        st = remove_first(w, m, reterr);
        call.method = "POST";
        call.name = NULL;
    } else {
        st = take_version(w, m, metadata, reterr);
    }
    json_write(&body, m->tree, false);
    call.body = buf_bytes(&body);
    if (st == TW_OK)
        st = body.failed ? tw_fail_no_memory(reterr) : call_object(w->t, &call, &changed, reterr);
    if (st == TW_OK)
        st = writes_done(w, m, changed->tree, "replaced", reterr);
    tw_object_unref(changed);
    buf_release(&body);
    return st;
}

int tidectl_replace(struct tidectl *t)
{
    return writes_each(t, "replacing", replace);
}
