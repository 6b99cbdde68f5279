/*
 * signing_key - RSA and EC P-256 keys that sign and verify JSON Web Tokens (RS256 and ES256).
 *
 * Shape    a set of keys, each with an id: the digest of its public part, as kube-apiserver makes
 *          them (k8s.io/kubernetes/pkg/serviceaccount/jwt.go keyIDFromPublicKey).
 * Owner    signing_keys_free().
 * Threads  immutable once loaded.
 * Errors   a line that names the file.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_SIGNING_KEY_H
#define TIDEWATCH_APISERVER_AUTH_SIGNING_KEY_H

#include "base/buf.h"
#include "base/error.h"

struct signing_keys;

struct signing_keys *signing_keys_new(void);
void signing_keys_free(struct signing_keys *keys);
/* Adds the keys of a PEM file: public or private keys, or certificates. */
MUST_CHECK enum status signing_keys_add_file(struct signing_keys *keys, const char *path,
                                             struct error *reterr);
/* The same for a text; `name` stands in messages. */
MUST_CHECK enum status signing_keys_add(struct signing_keys *keys, const char *name,
                                        struct bytes pem, struct error *reterr);
/* Can the first one sign? */
bool signing_keys_can_sign(const struct signing_keys *keys);

/* "RS256" or "ES256", and the id, of the first key. */
const char *signing_keys_alg(const struct signing_keys *keys);
struct bytes signing_keys_id(const struct signing_keys *keys);
/* Signs with the first key, in the form of RFC 7518 section 3. */
MUST_CHECK enum status signing_keys_sign(const struct signing_keys *keys, struct bytes text,
                                         struct buf *ret_signature, struct error *reterr);
/* True if a key of that algorithm has signed: that of `id`, or any if there is none of that id. */
bool signing_keys_verify(const struct signing_keys *keys, struct bytes alg, struct bytes id,
                         struct bytes text, struct bytes signature);
/* {"keys":[..]}: the public parts, as RFC 7517 writes them. */
void signing_keys_write_jwks(const struct signing_keys *keys, struct buf *out);

#endif
