#include "apiserver/handlers/access_parts.h"

#include <stdlib.h>

#include "apiserver/handlers/watch_many.h"
#include "base/log.h"

static const struct identity nobody = {0};

/* ---- who ---- */

/* "Bearer TOKEN" (k8s.io/apiserver/pkg/authentication/request/bearertoken). */
static struct bytes bearer_of(const struct api_request *api)
{
    struct bytes rest = bytes_trim(http_header(api->http, "authorization")), scheme, token;

    if (rest.len == 0)
        return api->bearer;
    scheme = bytes_cut(&rest, ' ');
    token = bytes_cut(&rest, ' ');
    return bytes_ieq(scheme, BYTES("bearer")) && token.len != 0 ? token : api->bearer;
}

static struct credentials shown_by(const struct api_request *api)
{
    const struct http_certificate *certificate = api->http->certificate;
    struct credentials shown = {.bearer = bearer_of(api)};

    if (certificate == NULL)
        return shown;
    shown.has_certificate = true;
    shown.certificate_is_trusted = certificate->trusted;
    shown.common_name = certificate->common_name;
    shown.organizations = certificate->organizations;
    shown.organization_count = certificate->organization_count;
    shown.not_after_s = certificate->not_after_s;
    return shown;
}

static enum status authenticate(struct api_request *api, struct error *reterr)
{
    struct access_control *control = api->worker->access;
    struct credentials shown = shown_by(api);
    struct account_world world = access_world(api->worker);
    struct identity *identity = arena_new(&api->arena, struct identity);
    enum status st;

    if (identity == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = authenticator_judge(control->authenticator, &shown, &world, &api->arena, identity, reterr);
    if (st == STATUS_NO_MEMORY)
        return st;
    if (st != STATUS_OK) {
        access_count(&control->unauthenticated);
        LOG_DEBUG("not authenticated", LOG_STR("id", api->audit_id),
                  LOG_BYTES("peer", api->http->peer), LOG_STR("why", error_message(reterr)));
        return error_set(reterr, st, "Unauthorized");
    }
    access_count(&control->authenticated);
    api->identity = identity;
    api->user = &identity->user;
    return STATUS_OK;
}

/* ---- what ---- */

/* A field selector that names one object makes that the name the rules see. */
static struct bytes selected_name(struct api_request *api)
{
    const struct request_info *info = &api->info;
    struct bytes text = query_get(&info->query, "fieldSelector"), name;
    struct field_selector *selector = NULL;

    if (text.len == 0 || info->is_watch_path ||
        (info->verb != VERB_LIST && info->verb != VERB_WATCH) ||
        field_selector_parse(text, &selector, NULL) != STATUS_OK)
        return BYTES("");
    name = arena_dup(&api->arena, field_selector_required(selector, "metadata.name"));
    field_selector_free(selector);
    return name;
}

void api_access_of(struct api_request *api, struct access *ret_what)
{
    static const struct bytes method_verbs[][2] = {
        {BYTES_INIT("GET"), BYTES_INIT("get")},        {BYTES_INIT("HEAD"), BYTES_INIT("get")},
        {BYTES_INIT("POST"), BYTES_INIT("post")},      {BYTES_INIT("PUT"), BYTES_INIT("put")},
        {BYTES_INIT("PATCH"), BYTES_INIT("patch")},    {BYTES_INIT("DELETE"), BYTES_INIT("delete")},
        {BYTES_INIT("OPTIONS"), BYTES_INIT("options")}};
    const struct request_info *info = &api->info;
    struct access *what = ret_what;

    *what = (struct access){.is_resource = info->is_resource};
    if (!info->is_resource) {
        what->path = info->path;
        for (size_t i = 0; i < ARRAY_LEN(method_verbs); i++)
            if (bytes_eq(api->http->method, method_verbs[i][0]))
                what->verb = method_verbs[i][1];
        return;
    }
    what->verb = bytes_str(info->verb != VERB_NONE ? verb_name(info->verb) : "");
    what->group = info->group;
    what->version = info->version;
    what->resource = info->resource;
    what->subresource = info->subresource;
    what->namespace = info->namespace;
    what->name = info->name.len != 0 ? info->name : selected_name(api);
    /* A namespace stands in itself (endpoints/request/requestinfo.go). */
    if (bytes_eq_str(info->resource, "namespaces") && info->namespace.len == 0)
        what->namespace = info->name;
}

/* ---- may he ---- */

bool access_uses_rbac(const struct worker *worker)
{
    return worker->access != NULL && worker->access->rbac != NULL;
}

const struct rbac *access_rbac(const struct worker *worker)
{
    return worker->access != NULL ? worker->access->rbac : NULL;
}

struct authenticator *access_authenticator(const struct worker *worker)
{
    return worker->access != NULL ? worker->access->authenticator : NULL;
}

bool access_allows(const struct worker *worker, const struct user *user, const struct access *what,
                   struct buf *ret_reason)
{
    if (!access_uses_rbac(worker) || user_is_in(user, GROUP_MASTERS))
        return true;
    return rbac_allows(worker->access->rbac, user, what, ret_reason);
}

/* As endpoints/handlers/responsewriters/errors.go does, for whoever shows it in a page. */
static void append_plain(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '&')
            buf_append_str(out, "&amp;");
        else if (c == '<' || c == '>')
            buf_append_str(out, c == '<' ? "&lt;" : "&gt;");
        else
            buf_append_char(out, c);
    }
}

