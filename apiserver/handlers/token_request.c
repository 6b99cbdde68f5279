/*
 * token_request - tokens of service accounts, and the keys that others check them with
 * (k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage/token.go,
 * pkg/routes/openidmetadata.go).
 */
#include "apiserver/handlers/access.h"
#include "apiserver/handlers/body.h"
#include "apiserver/handlers/etag.h"
#include "apiserver/registry/field_errors.h"
#include "base/clock.h"

enum { LEAST_S = 600, USUAL_S = 3600 };

/* What a TokenRequest is checked against as a body. */
static const struct kind token_request_kind = {
    .group = "authentication.k8s.io",
    .version = "v1",
    .kind = "TokenRequest",
    .list_kind = "TokenRequestList",
    .plural = "tokenrequests",
    .singular = "tokenrequest",
    .api_version = "authentication.k8s.io/v1",
    .group_resource = "tokenrequests.authentication.k8s.io",
};

static enum status invalid(struct api_request *api, const char *field, const struct json *value,
                           const char *why, struct error *reterr)
{
    struct field_errors errors = {.arena = &api->arena};

    field_invalid(&errors, bytes_str(field), value, why);
    return field_errors_end(&errors, BYTES("authentication.k8s.io"), BYTES("TokenRequest"),
                            BYTES(""), reterr);
}

/* k8s.io/kubernetes/pkg/apis/authentication/validation. */
static enum status read_duration(struct api_request *api, const struct json *spec,
                                 int64_t *ret_seconds, struct error *reterr)
{
    const struct json *node = json_get(spec, BYTES("expirationSeconds"));

    *ret_seconds = USUAL_S;
    if (node == NULL || node->type == JSON_NULL)
        return STATUS_OK;
    if (!json_to_i64(node, ret_seconds) || *ret_seconds < LEAST_S)
        return invalid(api, "spec.expirationSeconds", node,
                       "may not specify a duration less than 10 minutes", reterr);
    if (*ret_seconds > (1LL << 32))
        return invalid(api, "spec.expirationSeconds", node,
                       "may not specify a duration larger than 2^32 seconds", reterr);
    return STATUS_OK;
}

/* The object must be there, and be the one that was meant. */
static enum status read_bound(struct api_request *api, const struct json *ref,
                              struct bound_object *ret_bound, struct error *reterr)
{
    static const struct {
        const char *kind, *plural;
    } kinds[] = {{"Pod", "pods"}, {"Secret", "secrets"}, {"Node", "nodes"}};
    struct bytes kind = json_get_text(ref, "kind"), uid = json_get_text(ref, "uid");
    struct account_world world = access_world(api->worker);
    struct bytes name = json_get_text(ref, "name"), is;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!bytes_eq_str(kind, kinds[i].kind) ||
            !bytes_eq_str(json_get_text(ref, "apiVersion"), "v1"))
            continue;
        is = world.uid_of(world.user, kind, api->info.namespace, name);
        if (is.len == 0) {
            error_set(reterr, STATUS_NOT_FOUND, "%s \"%.*s\" not found", kinds[i].plural,
                      BYTES_FMT(name));
            error_set_details(reterr, BYTES(""), bytes_str(kinds[i].plural), name);
            return STATUS_NOT_FOUND;
        }
        if (uid.len != 0 && !bytes_eq(uid, is))
            return error_set(reterr, STATUS_CONFLICT,
                             "the UID in the bound object reference (%.*s) does not match the UID "
                             "in record. The object might have been deleted and then recreated",
                             BYTES_FMT(uid));
        *ret_bound = (struct bound_object){kind, name, arena_dup(&api->arena, is)};
        return STATUS_OK;
    }
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "cannot bind token for serviceaccount \"%.*s\" to object of type \"%.*s\"",
                     BYTES_FMT(api->info.name), BYTES_FMT(kind));
}

static struct audiences read_audiences(struct api_request *api, const struct json *spec)
{
    const struct json *list = json_get(spec, BYTES("audiences"));
    size_t room = json_is(list, JSON_ARRAY) ? list->count : 0;
    struct bytes *texts = arena_zalloc(&api->arena, (room + 1) * sizeof(*texts));
    struct audiences all = {.texts = texts};

    json_each(list, it)
        if (texts != NULL && json_is(it, JSON_STRING))
            texts[all.count++] = it->text;
    return all;
}

