#include "client-go-like/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"

static const char service_account[] = "/var/run/secrets/kubernetes.io/serviceaccount";

tw_config *config_new(void)
{
    return calloc(1, sizeof(tw_config));
}

void config_forget(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void tw_config_free(tw_config *config)
{
    if (config == NULL)
        return;
    config_forget(config->token);
    config_forget(config->password);
    config_forget(config->key_data);
    config->token = config->password = config->key_data = NULL;
#define CONFIG_FREE(name) free(config->name);
    CONFIG_TEXTS(CONFIG_FREE)
#undef CONFIG_FREE
    free(config);
}

bool config_replace(char **text, struct bytes with)
{
    char *copy = NULL;

    if (with.len != 0 && (copy = bytes_dup(with)) == NULL)
        return false;
    free(*text);
    *text = copy;
    return true;
}

tw_config *config_copy(const tw_config *config)
{
    tw_config *copy = config_new();
    bool ok = copy != NULL;

    if (copy != NULL)
        copy->insecure = config->insecure, copy->http2_prior = config->http2_prior;
#define CONFIG_COPY(name) ok = ok && config_replace(&copy->name, bytes_str(config->name));
    CONFIG_TEXTS(CONFIG_COPY)
#undef CONFIG_COPY
    if (!ok) {
        tw_config_free(copy);
        return NULL;
    }
    return copy;
}

static tw_status read_whole(FILE *file, const char *path, struct buf *text, tw_error **reterr)
{
    size_t got;

    do {
        if (!buf_reserve(text, 4096))
            return tw_fail_no_memory(reterr);
        got = fread(text->data + text->len, 1, 4096, file);
        text->len += got;
        if (text->len > CONFIG_FILE_MAX)
            return tw_fail(reterr, TW_ERR_CONFIG, "%s is larger than %d bytes", path,
                           CONFIG_FILE_MAX);
    } while (got != 0);
    if (ferror(file))
        return tw_fail(reterr, TW_ERR_CONFIG, "read %s: %s", path, strerror(errno));
    return TW_OK;
}

tw_status config_read_file(const char *path, struct buf *ret_text, tw_error **reterr)
{
    FILE *file = fopen(path, "re");
    tw_status st;

    if (file == NULL && errno == ENOMEM)
        return tw_fail_no_memory(reterr);
    if (file == NULL)
        return tw_fail(reterr, TW_ERR_CONFIG, "open %s: %s", path, strerror(errno));
    st = read_whole(file, path, ret_text, reterr);
    fclose(file);
    if (st != TW_OK)
        buf_release(ret_text);
    return st;
}

char *config_base64_decode(struct bytes text, bool *ret_bad)
{
    struct buf letters = {0}, raw = {0};
    bool ok;

    for (size_t i = 0; i < text.len; i++) /* lines may be folded, as Go's decoder allows */
        if (text.ptr[i] != '\n' && text.ptr[i] != '\r')
            buf_append_char(&letters, text.ptr[i]);
    ok = base64_decode(&raw, buf_bytes(&letters), BASE64_STANDARD);
    *ret_bad = !ok && !letters.failed && !raw.failed;
    buf_append_char(&raw, '\0');
    ok = ok && !letters.failed && !raw.failed;
    buf_release(&letters);
    if (ok)
        return raw.data;
    buf_release(&raw);
    return NULL;
}

tw_status config_set_server(tw_config *config, struct bytes url, tw_error **reterr)
{
    static const struct bytes schemes[] = {BYTES_INIT("http://"), BYTES_INIT("https://")};
    struct buf full = {0};
    bool ok;

    /* kubectl takes "host:port" too, and means http (rest.DefaultServerURL). */
    if (memmem(url.ptr, url.len, "://", 3) == NULL)
        buf_append_bytes(&full, schemes[0]);
    buf_append_bytes(&full, url);
    while (full.len != 0 && full.data[full.len - 1] == '/')
        full.len--;
    for (size_t i = 0; i < ARRAY_LEN(schemes) && !full.failed; i++) {
        struct bytes b = buf_bytes(&full);

        if (!bytes_starts_with(b, schemes[i]) || b.len == schemes[i].len)
            continue;
        ok = config_replace(&config->server, b);
        buf_release(&full);
        return ok ? TW_OK : tw_fail_no_memory(reterr);
    }
    ok = !full.failed;
    buf_release(&full);
    if (!ok)
        return tw_fail_no_memory(reterr);
    return tw_fail(reterr, TW_ERR_CONFIG, "server \"%.*s\" is no http:// or https:// URL",
                   BYTES_FMT(url));
}

tw_status tw_config_from_url(const char *url, tw_config **ret_config, tw_error **reterr)
{
    tw_config *config = config_new();
    tw_status st;

    if (config == NULL)
        return tw_fail_no_memory(reterr);
    st = config_set_server(config, bytes_str(url), reterr);
    if (st == TW_OK)
        *ret_config = config;
    else
        tw_config_free(config);
    return st;
}

/* Fills `config` from the files that the kubelet mounts (client-go rest.InClusterConfig). */
static tw_status read_in_cluster(tw_config *config, const char *host, const char *port,
                                 tw_error **reterr)
{
    struct buf ns = {0}, server = {0};
    char path[sizeof(service_account) + 16];
    tw_status st;
    bool ok;

    buf_appendf(&server, strchr(host, ':') != NULL ? "https://[%s]:%s" : "https://%s:%s", host,
                port);
    st = server.failed ? tw_fail_no_memory(reterr)
                       : config_set_server(config, buf_bytes(&server), reterr);
    buf_release(&server);
    if (st != TW_OK)
        return st;
    snprintf(path, sizeof(path), "%s/token", service_account);
    ok = config_replace(&config->token_file, bytes_str(path));
    snprintf(path, sizeof(path), "%s/ca.crt", service_account);
    ok = ok && config_replace(&config->ca_file, bytes_str(path));
    snprintf(path, sizeof(path), "%s/namespace", service_account);
    st = config_read_file(path, &ns, reterr);
    if (st == TW_OK && (!ok || !config_replace(&config->ns, bytes_trim(buf_bytes(&ns)))))
        st = tw_fail_no_memory(reterr);
    buf_release(&ns);
    return st;
}

tw_status tw_config_in_cluster(tw_config **ret_config, tw_error **reterr)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    tw_config *config;
    tw_status st;

    if (host == NULL || port == NULL || *host == '\0' || *port == '\0')
        return tw_fail(reterr, TW_ERR_CONFIG,
                       "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT "
                       "must be set");
    if ((config = config_new()) == NULL)
        return tw_fail_no_memory(reterr);
    st = read_in_cluster(config, host, port, reterr);
    if (st == TW_OK)
        *ret_config = config;
    else
        tw_config_free(config);
    return st;
}

