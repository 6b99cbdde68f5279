#include "client-go-like/config/exec_plugin.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "client-go-like/config/child.h"

#define GROUP "client.authentication.k8s.io/"

static tw_status unusable(struct bytes user, const char *what, tw_error **reterr)
{
    return tw_fail(reterr, TW_ERR_CONFIG,
                   "%s must be specified for %.*s to use exec authentication plugin", what,
                   BYTES_FMT(user));
}

static bool is_known(struct bytes text, const char *const *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes_eq_str(text, known[i]))
            return true;
    return false;
}

/* Or left out. */
static bool is_list_of(enum json_type type, const struct json *rows)
{
    if (rows == NULL || json_is(rows, JSON_NULL))
        return true;
    json_each(rows, row) {
        if (!json_is(row, type))
            return false;
    }
    return json_is(rows, JSON_ARRAY);
}

tw_status exec_plugin_check(const struct json *exec, struct bytes user, tw_error **reterr)
{
    static const char *const versions[] = {GROUP "v1", GROUP "v1beta1"};
    static const char *const modes[] = {"Never", "IfAvailable", "Always"};
    struct bytes version = json_get_text(exec, "apiVersion");
    struct bytes mode = json_get_text(exec, "interactiveMode");

    if (json_get_text(exec, "command").len == 0)
        return unusable(user, "command", reterr);
    if (version.len == 0)
        return unusable(user, "apiVersion", reterr);
    if (!is_known(version, versions, ARRAY_LEN(versions)))
        return tw_fail(reterr, TW_ERR_CONFIG, "exec plugin: invalid apiVersion \"%.*s\"",
                       BYTES_FMT(version));
    if (mode.len == 0 && bytes_eq_str(version, GROUP "v1"))
        return unusable(user, "interactiveMode", reterr);
    if (mode.len != 0 && !is_known(mode, modes, ARRAY_LEN(modes)))
        return tw_fail(reterr, TW_ERR_CONFIG, "invalid interactiveMode for %.*s: \"%.*s\"",
                       BYTES_FMT(user), BYTES_FMT(mode));
    if (bytes_eq_str(mode, "Always"))
        return tw_fail(
            reterr, TW_ERR_CONFIG,
            "exec plugin cannot support interactive mode: standard input is unavailable");
    if (!is_list_of(JSON_STRING, json_get(exec, BYTES("args"))))
        return tw_fail(reterr, TW_ERR_CONFIG, "exec plugin: args of %.*s is no list of texts",
                       BYTES_FMT(user));
    if (!is_list_of(JSON_OBJECT, json_get(exec, BYTES("env"))))
        return tw_fail(reterr, TW_ERR_CONFIG,
                       "exec plugin: env of %.*s is no list of names and values", BYTES_FMT(user));
    json_each(json_get(exec, BYTES("env")), row) {
        if (json_get_text(row, "name").len == 0)
            return unusable(user, "env variable name", reterr);
    }
    return TW_OK;
}

/* ---- what the plugin is told ---- */

static tw_status add_ca(struct arena *arena, struct json *cluster, const tw_config *config,
                        tw_error **reterr)
{
    struct buf pem = {0}, text = {0};
    tw_status st = TW_OK;

    if (config->ca_data != NULL)
        buf_append_str(&pem, config->ca_data);
    else if (config->ca_file != NULL)
        st = config_read_file(config->ca_file, &pem, reterr);
    if (st == TW_OK && pem.len != 0) {
        base64_encode(&text, buf_bytes(&pem), BASE64_STANDARD);
        json_set_text(arena, cluster, "certificate-authority-data",
                      arena_dup(arena, buf_bytes(&text)));
    }
    if (st == TW_OK && (pem.failed || text.failed))
        st = tw_fail_no_memory(reterr);
    buf_release(&pem);
    buf_release(&text);
    return st;
}

static tw_status add_cluster(struct arena *arena, struct json *spec, const tw_config *config,
                             const struct json *extension, tw_error **reterr)
{
    struct json *cluster = json_ensure_object(arena, spec, "cluster");

    json_set_text(arena, cluster, "server", bytes_str(config->server));
    if (config->tls_server_name != NULL)
        json_set_text(arena, cluster, "tls-server-name", bytes_str(config->tls_server_name));
    if (config->insecure)
        json_set(cluster, BYTES("insecure-skip-tls-verify"), json_new_bool(arena, true));
    if (config->proxy != NULL)
        json_set_text(arena, cluster, "proxy-url", bytes_str(config->proxy));
    if (extension != NULL)
        json_set(cluster, BYTES("config"), json_copy(arena, extension));
    return add_ca(arena, cluster, config, reterr);
}

/* The value of KUBERNETES_EXEC_INFO. */
static tw_status write_info(struct arena *arena, const tw_config *config, const struct json *exec,
                            struct buf *out, tw_error **reterr)
{
    struct json *info = json_new_object(arena), *spec;
    tw_status st = TW_OK;

    json_set_text(arena, info, "kind", BYTES("ExecCredential"));
    json_set_text(arena, info, "apiVersion", json_get_text(exec, "apiVersion"));
    spec = json_ensure_object(arena, info, "spec");
    json_set(spec, BYTES("interactive"), json_new_bool(arena, false));
    if (json_is_true(json_get(exec, BYTES("provideClusterInfo"))))
        st = add_cluster(arena, spec, config, json_get(exec, BYTES(CONFIG_EXEC_EXTENSION)), reterr);
    if (st == TW_OK && !arena->failed)
        json_write(out, info, false);
    return st == TW_OK && (arena->failed || out->failed) ? tw_fail_no_memory(reterr) : st;
}

