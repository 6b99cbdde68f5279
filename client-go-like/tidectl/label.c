#include <stdio.h>

#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/request.h"
#include "client-go-like/tidectl/targets.h"

/* label and annotate: KC cmd/label/label.go, cmd/annotate/annotate.go. */

static const struct marks {
    const char *member, *word, *manager;
} labels = {"labels", "label", "kubectl-label"},
  annotations = {"annotations", "annotation", "kubectl-annotate"};

struct marking {
    struct tidectl *t;
    const struct marks *marks;
    const char *const *changes; /* "key=value" and "key-" */
    size_t change_count;
    struct output output;
};

static bool is_change(const char *word)
{
    size_t len = strlen(word);

    return strchr(word, '=') != NULL || (len > 1 && word[len - 1] == '-');
}

/* The words from the first change on are changes; the others say of what. */
static bool split_words(struct marking *m)
{
    struct flags *f = &m->t->flags;
    size_t at = 0;

    while (at < f->word_count && !is_change(f->words[at]))
        at++;
    m->changes = f->words + at;
    m->change_count = f->word_count - at;
    f->word_count = at;
    for (size_t i = 0; i < m->change_count; i++)
        if (!is_change(m->changes[i]))
            return tidectl_say("all resources must be specified before %s changes: %s",
                               m->marks->word, m->changes[i]) == 0;
    return m->change_count != 0 || f->list ||
           tidectl_say("at least one %s update is required", m->marks->word) == 0;
}

/* Cuts a change; a removal has no value. */
static struct bytes change_key(const char *change, struct bytes *ret_value)
{
    struct bytes rest = bytes_str(change), key = bytes_cut(&rest, '=');

    *ret_value = rest;
    return rest.ptr != NULL ? key : bytes_of(change, strlen(change) - 1);
}

static int list_marks(const struct marking *m, const struct target *target, const tw_object *object,
                      bool one)
{
    const tw_resource *r = &target->info->resource;
    struct buf out = {0};

    if (!one)
        buf_appendf(&out, "Listing %s for %s.%s/%s:\n", m->marks->member, r->kind, r->group,
                    target->name);
    json_each(json_at(object->tree, "metadata", m->marks->member, NULL), it) {
        buf_appendf(&out, "%s%.*s=%.*s\n", one ? "" : " ", BYTES_FMT(it->key),
                    BYTES_FMT(json_text(it)));
    }
    return tidectl_finish(&out, 0);
}

/* Without --overwrite nothing that is there gets another value. */
static bool check_overwrite(const struct marking *m, const struct json *old)
{
    bool ok = true;

    for (size_t i = 0; i < m->change_count && !m->t->flags.overwrite; i++) {
        struct bytes value, key = change_key(m->changes[i], &value);
        const struct json *there = json_get(old, key);

        if (value.ptr == NULL || there == NULL || bytes_eq(json_text(there), value))
            continue;
        tidectl_say(m->marks == &labels
                        ? "'%.*s' already has a value (%.*s), and --overwrite is false"
                        : "--overwrite is false but found the following declared annotation(s): "
                          "'%.*s' already has a value (%.*s)",
                    BYTES_FMT(key), BYTES_FMT(json_text(there)));
        ok = false;
    }
    return ok;
}

/* Changes `tree` and fills `patch`, the marks of a merge patch. */
static void make_changes(const struct marking *m, struct arena *arena, struct json *tree,
                         struct json *patch)
{
    struct json *metadata = json_ensure_object(arena, tree, "metadata");
    struct json *marks = json_ensure_object(arena, metadata, m->marks->member);

    for (size_t i = 0; i < m->change_count; i++) {
        struct bytes value, key = change_key(m->changes[i], &value);
        struct json *there = json_get(marks, key);

        if (value.ptr == NULL && there == NULL && m->marks == &labels) {
            printf("label \"%.*s\" not found.\n", BYTES_FMT(key));
        } else if (value.ptr == NULL && there != NULL) {
            json_remove(marks, key);
            json_set(patch, key, json_new_null(arena));
        } else if (value.ptr != NULL && (there == NULL || !bytes_eq(json_text(there), value))) {
            json_set(marks, key, json_new_string(arena, value));
            json_set(patch, key, json_new_string(arena, value));
        }
    }
}

