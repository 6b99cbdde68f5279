#include <stdio.h>

#include "client-go-like/merge3.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/writes.h"

static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";

enum { CONFLICT_RETRIES = 5 }; /* KC cmd/apply/patcher.go maxPatchRetry */

/* ---- client side (KC cmd/apply/apply.go, patcher.go) ---- */

bool apply_annotate(struct arena *arena, struct json *tree)
{
    struct json *metadata = json_ensure_object(arena, tree, "metadata");
    struct json *annotations = json_ensure_object(arena, metadata, "annotations");
    struct buf text = {0};
    struct bytes kept;

    json_remove(annotations, bytes_str(last_applied));
    print_compact(&text, tree);
    buf_append_char(&text, '\n');
    kept = arena_dup(arena, buf_bytes(&text));
    json_set_text(arena, annotations, last_applied, kept);
    buf_release(&text);
    return !text.failed && !arena->failed;
}

static struct json *find_original(struct arena *arena, const struct json *current)
{
    struct bytes text =
        json_get_text(json_at(current, "metadata", "annotations", NULL), last_applied);
    struct json *original = NULL;

    return text.len != 0 && json_parse(arena, text, &original, NULL, NULL) == STATUS_OK ? original
                                                                                        : NULL;
}

struct json *apply_make_patch(struct arena *arena, const struct manifest *m,
                              const struct json *current)
{
    return merge3(arena, find_original(arena, current), m->tree, current);
}

/* KC cmd/apply/apply.go, addSourceToErr(): what was sent, to what, from where. */
static void describe_patch(const struct manifest *m, struct bytes patch, struct buf *doing)
{
    const tw_resource *r = &m->info->resource;

    doing->len = 0;
    buf_appendf(doing,
                "error when applying patch:\n%.*s\nto:\nResource: \"%s/%s, Resource=%s\", "
                "GroupVersionKind: \"%s/%s, Kind=%s\"\nName: \"%s\", Namespace: \"%s\"\n"
                "for: \"%s\": error when patching \"%s\": ",
                BYTES_FMT(patch), r->group, r->version, r->resource, r->group, r->version, r->kind,
                m->name, m->ns != NULL ? m->ns : "", m->source, m->source);
}

static tw_status patch_once(struct writes *w, struct manifest *m, const tw_object *current,
                            tw_error **reterr)
{
    struct json *patch = apply_make_patch(&w->files.arena, m, current->tree);
    struct call call = {.method = "PATCH",
                        .resource = &m->info->resource,
                        .ns = m->ns,
                        .name = m->name,
                        .content_type = "application/merge-patch+json",
                        .manager = "kubectl-client-side-apply",
                        .strict = true};
    struct buf body = {0};
    tw_object *changed = NULL;
    tw_status st;

    if (patch == NULL)
        return tw_fail_no_memory(reterr);
    if (patch->count == 0)
        return writes_done(w, m, current->tree, "unchanged", reterr);
    if (w->t->dry_run == DRY_RUN_CLIENT)
        return writes_done(w, m, current->tree, "configured", reterr);
    print_compact(&body, patch);
    call.body = buf_bytes(&body);
    st = body.failed ? tw_fail_no_memory(reterr) : call_object(w->t, &call, &changed, reterr);
    if (st == TW_OK)
        st = writes_done(w, m, changed->tree, "configured", reterr);
    else
        describe_patch(m, buf_bytes(&body), &w->doing);
    tw_object_unref(changed);
    buf_release(&body);
    return st;
}

static tw_status apply_existing(struct writes *w, struct manifest *m, tw_object *current,
                                tw_error **reterr)
{
    tw_status st = patch_once(w, m, current, reterr);

    for (int i = 0; i < CONFLICT_RETRIES && st == TW_ERR_SERVER && tw_error_code(*reterr) == 409;
         i++) {
        tw_object *fresh = NULL;

        tw_error_clear(reterr);
        st = call_get(w->t, &m->info->resource, m->ns, m->name, &fresh, reterr);
        if (st == TW_OK)
            st = patch_once(w, m, fresh, reterr);
        tw_object_unref(fresh);
    }
    return st;
}

