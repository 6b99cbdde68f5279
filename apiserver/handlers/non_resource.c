/*
 * non_resource - what is served besides resources: discovery, OpenAPI, version, health, metrics.
 */
#include "apiserver/handlers/etag.h"
#include "apiserver/handlers/live_page.h"
#include "apiserver/handlers/metrics.h"
#include "apiserver/handlers/proto_files.h"
#include "apiserver/handlers/watch_many.h"
#include "base/tree.h"

#include <sys/utsname.h>

static const struct bytes text_type = BYTES_INIT("text/plain; charset=utf-8");

/* ---- documents ---- */

/* Documents can be kept by clients and asked for again (endpoints/discovery/aggregated/etag.go). */
static void respond_document(struct api_request *api, struct document *doc, const char *cache)
{
    struct bytes etag = bytes_str(doc->etag);
    struct http_header headers[6 + API_EXTRA_HEADERS_MAX] = {
        {BYTES("audit-id"), bytes_str(api->audit_id)},
        {BYTES("cache-control"), bytes_str(cache)},
        {BYTES("content-type"), doc->content_type},
        {BYTES("vary"), BYTES("Accept")},
        {BYTES("x-content-type-options"), BYTES("nosniff")},
    };
    struct http_response response = {200, headers, 5, doc->body};

    for (size_t i = 0; i < api->extra_count; i++)
        headers[response.header_count++] = api->extra[i];
    if (etag.len != 0)
        headers[response.header_count++] = (struct http_header){BYTES("etag"), etag};
    if (etag.len != 0 && etag_matches(http_header(api->http, "if-none-match"), etag)) {
        response.status = 304;
        response.body = NULL;
    }
    respond(api, &response);
    blob_unref(doc->body);
}

static void handle_discovery(struct api_request *api)
{
    static const enum discovery_form forms[] = {[NEGOTIATED_LEGACY] = DISCOVERY_LEGACY,
                                                [NEGOTIATED_V2] = DISCOVERY_AGGREGATED_V2,
                                                [NEGOTIATED_V2BETA1] =
                                                    DISCOVERY_AGGREGATED_V2BETA1};
    enum negotiated_form form;
    enum negotiated_discovery wanted =
        negotiate_discovery(&api->arena, http_header(api->http, "accept"), &form);
    struct document doc;

    if (discovery_document(api->worker->registry, api->info.path,
                           form == FORM_PROTOBUF ? DISCOVERY_LEGACY_PROTOBUF : forms[wanted], &doc))
        respond_document(api, &doc, "public");
    else
        respond_no_such_path(api);
}

static void redirect_to_hash(struct api_request *api, struct document *doc, struct bytes hash)
{
    struct http_header headers[] = {
        {BYTES("audit-id"), bytes_str(api->audit_id)},
        {BYTES("location"),
         arena_printf(&api->arena, "%.*s?hash=%.*s", BYTES_FMT(api->info.path), BYTES_FMT(hash))},
    };

    blob_unref(doc->body);
    respond(api, &(struct http_response){
                     .status = 301, .headers = headers, .header_count = ARRAY_LEN(headers)});
}

/* With ?hash= a document is immutable (kube-openapi pkg/handler3/handler.go). */
static void handle_openapi(struct api_request *api)
{
    struct bytes asked = query_get(&api->info.query, "hash"), hash = {0};
    struct document doc;

    if (!openapi_document(api->worker->registry, api->info.path, &doc, &hash))
        respond_no_such_path(api);
    else if (asked.len != 0 && hash.len != 0 && !bytes_eq(asked, hash))
        redirect_to_hash(api, &doc, hash);
    else
        respond_document(api, &doc, asked.len != 0 ? "public, immutable" : "public");
}

/* ---- version ---- */

static void handle_version(struct api_request *api)
{
    struct utsname machine;
    struct buf body = {0};
    const char *arch =
        uname(&machine) == 0 && strcmp(machine.machine, "aarch64") == 0 ? "arm64" : "amd64";

    buf_appendf(&body,
                "{\"major\":\"%s\",\"minor\":\"%s\",\"gitVersion\":\"%s\",\"gitCommit\":\"\","
                "\"gitTreeState\":\"clean\",\"buildDate\":\"1970-01-01T00:00:00Z\","
                "\"goVersion\":\"\",\"compiler\":\"%s\",\"platform\":\"linux/%s\"}",
                KUBERNETES_MAJOR, KUBERNETES_MINOR, KUBERNETES_VERSION,
#ifdef __clang__
                "clang",
#else
                "gcc",
#endif
                arch);
    api->pretty = true;
    respond_json(api, 200, &body);
}

/* ---- health ---- */

static bool check_ping(const struct server_info *info)
{
    (void)info;
    return true;
}

static bool check_storage(const struct server_info *info)
{
    return atomic_load(&info->ready);
}

static bool check_shutdown(const struct server_info *info)
{
    return !atomic_load(&info->shutting_down);
}

/* In which of the three pages a check counts: a server that goes down is alive, but not ready. */
static const struct health_check {
    const char *name;
    bool (*holds)(const struct server_info *info);
    bool ready_only;
} health_checks[] = {
    {"ping", check_ping, false},
    {"storage", check_storage, false},
    {"shutdown", check_shutdown, true},
};

