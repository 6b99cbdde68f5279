#include "client-go-like/rest/http_easy.h"

#include <stdlib.h>

static bool add_header(struct http *h, const char *name, struct bytes value)
{
    struct buf line = {0};
    struct curl_slist *longer = NULL;

    buf_append_str(&line, name);
    buf_append_bytes(&line, value);
    buf_append_char(&line, '\0');
    if (!line.failed)
        longer = curl_slist_append(h->headers, line.data);
    buf_release(&line);
    if (longer != NULL)
        h->headers = longer;
    return longer != NULL;
}

static bool add_impersonation(struct http *h)
{
    struct bytes rest = bytes_str(h->config->impersonate);

    while (rest.len != 0)
        if (!add_header(h, "", bytes_cut(&rest, '\n')))
            return false;
    return true;
}

static bool add_headers(struct http *h, const struct http_request *r)
{
    const char *token = r->credentials != NULL ? r->credentials->token : NULL;
    const struct {
        const char *name;
        struct bytes value;
        bool wanted;
    } rows[] = {
        {"Accept: ", bytes_str(r->accept != NULL ? r->accept : "application/json"), true},
        {"Content-Type: ",
         bytes_str(r->content_type != NULL ? r->content_type : "application/json"),
         r->body.ptr != NULL},
        {"Authorization: Bearer ", bytes_str(token), token != NULL},
        {"If-None-Match: ", r->if_none_match, r->if_none_match.len != 0},
        {"Expect:", bytes_of(NULL, 0), true}, /* no 100-continue: it costs a round trip */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].wanted && !add_header(h, rows[i].name, rows[i].value))
            return false;
    return add_impersonation(h);
}

static CURLcode set_blob(struct http *h, CURLoption option, const char *pem)
{
    struct curl_blob blob = {(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_COPY};

    return curl_easy_setopt(h->easy, option, &blob);
}

static CURLcode set_tls(struct http *h, const struct credentials *who)
{
    const tw_config *c = h->config;
    bool own = who != NULL && who->cert != NULL;
    const struct {
        const char *data, *file;
        CURLoption blob, path;
    } rows[] = {
        {c->ca_data, c->ca_file, CURLOPT_CAINFO_BLOB, CURLOPT_CAINFO},
        {own ? who->cert : c->cert_data, c->cert_file, CURLOPT_SSLCERT_BLOB, CURLOPT_SSLCERT},
        {own ? who->key : c->key_data, c->key_file, CURLOPT_SSLKEY_BLOB, CURLOPT_SSLKEY},
    };
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; i < ARRAY_LEN(rows) && rc == CURLE_OK; i++) {
        if (rows[i].data != NULL)
            rc = set_blob(h, rows[i].blob, rows[i].data);
        else if (rows[i].file != NULL)
            SET(h, rc, rows[i].path, rows[i].file);
    }
    SET(h, rc, CURLOPT_SSL_VERIFYPEER, c->insecure ? 0L : 1L);
    SET(h, rc, CURLOPT_SSL_VERIFYHOST, c->insecure ? 0L : 2L);
    return rc;
}

void http_find_authority(const char *server, const char **host, const char **host_end)
{
    *host = strstr(server, "://") + 3;
    *host_end = *host + strcspn(*host, "/");
}

/* With tls-server-name the URL carries that name, and the connection still goes to the server. */
static CURLcode set_server_name(struct http *h, const char *host, const char *host_end)
{
    struct buf text = {0};
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    buf_appendf(&text, "::%.*s", (int)(host_end - host), host);
    if (memchr(host, ':', (size_t)(host_end - host)) == NULL)
        buf_append_str(&text, ":443");
    buf_append_char(&text, '\0');
    if (!text.failed)
        h->connect_to = curl_slist_append(NULL, text.data);
    if (h->connect_to != NULL)
        rc = curl_easy_setopt(h->easy, CURLOPT_CONNECT_TO, h->connect_to);
    buf_release(&text);
    if (rc == CURLE_OK && !add_header(h, "Host: ", bytes_of(host, (size_t)(host_end - host))))
        rc = CURLE_OUT_OF_MEMORY;
    return rc;
}

static CURLcode set_url(struct http *h, const char *path)
{
    const char *server = h->config->server, *host, *host_end;
    CURLcode rc = CURLE_OK;

    http_find_authority(server, &host, &host_end);
    buf_consume(&h->url, h->url.len);
    if (h->config->tls_server_name != NULL && strncmp(server, "https:", 6) == 0) {
        rc = set_server_name(h, host, host_end);
        buf_appendf(&h->url, "https://%s%s", h->config->tls_server_name, host_end);
    } else {
        buf_append_str(&h->url, server);
    }
    buf_append_str(&h->url, path);
    buf_append_char(&h->url, '\0');
    if (h->url.failed) {
        buf_release(&h->url);
        return CURLE_OUT_OF_MEMORY;
    }
    SET(h, rc, CURLOPT_URL, h->url.data);
    SET(h, rc, CURLOPT_PATH_AS_IS, 1L);
    return rc;
}

/* A proxy-url is for every host. Without one the environment speaks, as to Go's
 * ProxyFromEnvironment: never of this machine; libcurl itself does not look at HTTP_PROXY in
 * capitals, which a CGI's caller can set. */
