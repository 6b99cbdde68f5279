#include <stdio.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/targets.h"
#include "codec/patch.h"
#include "codec/yaml.h"

struct patching {
    struct tidectl *t;
    struct output output;
    struct buf body;
    const char *content_type;
};

static const struct {
    const char *name, *content_type;
} types[] = {
    {"strategic", "application/strategic-merge-patch+json"},
    {"merge", "application/merge-patch+json"},
    {"json", "application/json-patch+json"},
};

static bool read_type(struct patching *p)
{
    const char *name = p->t->flags.patch_type != NULL ? p->t->flags.patch_type : "strategic";

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (strcmp(types[i].name, name) == 0)
            p->content_type = types[i].content_type;
    return p->content_type != NULL ||
           tidectl_say("--type must be one of [json merge strategic], not \"%s\"", name) == 0;
}

/* YAML or JSON; sent as JSON. */
static bool read_patch(struct patching *p)
{
    const struct flags *f = &p->t->flags;
    struct arena arena = {0};
    struct buf file = {0};
    struct json *tree = NULL;
    struct error error = {0};
    bool ok = true;

    if ((f->patch == NULL) == (f->patch_file == NULL))
        return tidectl_say(f->patch == NULL
                               ? "must specify --patch or --patch-file containing the "
                                 "contents of the patch"
                               : "cannot specify --patch and --patch-file together") == 0;
    if (f->patch_file != NULL)
        ok = output_read_file(f->patch_file, &file);
    else
        buf_append_str(&file, f->patch);
    if (ok && json_parse(&arena, buf_bytes(&file), &tree, NULL, NULL) != STATUS_OK &&
        yaml_parse(&arena, buf_bytes(&file), &tree, &error) != STATUS_OK)
        ok = tidectl_say("unable to parse \"%.*s\": %s", BYTES_FMT(buf_bytes(&file)),
                         error_message(&error)) == 0;
    if (ok)
        json_write(&p->body, tree, false);
    error_release(&error);
    buf_release(&file);
    arena_release(&arena);
    return ok;
}

/* Like kubectl, not strategically: the client does not know the merge keys of every type. */
static tw_status patch_locally(struct patching *p, const tw_object *current, struct json **ret_tree,
                               struct arena *arena, tw_error **reterr)
{
    struct json *patch = NULL;
    struct error error = {0};

    *ret_tree = json_copy(arena, current->tree);
    if (json_parse(arena, buf_bytes(&p->body), &patch, NULL, &error) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_ARGUMENT, "patch", &error);
    if (strcmp(p->content_type, types[2].content_type) != 0)
        *ret_tree = json_merge_patch_apply(arena, *ret_tree, patch);
    else if (json_patch_apply(arena, ret_tree, patch, &error) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_ARGUMENT, "patch", &error);
    return arena->failed ? tw_fail_no_memory(reterr) : TW_OK;
}

static tw_status patch_one(struct patching *p, const struct target *target, tw_error **reterr)
{
    const struct call call = {.method = "PATCH",
                              .resource = &target->info->resource,
                              .ns = target->ns,
                              .name = target->name,
                              .subresource = p->t->flags.subresource,
                              .content_type = p->content_type,
                              .body = buf_bytes(&p->body),
                              .manager = "kubectl-patch"};
    struct arena arena = {0};
    struct json *tree = NULL;
    tw_object *before = NULL, *after = NULL;
    tw_status st =
        call_get(p->t, &target->info->resource, target->ns, target->name, &before, reterr);

    if (st == TW_OK && p->t->dry_run == DRY_RUN_CLIENT)
        st = patch_locally(p, before, &tree, &arena, reterr);
    else if (st == TW_OK)
        st = call_object(p->t, &call, &after, reterr);
    if (after != NULL)
        tree = after->tree;
    if (st == TW_OK &&
        !output_done(p->t, &p->output, &target->info->resource, tree,
                     json_equal(tree, before->tree) ? "patched (no change)" : "patched"))
        st = tw_fail(reterr, TW_ERR_ARGUMENT, "nothing could be printed");
    tw_object_unref(before);
    tw_object_unref(after);
    arena_release(&arena);
    return st;
}

int tidectl_patch(struct tidectl *t)
{
    struct patching p = {.t = t};
    struct targets targets = {.count = 0};
    int rc = EXIT_FAILED;

    if (read_type(&p) && read_patch(&p) && output_begin(&p.output, &t->flags, OUTPUTS_OBJECTS) &&
        targets_find_objects(t, &targets))
        rc = 0;
    for (size_t i = 0; i < targets.count && rc == 0; i++) {
        tw_error *error = NULL;

        if (patch_one(&p, &targets.items[i], &error) != TW_OK)
            rc = tidectl_fail(error);
    }
    targets_release(&targets);
    output_release(&p.output);
    buf_release(&p.body);
    return rc;
}
