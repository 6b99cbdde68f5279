#include "client-go-like/tidectl/get.h"

#include <stdlib.h>

static bool add_target(struct get *g, const char *resource, const char *name)
{
    tw_error *error = NULL;
    struct target *targets = realloc(g->targets, (g->count + 1) * sizeof(*targets));

    if (targets == NULL)
        return tidectl_say("out of memory") == 0;
    g->targets = targets;
    if (tw_discovery_find(g->t->discovery, resource, &targets[g->count].info, &error) != TW_OK)
        return tidectl_fail(error) == 0;
    targets[g->count++].name = name;
    return true;
}

/* `all` and other categories: every listable type that belongs to one. False if there is none. */
static bool add_category(struct get *g, const char *category, bool *ret_ok)
{
    size_t before = g->count;

    *ret_ok = true;
    if (tw_discovery_load(g->t->discovery, NULL) != TW_OK)
        return false;
    for (size_t i = 0; i < tw_discovery_count(g->t->discovery) && *ret_ok; i++) {
        const tw_resource_info *info = tw_discovery_at(g->t->discovery, i);
        struct buf full = {0};

        for (const char *const *it = info->categories; *it != NULL; it++) {
            if (strcmp(*it, category) != 0)
                continue;
            buf_appendf(&full, "%s.%s.%s", info->resource.resource, info->resource.version,
                        info->resource.group);
            buf_append_char(&full, '\0');
            *ret_ok = !full.failed && add_target(g, full.data, NULL);
            break;
        }
        buf_release(&full);
    }
    return g->count != before;
}

/* One word of RESOURCE[,RESOURCE..]. */
static bool add_resource(struct get *g, const char *resource, const char *name)
{
    const tw_resource_info *info;
    bool ok;

    if (name == NULL &&
        tw_discovery_find(g->t->discovery, resource, &info, NULL) == TW_ERR_NO_MATCH &&
        add_category(g, resource, &ok))
        return ok;
    return add_target(g, resource, name);
}

static bool has_pairs(const struct flags *f)
{
    for (size_t i = 0; i < f->word_count; i++)
        if (strchr(f->words[i], '/') != NULL)
            return true;
    return false;
}

/* RESOURCE/NAME.. */
static bool add_pairs(struct get *g)
{
    for (size_t i = 0; i < g->t->flags.word_count; i++) {
        char *word = (char *)(uintptr_t)g->t->flags.words[i]; /* argv, which is ours to cut */
        char *slash = strchr(word, '/');

        if (slash == NULL)
            return tidectl_say("there is no need to specify a resource type as a separate argument "
                               "when passing arguments in resource/name form (e.g. 'tidectl get "
                               "resource/<resource_name>' instead of 'tidectl get resource "
                               "resource/<resource_name>'") == 0;
        *slash = '\0';
        if (!add_target(g, word, slash + 1))
            return false;
    }
    return true;
}

/* RESOURCE[,RESOURCE..] [NAME..] */
static bool add_words(struct get *g)
{
    const struct flags *f = &g->t->flags;
    char *rest = (char *)(uintptr_t)f->words[0];

    for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
        if (f->word_count == 1 && !add_resource(g, word, NULL))
            return false;
        for (size_t i = 1; i < f->word_count; i++)
            if (!add_resource(g, word, f->words[i]))
                return false;
    }
    return true;
}

static bool check_targets(const struct get *g)
{
    const struct flags *f = &g->t->flags;

    for (size_t i = 0; i < g->count; i++) {
        if (g->targets[i].name == NULL)
            continue;
        if (f->selector != NULL)
            return tidectl_say("name cannot be provided when a selector is specified") == 0;
        if (f->all_namespaces && g->targets[i].info->resource.namespaced)
            return tidectl_say("a resource cannot be retrieved by name across all namespaces") == 0;
    }
    return true;
}

bool get_targets(struct get *g)
{
    return (has_pairs(&g->t->flags) ? add_pairs(g) : add_words(g)) && check_targets(g);
}
