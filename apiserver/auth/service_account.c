#include "apiserver/auth/service_account.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"

enum { NOT_BEFORE_LEEWAY_S = 60 }; /* of clocks that differ */

static const struct bytes subject_prefix = BYTES_INIT("system:serviceaccount:");

struct service_accounts {
    struct arena arena;
    struct bytes issuer;
    struct audiences audiences;
    struct signing_keys *verifying, *signing; /* signing: or NULL */
};

/* ---- making one ---- */

static struct audiences split_list(struct arena *arena, struct bytes list)
{
    struct audiences all = {0};
    struct bytes *texts = arena_zalloc(arena, (list.len + 1) * sizeof(*texts));

    while (list.len != 0 && texts != NULL) {
        struct bytes text = bytes_trim(bytes_cut(&list, ','));

        if (text.len != 0)
            texts[all.count++] = arena_dup(arena, text);
    }
    all.texts = texts;
    return all;
}

static enum status load_keys(struct service_accounts *accounts, struct bytes files,
                             struct error *reterr)
{
    enum status st = STATUS_OK;

    while (files.len != 0 && st == STATUS_OK) {
        const char *path = arena_str(&accounts->arena, bytes_trim(bytes_cut(&files, ',')));

        st = signing_keys_add_file(accounts->verifying, path, reterr);
    }
    return st;
}

static enum status load_signing_key(struct service_accounts *accounts, const char *path,
                                    struct error *reterr)
{
    enum status st;

    accounts->signing = signing_keys_new();
    if (accounts->signing == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for a key");
    st = signing_keys_add_file(accounts->signing, path, reterr);
    if (st == STATUS_OK && !signing_keys_can_sign(accounts->signing))
        st = error_set(reterr, STATUS_BAD_REQUEST, "%s holds no private key", path);
    return st;
}

enum status service_accounts_new(const struct service_accounts_options *options,
                                 struct service_accounts **ret_accounts, struct error *reterr)
{
    struct service_accounts *accounts = calloc(1, sizeof(*accounts));
    const char *files = options->key_files, *audiences = options->audiences;
    enum status st = STATUS_OK;

    if (accounts == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (files == NULL || files[0] == '\0')
        files = options->signing_key_file;
    if (audiences == NULL || audiences[0] == '\0')
        audiences = options->issuer;
    accounts->issuer = arena_dup(&accounts->arena, bytes_str(options->issuer));
    accounts->audiences = split_list(&accounts->arena, bytes_str(audiences));
    accounts->verifying = signing_keys_new();
    if (accounts->verifying == NULL || accounts->arena.failed)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    else if (files == NULL || files[0] == '\0')
        st = error_set(reterr, STATUS_BAD_REQUEST,
                       "--service-account-issuer wants --service-account-key-file or "
                       "--service-account-signing-key-file");
    if (st == STATUS_OK)
        st = load_keys(accounts, bytes_str(files), reterr);
    if (st == STATUS_OK && options->signing_key_file != NULL &&
        options->signing_key_file[0] != '\0')
        st = load_signing_key(accounts, options->signing_key_file, reterr);
    if (st != STATUS_OK)
        service_accounts_free(accounts);
    else
        *ret_accounts = accounts;
    return st;
}

void service_accounts_free(struct service_accounts *accounts)
{
    if (accounts == NULL)
        return;
    signing_keys_free(accounts->verifying);
    signing_keys_free(accounts->signing);
    arena_release(&accounts->arena);
    free(accounts);
}

struct audiences service_accounts_audiences(const struct service_accounts *accounts)
{
    return accounts->audiences;
}

bool service_accounts_can_sign(const struct service_accounts *accounts)
{
    return accounts->signing != NULL;
}

/* ---- reading ---- */

static enum status refuse(struct error *reterr, const char *why)
{
    return error_set(reterr, STATUS_UNAUTHORIZED, "%s", why);
}

static bool audience_in(struct bytes audience, struct audiences all)
{
    for (size_t i = 0; i < all.count; i++)
        if (bytes_eq(audience, all.texts[i]))
            return true;
    return false;
}

static bool claims_audience(const struct json *aud, struct bytes audience)
{
    if (json_is(aud, JSON_STRING))
        return bytes_eq(json_text(aud), audience);
    json_each(aud, it)
        if (bytes_eq(json_text(it), audience))
            return true;
    return false;
}

/* Those of `asked` that the token is for. */
static struct audiences common_audiences(struct arena *arena, const struct json *aud,
                                         struct audiences asked)
{
    struct bytes *texts = arena_zalloc(arena, (asked.count + 1) * sizeof(*texts));
    struct audiences common = {.texts = texts};

    for (size_t i = 0; i < asked.count && texts != NULL; i++)
        if (claims_audience(aud, asked.texts[i]) && !audience_in(asked.texts[i], common))
            texts[common.count++] = asked.texts[i];
    return common;
}

static enum status check_times(const struct json *claims, int64_t now_s, int64_t *ret_expires_s,
                               struct error *reterr)
{
    int64_t not_before = 0;

