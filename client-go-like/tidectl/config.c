#include <stdio.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/kubeconfig_file.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/tabs.h"

/* config: KC cmd/config. */

/* The context that counts: --context, or the current one. */
static struct bytes current_of(const struct tidectl *t, const struct json *merged)
{
    return t->flags.context != NULL ? bytes_str(t->flags.context)
                                    : json_get_text(merged, "current-context");
}

/* ---- view ---- */

static void redact(struct arena *arena, struct json *merged)
{
    static const struct {
        const char *list, *member, *key, *shown;
    } secrets[] = {
        {"clusters", "cluster", "certificate-authority-data", "DATA+OMITTED"},
        {"users", "user", "client-certificate-data", "DATA+OMITTED"},
        {"users", "user", "client-key-data", "DATA+OMITTED"},
        {"users", "user", "token", "REDACTED"},
        {"users", "user", "password", "REDACTED"},
    };

    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        json_each(json_get(merged, bytes_str(secrets[i].list)), it) {
            struct json *member = json_get(it, bytes_str(secrets[i].member));

            if (json_get(member, bytes_str(secrets[i].key)) != NULL)
                json_set_text(arena, member, secrets[i].key, bytes_str(secrets[i].shown));
        }
}

/* Only what one context uses. */
static bool minify(const struct tidectl *t, struct arena *arena, struct json *merged)
{
    static const struct {
        const char *list, *member;
    } lists[] = {{"contexts", NULL}, {"clusters", "cluster"}, {"users", "user"}};
    struct bytes name = current_of(t, merged);
    const struct json *context = kubeconfig_entry(merged, "contexts", name);
    const struct json *inner = json_get(context, BYTES("context"));

    if (name.len == 0)
        return tidectl_say("current-context must exist in order to minify") == 0;
    if (context == NULL)
        return tidectl_say("cannot locate context %.*s", BYTES_FMT(name)) == 0;
    json_set_text(arena, merged, "current-context", name);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct bytes wanted =
            lists[i].member == NULL ? name : json_get_text(inner, lists[i].member);
        struct json *entry = kubeconfig_entry(merged, lists[i].list, wanted);
        struct json *only = json_new_array(arena);

        json_append(only, entry != NULL ? json_copy(arena, entry) : NULL);
        if (lists[i].member == NULL) /* `context` and `inner` stand in what is replaced */
            inner = json_get(only->first, BYTES("context"));
        json_set(merged, bytes_str(lists[i].list), entry != NULL ? only : json_new_null(arena));
    }
    return true;
}

int tidectl_config_view(struct tidectl *t)
{
    struct kubeconfig_files files = {.count = 0};
    struct output output = {.form = OUTPUT_TABLE};
    struct buf out = {0};
    struct json *merged = NULL;
    bool ok = output_begin(&output, &t->flags, OUTPUTS_OBJECTS & ~(1u << OUTPUT_NAME)) &&
              kubeconfig_files_read(t, &files);

    if (ok && (merged = kubeconfig_files_merge(&files)) == NULL)
        ok = tidectl_say_no_memory() == 0;
    if (ok && t->flags.minify)
        ok = minify(t, &files.arena, merged);
    if (ok && !t->flags.show_raw)
        redact(&files.arena, merged);
    if (output.form == OUTPUT_TABLE)
        output.form = OUTPUT_YAML;
    if (ok)
        ok = output_object(&output, NULL, merged, &out);
    output_release(&output);
    kubeconfig_files_release(&files);
    return tidectl_finish(&out, ok ? 0 : EXIT_FAILED);
}

/* ---- contexts ---- */

int tidectl_config_current_context(struct tidectl *t)
{
    struct kubeconfig_files files = {.count = 0};
    struct buf out = {0};
    struct bytes name = {0};
    int rc = EXIT_FAILED;

    if (kubeconfig_files_read(t, &files))
        name = json_get_text(kubeconfig_files_merge(&files), "current-context");
    if (name.len != 0) {
        buf_appendf(&out, "%.*s\n", BYTES_FMT(name));
        rc = tidectl_finish(&out, 0);
    } else {
        tidectl_say("current-context is not set");
    }
    kubeconfig_files_release(&files);
    return rc;
}

static void append_context(const struct tidectl *t, struct buf *out, const struct json *entry,
                           struct bytes current)
{
    struct bytes name = json_get_text(entry, "name");
    const struct json *context = json_get(entry, BYTES("context"));

    if (t->flags.output != NULL)
        buf_appendf(out, "%.*s\n", BYTES_FMT(name));
    else
        buf_appendf(out, "%s\t%.*s\t%.*s\t%.*s\t%.*s\n", bytes_eq(name, current) ? "*" : "",
                    BYTES_FMT(name), BYTES_FMT(json_get_text(context, "cluster")),
                    BYTES_FMT(json_get_text(context, "user")),
                    BYTES_FMT(json_get_text(context, "namespace")));
}

