/*
 * self_signed - certificates for a server that was given none: EC P-256, made at its first start
 * and kept in a folder.
 *
 *   ca.crt, ca.key         signs the two below; what clients of this server trust
 *   apiserver.crt, .key    for localhost, the host's name, and the addresses it listens on
 *   client-ca.crt, .key    whose certificates the server takes from clients, if it is not told
 *                          another file: its own CA, so that no serving certificate can log in
 *   admin.crt, admin.key   system:masters, for the kubeconfig
 *
 * Files are made if they are missing, and the server's also in the last third of its 825 days, at a
 * start or a reload; keys are for their owner alone (0600).
 */
#ifndef TIDEWATCH_APISERVER_AUTH_SELF_SIGNED_H
#define TIDEWATCH_APISERVER_AUTH_SELF_SIGNED_H

#include "base/buf.h"
#include "base/error.h"

/* Makes what is missing of the server's own. `hosts`: names and addresses, NULL-terminated. */
MUST_CHECK enum status self_signed_server(const char *folder, const char *const *hosts,
                                          struct error *reterr);
/* Makes what is missing of the clients' side. */
MUST_CHECK enum status self_signed_admin(const char *folder, struct error *reterr);

#endif
