/*
 * config - where the server is, and who we are to it.
 *
 *   $KUBECONFIG or ~/.kube/config | in-cluster files | a URL  -->  tw_config  -->  tw_client_new()
 *
 * Shape    the result of resolving one context: server, CA, credentials, default namespace.
 * Owner    tw_config_free(); a client keeps its own copy. Texts live as long as the config.
 * Threads  one at a time.
 * Errors   TW_ERR_CONFIG names the file, the entry and what is wrong with it.
 *          Not supported, and refused rather than ignored: `auth-provider`.
 * Who we are  token, token file (read again each minute, and on a 401), name and password, client
 *          certificate, or a plugin: `exec`, of client.authentication.k8s.io/v1 and v1beta1, run by
 *          the first request and again when its credentials have expired or a 401 comes. It is
 *          given no terminal, 60 s, and our stderr; whoever makes a request meanwhile waits.
 * Proxy    `proxy-url`, else $HTTP_PROXY or $HTTPS_PROXY unless $NO_PROXY names the server, or it
 *          is on this machine.
 */
#ifndef TIDEWATCH_CONFIG_H
#define TIDEWATCH_CONFIG_H

#include <tidewatch/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_config tw_config;

/* What kubectl would use: $KUBECONFIG (a list, the first file that has an entry wins) or
 * ~/.kube/config; if they name no server, the pod's service account; else http://localhost:8080. */
TW_API tw_status tw_config_default(tw_config **ret_config, tw_error **reterr);
/* `path` NULL: as tw_config_default(), but never in-cluster. `context` NULL: current-context. */
TW_API tw_status tw_config_from_kubeconfig(const char *path, const char *context,
                                           tw_config **ret_config, tw_error **reterr);
/* Only a server: "http://127.0.0.1:8080", "https://10.0.0.1:6443/prefix". */
TW_API tw_status tw_config_from_url(const char *url, tw_config **ret_config, tw_error **reterr);
/* /var/run/secrets/kubernetes.io/serviceaccount and KUBERNETES_SERVICE_HOST, _PORT. */
TW_API tw_status tw_config_in_cluster(tw_config **ret_config, tw_error **reterr);
TW_API void tw_config_free(tw_config *config);

/* Overrides; texts are copied, NULL clears. */
TW_API tw_status tw_config_set_server(tw_config *config, const char *url, tw_error **reterr);
/* Instead of a token file and of a plugin, too. */
TW_API tw_status tw_config_set_token(tw_config *config, const char *token, tw_error **reterr);
TW_API tw_status tw_config_set_token_file(tw_config *config, const char *path, tw_error **reterr);
TW_API tw_status tw_config_set_basic_auth(tw_config *config, const char *user, const char *password,
                                          tw_error **reterr);
/* "http://proxy:3128", "https://..", "socks5://..": for every request. */
TW_API tw_status tw_config_set_proxy(tw_config *config, const char *url, tw_error **reterr);
TW_API tw_status tw_config_set_namespace(tw_config *config, const char *ns, tw_error **reterr);
TW_API tw_status tw_config_set_user_agent(tw_config *config, const char *agent, tw_error **reterr);
/* Whatever certificate the server shows is fine. */
TW_API void tw_config_set_insecure(tw_config *config, bool insecure);
/* Of an http:// server: speaks HTTP/2 at once, without asking whether it can. An https:// server is
 * always asked. */
TW_API void tw_config_set_http2_prior_knowledge(tw_config *config, bool on);

/* A file is read again for each connection. What is NULL stays as it was. */
typedef struct tw_tls {
    const char *ca_file, *ca_pem;
    const char *cert_file, *cert_pem, *key_file, *key_pem;
    const char *server_name; /* to ask for and to check, instead of the one in the URL */
} tw_tls;
TW_API tw_status tw_config_set_tls(tw_config *config, const tw_tls *tls, tw_error **reterr);

/* Whom to act as; NULL for what is not wanted, arrays end in NULL. */
typedef struct tw_impersonation {
    const char *user, *uid;
    const char *const *groups;
    const char *const *extra; /* name, value, name, value ..; a name may come again */
} tw_impersonation;
/* `who` NULL: as ourselves. */
TW_API tw_status tw_config_set_impersonation(tw_config *config, const tw_impersonation *who,
                                             tw_error **reterr);

TW_API const char *tw_config_server(const tw_config *config);
/* Never empty: "default" if the context names none. */
TW_API const char *tw_config_namespace(const tw_config *config);

#ifdef __cplusplus
}
#endif
#endif