/* kubectl tells a removal by the object having become shorter. */
static const char *label_message(const struct marking *m, const struct json *before,
                                 const struct json *after)
{
    struct buf old = {0}, now = {0};
    const char *message = "labeled";

    json_write(&old, before, false);
    json_write(&now, after, false);
    if (bytes_eq(buf_bytes(&old), buf_bytes(&now)))
        message = "not labeled";
    else if (!m->t->flags.overwrite && now.len < old.len)
        message = "unlabeled";
    buf_release(&old);
    buf_release(&now);
    return message;
}

static tw_status send_patch(const struct marking *m, const struct target *target,
                            struct arena *arena, struct json *marks, tw_object **ret_object,
                            tw_error **reterr)
{
    struct json *patch = json_new_object(arena);
    struct json *metadata = json_ensure_object(arena, patch, "metadata");
    struct call call = {.method = "PATCH",
                        .resource = &target->info->resource,
                        .ns = target->ns,
                        .name = target->name,
                        .content_type = "application/merge-patch+json",
                        .manager = m->marks->manager};
    struct buf body = {0};
    tw_status st;

    json_set(metadata, bytes_str(m->marks->member), marks);
    if (m->t->flags.resource_version != NULL)
        json_set_text(arena, metadata, "resourceVersion", bytes_str(m->t->flags.resource_version));
    json_write(&body, patch, false);
    call.body = buf_bytes(&body);
    st = body.failed || arena->failed ? tw_fail_no_memory(reterr)
                                      : call_object(m->t, &call, ret_object, reterr);
    buf_release(&body);
    return st;
}

static int mark_object(struct marking *m, const struct target *target, const tw_object *object)
{
    struct arena arena = {0};
    struct json *tree = json_copy(&arena, object->tree), *patch = json_new_object(&arena);
    tw_object *changed = NULL;
    tw_error *error = NULL;
    int rc = 0;

    if (!check_overwrite(m, json_at(object->tree, "metadata", m->marks->member, NULL))) {
        arena_release(&arena);
        return EXIT_FAILED;
    }
    make_changes(m, &arena, tree, patch);
    if (arena.failed)
        rc = tidectl_say_no_memory();
    else if (m->t->dry_run != DRY_RUN_CLIENT &&
             (patch->count != 0 || m->t->flags.resource_version != NULL) &&
             send_patch(m, target, &arena, patch, &changed, &error) != TW_OK)
        rc = tidectl_fail(error);
    if (rc == 0 &&
        !output_done(m->t, &m->output, &target->info->resource,
                     changed != NULL ? changed->tree : tree,
                     m->marks == &labels ? label_message(m, object->tree, tree) : "annotated"))
        rc = EXIT_FAILED;
    tw_object_unref(changed);
    arena_release(&arena);
    return rc;
}

static int mark_one(struct marking *m, const struct target *target, bool one)
{
    tw_object *object = target->object != NULL ? tw_object_ref(target->object) : NULL;
    tw_error *error = NULL;
    int rc;

    if (object == NULL &&
        call_get(m->t, &target->info->resource, target->ns, target->name, &object, &error) != TW_OK)
        return tidectl_fail(error);
    rc = m->t->flags.list ? list_marks(m, target, object, one) : 0;
    if (m->change_count != 0)
        rc |= mark_object(m, target, object);
    tw_object_unref(object);
    return rc;
}

static int mark(struct tidectl *t, const struct marks *marks)
{
    struct marking m = {.t = t, .marks = marks};
    struct targets targets = {.count = 0};
    int rc = EXIT_FAILED;

    if (split_words(&m) && output_begin(&m.output, &t->flags, OUTPUTS_OBJECTS) &&
        targets_find_objects(t, &targets))
        rc = 0;
    for (size_t i = 0; i < targets.count && rc == 0; i++)
        rc = mark_one(&m, &targets.items[i], targets.count == 1);
    targets_release(&targets);
    output_release(&m.output);
    return rc;
}

int tidectl_label(struct tidectl *t)
{
    return mark(t, &labels);
}

int tidectl_annotate(struct tidectl *t)
{
    return mark(t, &annotations);
}
