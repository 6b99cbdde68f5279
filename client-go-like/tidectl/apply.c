#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/object.h"
#include "client-go-like/rest/path.h"
#include "client-go-like/tidectl/manifest.h"
#include "client-go-like/merge3.h"
#include "client-go-like/tidectl/print.h"

static const char last_applied[] = "kubectl.kubernetes.io/last-applied-configuration";

enum { CONFLICT_RETRIES = 5 }; /* KC cmd/apply/patcher.go maxPatchRetry */

/* "configmap/x created" */
static void say_done(const struct manifest *m, const char *name, const char *what)
{
    struct buf out = {0};

    print_kind(&out, &m->info->resource);
    buf_appendf(&out, "/%s %s\n", name, what);
    tidectl_write(&out);
    buf_release(&out);
}

/* POST or PATCH of one manifest, with the parameters that say who writes and how strictly. */
static tw_status send(struct tidectl *t, const struct manifest *m, tw_request *request,
                      const char *name, const char *manager, tw_object **ret_object,
                      tw_error **reterr)
{
    struct buf path = {0};
    tw_response *response = NULL;
    tw_status st;

    path_begin(&path, &m->info->resource, m->ns, name);
    path_query(&path, "fieldManager", manager);
    path_query(&path, "fieldValidation", "Strict");
    request->path = path_end(&path);
    st = request->path != NULL ? tw_client_do(t->client, request, &response, reterr)
                               : tw_fail_no_memory(reterr);
    if (st == TW_OK) {
        size_t len;
        const char *body = tw_response_body(response, &len);

        st = tw_object_from_json(body, len, ret_object, reterr);
    }
    tw_response_free(response);
    buf_release(&path);
    return st;
}

static tw_status post(struct tidectl *t, const struct manifest *m, const char *manager,
                      tw_error **reterr)
{
    struct buf body = {0};
    tw_request request = {.method = "POST"};
    tw_object *made = NULL;
    tw_status st;

    json_write(&body, m->tree, false);
    request.body = body.data;
    request.body_len = body.len;
    st = body.failed ? tw_fail_no_memory(reterr)
                     : send(t, m, &request, NULL, manager, &made, reterr);
    if (st == TW_OK)
        say_done(m, tw_object_name(made), "created");
    tw_object_unref(made);
    buf_release(&body);
    return st;
}

/* What is done with each manifest; `doing` is what a failure is told with. */
typedef tw_status act_fn(struct tidectl *t, struct manifests *all, struct manifest *m,
                         struct buf *doing, tw_error **reterr);

/* One that fails does not keep the others back. */
static int for_each(struct tidectl *t, const char *verb, act_fn *act)
{
    struct manifests all = {.count = 0};
    int rc = manifests_read(t, &all) ? 0 : 1;

    for (size_t i = 0; i < all.count; i++) {
        struct buf doing = {0};
        tw_error *error = NULL;

        buf_appendf(&doing, "error when %s \"%s\": ", verb, all.items[i].source);
        if (act(t, &all, &all.items[i], &doing, &error) != TW_OK) {
            buf_append_char(&doing, '\0');
            rc = tidectl_fail_doing(error, doing.failed ? "" : doing.data);
        }
        buf_release(&doing);
    }
    manifests_release(&all);
    return rc;
}

/* ---- create ---- */

static tw_status create(struct tidectl *t, struct manifests *all, struct manifest *m,
                        struct buf *doing, tw_error **reterr)
{
    (void)all;
    (void)doing;
    return post(t, m, "kubectl-create", reterr);
}

int tidectl_create(struct tidectl *t)
{
    return for_each(t, "creating", create);
}

/* ---- apply (KC cmd/apply/apply.go, patcher.go) ---- */

/* Writes what is applied into the annotation that the next apply will compare with. */
static bool annotate(struct arena *arena, struct json *tree)
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

static tw_status patch_once(struct tidectl *t, struct manifests *all, struct manifest *m,
                            const tw_object *current, struct buf *doing, tw_error **reterr)
{
    struct json *patch =
        merge3(&all->arena, find_original(&all->arena, current->tree), m->tree, current->tree);
    tw_request request = {.method = "PATCH", .content_type = "application/merge-patch+json"};
    struct buf body = {0};
    tw_object *changed = NULL;
    tw_status st;

    if (patch == NULL)
        return tw_fail_no_memory(reterr);
    if (patch->count == 0) {
        say_done(m, m->name, "unchanged");
        return TW_OK;
    }
    print_compact(&body, patch);
    request.body = body.data;
    request.body_len = body.len;
    st = body.failed ? tw_fail_no_memory(reterr)
                     : send(t, m, &request, m->name, "kubectl-client-side-apply", &changed, reterr);
    if (st == TW_OK)
        say_done(m, m->name, "configured");
    else
        describe_patch(m, buf_bytes(&body), doing);
    tw_object_unref(changed);
    buf_release(&body);
    return st;
}

static tw_status apply_existing(struct tidectl *t, struct manifests *all, struct manifest *m,
                                tw_object *current, struct buf *doing, tw_error **reterr)
{
    tw_status st = patch_once(t, all, m, current, doing, reterr);

    for (int i = 0; i < CONFLICT_RETRIES && st == TW_ERR_SERVER && tw_error_code(*reterr) == 409;
         i++) {
        tw_object *fresh = NULL;

        tw_error_clear(reterr);
        st = tw_get(t->client, &m->info->resource, m->ns, m->name, &fresh, reterr);
        if (st == TW_OK)
            st = patch_once(t, all, m, fresh, doing, reterr);
        tw_object_unref(fresh);
    }
    return st;
}

static tw_status apply(struct tidectl *t, struct manifests *all, struct manifest *m,
                       struct buf *doing, tw_error **reterr)
{
    tw_object *current = NULL;
    tw_status st;

    if (*m->name == '\0')
        return tw_fail(reterr, TW_ERR_ARGUMENT, "from %s: cannot use generate name with apply",
                       m->source);
    if (!annotate(&all->arena, m->tree))
        return tw_fail_no_memory(reterr);
    st = tw_get(t->client, &m->info->resource, m->ns, m->name, &current, reterr);
    if (st == TW_ERR_SERVER && tw_error_code(*reterr) == 404) {
        tw_error_clear(reterr);
        doing->len = 0;
        buf_appendf(doing, "error when creating \"%s\": ", m->source);
        return post(t, m, "kubectl-client-side-apply", reterr);
    }
    if (st == TW_OK)
        st = apply_existing(t, all, m, current, doing, reterr);
    tw_object_unref(current);
    return st;
}

int tidectl_apply(struct tidectl *t)
{
    return for_each(t, "applying", apply);
}
