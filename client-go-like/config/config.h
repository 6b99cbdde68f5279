/*
 * config - a tw_config from the inside. Internal.
 *
 * Certificates and keys are a path (read by libcurl at each new connection, so a rotated file takes
 * effect by itself) or, when the kubeconfig holds them inline, their PEM text. `impersonate` holds
 * header lines, each ended by \n; `exec` the kubeconfig's entry as JSON, checked, with the
 * cluster's word to plugins in it as CONFIG_EXEC_EXTENSION.
 */
#ifndef TIDEWATCH_CLIENT_CONFIG_CONFIG_H
#define TIDEWATCH_CLIENT_CONFIG_CONFIG_H

#include <tidewatch/config.h>

#include "client-go-like/fail.h"
#include "codec/json.h"

/* Every text a config owns: one row, and freeing and copying follow. */
#define CONFIG_TEXTS(X)                                                                            \
    X(server)                                                                                      \
    X(ns)                                                                                          \
    X(ca_file)                                                                                     \
    X(ca_data)                                                                                     \
    X(cert_file)                                                                                   \
    X(cert_data)                                                                                   \
    X(key_file)                                                                                    \
    X(key_data)                                                                                    \
    X(token)                                                                                       \
    X(token_file)                                                                                  \
    X(username)                                                                                    \
    X(password)                                                                                    \
    X(tls_server_name)                                                                             \
    X(proxy)                                                                                       \
    X(impersonate)                                                                                 \
    X(exec)                                                                                        \
    X(user_agent)

#define CONFIG_EXEC_EXTENSION "cluster-config"

struct tw_config {
#define CONFIG_MEMBER(name) char *name;
    CONFIG_TEXTS(CONFIG_MEMBER)
#undef CONFIG_MEMBER
    bool insecure;
    bool http2_prior; /* without asking, where there is no TLS to ask in */
};

tw_config *config_new(void);
/* NULL without memory. */
tw_config *config_copy(const tw_config *config);
/* Replaces one text by a copy; empty clears it. False without memory. */
bool config_replace(char **text, struct bytes with);
/* Frees a secret, which leaves no trace. */
void config_forget(char *secret);
/* Checks and keeps a server URL, without its trailing slashes. */
tw_status config_set_server(tw_config *config, struct bytes url, tw_error **reterr);
/* A whole file of at most CONFIG_FILE_MAX bytes. */
enum { CONFIG_FILE_MAX = 4 * 1024 * 1024 };
tw_status config_read_file(const char *path, struct buf *ret_text, tw_error **reterr);
/* RFC 4648 with padding, line breaks allowed; NULL with `*ret_bad` set if it is none. */
char *config_base64_decode(struct bytes text, bool *ret_bad);
/* As tw_config_from_kubeconfig(); TW_END: no file exists, or none names a cluster. */
tw_status kubeconfig_load(const char *path, const char *context, tw_config **ret_config,
                          tw_error **reterr);

#endif