/* The answer is the request, filled in: the real server shows the audiences it has chosen. */
static void fill_in(struct api_request *api, struct json *request,
                    const struct bound_account *account, struct audiences audiences,
                    struct bytes token, int64_t seconds, int64_t expires_s)
{
    struct arena *arena = &api->arena;
    struct json *meta = json_ensure_object(arena, request, "metadata");
    struct json *spec = json_ensure_object(arena, request, "spec"), *list = json_new_array(arena);
    struct json *status = json_new_object(arena);
    char when[RFC3339_LEN + 1];

    json_set_text(arena, meta, "name", account->name);
    json_set_text(arena, meta, "namespace", account->namespace);
    for (size_t i = 0; i < audiences.count; i++)
        json_append(list, json_new_string(arena, audiences.texts[i]));
    json_set(spec, BYTES("audiences"), list);
    json_set(spec, BYTES("expirationSeconds"), json_new_int(arena, seconds));
    rfc3339_format(expires_s, when);
    json_set_text(arena, status, "token", token);
    json_set_text(arena, status, "expirationTimestamp", arena_dup(arena, bytes_str(when)));
    json_set(request, BYTES("status"), status);
}

static enum status make_token(struct api_request *api, struct json *request, struct error *reterr)
{
    const struct service_accounts *accounts =
        authenticator_accounts(access_authenticator(api->worker));
    struct account_world world = access_world(api->worker);
    const struct json *spec = json_get(request, BYTES("spec"));
    const struct json *ref = json_get(spec, BYTES("boundObjectRef"));
    struct audiences audiences = read_audiences(api, spec);
    struct bound_account account = {.namespace = api->info.namespace, .name = api->info.name};
    int64_t seconds, now = clock_wall_s();
    struct buf token = {0};
    enum status st = read_duration(api, spec, &seconds, reterr);

    account.uid =
        world.uid_of(world.user, BYTES("ServiceAccount"), account.namespace, account.name);
    if (st == STATUS_OK && account.uid.len == 0)
        return error_not_found(reterr, api->kind, account.name);
    if (st == STATUS_OK && json_is(ref, JSON_OBJECT))
        st = read_bound(api, ref, &account.bound, reterr);
    if (st != STATUS_OK)
        return st;
    if (audiences.count == 0)
        audiences = service_accounts_audiences(accounts);
    st = service_accounts_make(accounts, &account, audiences, now, now + seconds, &token, reterr);
    if (st == STATUS_OK)
        fill_in(api, request, &account, audiences, arena_dup(&api->arena, buf_bytes(&token)),
                seconds, now + seconds);
    buf_release(&token);
    return st;
}

static bool can_make_tokens(const struct worker *worker)
{
    const struct authenticator *authenticator = access_authenticator(worker);

    return authenticator != NULL && authenticator_accounts(authenticator) != NULL &&
           service_accounts_can_sign(authenticator_accounts(authenticator));
}

void handle_token_request(struct api_request *api)
{
    struct json_report report = {0};
    struct write_options options;
    struct json *request = NULL;
    struct error err = {0};
    struct buf body = {0};

    if (!can_make_tokens(api->worker)) { /* the path is not there then */
        respond_no_such_path(api);
        return;
    }
    if (write_options_parse(&api->arena, &api->info.query, "CreateOptions", &options, &err) !=
            STATUS_OK ||
        body_read(api, &request, &report, &err) != STATUS_OK ||
        body_accept(api, &token_request_kind, options.validation, &report, request, &err) !=
            STATUS_OK ||
        make_token(api, request, &err) != STATUS_OK) {
        respond_error(api, &err);
        return;
    }
    json_write(&body, request, false);
    body.failed |= api->arena.failed;
    respond_json(api, 201, &body);
}

/* ---- OpenID discovery ---- */

void handle_openid(struct api_request *api)
{
    const struct authenticator *authenticator = access_authenticator(api->worker);
    const struct service_accounts *accounts =
        authenticator != NULL ? authenticator_accounts(authenticator) : NULL;
    struct buf body = {0};
    bool keys = bytes_ends_with(api->info.path, BYTES("/jwks"));

    if (accounts == NULL) {
        respond_no_such_path(api);
        return;
    }
    if (keys)
        service_accounts_write_jwks(accounts, &body);
    else
        service_accounts_write_configuration(accounts, &body);
    respond_blob(api, 200, keys ? BYTES("application/jwk-set+json") : BYTES("application/json"),
                 buf_to_blob(&body));
}
