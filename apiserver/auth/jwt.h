/*
 * jwt - JSON Web Tokens in compact form (RFC 7515, 7519): signed, or refused.
 *
 * Threads  pure functions on immutable keys.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_JWT_H
#define TIDEWATCH_APISERVER_AUTH_JWT_H

#include "apiserver/auth/signing_key.h"
#include "codec/json.h"

enum { JWT_LEN_MAX = 16 << 10 };

/* Does it look like one: three parts? Then it is this file's to judge. */
bool jwt_looks_like(struct bytes token);
/* The claims, in the arena, of a token that one of `keys` has signed. UNAUTHORIZED, with a reason
 * for the log, which never has a part of the token in it. Times are not looked at. */
MUST_CHECK enum status jwt_open(const struct signing_keys *keys, struct bytes token,
                                struct arena *arena, struct json **ret_claims,
                                struct error *reterr);
/* Signs claims (JSON) with the first key. */
MUST_CHECK enum status jwt_make(const struct signing_keys *keys, struct bytes claims,
                                struct buf *ret_token, struct error *reterr);

#endif
