/*
 * security - from settings to what listeners and handlers need: certificates, tokens and keys are
 * read, or made, here; again at each SIGHUP.
 *
 * Owner    security_release(); workers hold references of their own.
 * Threads  main only.
 * Errors   a line that names the file.
 */
#ifndef TIDEWATCH_APISERVER_SECURITY_H
#define TIDEWATCH_APISERVER_SECURITY_H

#include "apiserver/config.h"
#include "apiserver/handlers/access.h"

struct security {
    struct http_tls *tls;                /* NULL: no https listener */
    struct authenticator *authenticator; /* NULL: nobody is asked who he is */
    bool rbac;
    /* for the kubeconfig; NULL: there is none */
    char *server_ca, *admin_cert, *admin_key;
};

MUST_CHECK enum status security_load(const struct config *config, struct security *ret_security,
                                     struct error *reterr);
void security_release(struct security *security);
/* --write-kubeconfig: for the listener at `url`, with what it takes to trust it and to get in. */
MUST_CHECK enum status security_write_kubeconfig(const struct security *security, const char *path,
                                                 const char *url, struct error *reterr);

#endif