int tidectl_config_get_contexts(struct tidectl *t)
{
    const struct flags *f = &t->flags;
    struct kubeconfig_files files = {.count = 0};
    struct tabs tabs = {.text = {0}};
    struct buf out = {0};
    const struct json *merged = NULL;
    int rc = EXIT_FAILED;

    if (f->output != NULL && strcmp(f->output, "name") != 0)
        return tidectl_say("output must be one of '' or 'name': %s", f->output);
    if (kubeconfig_files_read(t, &files) && (merged = kubeconfig_files_merge(&files)) != NULL)
        rc = 0;
    if (!f->no_headers && f->output == NULL)
        buf_append_str(&tabs.text, "CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    if (rc == 0 && f->word_count == 0)
        json_each(json_get(merged, BYTES("contexts")), it) {
            append_context(t, &tabs.text, it, current_of(t, merged));
        }
    for (size_t i = 0; i < f->word_count && rc == 0; i++) {
        const struct json *it = kubeconfig_entry(merged, "contexts", bytes_str(f->words[i]));

        if (it != NULL)
            append_context(t, &tabs.text, it, current_of(t, merged));
        else
            rc = tidectl_say("context %s not found", f->words[i]);
    }
    tabs_flush(&tabs, &out);
    tabs_release(&tabs);
    kubeconfig_files_release(&files);
    return tidectl_finish(&out, rc);
}

/* ---- changing ---- */

/* The file that says which context is current, else the first. */
static size_t file_of_current(const struct kubeconfig_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        if (json_get_text(files->files[i].tree, "current-context").len != 0)
            return i;
    return 0;
}

int tidectl_config_use_context(struct tidectl *t)
{
    struct kubeconfig_files files = {.count = 0};
    struct json *merged = NULL;
    struct bytes name;
    int rc = EXIT_FAILED;

    if (t->flags.word_count != 1)
        return tidectl_say("unexpected args: config use-context takes one NAME");
    name = bytes_str(t->flags.words[0]);
    if (kubeconfig_files_read(t, &files))
        merged = kubeconfig_files_merge(&files);
    if (merged != NULL && kubeconfig_entry(merged, "contexts", name) == NULL) {
        tidectl_say("no context exists with the name: \"%.*s\"", BYTES_FMT(name));
    } else if (merged != NULL) {
        size_t at = file_of_current(&files);

        json_set_text(&files.arena, files.files[at].tree, "current-context", name);
        if (kubeconfig_files_write(&files, at))
            rc = printf("Switched to context \"%.*s\".\n", BYTES_FMT(name)) > 0 ? 0 : EXIT_FAILED;
    }
    kubeconfig_files_release(&files);
    return rc;
}

/* Sets what the flags say in the context `name`, made if need be in the first file. */
static bool set_context(const struct tidectl *t, struct kubeconfig_files *files, struct bytes name,
                        bool *ret_made)
{
    const struct flags *f = &t->flags;
    const struct {
        const char *key, *value;
    } members[] = {{"cluster", f->cluster}, {"user", f->user}, {"namespace", f->ns}};
    struct json *entry = NULL, *context;
    size_t at = 0;

    for (size_t i = 0; i < files->count && entry == NULL; i++)
        if ((entry = kubeconfig_entry(files->files[i].tree, "contexts", name)) != NULL)
            at = i;
    *ret_made = entry == NULL;
    if (entry == NULL) {
        struct json *list = json_get(files->files[at].tree, BYTES("contexts"));

        if (!json_is(list, JSON_ARRAY))
            list =
                json_set(files->files[at].tree, BYTES("contexts"), json_new_array(&files->arena));
        entry = json_append(list, json_new_object(&files->arena));
        json_set_text(&files->arena, entry, "name", name);
    }
    context = json_ensure_object(&files->arena, entry, "context");
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i].value != NULL)
            json_set_text(&files->arena, context, members[i].key, bytes_str(members[i].value));
    return kubeconfig_files_write(files, at);
}

int tidectl_config_set_context(struct tidectl *t)
{
    struct kubeconfig_files files = {.count = 0};
    struct bytes name = {0};
    bool made = false;
    int rc = EXIT_FAILED;

    if ((t->flags.word_count == 1) == t->flags.current || t->flags.word_count > 1)
        return tidectl_say("config set-context takes a NAME or --current");
    if (kubeconfig_files_read(t, &files))
        name = t->flags.current ? json_get_text(kubeconfig_files_merge(&files), "current-context")
                                : bytes_str(t->flags.words[0]);
    if (name.len == 0)
        tidectl_say("no current context is set");
    else if (set_context(t, &files, name, &made))
        rc = printf("Context \"%.*s\" %s.\n", BYTES_FMT(name), made ? "created" : "modified") > 0
                 ? 0
                 : EXIT_FAILED;
    kubeconfig_files_release(&files);
    return rc;
}
