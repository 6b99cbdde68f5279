#include "apiserver/security.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/auth/read_file.h"
#include "apiserver/auth/self_signed.h"
#include "base/base64.h"

enum { HOSTS_MAX = 64 };

/* ---- names of the server, for its certificate ---- */

struct hosts {
    struct arena arena;
    const char *names[HOSTS_MAX + 1];
    size_t count;
};

static bool is_plain(struct bytes host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == ':'))
            return false;
    }
    return host.len != 0;
}

static void add_host(struct hosts *hosts, struct bytes host)
{
    const char *name;

    if (!is_plain(host) || hosts->count == HOSTS_MAX)
        return;
    name = arena_str(&hosts->arena, host);
    for (size_t i = 0; i < hosts->count; i++)
        if (strcmp(hosts->names[i], name) == 0)
            return;
    hosts->names[hosts->count++] = name;
}

static void add_interfaces(struct hosts *hosts)
{
    struct ifaddrs *all = NULL;
    char text[INET6_ADDRSTRLEN];

    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *it = all; it != NULL; it = it->ifa_next) {
        const struct sockaddr *address = it->ifa_addr;
        const void *raw = NULL;

        if (address != NULL && address->sa_family == AF_INET)
            raw = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
        else if (address != NULL && address->sa_family == AF_INET6)
            raw = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (raw != NULL && inet_ntop(address->sa_family, raw, text, sizeof(text)) != NULL)
            add_host(hosts, bytes_str(text));
    }
    freeifaddrs(all);
}

/* "https://[::1]:6443" to "::1". */
static struct bytes host_of(const char *url)
{
    struct bytes rest = bytes_from(bytes_str(url), strlen("https://"));
    size_t end = rest.len;

    while (end > 0 && rest.ptr[end - 1] != ':')
        end--;
    rest.len = end > 0 ? end - 1 : rest.len;
    if (rest.len > 1 && rest.ptr[0] == '[')
        rest = bytes_of(rest.ptr + 1, rest.len - 2);
    return rest;
}

static bool is_https(const char *url)
{
    return bytes_starts_with(bytes_str(url), BYTES("https://"));
}

static void collect_hosts(const struct config *config, struct hosts *hosts)
{
    static const char *const always[] = {
        "localhost",  "127.0.0.1",          "::1",
        "kubernetes", "kubernetes.default", "kubernetes.default.svc"};
    char name[256] = "";

    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        add_host(hosts, bytes_str(always[i]));
    if (gethostname(name, sizeof(name) - 1) == 0)
        add_host(hosts, bytes_str(name));
    for (size_t i = 0; i < config->listen_count; i++)
        if (is_https(config->listen[i]))
            add_host(hosts, host_of(config->listen[i]));
    add_interfaces(hosts);
}

/* ---- files that are made ---- */

static bool serves_https(const struct config *config)
{
    for (size_t i = 0; i < config->listen_count; i++)
        if (is_https(config->listen[i]) ||
            bytes_starts_with(bytes_str(config->listen[i]), BYTES("https+fd://")))
            return true;
    return false;
}