static tw_status need_name(const struct manifest *m, tw_error **reterr)
{
    return *m->name != '\0' ? TW_OK
                            : tw_fail(reterr, TW_ERR_ARGUMENT,
                                      "from %s: cannot use generate name with apply", m->source);
}

static tw_status apply(struct writes *w, struct manifest *m, tw_error **reterr)
{
    tw_object *current = NULL;
    tw_status st = need_name(m, reterr);

    if (st != TW_OK)
        return st;
    if (!apply_annotate(&w->files.arena, m->tree))
        return tw_fail_no_memory(reterr);
    st = call_get(w->t, &m->info->resource, m->ns, m->name, &current, reterr);
    if (st == TW_ERR_SERVER && tw_error_code(*reterr) == 404) {
        tw_error_clear(reterr);
        w->doing.len = 0;
        buf_appendf(&w->doing, "error when creating \"%s\": ", m->source);
        return writes_post(w, m, "kubectl-client-side-apply", reterr);
    }
    if (st == TW_OK)
        st = apply_existing(w, m, current, reterr);
    tw_object_unref(current);
    return st;
}

/* ---- server side (KEP-555) ---- */

/* The answers of servers that cannot: an unknown patch type, or not implemented. */
static bool cannot_apply(const tw_error *error)
{
    int code = tw_error_code(error);

    return code == 415 || code == 501;
}

static tw_status explain_refusal(struct writes *w, tw_error **reterr)
{
    struct buf why = {0};
    tw_status st;

    if (tw_error_code(*reterr) == 409) {
        w->doing.len = 0;
        buf_append_str(&why, tw_error_message(*reterr));
        buf_append_char(&why, '\0');
        st = tw_fail(reterr, TW_ERR_ARGUMENT,
                     "%s\nPlease review the fields above--they currently have other managers. To "
                     "take them over, apply with --force-conflicts; to leave them, remove them "
                     "from your file.",
                     why.failed ? "" : why.data);
        buf_release(&why);
        return st;
    }
    if (!cannot_apply(*reterr))
        return TW_ERR_SERVER;
    w->doing.len = 0;
    return tw_fail(reterr, TW_ERR_ARGUMENT,
                   "the server does not implement server-side apply (HTTP %d); apply without "
                   "--server-side",
                   tw_error_code(*reterr));
}

static tw_status apply_on_server(struct writes *w, struct manifest *m, tw_error **reterr)
{
    struct buf body = {0};
    struct call call = {.method = "PATCH",
                        .resource = &m->info->resource,
                        .ns = m->ns,
                        .name = m->name,
                        .content_type = "application/apply-patch+yaml",
                        .manager = "kubectl",
                        .strict = true,
                        .force = w->t->flags.force_conflicts};
    tw_object *changed = NULL;
    tw_status st = need_name(m, reterr);

    json_write(&body, m->tree, false); /* JSON is YAML */
    call.body = buf_bytes(&body);
    if (st == TW_OK)
        st = body.failed ? tw_fail_no_memory(reterr) : call_object(w->t, &call, &changed, reterr);
    if (st == TW_OK)
        st = writes_done(w, m, changed->tree, "serverside-applied", reterr);
    else if (st == TW_ERR_SERVER)
        st = explain_refusal(w, reterr);
    tw_object_unref(changed);
    buf_release(&body);
    return st;
}

int tidectl_apply(struct tidectl *t)
{
    if (t->flags.force_conflicts && !t->flags.server_side)
        return tidectl_say("--force-conflicts only works with --server-side");
    if (t->flags.server_side && t->dry_run == DRY_RUN_CLIENT)
        return tidectl_say("--dry-run=client doesn't work with --server-side (did you mean "
                           "--dry-run=server instead?)");
    return writes_each(t, "applying", t->flags.server_side ? apply_on_server : apply);
}