static bool excluded(const struct api_request *api, const char *check)
{
    const struct query *query = &api->info.query;

    for (size_t i = 0; i < query->count; i++)
        if (bytes_eq_str(query->params[i].name, "exclude") &&
            bytes_eq_str(query->params[i].value, check))
            return true;
    return false;
}

/* All checks of a page, or the one it names; 404 for a name there is not. */
static void respond_health(struct api_request *api, struct bytes page, struct bytes only)
{
    bool readiness = bytes_eq_str(page, "readyz"), healthy = true, found = only.len == 0;
    bool verbose = query_has(&api->info.query, "verbose");
    struct buf lines = {0};

    for (size_t i = 0; i < ARRAY_LEN(health_checks); i++) {
        const struct health_check *check = &health_checks[i];
        bool holds;

        if ((check->ready_only && !readiness) ||
            (only.len != 0 && !bytes_eq_str(only, check->name)))
            continue;
        found = true;
        if (excluded(api, check->name)) {
            buf_appendf(&lines, "[+]%s excluded: ok\n", check->name);
            continue;
        }
        holds = check->holds(api->worker->info);
        healthy = healthy && holds;
        buf_appendf(&lines, holds ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n", check->name);
    }
    buf_appendf(&lines, "%.*s check %s\n", BYTES_FMT(page), healthy ? "passed" : "failed");
    if (!found)
        respond_no_such_path(api);
    else if (healthy && !verbose)
        respond_text(api, 200, "ok");
    else
        respond_blob(api, healthy ? 200 : 500, text_type, blob_new(buf_bytes(&lines)));
    buf_release(&lines);
}

static void handle_health(struct api_request *api)
{
    struct bytes check = bytes_from(api->info.path, 1), page = bytes_cut(&check, '/');

    respond_health(api, page, check);
}

/* ---- the rest ---- */

static void handle_metrics(struct api_request *api)
{
    struct buf page = {0};

    metrics_write(&page, api->worker);
    respond_blob(api, 200, BYTES("text/plain; version=0.0.4; charset=utf-8"), buf_to_blob(&page));
}

struct root_paths {
    struct arena *arena;
    struct tree paths;
    bool failed;
};

static void add_path(struct root_paths *all, struct bytes path)
{
    if (tree_find(&all->paths, path) == NULL)
        all->failed |= all->arena->failed || !tree_put(&all->paths, path, all);
}

static void add_group(void *user, const struct kind *kind)
{
    struct root_paths *all = user;

    if (kind->group[0] == '\0')
        return;
    add_path(all, arena_printf(all->arena, "/apis/%s", kind->group));
    add_path(all, arena_printf(all->arena, "/apis/%s", kind->api_version));
}

/* In the order of their bytes, as the real server has them. */
static void handle_root(struct api_request *api)
{
    static const char *const fixed[] = {
        "/api",        "/api/v1",     "/apis",  "/healthz", "/livez",   "/metrics",
        "/openapi/v2", "/openapi/v3", "/proto", "/readyz",  "/ui/live", "/version",
    };
    struct root_paths all = {.arena = &api->arena};
    struct tree_cursor at;
    struct buf body = {0};

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        add_path(&all, bytes_str(fixed[i]));
    registry_each(api->worker->registry, add_group, &all);
    buf_append_str(&body, "{\"paths\":[");
    at = tree_seek(&all.paths, BYTES(""), false);
    for (struct tree_slot *slot; (slot = tree_next(&at)) != NULL;) {
        json_write_string(&body, slot->key);
        buf_append_str(&body, ",");
    }
    body.len -= all.paths.count > 0;
    buf_append_str(&body, "]}");
    body.failed |= all.failed;
    tree_release(&all.paths);
    respond_json(api, 200, &body);
}

static const struct {
    const char *path;
    bool below; /* what stands below the path too */
    handler *handle;
} paths[] = {
    {WATCH_MANY_PATH, false, handle_watch_many},
    {"/", false, handle_root},
    {"/api", true, handle_discovery},
    {"/apis", true, handle_discovery},
    {"/openapi", true, handle_openapi},
    {"/version", false, handle_version},
    {"/healthz", true, handle_health},
    {"/livez", true, handle_health},
    {"/readyz", true, handle_health},
    {"/metrics", false, handle_metrics},
    {"/ui/live", false, handle_live_page},
    {"/proto", true, handle_proto_files},
    {"/openid/v1/jwks", false, handle_openid},
    {"/.well-known/openid-configuration", false, handle_openid},
};

static bool path_is(struct bytes path, const char *base, bool below)
{
    size_t len = strlen(base);

    return bytes_eq_str(path, base) ||
           (below && bytes_starts_with(path, bytes_str(base)) && path.ptr[len] == '/');
}

void handle_non_resource(struct api_request *api)
{
    struct error err = {0};
    handler *handle = NULL;

    for (size_t i = 0; i < ARRAY_LEN(paths) && handle == NULL; i++)
        if (path_is(api->info.path, paths[i].path, paths[i].below)) {
            api->route = paths[i].path;
            handle = paths[i].handle;
        }
    if (handle == NULL) {
        respond_no_such_path(api);
    } else if (!bytes_eq_str(api->http->method, "GET") && !api->info.head) {
        api->allow = BYTES("GET, HEAD");
        error_set(&err, STATUS_METHOD_NOT_ALLOWED,
                  "the server does not allow this method on the requested resource");
        respond_error(api, &err);
    } else {
        handle(api);
    }
}
