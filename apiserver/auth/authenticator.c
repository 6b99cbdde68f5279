#include "apiserver/auth/authenticator.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "apiserver/auth/read_file.h"
#include "base/clock.h"

struct authenticator {
    atomic_uint refs;
    bool anonymous, certificates;
    uint8_t ca_digest[DIGEST_LEN];
    struct token_file *tokens;         /* or NULL */
    struct service_accounts *accounts; /* or NULL */
};

/* ---- making one ---- */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum status read_ca(struct authenticator *self, const char *path, struct error *reterr)
{
    struct buf pem = {0};
    enum status st = read_whole_file(path, &pem, reterr);

    if (st == STATUS_OK && !digest_of(buf_bytes(&pem), self->ca_digest))
        st = error_set(reterr, STATUS_NO_MEMORY, "no memory for %s", path);
    self->certificates = true;
    buf_release(&pem);
    return st;
}

enum status authenticator_new(const struct authenticator_options *options,
                              struct authenticator **ret_authenticator, struct error *reterr)
{
    struct authenticator *self = calloc(1, sizeof(*self));
    struct service_accounts_options accounts = {options->issuer, options->key_files,
                                                options->signing_key_file, options->audiences};
    enum status st = STATUS_OK;

    if (self == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    atomic_init(&self->refs, 1);
    self->anonymous = options->anonymous;
    if (is_given(options->client_ca_file))
        st = read_ca(self, options->client_ca_file, reterr);
    if (st == STATUS_OK && is_given(options->token_file))
        st = token_file_load(options->token_file, &self->tokens, reterr);
    if (st == STATUS_OK && is_given(options->issuer))
        st = service_accounts_new(&accounts, &self->accounts, reterr);
    if (st != STATUS_OK)
        authenticator_unref(self);
    else
        *ret_authenticator = self;
    return st;
}

struct authenticator *authenticator_ref(struct authenticator *self)
{
    atomic_fetch_add_explicit(&self->refs, 1, memory_order_relaxed);
    return self;
}

void authenticator_unref(struct authenticator *self)
{
    if (self == NULL || atomic_fetch_sub_explicit(&self->refs, 1, memory_order_acq_rel) != 1)
        return;
    token_file_free(self->tokens);
    service_accounts_free(self->accounts);
    free(self);
}

const struct service_accounts *authenticator_accounts(const struct authenticator *self)
{
    return self->accounts;
}

/* ---- the ways ---- */

static enum status refuse(struct error *reterr, const char *why)
{
    return error_set(reterr, STATUS_UNAUTHORIZED, "%s", why);
}

static bool has_nul(struct bytes text)
{
    return bytes_find(text, '\0') < text.len;
}

/* Whoever cuts "admin\0.example.com" at its NUL, in a log or a tool, takes it for another. */
static bool names_have_nul(const struct credentials *shown)
{
    bool found = has_nul(shown->common_name);

    for (size_t i = 0; i < shown->organization_count; i++)
        found = found || has_nul(shown->organizations[i]);
    return found;
}

static enum status by_certificate(const struct authenticator *self, const struct credentials *shown,
                                  struct arena *arena, struct identity *ret, struct error *reterr)
{
    struct user user = {.name = shown->common_name,
                        .groups = shown->organizations,
                        .group_count = shown->organization_count};

    if (!shown->certificate_is_trusted)
        return refuse(reterr, "no client CA vouches for the certificate, now and for a client");
    if (user.name.len == 0)
        return refuse(reterr, "a certificate without a common name");
    if (names_have_nul(shown))
        return refuse(reterr, "a certificate with a NUL in a name");
    ret->user = user_copy(arena, &user);
    user_add_group(arena, &ret->user, BYTES(GROUP_AUTHENTICATED));
    ret->proof = PROOF_CERTIFICATE;
    ret->expires_s = shown->not_after_s;
    memcpy(ret->digest, self->ca_digest, DIGEST_LEN);
    return STATUS_OK;
}

static enum status by_static_token(const struct authenticator *self, struct bytes token,
                                   struct arena *arena, struct identity *ret, struct error *reterr)
{
    const struct user *user;

