#include "client-go-like/rest/discovery.h"

#include <stdlib.h>

#include "client-go-like/rest/client.h"
#include "client-go-like/rest/discovery_cache.h"
#include <strings.h>

tw_status tw_discovery_new(tw_client *client, tw_discovery **ret_discovery, tw_error **reterr)
{
    tw_discovery *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return tw_fail_no_memory(reterr);
    d->client = tw_client_ref(client);
    *ret_discovery = d;
    return TW_OK;
}

void tw_discovery_free(tw_discovery *d)
{
    if (d == NULL)
        return;
    tw_client_unref(d->client);
    free(d->cache);
    arena_release(&d->arena);
    free(d->infos);
    free(d);
}

tw_status tw_discovery_use_cache(tw_discovery *d, const char *folder, tw_error **reterr)
{
    char *cache = NULL;
    tw_status st = cache_folder(folder, d->client->config->server, &cache, reterr);

    if (st != TW_OK)
        return st;
    free(d->cache);
    d->cache = cache;
    return TW_OK;
}

/* What was given out stays where it is. */
void tw_discovery_invalidate(tw_discovery *d)
{
    d->count = 0;
    d->has_core = d->has_groups = d->from_cache = false;
    d->ask = true;
}

/* A cache may be older than the type that is asked for: then the server is asked, once. */
static bool may_be_newer(tw_discovery *d)
{
    if (!d->from_cache)
        return false;
    tw_discovery_invalidate(d);
    return true;
}

/* A JSON array of strings as a NULL-terminated array. */
static const char *const *keep_texts(struct arena *arena, const struct json *array)
{
    size_t count = json_is(array, JSON_ARRAY) ? array->count : 0, i = 0;
    const char **texts = arena_zalloc(arena, (count + 1) * sizeof(*texts));

    if (texts == NULL)
        return NULL;
    json_each(array, it) {
        if (json_is(it, JSON_STRING))
            texts[i++] = arena_str(arena, json_text(it));
    }
    return texts;
}

static bool grow(tw_discovery *d)
{
    size_t capacity = d->capacity != 0 ? d->capacity * 2 : 64;
    tw_resource_info **infos;

    if (d->count < d->capacity)
        return true;
    infos = realloc(d->infos, capacity * sizeof(*infos));
    if (infos == NULL)
        return false;
    d->infos = infos;
    d->capacity = capacity;
    return true;
}

tw_status discovery_add(tw_discovery *d, const struct discovery_row *row, tw_error **reterr)
{
    struct arena *arena = &d->arena;
    tw_resource_info *info;

    if (row->resource.len == 0 || bytes_find(row->resource, '/') != row->resource.len)
        return TW_OK;
    info = arena_new(arena, tw_resource_info);
    if (info == NULL || !grow(d))
        return tw_fail_no_memory(reterr);
    info->resource.group = arena_str(arena, row->group);
    info->resource.version = arena_str(arena, row->version);
    info->resource.resource = arena_str(arena, row->resource);
    info->resource.kind = arena_str(arena, row->kind);
    info->resource.namespaced = row->namespaced;
    info->singular = arena_str(arena, json_get_text(row->node, row->singular_member));
    info->verbs = keep_texts(arena, json_get(row->node, BYTES("verbs")));
    info->short_names = keep_texts(arena, json_get(row->node, BYTES("shortNames")));
    info->categories = keep_texts(arena, json_get(row->node, BYTES("categories")));
    if (arena->failed) /* sticky: what cannot be kept now fails every later call too */
        return tw_fail_no_memory(reterr);
    d->infos[d->count++] = info;
    return TW_OK;
}

/* ---- finding ---- */

/* What a user's word asks for; an empty `version` or `any_group` leaves that open. */
struct query {
    struct bytes name, version, group;
    bool any_group;
};

static bool matches_full(const tw_resource_info *info, struct bytes name)
{
    return bytes_ieq(bytes_str(info->resource.resource), name) ||
           bytes_ieq(bytes_str(info->singular), name) ||
           bytes_ieq(bytes_str(info->resource.kind), name);
}

static bool matches_short(const tw_resource_info *info, struct bytes name)
{
    for (const char *const *it = info->short_names; *it != NULL; it++)
        if (bytes_ieq(bytes_str(*it), name))
            return true;
    return false;
}

