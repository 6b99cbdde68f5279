/*
 * config - where the server is, and who we are to it.
 *
 *   $KUBECONFIG or ~/.kube/config | in-cluster files | a URL  -->  tw_config  -->  tw_client_new()
 *
 * Shape    the result of resolving one context: server, CA, credentials, default namespace.
 * Owner    tw_config_free(); a client keeps its own copy. Texts live as long as the config.
 * Threads  one at a time.
 * Errors   TW_ERR_CONFIG names the file, the entry and what is wrong with it.
 *          Not supported, and refused rather than ignored: `exec` and `auth-provider` plugins.
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
TW_API tw_status tw_config_set_token(tw_config *config, const char *token, tw_error **reterr);
TW_API tw_status tw_config_set_namespace(tw_config *config, const char *ns, tw_error **reterr);
TW_API tw_status tw_config_set_user_agent(tw_config *config, const char *agent, tw_error **reterr);
TW_API void tw_config_set_insecure(tw_config *config, bool insecure);

TW_API const char *tw_config_server(const tw_config *config);
/* Never empty: "default" if the context names none. */
TW_API const char *tw_config_namespace(const tw_config *config);

#ifdef __cplusplus
}
#endif
#endif
