/*
 * subprotocol - what a WebSocket client offers in Sec-WebSocket-Protocol: a protocol, and perhaps a
 * bearer token, as browsers cannot set the Authorization header.
 *
 *   "base64url.bearer.authorization.k8s.io.dG9rZW4, base64.binary.k8s.io"
 *      -> token "token", chosen "base64.binary.k8s.io"
 *
 * Rules: k8s.io/apiserver/pkg/authentication/request/websocket/protocol.go. The token's protocol is
 * never answered, so with a token another one must be offered.
 *
 * Owner    texts live in the arena given, or are spans of the header.
 * Threads  pure functions.
 */
#ifndef TIDEWATCH_APISERVER_REQUEST_SUBPROTOCOL_H
#define TIDEWATCH_APISERVER_REQUEST_SUBPROTOCOL_H

#include "base/arena.h"
#include "base/error.h"

struct subprotocol {
    struct bytes chosen; /* the first that is no token; empty: none, and none is answered */
    struct bytes token;  /* decoded; ptr NULL: none */
};

/* `offered` is the header's value; several such headers are one, joined by commas. BAD_REQUEST:
 * more than one token, one that does not decode, or nothing beside it. */
MUST_CHECK enum status subprotocol_choose(struct arena *arena, struct bytes offered,
                                          struct subprotocol *ret, struct error *reterr);

#endif