static const tw_resource_info *find(const tw_discovery *d, const struct query *q)
{
    static bool (*const passes[])(const tw_resource_info *, struct bytes) = {matches_full,
                                                                             matches_short};

    for (size_t p = 0; p < ARRAY_LEN(passes); p++)
        for (size_t i = 0; i < d->count; i++) {
            const tw_resource_info *info = d->infos[i];

            if ((q->any_group || bytes_eq(bytes_str(info->resource.group), q->group)) &&
                (q->version.len == 0 || bytes_eq(bytes_str(info->resource.version), q->version)) &&
                passes[p](info, q->name))
                return info;
        }
    return NULL;
}

/* Asks the core group first; the others only if that does not settle it. */
static tw_status find_fetching(tw_discovery *d, const struct query *q,
                               const tw_resource_info **ret_info, tw_error **reterr)
{
    tw_status st = TW_OK;

    *ret_info = NULL;
    if (q->any_group || q->group.len == 0) {
        st = discovery_fetch(d, true, reterr);
        if (st == TW_OK)
            *ret_info = find(d, q);
    }
    if (st == TW_OK && *ret_info == NULL && (q->any_group || q->group.len != 0)) {
        st = discovery_fetch(d, false, reterr);
        if (st == TW_OK)
            *ret_info = find(d, q);
    }
    return st;
}

static tw_status find_named(tw_discovery *d, const char *name, const tw_resource_info **ret_info,
                            tw_error **reterr)
{
    struct bytes rest = bytes_str(name), first = bytes_cut(&rest, '.'), group = rest;
    struct bytes version = rest.ptr != NULL ? bytes_cut(&group, '.') : rest;
    const struct query queries[] = {
        {.name = first, .version = version, .group = group}, /* deployments.v1.apps */
        {.name = first, .group = rest},                      /* deployments.apps */
        {.name = first, .any_group = true},                  /* deployments */
    };
    size_t from = rest.ptr == NULL ? 2 : group.ptr == NULL ? 1 : 0, to = rest.ptr == NULL ? 3 : 2;
    tw_status st = TW_OK;

    *ret_info = NULL;
    for (size_t i = from; i < to && st == TW_OK && *ret_info == NULL; i++)
        st = find_fetching(d, &queries[i], ret_info, reterr);
    return st;
}

tw_status tw_discovery_find(tw_discovery *d, const char *name, const tw_resource_info **ret_info,
                            tw_error **reterr)
{
    const tw_resource_info *info = NULL;
    tw_status st = find_named(d, name, &info, reterr);

    if (st == TW_OK && info == NULL && may_be_newer(d))
        st = find_named(d, name, &info, reterr);
    if (st != TW_OK)
        return st;
    if (info == NULL)
        return tw_fail(reterr, TW_ERR_NO_MATCH, "the server doesn't have a resource type \"%s\"",
                       name);
    *ret_info = info;
    return TW_OK;
}

static tw_status find_kind(tw_discovery *d, const char *api_version, const char *kind,
                           const tw_resource_info **ret_info, tw_error **reterr)
{
    struct bytes version = bytes_str(api_version), group = bytes_of(NULL, 0);
    tw_status st;

    if (strchr(api_version, '/') != NULL)
        group = bytes_cut(&version, '/');
    st = discovery_fetch(d, group.len == 0, reterr);
    for (size_t i = 0; i < d->count && st == TW_OK; i++) {
        const tw_resource *r = &d->infos[i]->resource;

        if (strcmp(r->kind, kind) != 0 || !bytes_eq(bytes_str(r->group), group) ||
            !bytes_eq(bytes_str(r->version), version))
            continue;
        *ret_info = d->infos[i];
        break;
    }
    return st;
}

tw_status tw_discovery_find_kind(tw_discovery *d, const char *api_version, const char *kind,
                                 const tw_resource_info **ret_info, tw_error **reterr)
{
    const tw_resource_info *info = NULL;
    tw_status st = find_kind(d, api_version, kind, &info, reterr);

    if (st == TW_OK && info == NULL && may_be_newer(d))
        st = find_kind(d, api_version, kind, &info, reterr);
    if (st != TW_OK)
        return st;
    if (info == NULL)
        return tw_fail(reterr, TW_ERR_NO_MATCH, "no matches for kind \"%s\" in version \"%s\"",
                       kind, api_version);
    *ret_info = info;
    return TW_OK;
}

tw_status tw_discovery_load(tw_discovery *d, tw_error **reterr)
{
    tw_status st = discovery_fetch(d, true, reterr);

    return st == TW_OK ? discovery_fetch(d, false, reterr) : st;
}

size_t tw_discovery_count(const tw_discovery *d)
{
    return d->count;
}

const tw_resource_info *tw_discovery_at(const tw_discovery *d, size_t index)
{
    return index < d->count ? d->infos[index] : NULL;
}