    if (!json_to_i64(json_get(claims, BYTES("exp")), ret_expires_s))
        return refuse(reterr, "a token has no expiry");
    if (now_s >= *ret_expires_s)
        return refuse(reterr, "a token has expired");
    if (json_get(claims, BYTES("nbf")) != NULL &&
        (!json_to_i64(json_get(claims, BYTES("nbf")), &not_before) ||
         not_before > now_s + NOT_BEFORE_LEEWAY_S))
        return refuse(reterr, "a token is not valid yet");
    return STATUS_OK;
}

static struct bound_object read_bound(const struct json *own)
{
    static const struct {
        const char *member, *kind;
    } kinds[] = {{"pod", "Pod"}, {"secret", "Secret"}, {"node", "Node"}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct json *ref = json_get(own, bytes_str(kinds[i].member));

        if (ref != NULL)
            return (struct bound_object){bytes_str(kinds[i].kind), json_get_text(ref, "name"),
                                         json_get_text(ref, "uid")};
    }
    return (struct bound_object){0};
}

static enum status read_account(const struct json *claims, struct arena *arena,
                                struct bound_account *ret, struct error *reterr)
{
    const struct json *own = json_get(claims, BYTES("kubernetes.io"));
    struct bytes subject;

    *ret = (struct bound_account){
        .namespace = json_get_text(own, "namespace"),
        .name = json_text(json_at(own, "serviceaccount", "name", NULL)),
        .uid = json_text(json_at(own, "serviceaccount", "uid", NULL)),
        .bound = read_bound(own),
    };
    subject = arena_printf(arena, "%.*s%.*s:%.*s", BYTES_FMT(subject_prefix),
                           BYTES_FMT(ret->namespace), BYTES_FMT(ret->name));
    if (ret->namespace.len == 0 || ret->name.len == 0 || ret->uid.len == 0 ||
        !bytes_eq(subject, json_get_text(claims, "sub")))
        return refuse(reterr, "a token is not of a service account");
    return STATUS_OK;
}

bool service_accounts_stand(const struct bound_account *account, const struct account_world *world)
{
    const struct bound_object *bound = &account->bound;

    if (!bytes_eq(account->uid, world->uid_of(world->user, BYTES("ServiceAccount"),
                                              account->namespace, account->name)))
        return false;
    return bound->kind.len == 0 ||
           (bound->uid.len != 0 &&
            bytes_eq(bound->uid,
                     world->uid_of(world->user, bound->kind, account->namespace, bound->name)));
}

/* k8s.io/apiserver/pkg/authentication/serviceaccount/util.go ServiceAccountInfo.UserInfo. */
static void set_user(struct account_token *token, const struct json *claims, struct arena *arena)
{
    const struct bound_account *account = &token->account;
    struct bytes *groups = arena_zalloc(arena, 3 * sizeof(*groups));
    struct user_extra *extra = arena_zalloc(arena, 3 * sizeof(*extra));
    struct bytes *values = arena_zalloc(arena, 3 * sizeof(*values));
    struct bytes jti = json_get_text(claims, "jti");
    size_t count = 0;

    if (groups == NULL || extra == NULL || values == NULL)
        return;
    token->user.name = json_get_text(claims, "sub");
    token->user.uid = account->uid;
    groups[0] = BYTES("system:serviceaccounts");
    groups[1] = arena_printf(arena, "system:serviceaccounts:%.*s", BYTES_FMT(account->namespace));
    groups[2] = BYTES(GROUP_AUTHENTICATED);
    token->user.groups = groups;
    token->user.group_count = 3;
    if (jti.len != 0) {
        values[count] = arena_printf(arena, "JTI=%.*s", BYTES_FMT(jti));
        extra[count].key = BYTES("authentication.kubernetes.io/credential-id");
        count++;
    }
    if (bytes_eq_str(account->bound.kind, "Pod")) {
        values[count] = account->bound.name;
        extra[count++].key = BYTES("authentication.kubernetes.io/pod-name");
        values[count] = account->bound.uid;
        extra[count++].key = BYTES("authentication.kubernetes.io/pod-uid");
    }
    for (size_t i = 0; i < count; i++) {
        extra[i].values = &values[i];
        extra[i].count = 1;
    }
    token->user.extra = extra;
    token->user.extra_count = count;
}

enum status service_accounts_read(const struct service_accounts *accounts, struct bytes token,
                                  struct audiences asked, const struct account_world *world,
                                  struct arena *arena, struct account_token *ret_token,
                                  struct audiences *ret_for, struct error *reterr)
{
    struct json *claims;
    enum status st = jwt_open(accounts->verifying, token, arena, &claims, reterr);

