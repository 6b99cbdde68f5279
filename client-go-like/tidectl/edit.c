#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client-go-like/merge3.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/targets.h"
#include "client-go-like/tidectl/tempfile.h"
#include "codec/yaml.h"

/* edit (KC cmd/util/editor): the object as YAML in the user's editor, as often as it takes until
 * the server likes what comes back. Several objects are edited one after the other. */

static const char header[] =
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n";

struct editing {
    struct tidectl *t;
    const struct target *target;
    const struct json *original;
    struct output output;
    struct arena arena;
    struct buf text; /* in the file when the editor begins */
    struct buf back; /* and when it has ended */
    struct buf path;
    struct buf why; /* what the last try came to: one line after the other */
};

static const char *editor(void)
{
    static const char *const names[] = {"KUBE_EDITOR", "EDITOR"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && *value != '\0')
            return value;
    }
    return "vi";
}

/* The text without comments and empty lines: what counts. */
static void strip_comments(struct bytes text, struct buf *out)
{
    while (text.len != 0) {
        struct bytes line = bytes_cut(&text, '\n');

        if (bytes_trim(line).len == 0 || line.ptr[0] == '#')
            continue;
        buf_append_bytes(out, line);
        buf_append_char(out, '\n');
    }
}

static void append_comment(struct buf *out, struct bytes why)
{
    while (why.len != 0) {
        struct bytes line = bytes_cut(&why, '\n');

        buf_appendf(out, "# %.*s\n", BYTES_FMT(line));
    }
    buf_append_str(out, "#\n");
}

/* Runs the editor on header, reasons and `body`, and reads what it left. */
static bool ask(struct editing *e, struct bytes body)
{
    const char *file;
    int rc;

    e->text.len = e->back.len = 0;
    buf_append_str(&e->text, header);
    if (e->why.len != 0)
        append_comment(&e->text, buf_bytes(&e->why));
    buf_append_bytes(&e->text, body);
    if (e->path.len == 0 ? !tempfile_new("tidectl-edit-", ".yaml", buf_bytes(&e->text), &e->path)
                         : !tempfile_write(e->path.data, buf_bytes(&e->text)))
        return false;
    file = e->path.data;
    rc = tempfile_run(editor(), &file, 1);
    if (rc != 0)
        return rc < 0 || tidectl_say("there was a problem with the editor \"%s\"", editor()) == 0;
    return output_read_file(file, &e->back);
}

static bool add_reason(struct editing *e, tw_error *error)
{
    const tw_resource *r = &e->target->info->resource;

    e->why.len = 0;
    buf_appendf(&e->why, "%s \"%s\" was not valid:\n* %s", r->resource, e->target->name,
                tw_error_message(error));
    return false;
}

/* Sends what was changed as a merge patch. False with the reason in `why`. */
static bool save(struct editing *e, const struct json *edited, bool *ret_fatal)
{
    struct json *patch = merge3(&e->arena, e->original, edited, e->original);
    struct call call = {.method = "PATCH",
                        .resource = &e->target->info->resource,
                        .ns = e->target->ns,
                        .name = e->target->name,
                        .subresource = e->t->flags.subresource,
                        .content_type = "application/merge-patch+json",
                        .manager = "kubectl-edit",
                        .strict = true};
    struct buf body = {0};
    tw_object *changed = NULL;
    tw_error *error = NULL;
    bool ok;

    *ret_fatal = patch == NULL;
    if (patch == NULL)
        return tidectl_say_no_memory() == 0;
    json_write(&body, patch, false);
    call.body = buf_bytes(&body);
    ok = call_object(e->t, &call, &changed, &error) == TW_OK;
    if (ok)
        *ret_fatal = !output_done(e->t, &e->output, call.resource, changed->tree, "edited");
    else
        add_reason(e, error);
    tw_error_free(error);
    tw_object_unref(changed);
    buf_release(&body);
    return ok;
}

static bool parse(struct editing *e, struct bytes text, struct json **ret_tree)
{
    struct error error = {0};
    bool ok = yaml_parse(&e->arena, arena_dup(&e->arena, text), ret_tree, &error) == STATUS_OK &&
              json_is(*ret_tree, JSON_OBJECT);

    if (!ok) {
        e->why.len = 0;
        buf_appendf(&e->why, "The edited file had a syntax error: %s",
                    error.message != NULL ? error_message(&error) : "it is no object");
    }
    error_release(&error);
    return ok;
}

static int give_up(const struct editing *e, const char *why)
{
    if (e->why.len != 0)
        fprintf(stderr, "%.*s\n", BYTES_FMT(buf_bytes(&e->why)));
    fprintf(stderr, "A copy of your changes has been stored to \"%s\"\n", e->path.data);
    return tidectl_say("%s", why);
}

/* Until it is saved, or the user changes nothing more. */
static int edit_until_saved(struct editing *e, struct bytes original)
{
    struct buf last = {0}, now = {0};
    int rc = -1;

    strip_comments(original, &last);
    for (bool first = true; rc < 0; first = false) {
        struct json *tree = NULL;
        bool fatal = false;

        if (!ask(e, first ? original : buf_bytes(&now))) {
            rc = EXIT_FAILED;
            break;
        }
        now.len = 0;
        strip_comments(buf_bytes(&e->back), &now);
        if (bytes_eq(buf_bytes(&now), buf_bytes(&last)) || now.len == 0) {
            rc = first || now.len == 0 ? 0
                                       : give_up(e, "Edit cancelled, no valid changes were saved.");
            if (rc == 0) {
                fputs(now.len == 0 ? "Edit cancelled, saved file was empty.\n"
                                   : "Edit cancelled, no changes made.\n",
                      stderr);
                unlink(e->path.data);
            }
        } else if (parse(e, buf_bytes(&now), &tree) && save(e, tree, &fatal)) {
            rc = fatal ? EXIT_FAILED : 0;
            unlink(e->path.data);
        } else if (fatal || e->why.len == 0) {
            rc = EXIT_FAILED;
        }
        last.len = 0;
        buf_append_bytes(&last, buf_bytes(&now));
    }
    buf_release(&last);
    buf_release(&now);
    return rc;
}

static int edit_one(struct tidectl *t, const struct target *target)
{
    struct editing e = {.t = t, .target = target};
    struct buf original = {0};
    tw_object *object = NULL;
    tw_error *error = NULL;
    struct json *tree;
    int rc;

    if (call_get(t, &target->info->resource, target->ns, target->name, &object, &error) != TW_OK)
        return tidectl_fail(error);
    e.original = tree = json_copy(&e.arena, object->tree);
    if (tree != NULL) {
        print_strip(tree);
        print_yaml(&original, tree);
    }
    rc = tree != NULL && !original.failed ? edit_until_saved(&e, buf_bytes(&original))
                                          : tidectl_say_no_memory();
    tw_object_unref(object);
    arena_release(&e.arena);
    buf_release(&original);
    buf_release(&e.text);
    buf_release(&e.back);
    buf_release(&e.path);
    buf_release(&e.why);
    return rc;
}

int tidectl_edit(struct tidectl *t)
{
    struct targets targets = {.count = 0};
    int rc = targets_find_objects(t, &targets) ? 0 : EXIT_FAILED;

    for (size_t i = 0; i < targets.count && rc == 0; i++)
        rc = edit_one(t, &targets.items[i]);
    targets_release(&targets);
    return rc;
}
