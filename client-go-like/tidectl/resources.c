#include <stdio.h>
#include <stdlib.h>

#include "client-go-like/rest/path.h"
#include "client-go-like/tidectl/tabs.h"
#include "client-go-like/tidectl/tidectl.h"

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

static bool is_wanted(const struct tidectl *t, const tw_resource_info *info)
{
    const struct flags *f = &t->flags;

    if (info->verbs[0] == NULL || !is_preferred(t->discovery, info))
        return false;
    if (f->api_group != NULL && strcmp(f->api_group, info->resource.group) != 0)
        return false;
    return f->namespaced == NULL ||
           (strcmp(f->namespaced, "true") == 0) == info->resource.namespaced;
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

int tidectl_api_resources(struct tidectl *t)
{
    const struct flags *f = &t->flags;
    bool names = f->output != NULL && strcmp(f->output, "name") == 0;
    struct tabs tabs = {.text = {0}};
    struct buf out = {0};
    const tw_resource_info **infos;
    tw_error *error = NULL;
    size_t count = 0;
    int rc;

    if (f->output != NULL && !names && strcmp(f->output, "wide") != 0)
        return tidectl_say("--output %s is not available", f->output);
    if (tw_discovery_load(t->discovery, &error) != TW_OK)
        return tidectl_fail(error);
    infos = calloc(tw_discovery_count(t->discovery) + 1, sizeof(*infos));
    if (infos == NULL)
        return tidectl_say("out of memory");
    for (size_t i = 0; i < tw_discovery_count(t->discovery); i++)
        if (is_wanted(t, tw_discovery_at(t->discovery, i)))
            infos[count++] = tw_discovery_at(t->discovery, i);
    qsort(infos, count, sizeof(*infos), by_group_and_name);
    if (!f->no_headers && !names)
        buf_appendf(&tabs.text, "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND%s\n",
                    f->output != NULL ? "\tVERBS\tCATEGORIES" : "");
    for (size_t i = 0; i < count; i++)
        append_row(f, infos[i], &tabs.text);
    tabs_flush(&tabs, &out);
    rc = tidectl_write(&out) ? 0 : 1;
    free(infos);
    tabs_release(&tabs);
    buf_release(&out);
    return rc;
}

int tidectl_version(struct tidectl *t)
{
    const tw_request request = {.path = "/version"};
    tw_response *response = NULL;
    tw_object *version = NULL;
    tw_error *error = NULL;
    const char *body, *text;
    size_t len;

    printf("Client Version: v%s\n", tw_version());
    if (t->flags.client_only)
        return 0;
    if (tw_client_do(t->client, &request, &response, &error) != TW_OK)
        return tidectl_fail(error);
    body = tw_response_body(response, &len);
    if (tw_object_from_json(body, len, &version, &error) != TW_OK) {
        tw_response_free(response);
        return tidectl_fail(error);
    }
    text = tw_object_get_string(version, "gitVersion");
    printf("Server Version: %s\n", text != NULL ? text : "unknown");
    tw_object_unref(version);
    tw_response_free(response);
    return 0;
}
