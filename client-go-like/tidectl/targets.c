#include "client-go-like/tidectl/targets.h"

#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/tidectl/request.h"

static struct target *grow(struct targets *ts)
{
    struct target *items = realloc(ts->items, (ts->count + 1) * sizeof(*items));

    if (items == NULL) {
        tidectl_say_no_memory();
        return NULL;
    }
    ts->items = items;
    items[ts->count] = (struct target){.name = NULL};
    return &items[ts->count++];
}

static bool add_target(struct tidectl *t, struct targets *ts, const char *resource,
                       const char *name)
{
    const tw_resource_info *info = NULL;
    tw_error *error = NULL;
    struct target *target;

    if (tw_discovery_find(t->discovery, resource, &info, &error) != TW_OK)
        return tidectl_fail(error) == 0;
    target = grow(ts);
    if (target == NULL)
        return false;
    target->info = info;
    target->ns = info->resource.namespaced ? t->ns : NULL;
    target->name = name;
    return true;
}

/* `all` and other categories: every listable type that belongs to one. False if there is none. */
static bool add_category(struct tidectl *t, struct targets *ts, const char *category, bool *ret_ok)
{
    size_t before = ts->count;

    *ret_ok = true;
    if (tw_discovery_load(t->discovery, NULL) != TW_OK)
        return false;
    for (size_t i = 0; i < tw_discovery_count(t->discovery) && *ret_ok; i++) {
        const tw_resource_info *info = tw_discovery_at(t->discovery, i);
        struct buf full = {0};

        for (const char *const *it = info->categories; *it != NULL; it++) {
            if (strcmp(*it, category) != 0)
                continue;
            buf_appendf(&full, "%s.%s.%s", info->resource.resource, info->resource.version,
                        info->resource.group);
            buf_append_char(&full, '\0');
            *ret_ok = !full.failed && add_target(t, ts, full.data, NULL);
            break;
        }
        buf_release(&full);
    }
    return ts->count != before;
}

/* One word of RESOURCE[,RESOURCE..]. */
static bool add_resource(struct tidectl *t, struct targets *ts, const char *resource,
                         const char *name)
{
    const tw_resource_info *info;
    bool ok;

    if (name == NULL && tw_discovery_find(t->discovery, resource, &info, NULL) == TW_ERR_NO_MATCH &&
        add_category(t, ts, resource, &ok))
        return ok;
    return add_target(t, ts, resource, name);
}

static bool has_pairs(const struct flags *f)
{
    for (size_t i = 0; i < f->word_count; i++)
        if (strchr(f->words[i], '/') != NULL)
            return true;
    return false;
}

/* RESOURCE/NAME.. */
static bool add_pairs(struct tidectl *t, struct targets *ts)
{
    for (size_t i = 0; i < t->flags.word_count; i++) {
        char *word = (char *)(uintptr_t)t->flags.words[i]; /* argv, which is ours to cut */
        char *slash = strchr(word, '/');

        if (slash == NULL)
            return tidectl_say("there is no need to specify a resource type as a separate argument "
                               "when passing arguments in resource/name form (e.g. 'tidectl get "
                               "resource/<resource_name>' instead of 'tidectl get resource "
                               "resource/<resource_name>'") == 0;
        *slash = '\0';
        if (!add_target(t, ts, word, slash + 1))
            return false;
    }
    return true;
}

/* RESOURCE[,RESOURCE..] [NAME..] */
static bool add_words(struct tidectl *t, struct targets *ts)
{
    const struct flags *f = &t->flags;
    char *rest = (char *)(uintptr_t)f->words[0];

    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        if (f->word_count == 1 && !add_resource(t, ts, word, NULL))
            return false;
        for (size_t i = 1; i < f->word_count; i++)
            if (!add_resource(t, ts, word, f->words[i]))
                return false;
    }
    return true;
}

static bool add_files(struct tidectl *t, struct targets *ts)
{
    bool ok = manifests_read(t, &ts->files);

    for (size_t i = 0; i < ts->files.count; i++) {
        const struct manifest *m = &ts->files.items[i];
        struct target *target = grow(ts);

        if (target == NULL)
            return false;
        *target = (struct target){m->info, m->ns, m->name, m->source, m->tree, NULL};
    }
    return ok;
}

