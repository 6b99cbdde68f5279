#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/tempfile.h"
#include "client-go-like/tidectl/writes.h"

/* diff (KC cmd/diff/diff.go): two folders of YAML, as it is and as it would be, which another
 * program compares. What it would be is asked of the server, which is to change nothing. */

struct sides {
    struct buf live, merged; /* folders */
};

enum { DIFF_ERROR = 2 };

/* "apps.v1.Deployment.default.web" */
static void append_file(struct buf *path, const struct buf *folder, const struct manifest *m)
{
    const tw_resource *r = &m->info->resource;

    buf_appendf(path, "%s/%s%s%s.%s.%s.%s", folder->data, r->group, *r->group != '\0' ? "." : "",
                r->version, r->kind, m->ns != NULL ? m->ns : "", m->name);
    buf_append_char(path, '\0');
}

/* Of a secret only that its values differ (KC cmd/diff/diff.go, Masker). */
static void mask(struct arena *arena, struct json *live, struct json *merged)
{
    struct json *a = json_get(live, BYTES("data")), *b = json_get(merged, BYTES("data"));

    json_each(a, it) {
        struct json *other = json_get(b, it->key);
        bool differ = other != NULL && !json_equal(it, other);

        json_replace(it, json_new_string(arena, differ ? BYTES("*** (before)") : BYTES("***")));
        if (other != NULL)
            json_replace(other,
                         json_new_string(arena, differ ? BYTES("*** (after)") : BYTES("***")));
    }
    json_each(b, it) {
        if (json_get(a, it->key) == NULL)
            json_replace(it, json_new_string(arena, BYTES("***")));
    }
}

static bool write_side(struct writes *w, const struct buf *folder, const struct manifest *m,
                       struct json *tree)
{
    struct buf path = {0}, text = {0};
    bool ok;

    if (tree != NULL && !w->t->flags.show_managed_fields)
        print_strip(tree);
    if (tree != NULL) /* else the file is empty: there is no such object */
        print_yaml(&text, tree);
    append_file(&path, folder, m);
    ok = !path.failed && !text.failed && tempfile_write(path.data, buf_bytes(&text));
    buf_release(&path);
    buf_release(&text);
    return ok;
}

/* What the server would make of it. */
static tw_status merge(struct writes *w, struct manifest *m, const tw_object *live,
                       tw_object **ret_merged, tw_error **reterr)
{
    struct call call = {.method = live != NULL ? "PATCH" : "POST",
                        .resource = &m->info->resource,
                        .ns = m->ns,
                        .name = live != NULL ? m->name : NULL,
                        .content_type = live != NULL ? "application/merge-patch+json" : NULL,
                        .manager = "kubectl-client-side-apply"};
    struct json *body = m->tree, *metadata = json_get(m->tree, BYTES("metadata"));
    struct buf text = {0};
    tw_status st;

    /* What was applied is not compared; that there are annotations is. */
    json_ensure_object(&w->files.arena, metadata, "annotations");
    if (w->t->flags.server_side) {
        call.method = "PATCH";
        call.name = m->name;
        call.content_type = "application/apply-patch+yaml";
        call.manager = "kubectl";
        call.force = w->t->flags.force_conflicts;
    } else if (live != NULL && (body = apply_make_patch(&w->files.arena, m, live->tree)) == NULL) {
        return tw_fail_no_memory(reterr);
    }
    json_write(&text, body, false);
    call.body = buf_bytes(&text);
    st = text.failed ? tw_fail_no_memory(reterr) : call_object(w->t, &call, ret_merged, reterr);
    buf_release(&text);
    return st;
}

static tw_status write_both(struct writes *w, const struct sides *sides, struct manifest *m,
                            tw_error **reterr)
{
    struct arena arena = {0};
    tw_object *live = NULL, *merged = NULL;
    struct json *before = NULL, *after = NULL;
    tw_status st = call_get(w->t, &m->info->resource, m->ns, m->name, &live, reterr);

    if (st == TW_ERR_SERVER && tw_error_code(*reterr) == 404) {
        tw_error_clear(reterr);
        st = TW_OK;
    }
    if (st == TW_OK)
        st = merge(w, m, live, &merged, reterr);
    if (st == TW_OK) {
        before = live != NULL ? json_copy(&arena, live->tree) : NULL;
        after = json_copy(&arena, merged->tree);
        if (strcmp(m->info->resource.kind, "Secret") == 0)
            mask(&arena, before, after);
        if (arena.failed || !write_side(w, &sides->live, m, before) ||
            !write_side(w, &sides->merged, m, after))
            st = tw_fail(reterr, TW_ERR_ARGUMENT, "nothing to compare");
    }
    tw_object_unref(live);
    tw_object_unref(merged);
    arena_release(&arena);
    return st;
}

static int compare(const struct sides *sides)
{
    const char *command = getenv("KUBECTL_EXTERNAL_DIFF");
    const char *folders[] = {sides->live.data, sides->merged.data};

    if (command == NULL || *command == '\0')
        command = "diff -u -N";
    return tempfile_run(command, folders, ARRAY_LEN(folders));
}

static int diff_all(struct writes *w, const struct sides *sides)
{
    int rc = 0;

    w->t->dry_run = DRY_RUN_SERVER;
    for (size_t i = 0; i < w->files.count && rc == 0; i++) {
        tw_error *error = NULL;

        if (write_both(w, sides, &w->files.items[i], &error) != TW_OK) {
            tidectl_fail(error);
            rc = DIFF_ERROR;
        }
    }
    if (rc == 0)
        rc = compare(sides);
    return rc < 0 ? DIFF_ERROR : rc;
}

int tidectl_diff(struct tidectl *t)
{
    struct writes w = {.t = t};
    struct sides sides = {.live = {0}};
    int rc = DIFF_ERROR;

    if (manifests_read(t, &w.files) && tempfile_folder("LIVE-", &sides.live) &&
        tempfile_folder("MERGED-", &sides.merged))
        rc = diff_all(&w, &sides);
    if (sides.live.len != 0)
        tempfile_remove_folder(sides.live.data);
    if (sides.merged.len != 0)
        tempfile_remove_folder(sides.merged.data);
    manifests_release(&w.files);
    buf_release(&sides.live);
    buf_release(&sides.merged);
    return rc;
}