tw_status tw_config_from_kubeconfig(const char *path, const char *context, tw_config **ret_config,
                                    tw_error **reterr)
{
    tw_status st = kubeconfig_load(path, context, ret_config, reterr);

    if (st == TW_END)
        st = tw_fail(reterr, TW_ERR_CONFIG, "no kubeconfig names a cluster");
    return st;
}

tw_status tw_config_default(tw_config **ret_config, tw_error **reterr)
{
    tw_status st = kubeconfig_load(NULL, NULL, ret_config, reterr);

    if (st != TW_END)
        return st;
    if (getenv("KUBERNETES_SERVICE_HOST") != NULL &&
        tw_config_in_cluster(ret_config, NULL) == TW_OK)
        return TW_OK;
    return tw_config_from_url("http://localhost:8080", ret_config, reterr);
}

static tw_status set_text(char **text, const char *with, tw_error **reterr)
{
    return config_replace(text, bytes_str(with)) ? TW_OK : tw_fail_no_memory(reterr);
}

tw_status tw_config_set_server(tw_config *config, const char *url, tw_error **reterr)
{
    return config_set_server(config, bytes_str(url), reterr);
}

/* A token given by hand is meant instead of all other ways to be known. */
tw_status tw_config_set_token(tw_config *config, const char *token, tw_error **reterr)
{
    tw_status st = set_text(&config->token, token, reterr);

    if (st == TW_OK && token != NULL)
        config_replace(&config->token_file, bytes_of(NULL, 0));
    return st;
}

tw_status tw_config_set_token_file(tw_config *config, const char *path, tw_error **reterr)
{
    return set_text(&config->token_file, path, reterr);
}

tw_status tw_config_set_basic_auth(tw_config *config, const char *user, const char *password,
                                   tw_error **reterr)
{
    tw_status st = set_text(&config->username, user, reterr);

    return st == TW_OK ? set_text(&config->password, password, reterr) : st;
}

tw_status tw_config_set_proxy(tw_config *config, const char *url, tw_error **reterr)
{
    return set_text(&config->proxy, url, reterr);
}

tw_status tw_config_set_tls(tw_config *config, const tw_tls *tls, tw_error **reterr)
{
    const struct {
        const char *from;
        char **to, **instead_of;
    } rows[] = {
        {tls->ca_file, &config->ca_file, &config->ca_data},
        {tls->ca_pem, &config->ca_data, &config->ca_file},
        {tls->cert_file, &config->cert_file, &config->cert_data},
        {tls->cert_pem, &config->cert_data, &config->cert_file},
        {tls->key_file, &config->key_file, &config->key_data},
        {tls->key_pem, &config->key_data, &config->key_file},
        {tls->server_name, &config->tls_server_name, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].from == NULL)
            continue;
        if (!config_replace(rows[i].to, bytes_str(rows[i].from)))
            return tw_fail_no_memory(reterr);
        if (rows[i].instead_of != NULL)
            config_replace(rows[i].instead_of, bytes_of(NULL, 0));
    }
    return TW_OK;
}

tw_status tw_config_set_namespace(tw_config *config, const char *ns, tw_error **reterr)
{
    return set_text(&config->ns, ns, reterr);
}

tw_status tw_config_set_user_agent(tw_config *config, const char *agent, tw_error **reterr)
{
    return set_text(&config->user_agent, agent, reterr);
}

void tw_config_set_insecure(tw_config *config, bool insecure)
{
    config->insecure = insecure;
}

void tw_config_set_http2_prior_knowledge(tw_config *config, bool on)
{
    config->http2_prior = on;
}

const char *tw_config_server(const tw_config *config)
{
    return config->server != NULL ? config->server : "";
}

const char *tw_config_namespace(const tw_config *config)
{
    return config->ns != NULL ? config->ns : "default";
}
