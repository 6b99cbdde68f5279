/*
 * authenticator - from what a request shows to who makes it.
 *
 *   client certificate --> static token --> service account token --> nobody: anonymous, or 401
 *
 * The first that is fine decides; when none is, anything that was shown and was wrong is a 401,
 * also where anonymous is allowed (k8s.io/apiserver/pkg/authentication/request/union).
 *
 * Owner    counted. A reload makes a new one; watches remember what they were let in by, and ask
 *          the new one whether it still holds.
 * Threads  immutable: shared by all loops.
 * Errors   UNAUTHORIZED with a reason for the log; what a client hears is "Unauthorized" alone.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_AUTHENTICATOR_H
#define TIDEWATCH_APISERVER_AUTH_AUTHENTICATOR_H

#include "apiserver/auth/service_account.h"
#include "apiserver/auth/token_file.h"

struct authenticator_options {
    const char *client_ca_file;   /* NULL: certificates say nothing */
    const char *token_file;       /* NULL: none */
    const char *issuer;           /* of service account tokens; "" or NULL: none */
    const char *key_files;        /* that verify them, by commas; NULL: the signing key */
    const char *signing_key_file; /* NULL: none are made */
    const char *audiences;        /* by commas; NULL: the issuer */
    bool anonymous;
};

struct authenticator;
MUST_CHECK enum status authenticator_new(const struct authenticator_options *options,
                                         struct authenticator **ret_authenticator,
                                         struct error *reterr);
struct authenticator *authenticator_ref(struct authenticator *authenticator);
void authenticator_unref(struct authenticator *authenticator);
/* NULL: no service accounts. */
const struct service_accounts *authenticator_accounts(const struct authenticator *authenticator);

/* What a request shows. */
struct credentials {
    bool has_certificate, certificate_is_trusted;
    struct bytes common_name;
    const struct bytes *organizations;
    size_t organization_count;
    int64_t not_after_s;
    struct bytes bearer; /* ptr NULL: none */
};

enum proof { PROOF_NONE, PROOF_CERTIFICATE, PROOF_TOKEN, PROOF_SERVICE_ACCOUNT };

struct identity {
    struct user user;
    enum proof proof;
    int64_t expires_s;          /* 0: never */
    uint8_t digest[DIGEST_LEN]; /* of the token, or of the client CAs that vouched */
    struct bound_account account;
};

/* Texts of the identity live in the arena, or are static. `world` knows what objects there are. */
MUST_CHECK enum status authenticator_judge(const struct authenticator *authenticator,
                                           const struct credentials *shown,
                                           const struct account_world *world, struct arena *arena,
                                           struct identity *ret_identity, struct error *reterr);
/* For a TokenReview: the token alone, for these audiences (count 0: the server's own), of which
 * those that it is for come back. */
MUST_CHECK enum status authenticator_review(const struct authenticator *authenticator,
                                            struct bytes token, struct audiences asked,
                                            const struct account_world *world, struct arena *arena,
                                            struct identity *ret_identity,
                                            struct audiences *ret_for, struct error *reterr);
/* Would it be let in again, now? */
bool authenticator_still_holds(const struct authenticator *authenticator,
                               const struct identity *identity, const struct account_world *world,
                               int64_t now_s);
/* Deep, into an arena. */
struct identity identity_copy(struct arena *arena, const struct identity *identity);

#endif