    if (!digest_of(token, ret->digest))
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    user = self->tokens != NULL ? token_file_find(self->tokens, ret->digest) : NULL;
    if (user == NULL)
        return refuse(reterr, "the token is not known");
    ret->user = user_copy(arena, user);
    ret->proof = PROOF_TOKEN;
    return STATUS_OK;
}

static enum status by_token(const struct authenticator *self, struct bytes token,
                            struct audiences asked, const struct account_world *world,
                            struct arena *arena, struct identity *ret, struct audiences *ret_for,
                            struct error *reterr)
{
    struct account_token account = {0};
    bool account_comes_next = self->accounts != NULL && jwt_looks_like(token);
    enum status st = by_static_token(self, token, arena, ret, account_comes_next ? NULL : reterr);

    if (st == STATUS_OK) /* good for all audiences that are the server's */
        *ret_for = asked;
    if (st == STATUS_NO_MEMORY) /* which may not have been said yet */
        return error_set(reterr, st, "out of memory");
    if (st == STATUS_OK || !account_comes_next)
        return st;
    st = service_accounts_read(self->accounts, token, asked, world, arena, &account, ret_for,
                               reterr);
    if (st != STATUS_OK)
        return st;
    ret->user = account.user;
    ret->account = account.account;
    ret->expires_s = account.expires_s;
    ret->proof = PROOF_SERVICE_ACCOUNT;
    return STATUS_OK;
}

/* ---- all of them ---- */

enum status authenticator_judge(const struct authenticator *self, const struct credentials *shown,
                                const struct account_world *world, struct arena *arena,
                                struct identity *ret_identity, struct error *reterr)
{
    bool certificate = self->certificates && shown->has_certificate;
    bool token = shown->bearer.ptr != NULL && (self->tokens != NULL || self->accounts != NULL);
    struct audiences audiences;

    *ret_identity = (struct identity){0};
    if (certificate &&
        by_certificate(self, shown, arena, ret_identity, token ? NULL : reterr) == STATUS_OK)
        return STATUS_OK;
    if (token)
        return by_token(self, shown->bearer, (struct audiences){0}, world, arena, ret_identity,
                        &audiences, reterr);
    if (certificate)
        return STATUS_UNAUTHORIZED;
    if (!self->anonymous)
        return refuse(reterr, "no credentials");
    ret_identity->user = user_anonymous;
    return STATUS_OK;
}

enum status authenticator_review(const struct authenticator *self, struct bytes token,
                                 struct audiences asked, const struct account_world *world,
                                 struct arena *arena, struct identity *ret_identity,
                                 struct audiences *ret_for, struct error *reterr)
{
    *ret_identity = (struct identity){0};
    *ret_for = asked;
    return by_token(self, token, asked, world, arena, ret_identity, ret_for, reterr);
}

bool authenticator_still_holds(const struct authenticator *self, const struct identity *identity,
                               const struct account_world *world, int64_t now_s)
{
    const struct user *user;

    if (identity->expires_s != 0 && now_s >= identity->expires_s)
        return false;
    switch (identity->proof) {
    case PROOF_CERTIFICATE:
        return self->certificates && memcmp(self->ca_digest, identity->digest, DIGEST_LEN) == 0;
    case PROOF_TOKEN:
        user = self->tokens != NULL ? token_file_find(self->tokens, identity->digest) : NULL;
        return user != NULL && bytes_eq(user->name, identity->user.name);
    case PROOF_SERVICE_ACCOUNT:
        return self->accounts != NULL && service_accounts_stand(&identity->account, world);
    case PROOF_NONE:
        return self->anonymous;
    }
    return false;
}

struct identity identity_copy(struct arena *arena, const struct identity *identity)
{
    struct identity copy = *identity;
    struct bound_account *account = &copy.account;

    copy.user = user_copy(arena, &identity->user);
    account->namespace = arena_dup(arena, account->namespace);
    account->name = arena_dup(arena, account->name);
    account->uid = arena_dup(arena, account->uid);
    account->bound.kind = arena_dup(arena, account->bound.kind);
    account->bound.name = arena_dup(arena, account->bound.name);
    account->bound.uid = arena_dup(arena, account->bound.uid);
    return copy;
}
