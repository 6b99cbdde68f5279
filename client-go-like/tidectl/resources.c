#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/rest/path.h"
#include "client-go-like/tidectl/commands.h"
#include "client-go-like/tidectl/tabs.h"

static void append_joined(struct buf *out, const char *const *texts)
{
    for (size_t i = 0; texts[i] != NULL; i++)
        buf_appendf(out, "%s%s", i != 0 ? "," : "", texts[i]);
}

static int by_group_and_name(const void *a, const void *b)
{
    const tw_resource *x = &(*(const tw_resource_info *const *)a)->resource;
    const tw_resource *y = &(*(const tw_resource_info *const *)b)->resource;
    int order = strcmp(x->group, y->group);

    return order != 0 ? order : strcmp(x->resource, y->resource);
}

static int by_name(const void *a, const void *b)
{
    const tw_resource *x = &(*(const tw_resource_info *const *)a)->resource;
    const tw_resource *y = &(*(const tw_resource_info *const *)b)->resource;

    return strcmp(x->resource, y->resource);
}

static int by_kind(const void *a, const void *b)
{
    const tw_resource *x = &(*(const tw_resource_info *const *)a)->resource;
    const tw_resource *y = &(*(const tw_resource_info *const *)b)->resource;

    return strcmp(x->kind, y->kind);
}

static const struct {
    const char *word;
    int (*compare)(const void *a, const void *b);
} orders[] = {{"", by_group_and_name}, {"name", by_name}, {"kind", by_kind}};

/* Only the preferred version of a group is shown: the first one that discovery names. */
static bool is_preferred(const tw_discovery *d, const tw_resource_info *info)
{
    for (size_t i = 0;; i++) {
        const tw_resource_info *other = tw_discovery_at(d, i);

        if (other == info)
            return true;
        if (strcmp(other->resource.group, info->resource.group) == 0 &&
            strcmp(other->resource.resource, info->resource.resource) == 0)
            return false;
    }
}

static bool has(const char *const *texts, const char *text)
{
    for (; *texts != NULL; texts++)
        if (strcmp(*texts, text) == 0)
            return true;
    return false;
}

static bool is_wanted(const struct tidectl *t, const tw_resource_info *info)
{
    const struct flags *f = &t->flags;

    if (info->verbs[0] == NULL || !is_preferred(t->discovery, info))
        return false;
    if (f->api_group != NULL && strcmp(f->api_group, info->resource.group) != 0)
        return false;
    for (size_t i = 0; i < f->verbs.count; i++)
        if (!has(info->verbs, f->verbs.items[i]))
            return false;
    if (f->categories != NULL && !has(info->categories, f->categories))
        return false;
    return f->namespaced == NULL ||
           (strcmp(f->namespaced, "false") != 0) == info->resource.namespaced;
}

static void append_row(const struct flags *f, const tw_resource_info *info, struct buf *out)
{
    const tw_resource *r = &info->resource;

    if (f->output != NULL && strcmp(f->output, "name") == 0) {
        buf_appendf(out, "%s%s%s\n", r->resource, *r->group != '\0' ? "." : "", r->group);
        return;
    }
    buf_appendf(out, "%s\t", r->resource);
    append_joined(out, info->short_names);
    buf_append_char(out, '\t');
    path_api_version(out, r);
    buf_appendf(out, "\t%s\t%s", r->namespaced ? "true" : "false", r->kind);
    if (f->output != NULL) {
        buf_append_char(out, '\t');
        append_joined(out, info->verbs);
        buf_append_char(out, '\t');
        append_joined(out, info->categories);
    }
    buf_append_char(out, '\n');
}

/* Those that are asked for, in their order. NULL without memory; the caller's to free. */
static const tw_resource_info **
gather(const struct tidectl *t, int (*compare)(const void *a, const void *b), size_t *ret_count)
{
    const tw_resource_info **infos = calloc(tw_discovery_count(t->discovery) + 1, sizeof(*infos));

    *ret_count = 0;
    for (size_t i = 0; i < tw_discovery_count(t->discovery) && infos != NULL; i++)
        if (is_wanted(t, tw_discovery_at(t->discovery, i)))
            infos[(*ret_count)++] = tw_discovery_at(t->discovery, i);
    if (infos != NULL)
        qsort(infos, *ret_count, sizeof(*infos), compare);
    return infos;
}

int tidectl_api_resources(struct tidectl *t)
{
    const struct flags *f = &t->flags;
    bool names = f->output != NULL && strcmp(f->output, "name") == 0;
    const char *order = f->sort_by != NULL ? f->sort_by : "";
    struct tabs tabs = {.text = {0}};
    struct buf out = {0};
    const tw_resource_info **infos;
    tw_error *error = NULL;
    size_t count = 0, by = 0;

    while (by < ARRAY_LEN(orders) && strcmp(order, orders[by].word) != 0)
        by++;
    if (by == ARRAY_LEN(orders))
        return tidectl_say("--sort-by accepts only name or kind");
    if (f->output != NULL && !names && strcmp(f->output, "wide") != 0)
        return tidectl_say("--output %s is not available", f->output);
    if (tw_discovery_load(t->discovery, &error) != TW_OK)
        return tidectl_fail(error);
    infos = gather(t, orders[by].compare, &count);
    if (infos == NULL)
        return tidectl_say_no_memory();
    if (!f->no_headers && !names)
        buf_appendf(&tabs.text, "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND%s\n",
                    f->output != NULL ? "\tVERBS\tCATEGORIES" : "");
    for (size_t i = 0; i < count; i++)
        append_row(f, infos[i], &tabs.text);
    tabs_flush(&tabs, &out);
    free(infos);
    tabs_release(&tabs);
    return tidectl_finish(&out, 0);
}