static void append_attempt(struct buf *out, const struct user *user, const struct access *what)
{
    struct buf resource = {0};

    buf_append_str(out, "User ");
    append_quoted(out, user->name);
    buf_appendf(out, " cannot %.*s ", BYTES_FMT(what->verb));
    if (!what->is_resource) {
        buf_append_str(out, "path ");
        append_quoted(out, what->path);
        return;
    }
    buf_append_bytes(&resource, what->resource);
    if (what->subresource.len != 0)
        buf_appendf(&resource, "/%.*s", BYTES_FMT(what->subresource));
    buf_append_str(out, "resource ");
    append_quoted(out, buf_bytes(&resource));
    buf_append_str(out, " in API group ");
    append_quoted(out, what->group);
    if (what->namespace.len != 0) {
        buf_append_str(out, " in the namespace ");
        append_quoted(out, what->namespace);
    } else {
        buf_append_str(out, " at the cluster scope");
    }
    buf_release(&resource);
}

enum status access_error_forbidden(struct error *reterr, const struct user *user,
                                   const struct access *what, struct bytes reason)
{
    struct buf raw = {0}, text = {0};

    append_attempt(&raw, user, what);
    append_plain(&text, buf_bytes(&raw));
    if (reason.len != 0)
        buf_appendf(&text, ": %.*s", BYTES_FMT(reason));
    if (!what->is_resource) {
        error_set(reterr, STATUS_FORBIDDEN, "forbidden: %.*s", BYTES_FMT(buf_bytes(&text)));
        error_set_details(reterr, BYTES(""), BYTES(""), BYTES(""));
    } else {
        struct buf name = {0};

        if (what->name.len != 0) {
            buf_append_char(&name, ' ');
            append_quoted(&name, what->name);
        }
        error_set(reterr, STATUS_FORBIDDEN, "%.*s%s%.*s%.*s is forbidden: %.*s",
                  BYTES_FMT(what->resource), what->group.len != 0 ? "." : "",
                  BYTES_FMT(what->group), BYTES_FMT(buf_bytes(&name)), BYTES_FMT(buf_bytes(&text)));
        error_set_details(reterr, what->group, what->resource, what->name);
        buf_release(&name);
    }
    buf_release(&raw);
    buf_release(&text);
    return STATUS_FORBIDDEN;
}

enum status api_authorize(struct api_request *api, const struct access *what, struct error *reterr)
{
    struct access_control *control = api->worker->access;
    struct buf reason = {0};
    enum status st = STATUS_OK;