static CURLcode set_proxy(struct http *h)
{
    const char *server = h->config->server, *proxy = h->config->proxy, *host, *host_end, *env;
    struct buf url = {0};
    CURLcode rc = CURLE_OK;

    http_find_authority(server, &host, &host_end);
    if (proxy != NULL) {
        bool socks = strncmp(proxy, "socks5://", 9) == 0; /* Go lets the proxy resolve names */

        buf_append_str(&url, socks ? "socks5h" : proxy);
        buf_append_str(&url, socks ? proxy + 6 : "");
        buf_append_char(&url, '\0');
        rc = url.failed ? CURLE_OUT_OF_MEMORY : CURLE_OK;
        SET(h, rc, CURLOPT_PROXY, url.data);
        SET(h, rc, CURLOPT_NOPROXY, "");
        buf_release(&url);
    } else if (strncmp(host, "localhost", 9) == 0 || strncmp(host, "127.", 4) == 0 ||
               strncmp(host, "[::1]", 5) == 0) {
        SET(h, rc, CURLOPT_NOPROXY, "*");
    } else if (strncmp(server, "http:", 5) == 0 && getenv("http_proxy") == NULL &&
               getenv("REQUEST_METHOD") == NULL && (env = getenv("HTTP_PROXY")) != NULL) {
        SET(h, rc, CURLOPT_PROXY, env);
    }
    return rc;
}

const char *http_user_agent(const struct http *h)
{
    return h->config->user_agent != NULL ? h->config->user_agent
                                         : "tidewatch/" TIDEWATCH_VERSION " (linux)";
}

static CURLcode set_identity(struct http *h)
{
    const tw_config *c = h->config;
    CURLcode rc = CURLE_OK;

    SET(h, rc, CURLOPT_USERAGENT, http_user_agent(h));
    if (c->username != NULL) {
        SET(h, rc, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        SET(h, rc, CURLOPT_USERNAME, c->username);
        SET(h, rc, CURLOPT_PASSWORD, c->password != NULL ? c->password : "");
    }
    return rc;
}

/* libcurl 7.88 breaks a connection that prior knowledge takes a second time (curl#10634, mended in
 * 8.0.0); who asks for an upgrade takes it as it is. Should it be gone, that would be HTTP/1.1 over
 * a new one; onto which libcurl, which knows the server for HTTP/2, would write the requests of
 * others, so that one reads the other's answer. So on a shared multi none is opened for it:
 * on_socket(). */
static long prior_version(struct http *h)
{
    bool had = *h->has_h2 && !h->doubtful;

    *h->has_h2 = true; /* until we hear otherwise */
    return had && curl_version_info(CURLVERSION_NOW)->version_num < 0x080000
               ? CURL_HTTP_VERSION_2_0
               : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

static long curl_version_of(struct http *h, enum http_version version)
{
    bool prior = version == HTTP_VERSION_2 || h->config->http2_prior;

    if (version == HTTP_VERSION_1_1)
        return CURL_HTTP_VERSION_1_1;
    return prior && strncmp(h->config->server, "http:", 5) == 0 ? prior_version(h)
                                                                : CURL_HTTP_VERSION_2TLS;
}

/* Rather wait for a connection to share than open one more? Not where it cannot be shared: libcurl
 * (7.88) lets those who wait for an HTTP/1.1 connection wait until it is free. */
static bool may_share(const struct http *h, long curl_version)
{
    return h->hub != NULL && curl_version != CURL_HTTP_VERSION_1_1 &&
           (curl_version != CURL_HTTP_VERSION_2TLS || strncmp(h->config->server, "https:", 6) == 0);
}

static CURLcode set_version(struct http *h, long version, bool fresh)
{
    CURLcode rc = CURLE_OK;

    h->takes_h2 = h->hub != NULL && version == CURL_HTTP_VERSION_2_0;
    SET(h, rc, CURLOPT_HTTP_VERSION, version);
    SET(h, rc, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
    SET(h, rc, CURLOPT_PIPEWAIT, may_share(h, version) ? 1L : 0L);
    return rc;
}

/* The first of those whose connection was gone opens one, the others share that. */
CURLcode http_set_up_anew(struct http *h)
{
    long version = prior_version(h);

    return set_version(h, version, version != CURL_HTTP_VERSION_2_0);
}

static CURLcode set_request(struct http *h, const struct http_request *r)
{
    long version = curl_version_of(h, r->version);
    CURLcode rc = set_version(h, version, h->doubtful);

    SET(h, rc, CURLOPT_CONNECTTIMEOUT_MS, (long)r->bounds.connect_ms);
    if (r->body.ptr != NULL) {
        SET(h, rc, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        SET(h, rc, CURLOPT_POSTFIELDS, r->body.ptr);
    }
    SET(h, rc, CURLOPT_CUSTOMREQUEST, r->method);
    if (strcmp(r->method, "HEAD") == 0)
        SET(h, rc, CURLOPT_NOBODY, 1L);
    if (r->gzip)
        SET(h, rc, CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(h, rc, CURLOPT_HTTPHEADER, h->headers);
    return rc;
}

/* Only the connection is curl's, and no other request can use it afterwards. */
static CURLcode set_socket(struct http *h, const struct http_request *r)
{
    CURLcode rc = http_socket_begin(h, r);

    h->socket = true;
    SET(h, rc, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    SET(h, rc, CURLOPT_CONNECT_ONLY, 1L);
    SET(h, rc, CURLOPT_HTTPPROXYTUNNEL, 1L);
    return rc;
}

CURLcode http_set_up(struct http *h, const struct http_request *r)
{
    CURLcode rc = add_headers(h, r) ? CURLE_OK : CURLE_OUT_OF_MEMORY;

    if (rc == CURLE_OK)
        rc = set_url(h, r->path);
    if (rc == CURLE_OK)
        rc = set_tls(h, r->credentials);
    if (rc == CURLE_OK)
        rc = set_proxy(h);
    if (rc == CURLE_OK)
        rc = set_identity(h);
    if (rc == CURLE_OK)
        rc = set_request(h, r);
    if (rc == CURLE_OK && r->websocket)
        rc = set_socket(h, r);
    return rc;
}