static bool check_targets(struct tidectl *t, const struct targets *ts)
{
    const struct flags *f = &t->flags;

    for (size_t i = 0; i < ts->count; i++) {
        if (ts->items[i].name == NULL || ts->items[i].source != NULL)
            continue;
        if (f->selector != NULL || f->field_selector != NULL)
            return tidectl_say("name cannot be provided when a selector is specified") == 0;
        if (f->all_namespaces && ts->items[i].info->resource.namespaced)
            return tidectl_say("a resource cannot be retrieved by name across all namespaces") == 0;
        if (f->all)
            return tidectl_say("name cannot be provided when a selector is specified") == 0;
    }
    return true;
}

bool targets_find(struct tidectl *t, struct targets *ts)
{
    const struct flags *f = &t->flags;
    bool ok;

    if (f->files.count != 0)
        return add_files(t, ts);
    if (f->word_count == 0)
        return tidectl_say("You must provide one or more resources by argument or filename.") == 0;
    ok = has_pairs(f) ? add_pairs(t, ts) : add_words(t, ts);
    return ok && check_targets(t, ts);
}

void targets_release(struct targets *ts)
{
    for (size_t i = 0; i < ts->list_count; i++)
        tw_list_free(ts->lists[i]);
    free(ts->lists);
    free(ts->items);
    manifests_release(&ts->files);
}

/* ---- collections become objects ---- */

/* A list that is refused is told with what was asked for (CLI resource/selector.go). */
void targets_describe_list(const struct tidectl *t, const tw_resource *r, const tw_error *error,
                           struct buf *doing)
{
    const struct flags *f = &t->flags;
    int code = tw_error_code(error);

    if (code != 400 && code != 404)
        return;
    if (f->selector == NULL && f->field_selector == NULL)
        buf_appendf(doing, "Unable to list \"%s/%s, Resource=%s\": ", r->group, r->version,
                    r->resource);
    else
        buf_appendf(doing,
                    "Unable to find \"%s/%s, Resource=%s\" that match label selector \"%s\", "
                    "field selector \"%s\": ",
                    r->group, r->version, r->resource, f->selector != NULL ? f->selector : "",
                    f->field_selector != NULL ? f->field_selector : "");
}

static bool fail_list(const struct tidectl *t, const tw_resource *resource, tw_error *error)
{
    struct buf doing = {0};

    targets_describe_list(t, resource, error, &doing);
    buf_append_char(&doing, '\0');
    tidectl_fail_doing(error, doing.failed ? "" : doing.data);
    buf_release(&doing);
    return false;
}

static bool add_listed(struct targets *ts, const struct target *collection, tw_list *list)
{
    tw_list **lists = realloc(ts->lists, (ts->list_count + 1) * sizeof(*lists));

    if (lists == NULL) {
        tw_list_free(list);
        return tidectl_say_no_memory() == 0;
    }
    ts->lists = lists;
    lists[ts->list_count++] = list;
    for (size_t i = 0; i < tw_list_count(list); i++) {
        struct target *target = grow(ts);
        tw_object *object = tw_list_at(list, i);

        if (target == NULL)
            return false;
        target->info = collection->info;
        target->name = tw_object_name(object);
        target->ns = collection->info->resource.namespaced ? tw_object_namespace(object) : NULL;
        target->object = object;
    }
    return true;
}

bool targets_find_objects(struct tidectl *t, struct targets *ts)
{
    const struct flags *f = &t->flags;
    bool selects = f->selector != NULL || f->field_selector != NULL || f->all;
    struct targets found = {.count = 0};
    bool ok = targets_find(t, &found);

    for (size_t i = 0; i < found.count && ok; i++) {
        const struct target *target = &found.items[i];
        tw_list *list = NULL;
        tw_error *error = NULL;

        if (target->name != NULL) {
            struct target *copy = grow(ts);

            if ((ok = copy != NULL))
                *copy = *target;
        } else if (!selects) {
            ok = tidectl_say("resource(s) were provided, but no name was specified") == 0;
        } else if (call_list(t, &target->info->resource, target->ns, f->selector, f->field_selector,
                             &list, &error) != TW_OK) {
            ok = fail_list(t, &target->info->resource, error);
        } else {
            ok = add_listed(ts, target, list);
        }
    }
    ts->files = found.files;
    found.files = (struct manifests){.count = 0};
    targets_release(&found);
    return ok;
}