    if (!access_uses_rbac(api->worker))
        return STATUS_OK;
    if (access_allows(api->worker, api->user, what, NULL)) {
        access_count(&control->allowed);
        return STATUS_OK;
    }
    access_count(&control->forbidden);
    (void)access_allows(api->worker, api->user, what, &reason);
    st = access_error_forbidden(reterr, api->user, what, buf_bytes(&reason));
    buf_release(&reason);
    return st;
}

bool access_begin(struct api_request *api)
{
    struct error err = {0};
    struct access what;
    enum status st = STATUS_OK;

    api->identity = &nobody;
    api->user = &user_anonymous;
    if (api->worker->access != NULL)
        st = authenticate(api, &err);
    if (st == STATUS_OK)
        st = impersonation_begin(api, &err);
    /* Of many watches on one stream each is asked for by itself. */
    if (st == STATUS_OK && access_uses_rbac(api->worker) && !watch_many_is_path(&api->info)) {
        api_access_of(api, &what);
        st = api_authorize(api, &what, &err);
    }
    if (st != STATUS_OK)
        respond_error(api, &err);
    return st == STATUS_OK;
}

/* ---- what tokens may speak of ---- */

static struct bytes uid_of(void *user, struct bytes kind, struct bytes namespace, struct bytes name)
{
    static const struct {
        const char *kind, *prefix;
        bool namespaced;
    } kinds[] = {{"ServiceAccount", "core/serviceaccounts/", true},
                 {"Pod", "core/pods/", true},
                 {"Secret", "core/secrets/", true},
                 {"Node", "core/nodes/", false}};
    const struct worker *worker = user;
    struct arena arena = {0};
    struct bytes uid = {0};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct bytes key;
        const struct object *object;

        if (!bytes_eq_str(kind, kinds[i].kind))
            continue;
        key = kinds[i].namespaced
                  ? arena_printf(&arena, "%s%.*s/%.*s", kinds[i].prefix, BYTES_FMT(namespace),
                                 BYTES_FMT(name))
                  : arena_printf(&arena, "%s%.*s", kinds[i].prefix, BYTES_FMT(name));
        object = watch_cache_get(worker->cache, key);
        if (object != NULL)
            uid = object->uid;
    }
    arena_release(&arena);
    return uid;
}

struct account_world access_world(const struct worker *worker)
{
    return (struct account_world){uid_of, (void *)worker};
}

/* ---- one a worker ---- */

struct access_control *access_new(struct worker *worker, struct authenticator *authenticator,
                                  bool rbac)
{
    struct access_control *control = calloc(1, sizeof(*control));

    if (control == NULL)
        return NULL;
    control->worker = worker;
    control->authenticator = authenticator_ref(authenticator);
    control->recheck.on_fire = access_on_recheck;
    control->rbac = rbac ? rbac_new() : NULL;
    if (rbac && control->rbac == NULL) {
        access_free(control);
        return NULL;
    }
    return control;
}

void access_free(struct access_control *control)
{
    if (control == NULL)
        return;
    loop_timer_stop(control->worker->loop, &control->recheck);
    authenticator_unref(control->authenticator);
    rbac_free(control->rbac);
    map_release(&control->sessions); /* empty: the watches are gone */
    free(control);
}

void access_set_authenticator(struct worker *worker, struct authenticator *authenticator)
{
    struct authenticator *old = worker->access->authenticator;

    worker->access->authenticator = authenticator_ref(authenticator);
    authenticator_unref(old);
    access_recheck_soon(worker->access);
}

void access_get_stats(const struct worker *worker, struct access_stats *ret_stats)
{
    const struct access_control *control = worker->access;

    *ret_stats = (struct access_stats){0};
    if (control == NULL)
        return;
    ret_stats->authenticated = atomic_load_explicit(&control->authenticated, memory_order_relaxed);
    ret_stats->unauthenticated =
        atomic_load_explicit(&control->unauthenticated, memory_order_relaxed);
    ret_stats->allowed = atomic_load_explicit(&control->allowed, memory_order_relaxed);
    ret_stats->forbidden = atomic_load_explicit(&control->forbidden, memory_order_relaxed);
    ret_stats->watches_ended = atomic_load_explicit(&control->watches_ended, memory_order_relaxed);
}
