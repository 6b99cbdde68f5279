#include "client-go-like/rest/discovery.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/rest/discovery_cache.h"
#include "client-go-like/rest/path.h"

/* CG discovery/discovery_client.go: the aggregated forms, then the legacy one. */
static const char accept[] =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

enum { DISCOVERY_MS = 32 * 1000 };

/* One document: its text, and the tree that borrows from it. */
struct document {
    struct buf text;
    struct arena arena;
    struct json *tree;
};

static void document_release(struct document *d)
{
    buf_release(&d->text);
    arena_release(&d->arena);
}

static tw_status document_parse(struct document *d, struct bytes body, const char *path,
                                tw_error **reterr)
{
    struct error detail = {0};

    if (json_parse(&d->arena, body, &d->tree, NULL, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, path, &detail);
    return TW_OK;
}

/* Takes over what was cached; false if it is nothing, after all. */
static bool use_cached(struct document *d, struct cached *cached)
{
    d->text = cached->text;
    cached->text = (struct buf){0};
    if (json_parse(&d->arena, cached->body, &d->tree, NULL, NULL) == STATUS_OK)
        return true;
    document_release(d);
    *d = (struct document){.tree = NULL};
    return false;
}

static tw_status ask(tw_discovery *d, const char *path, struct cached *cached,
                     struct document *document, struct http *http, tw_error **reterr)
{
    tw_error *own = NULL, **error = reterr != NULL ? reterr : &own;
    struct http_request request = {
        .method = "GET",
        .path = path,
        .accept = accept,
        .if_none_match = cached->etag,
        .gzip = true,
        .bounds = {.connect_ms = HTTP_CONNECT_MS,
                   .deadline_ms = clock_monotonic_ms() + DISCOVERY_MS,
                   .body_max = HTTP_BODY_MAX},
    };
    tw_status st = client_fetch(d->client, http, &request, error);

    if (st == TW_ERR_SERVER && http_code(http) == 304) {
        tw_error_clear(error);
        if (use_cached(document, cached)) {
            cache_touch(d->cache, path);
            st = TW_OK;
        } else { /* what still holds is garbage */
            cached->etag = bytes_of(NULL, 0);
            http_finish(http);
            st = ask(d, path, cached, document, http, error);
        }
    } else if (st == TW_OK) {
        document->text = *http_body(http);
        *http_body(http) = (struct buf){0};
        st = document_parse(document, buf_bytes(&document->text), path, error);
        if (st == TW_OK && d->cache != NULL)
            cache_write(d->cache, path, http_etag(http), buf_bytes(&document->text));
    }
    tw_error_free(own);
    return st;
}

static tw_status document_get(tw_discovery *d, const char *path, struct document *document,
                              tw_error **reterr)
{
    struct cached cached = {.fresh = false};
    struct http *http = NULL;
    tw_status st = TW_OK;

    if (d->cache != NULL && cache_read(d->cache, path, &cached) && cached.fresh && !d->ask &&
        use_cached(document, &cached)) {
        d->from_cache = true;
        return TW_OK;
    }
    if (cached.text.data == NULL) /* there was none, or it was garbage */
        cached.etag = bytes_of(NULL, 0);
    st = client_acquire(d->client, &http, reterr);
    if (st == TW_OK)
        st = ask(d, path, &cached, document, http, reterr);
    client_release(d->client, http);
    buf_release(&cached.text);
    return st;
}

static bool is_namespaced(const struct json *resource)
{
    return bytes_eq(json_get_text(resource, "scope"), BYTES("Namespaced"));
}

/* ---- aggregated: one document has all (KEP-3352) ---- */

static tw_status add_version(tw_discovery *d, struct bytes group, const struct json *version,
                             tw_error **reterr)
{
    tw_status st = TW_OK;

    json_each(json_get(version, BYTES("resources")), resource) {
        struct discovery_row row = {
            .group = group,
            .version = json_get_text(version, "version"),
            .resource = json_get_text(resource, "resource"),
            .kind = json_text(json_at(resource, "responseKind", "kind", NULL)),
            .namespaced = is_namespaced(resource),
            .node = resource,
            .singular_member = "singularResource",
        };

        if (st == TW_OK)
            st = discovery_add(d, &row, reterr);
    }
    return st;
}

static tw_status add_aggregated(tw_discovery *d, const struct json *document, tw_error **reterr)
{
    tw_status st = TW_OK;

    json_each(json_get(document, BYTES("items")), group) {
        struct bytes name = json_text(json_at(group, "metadata", "name", NULL));

        json_each(json_get(group, BYTES("versions")), version) {
            if (st == TW_OK)
                st = add_version(d, name, version, reterr);
        }
    }
    return st;
}

/* ---- legacy: an index, then one document for each group and version ---- */

static tw_status add_resource_list(tw_discovery *d, struct bytes group, struct bytes version,
                                   const struct json *document, tw_error **reterr)
{
    tw_status st = TW_OK;

    json_each(json_get(document, BYTES("resources")), resource) {
        struct discovery_row row = {
            .group = group,
            .version = version,
            .resource = json_get_text(resource, "name"),
            .kind = json_get_text(resource, "kind"),
            .namespaced = json_is_true(json_get(resource, BYTES("namespaced"))),
            .node = resource,
            .singular_member = "singularName",
        };

        if (st == TW_OK)
            st = discovery_add(d, &row, reterr);
    }
    return st;
}

/* A version the server cannot describe now (an aggregated API that is down) is passed over, as
 * client-go does: it must not hide all others. */
static tw_status fetch_version(tw_discovery *d, struct bytes group, struct bytes version,
                               tw_error **reterr)
{
    struct document document = {0};
    struct buf path = {0};
    const char *text;
    tw_status st;

    if (version.len == 0)
        return TW_OK;
    if (group.len == 0)
        buf_appendf(&path, "/api/%.*s", BYTES_FMT(version));
    else
        buf_appendf(&path, "/apis/%.*s/%.*s", BYTES_FMT(group), BYTES_FMT(version));
    text = path_end(&path);
    st = text != NULL ? document_get(d, text, &document, reterr) : tw_fail_no_memory(reterr);
    if (st == TW_OK)
        st = add_resource_list(d, group, version, document.tree, reterr);
    else if (st == TW_ERR_SERVER)
        tw_error_clear(reterr), st = TW_OK;
    document_release(&document);
    buf_release(&path);
    return st;
}

/* The preferred version first: a name without version means it. */
static tw_status fetch_group(tw_discovery *d, const struct json *group, tw_error **reterr)
{
    struct bytes name = json_get_text(group, "name");
    struct bytes preferred = json_text(json_at(group, "preferredVersion", "version", NULL));
    tw_status st = fetch_version(d, name, preferred, reterr);

    json_each(json_get(group, BYTES("versions")), it) {
        struct bytes version = json_get_text(it, "version");

        if (st == TW_OK && !bytes_eq(version, preferred))
            st = fetch_version(d, name, version, reterr);
    }
    return st;
}

static tw_status fetch_legacy(tw_discovery *d, const struct json *index, tw_error **reterr)
{
    tw_status st = TW_OK;

    json_each(json_get(index, BYTES("versions")), version) {
        if (st == TW_OK)
            st = fetch_version(d, bytes_of(NULL, 0), json_text(version), reterr);
    }
    json_each(json_get(index, BYTES("groups")), group) {
        if (st == TW_OK)
            st = fetch_group(d, group, reterr);
    }
    return st;
}

tw_status discovery_fetch(tw_discovery *d, bool core, tw_error **reterr)
{
    bool *has = core ? &d->has_core : &d->has_groups;
    struct document document = {0};
    size_t before = d->count;
    tw_status st;

    if (*has)
        return TW_OK;
    st = document_get(d, core ? "/api" : "/apis", &document, reterr);
    if (st == TW_OK &&
        bytes_eq(json_get_text(document.tree, "kind"), BYTES("APIGroupDiscoveryList")))
        st = add_aggregated(d, document.tree, reterr);
    else if (st == TW_OK)
        st = fetch_legacy(d, document.tree, reterr);
    document_release(&document);
    if (st == TW_OK)
        *has = true;
    else
        d->count = before;
    return st;
}
