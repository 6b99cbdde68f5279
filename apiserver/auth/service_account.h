/*
 * service_account - tokens of service accounts: made for TokenRequest, and read back
 * (k8s.io/kubernetes/pkg/serviceaccount/{claims,jwt}.go).
 *
 *   {"iss":..,"aud":[..],"exp":..,"iat":..,"nbf":..,"jti":..,"sub":"system:serviceaccount:NS:NAME",
 *    "kubernetes.io":{"namespace":NS,"serviceaccount":{"name":,"uid":},"pod":{"name":,"uid":}}}
 *
 * A token is good for as long as its account, and what it is bound to, are there with those uids.
 *
 * Owner    service_accounts_free(); texts of results live in the arena.
 * Threads  immutable once made.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_SERVICE_ACCOUNT_H
#define TIDEWATCH_APISERVER_AUTH_SERVICE_ACCOUNT_H

#include "apiserver/auth/jwt.h"
#include "apiserver/auth/user.h"

struct audiences {
    const struct bytes *texts;
    size_t count;
};

/* Something a token speaks of; kind "" is nothing. */
struct bound_object {
    struct bytes kind, name, uid; /* "Pod", "Secret", "Node" */
};
struct bound_account {
    struct bytes namespace, name, uid;
    struct bound_object bound;
};

/* What objects there are: the uid of one that is not being deleted, or an empty span. */
struct account_world {
    struct bytes (*uid_of)(void *user, struct bytes kind, struct bytes namespace,
                           struct bytes name);
    void *user;
};

struct service_accounts_options {
    const char *issuer, *key_files, *signing_key_file, *audiences;
};
struct service_accounts;
MUST_CHECK enum status service_accounts_new(const struct service_accounts_options *options,
                                            struct service_accounts **ret_accounts,
                                            struct error *reterr);
void service_accounts_free(struct service_accounts *accounts);
struct audiences service_accounts_audiences(const struct service_accounts *accounts);
bool service_accounts_can_sign(const struct service_accounts *accounts);

/* What a token must be for: any of `asked`; `*ret_for` gets those it is for. */
struct account_token {
    struct user user;
    struct bound_account account;
    int64_t expires_s;
};
MUST_CHECK enum status service_accounts_read(const struct service_accounts *accounts,
                                             struct bytes token, struct audiences asked,
                                             const struct account_world *world, struct arena *arena,
                                             struct account_token *ret_token,
                                             struct audiences *ret_for, struct error *reterr);
/* The account and what it is bound to are still there. */
bool service_accounts_stand(const struct bound_account *account, const struct account_world *world);
/* Makes a token, from `now_s` to `expires_s`. */
MUST_CHECK enum status service_accounts_make(const struct service_accounts *accounts,
                                             const struct bound_account *account,
                                             struct audiences audiences, int64_t now_s,
                                             int64_t expires_s, struct buf *ret_token,
                                             struct error *reterr);
/* The documents of OpenID discovery. */
void service_accounts_write_jwks(const struct service_accounts *accounts, struct buf *out);
void service_accounts_write_configuration(const struct service_accounts *accounts, struct buf *out);

#endif
