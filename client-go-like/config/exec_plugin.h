/*
 * exec_plugin - credentials from a program that the kubeconfig names. Internal.
 *
 *   users[].user.exec --check, at load--> tw_config.exec --run--> ExecCredential --> credentials
 *
 * Rules    client.authentication.k8s.io/v1 and v1beta1, as client-go's plugin/pkg/client/auth/exec
 *          has them. There is no terminal to lend: stdin is /dev/null, interactiveMode Always
 *          fails. stderr is the caller's, for what a plugin has to tell a person.
 * Bounds   EXEC_PLUGIN_MS, then it is killed; EXEC_PLUGIN_OUTPUT_MAX bytes of output.
 */
#ifndef TIDEWATCH_CLIENT_CONFIG_EXEC_PLUGIN_H
#define TIDEWATCH_CLIENT_CONFIG_EXEC_PLUGIN_H

#include "client-go-like/config/login.h"

enum { EXEC_PLUGIN_MS = 60 * 1000, EXEC_PLUGIN_OUTPUT_MAX = 1024 * 1024 };

/* Is `exec` usable? `user` is for the words. */
tw_status exec_plugin_check(const struct json *exec, struct bytes user, tw_error **reterr);
/* Runs config->exec. */
tw_status exec_plugin_run(const tw_config *config, struct credentials **ret_credentials,
                          tw_error **reterr);

#endif