/* "NAME=value" of each `env`, and the info last. */
static char **make_env(struct arena *arena, const struct json *exec, struct bytes info)
{
    const struct json *rows = json_get(exec, BYTES("env"));
    size_t count = rows != NULL ? rows->count : 0, i = 0;
    char **env = arena_zalloc(arena, (count + 2) * sizeof(*env));

    if (env == NULL)
        return NULL;
    json_each(rows, row) {
        struct bytes line = arena_printf(arena, "%.*s=%.*s", BYTES_FMT(json_get_text(row, "name")),
                                         BYTES_FMT(json_get_text(row, "value")));

        env[i++] = (char *)(uintptr_t)line.ptr;
    }
    env[i] =
        (char *)(uintptr_t)arena_printf(arena, "KUBERNETES_EXEC_INFO=%.*s", BYTES_FMT(info)).ptr;
    return env;
}

static char **make_args(struct arena *arena, const struct json *exec)
{
    const struct json *rows = json_get(exec, BYTES("args"));
    size_t count = rows != NULL ? rows->count : 0, i = 0;
    char **args = arena_zalloc(arena, (count + 2) * sizeof(*args));

    if (args == NULL)
        return NULL;
    args[i++] = (char *)(uintptr_t)arena_str(arena, json_get_text(exec, "command"));
    json_each(rows, row) {
        args[i++] = (char *)(uintptr_t)arena_str(arena, json_text(row));
    }
    return args;
}

/* ---- what it answers ---- */

static tw_status read_status(const struct json *status, struct credentials **ret_credentials,
                             tw_error **reterr)
{
    struct bytes token = json_get_text(status, "token");
    struct bytes cert = json_get_text(status, "clientCertificateData");
    struct bytes key = json_get_text(status, "clientKeyData");
    struct bytes expires = json_get_text(status, "expirationTimestamp");
    int64_t expires_s = 0;

    if (token.len == 0 && cert.len == 0 && key.len == 0)
        return tw_fail(reterr, TW_ERR_CONFIG, "exec plugin didn't return a token or cert/key pair");
    if ((cert.len == 0) != (key.len == 0))
        return tw_fail(reterr, TW_ERR_CONFIG,
                       "exec plugin returned only certificate or key, not both");
    if (expires.len != 0 && !rfc3339_parse(expires, &expires_s))
        return tw_fail(reterr, TW_ERR_CONFIG,
                       "exec plugin: expirationTimestamp \"%.*s\" is no RFC 3339 time",
                       BYTES_FMT(expires));
    if ((*ret_credentials = credentials_new(token, cert, key)) == NULL)
        return tw_fail_no_memory(reterr);
    (*ret_credentials)->expires_wall_s = expires_s;
    return TW_OK;
}

static tw_status read_answer(struct arena *arena, struct bytes output, struct bytes api_version,
                             struct credentials **ret_credentials, tw_error **reterr)
{
    struct error detail = {0};
    struct json *answer = NULL, *status;
    struct bytes returned;

    if (json_parse(arena, output, &answer, NULL, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_CONFIG, "decoding exec plugin's output", &detail);
    returned = json_get_text(answer, "apiVersion");
    if (!bytes_eq(json_get_text(answer, "kind"), BYTES("ExecCredential")) ||
        !bytes_eq(returned, api_version))
        return tw_fail(reterr, TW_ERR_CONFIG,
                       "exec plugin is configured to use API version %.*s, plugin returned version "
                       "%.*s",
                       BYTES_FMT(api_version), BYTES_FMT(returned));
    status = json_get(answer, BYTES("status"));
    if (!json_is(status, JSON_OBJECT))
        return tw_fail(reterr, TW_ERR_CONFIG, "exec plugin didn't return a status field");
    return read_status(status, ret_credentials, reterr);
}

static tw_status run(struct arena *arena, const struct json *exec, struct bytes info,
                     struct buf *output, tw_error **reterr)
{
    const struct child child = {.args = make_args(arena, exec),
                                .env = make_env(arena, exec, info),
                                .output_max = EXEC_PLUGIN_OUTPUT_MAX,
                                .time_ms = EXEC_PLUGIN_MS};
    struct bytes command = json_get_text(exec, "command");
    struct bytes hint = json_get_text(exec, "installHint");
    bool missing = false;
    tw_status st;

    if (arena->failed)
        return tw_fail_no_memory(reterr);
    st = child_run(&child, output, &missing, reterr);
    if (missing && hint.len != 0)
        st = tw_fail(reterr, TW_ERR_CONFIG, "exec: executable %.*s not found\n\n%.*s",
                     BYTES_FMT(command), BYTES_FMT(hint));
    return st;
}

tw_status exec_plugin_run(const tw_config *config, struct credentials **ret_credentials,
                          tw_error **reterr)
{
    struct arena arena = {0};
    struct error detail = {0};
    struct buf info = {0}, output = {0};
    struct json *exec = NULL;
    tw_status st = TW_OK;

    if (json_parse(&arena, bytes_str(config->exec), &exec, NULL, &detail) != STATUS_OK)
        st = tw_fail_detail(reterr, TW_ERR_CONFIG, "exec plugin", &detail);
    if (st == TW_OK)
        st = write_info(&arena, config, exec, &info, reterr);
    if (st == TW_OK)
        st = run(&arena, exec, buf_bytes(&info), &output, reterr);
    if (st == TW_OK)
        st = read_answer(&arena, buf_bytes(&output), json_get_text(exec, "apiVersion"),
                         ret_credentials, reterr);
    buf_release(&info);
    buf_release(&output);
    arena_release(&arena);
    return st;
}
