/*
 * tls_conn - TLS on one connection. Inside the transport only.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_TLS_CONN_H
#define TIDEWATCH_APISERVER_TRANSPORT_TLS_CONN_H

#include "apiserver/transport/server.h"
#include "apiserver/transport/tls.h"

/* Shakes hands; `on_done` gets an error, or a socket that speaks plain bytes to us. */
void tls_handshake(struct conn *conn, h2o_socket_cb on_done);
/* It is done, or the connection gone. */
void tls_handshake_over(struct conn *conn);
/* ALPN has chosen HTTP/2. */
bool tls_chose_h2(struct conn *conn);
/* What the client has shown, judged by the server's client CAs of now. NULL: nothing. */
const struct http_certificate *tls_certificate(struct conn *conn);

/* We have said good-bye, and wait for that to leave: the phase has nothing to do any more. */
static inline bool tls_is_closing(const struct conn *conn)
{
    return conn->ssl != NULL && (SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN) != 0;
}
/* The peer has said good-bye; a FIN may never follow. */
static inline bool tls_peer_is_gone(const struct conn *conn)
{
    return conn->ssl != NULL && (SSL_get_shutdown(conn->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

#endif