static char *path_in(const char *folder, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

static char *cert_folder(const struct config *config)
{
    if (config->cert_dir != NULL)
        return strdup(config->cert_dir);
    (void)mkdir(config->data_dir, 0700); /* storage may not have made it; else this fails below */
    return path_in(config->data_dir, "certs");
}

static enum status make_server_certificate(const struct config *config, const char *folder,
                                           struct error *reterr)
{
    struct hosts hosts = {0};
    enum status st;

    collect_hosts(config, &hosts);
    st = self_signed_server(folder, hosts.names, reterr);
    arena_release(&hosts.arena);
    return st;
}

static enum status load_tls(const struct config *config, const char *folder,
                            const char *client_ca_file, struct security *security,
                            struct error *reterr)
{
    bool given = config->tls_cert_file != NULL;
    char *cert = given ? strdup(config->tls_cert_file) : path_in(folder, "apiserver.crt");
    char *key = given ? strdup(config->tls_private_key_file) : path_in(folder, "apiserver.key");
    struct http_tls_options options = {cert, key, client_ca_file};
    enum status st = STATUS_OK;

    if (cert == NULL || key == NULL)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (st == STATUS_OK && !given)
        st = make_server_certificate(config, folder, reterr);
    if (st == STATUS_OK)
        st = http_tls_new(&options, &security->tls, reterr);
    security->server_ca = given ? cert : path_in(folder, "ca.crt");
    if (!given)
        free(cert);
    free(key);
    return st;
}

/* Somebody has to be let in first: whom the kubeconfig is for. */
static enum status make_admin(const char *folder, struct security *security, char **ret_client_ca,
                              struct error *reterr)
{
    enum status st = self_signed_admin(folder, reterr);

    if (st != STATUS_OK)
        return st;
    security->admin_cert = path_in(folder, "admin.crt");
    security->admin_key = path_in(folder, "admin.key");
    *ret_client_ca = path_in(folder, "client-ca.crt");
    return *ret_client_ca != NULL ? STATUS_OK
                                  : error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

/* ---- all of it ---- */

static enum status load_authenticator(const struct config *config, const char *client_ca_file,
                                      struct security *security, struct error *reterr)
{
    struct authenticator_options options = {
        .client_ca_file = client_ca_file,
        .token_file = config->token_auth_file,
        .issuer = config->service_account_issuer,
        .key_files = config->service_account_key_file,
        .signing_key_file = config->service_account_signing_key_file,
        .audiences = config->api_audiences,
        .anonymous = config->anonymous_auth,
    };

    if (!security->rbac && client_ca_file == NULL && options.token_file == NULL &&
        options.issuer == NULL && options.anonymous)
        return STATUS_OK; /* nothing to ask for, nothing to refuse */
    return authenticator_new(&options, &security->authenticator, reterr);
}

enum status security_load(const struct config *config, struct security *ret_security,
                          struct error *reterr)
{
    struct security security = {.rbac = strcmp(config->authorization_mode, "RBAC") == 0};
    bool https = serves_https(config);
    char *folder = https ? cert_folder(config) : NULL;
    char *client_ca = config->client_ca_file != NULL ? strdup(config->client_ca_file) : NULL;
    enum status st = STATUS_OK;

    if (https && folder == NULL)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (st == STATUS_OK && https && client_ca == NULL && config->write_kubeconfig != NULL)
        st = make_admin(folder, &security, &client_ca, reterr);
    if (st == STATUS_OK && https)
        st = load_tls(config, folder, client_ca, &security, reterr);
    if (st == STATUS_OK)
        st = load_authenticator(config, client_ca, &security, reterr);
    free(folder);
    free(client_ca);
    if (st != STATUS_OK)
        security_release(&security);
    else
        *ret_security = security;
    return st;
}

void security_release(struct security *security)
{
    http_tls_unref(security->tls);
    authenticator_unref(security->authenticator);
    free(security->server_ca);
    free(security->admin_cert);
    free(security->admin_key);
    *security = (struct security){0};
}

/* ---- kubeconfig ---- */

static enum status append_file(struct buf *out, const char *name, const char *path,
                               struct error *reterr)
{
    struct buf text = {0};
    enum status st = STATUS_OK;

    if (path == NULL)
        return STATUS_OK;
    st = read_whole_file(path, &text, reterr);
    if (st == STATUS_OK) {
        buf_appendf(out, "    %s: ", name);
        base64_encode(out, buf_bytes(&text), BASE64_STANDARD);
        buf_append_char(out, '\n');
    }
    buf_release(&text);
    return st;
}

/* An address that means all of them is none to go to. */
static void append_url(struct buf *out, const char *url)
{
    static const char *const anywhere[][2] = {{"://0.0.0.0:", "://127.0.0.1:"},
                                              {"://[::]:", "://[::1]:"}};

    for (size_t i = 0; i < ARRAY_LEN(anywhere); i++) {
        const char *at = strstr(url, anywhere[i][0]);

        if (at != NULL) {
            buf_append(out, url, (size_t)(at - url));
            buf_appendf(out, "%s%s", anywhere[i][1], at + strlen(anywhere[i][0]));
            return;
        }
    }
    buf_append_str(out, url);
}

static enum status write_private(const char *path, const struct buf *text, struct error *reterr)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && !text->failed && write(fd, text->data, text->len) == (ssize_t)text->len;

    if (fd >= 0 && close(fd) != 0)
        fine = false;
    return fine ? STATUS_OK
                : error_set(reterr, STATUS_IO, "cannot write %s: %s", path, strerror(errno));
}

enum status security_write_kubeconfig(const struct security *security, const char *path,
                                      const char *url, struct error *reterr)
{
    struct buf text = {0};
    bool https = is_https(url);
    enum status st = STATUS_OK;

    buf_append_str(&text, "apiVersion: v1\nkind: Config\nclusters:\n- name: tidewatch\n  cluster:\n"
                          "    server: ");
    append_url(&text, url);
    buf_append_char(&text, '\n');
    if (https)
        st = append_file(&text, "certificate-authority-data", security->server_ca, reterr);
    buf_appendf(&text, "users:\n- name: tidewatch\n  user:%s\n",
                https && security->admin_cert != NULL ? "" : " {}");
    if (st == STATUS_OK && https)
        st = append_file(&text, "client-certificate-data", security->admin_cert, reterr);
    if (st == STATUS_OK && https)
        st = append_file(&text, "client-key-data", security->admin_key, reterr);
    buf_append_str(&text, "contexts:\n- name: tidewatch\n  context:\n    cluster: tidewatch\n"
                          "    user: tidewatch\ncurrent-context: tidewatch\n");
    if (st == STATUS_OK)
        st = write_private(path, &text, reterr);
    buf_release(&text);
    return st;
}
