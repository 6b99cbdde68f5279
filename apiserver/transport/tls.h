/*
 * tls - the server side of TLS: what an https listener shows its clients, and asks of them.
 *
 *   files --http_tls_new()--> struct http_tls --http_server_set_tls()--> handshakes from then on
 *
 * TLS 1.2 and 1.3, ALPN h2 and http/1.1. Nothing is resumed: a client's identity is never older
 * than its connection (CVE-2024-45397). A client that shows a certificate is let in whatever it is;
 * who it makes of the client is for http_request.certificate to say, and for the handler to judge.
 *
 * Owner    counted: servers hold references, connections those of OpenSSL. One that was replaced
 *          lives until the last connection that began with it ends.
 * Threads  immutable; ref and unref from any thread.
 * Errors   a line that names the file.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_TLS_H
#define TIDEWATCH_APISERVER_TRANSPORT_TLS_H

#include "base/bytes.h"
#include "base/error.h"

struct http_tls;

struct http_tls_options {
    const char *cert_file, *key_file; /* PEM; the leaf first, then its chain */
    const char *client_ca_file;       /* PEM; NULL: certificates are not asked for */
};
MUST_CHECK enum status http_tls_new(const struct http_tls_options *options,
                                    struct http_tls **ret_tls, struct error *reterr);
void http_tls_unref(struct http_tls *tls);

/* What a client has shown. Lives as long as the request that has it. */
struct http_certificate {
    bool trusted; /* its chain ends at a client CA, it is for clients, and is valid now */
    struct bytes common_name;
    const struct bytes *organizations;
    size_t organization_count;
    int64_t not_after_s;
};

#endif
