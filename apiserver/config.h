/*
 * config - the server's settings: one table drives flags, the YAML file of --config (same names)
 * and
 * --help. A flag wins over the file.
 *
 * Owner    config_release() frees the texts.
 * Errors   a precise line for a person; nothing is guessed.
 */
#ifndef TIDEWATCH_APISERVER_CONFIG_H
#define TIDEWATCH_APISERVER_CONFIG_H

#include "base/buf.h"
#include "base/error.h"

enum { LISTEN_MAX = 16 };

struct config {
    char *listen[LISTEN_MAX];
    size_t listen_count;
    char *data_dir, *storage, *write_kubeconfig, *log_level, *log_format, *config_file;
    char *cors_allowed_origins;
    char *tls_cert_file, *tls_private_key_file, *cert_dir, *client_ca_file, *token_auth_file;
    char *service_account_issuer, *service_account_key_file, *service_account_signing_key_file;
    char *api_audiences, *authorization_mode, *audit_log_path, *audit_policy_file;
    char *encryption_provider_config;
    uint64_t threads; /* 0: one a processor */
    uint64_t event_ttl_s, history_age_s, bookmark_ms, write_stall_ms, shutdown_grace_ms;
    uint64_t ping_ms, pong_ms, check_ms, request_ms;
    uint64_t reads_max, writes_max; /* in flight */
    uint64_t peer_conns_max, user_watches_max, buffered_max, answers_max;
    uint64_t history_bytes, window_bytes, window_events;
    bool anonymous_auth, fair, allow_insecure_http, no_sandbox, help, help_all, version;
};

/* Defaults, then --config, then the flags. */
MUST_CHECK enum status config_parse(int argc, char *const *argv, struct config *ret_config,
                                    struct error *reterr);
void config_release(struct config *config);
/* `all`: the rare ones too. */
void config_write_help(struct buf *out, bool all);

#endif