    if (st != STATUS_OK)
        return st;
    if (!bytes_eq(json_get_text(claims, "iss"), accounts->issuer))
        return refuse(reterr, "a token is of another issuer");
    st = check_times(claims, clock_wall_s(), &ret_token->expires_s, reterr);
    if (st != STATUS_OK)
        return st;
    *ret_for = common_audiences(arena, json_get(claims, BYTES("aud")),
                                asked.count != 0 ? asked : accounts->audiences);
    if (ret_for->count == 0)
        return refuse(reterr, "a token is for another audience");
    st = read_account(claims, arena, &ret_token->account, reterr);
    if (st != STATUS_OK)
        return st;
    if (!service_accounts_stand(&ret_token->account, world))
        return refuse(reterr, "a token's service account, or what it is bound to, is gone");
    set_user(ret_token, claims, arena);
    return arena->failed ? error_set(reterr, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}

/* ---- making tokens ---- */

static struct json *new_ref(struct arena *arena, struct bytes name, struct bytes uid)
{
    struct json *ref = json_new_object(arena);

    json_set_text(arena, ref, "name", name);
    json_set_text(arena, ref, "uid", uid);
    return ref;
}

static struct json *new_claims(const struct service_accounts *accounts,
                               const struct bound_account *account, struct audiences audiences,
                               int64_t now_s, int64_t expires_s, struct arena *arena)
{
    struct json *claims = json_new_object(arena), *aud = json_new_array(arena);
    struct json *own = json_new_object(arena);
    const struct bound_object *bound = &account->bound;
    char jti[UUID_LEN + 1];

    uuid_new(jti);
    for (size_t i = 0; i < audiences.count; i++)
        json_append(aud, json_new_string(arena, audiences.texts[i]));
    json_set(claims, BYTES("aud"), aud);
    json_set(claims, BYTES("exp"), json_new_int(arena, expires_s));
    json_set(claims, BYTES("iat"), json_new_int(arena, now_s));
    json_set_text(arena, claims, "iss", accounts->issuer);
    json_set_text(arena, claims, "jti", arena_dup(arena, bytes_str(jti)));
    json_set_text(arena, own, "namespace", account->namespace);
    if (bytes_eq_str(bound->kind, "Node"))
        json_set(own, BYTES("node"), new_ref(arena, bound->name, bound->uid));
    else if (bytes_eq_str(bound->kind, "Pod"))
        json_set(own, BYTES("pod"), new_ref(arena, bound->name, bound->uid));
    else if (bytes_eq_str(bound->kind, "Secret"))
        json_set(own, BYTES("secret"), new_ref(arena, bound->name, bound->uid));
    json_set(own, BYTES("serviceaccount"), new_ref(arena, account->name, account->uid));
    json_set(claims, BYTES("kubernetes.io"), own);
    json_set(claims, BYTES("nbf"), json_new_int(arena, now_s));
    json_set_text(arena, claims, "sub",
                  arena_printf(arena, "%.*s%.*s:%.*s", BYTES_FMT(subject_prefix),
                               BYTES_FMT(account->namespace), BYTES_FMT(account->name)));
    return claims;
}

enum status service_accounts_make(const struct service_accounts *accounts,
                                  const struct bound_account *account, struct audiences audiences,
                                  int64_t now_s, int64_t expires_s, struct buf *ret_token,
                                  struct error *reterr)
{
    struct arena arena = {0};
    struct buf text = {0};
    enum status st;

    if (audiences.count == 0)
        audiences = accounts->audiences;
    json_write(&text, new_claims(accounts, account, audiences, now_s, expires_s, &arena), false);
    if (arena.failed || text.failed)
        st = error_set(reterr, STATUS_NO_MEMORY, "no memory for a token");
    else
        st = jwt_make(accounts->signing, buf_bytes(&text), ret_token, reterr);
    buf_release(&text);
    arena_release(&arena);
    return st;
}

/* ---- discovery ---- */

void service_accounts_write_jwks(const struct service_accounts *accounts, struct buf *out)
{
    signing_keys_write_jwks(accounts->verifying, out);
}

void service_accounts_write_configuration(const struct service_accounts *accounts, struct buf *out)
{
    struct arena arena = {0};
    struct bytes base = accounts->issuer;
    const struct signing_keys *keys =
        accounts->signing != NULL ? accounts->signing : accounts->verifying;

    if (bytes_ends_with(base, BYTES("/")))
        base.len--;
    buf_append_str(out, "{\"issuer\":");
    json_write_string(out, accounts->issuer);
    buf_append_str(out, ",\"jwks_uri\":");
    json_write_string(out, arena_printf(&arena, "%.*s/openid/v1/jwks", BYTES_FMT(base)));
    buf_appendf(out,
                ",\"response_types_supported\":[\"id_token\"],"
                "\"subject_types_supported\":[\"public\"],"
                "\"id_token_signing_alg_values_supported\":[\"%s\"]}",
                signing_keys_alg(keys));
    arena_release(&arena);
}
