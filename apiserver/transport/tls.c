#include "apiserver/transport/tls_conn.h"

#include <stdatomic.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/arena.h"
#include "base/clock.h"

struct http_tls {
    atomic_uint refs;
    SSL_CTX *ctx;
    X509_STORE *client_cas; /* NULL: clients show nothing */
};

/* What a client has shown, in an arena of its own. */
struct shown_certificate {
    struct http_certificate pub; /* first */
    struct arena arena;
    X509 *leaf;
    const struct http_tls *judged_by; /* whose client CAs `chained` is about */
    bool chained;
};

/* ---- making one ---- */

static enum status tls_error(struct error *reterr, const char *what, const char *file)
{
    unsigned long code = ERR_peek_last_error();
    char why[160] = "not what was expected";

    if (code != 0)
        ERR_error_string_n(code, why, sizeof(why));
    ERR_clear_error();
    return error_set(reterr, STATUS_IO, "cannot use %s %s: %s", what, file, why);
}

/* As the server prefers; a client that speaks neither is refused, as RFC 7301 section 3.2 says. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offered, unsigned offered_len, void *user)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";

    (void)ssl;
    (void)user;
    return SSL_select_next_proto((unsigned char **)ret, ret_len, ours, sizeof(ours) - 1, offered,
                                 offered_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* libh2o has no way to ask for the SSL of a socket, but its BIO knows the socket. */
static void on_progress(const SSL *ssl, int where, int value)
{
    h2o_socket_t *sock = BIO_get_data(SSL_get_rbio(ssl));
    struct conn *conn = sock != NULL ? sock->on_close.data : NULL;

    (void)value;
    if ((where & SSL_CB_HANDSHAKE_START) != 0 && conn != NULL)
        conn->ssl = (SSL *)ssl;
}

/* Whoever it is may come in: a stranger's certificate gets a 401, not a broken handshake. */
static int accept_any(X509_STORE_CTX *store, void *user)
{
    (void)store;
    (void)user;
    return 1;
}

static enum status use_client_cas(struct http_tls *tls, const char *file, struct error *reterr)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);

    tls->client_cas = X509_STORE_new();
    if (names == NULL || tls->client_cas == NULL ||
        X509_STORE_load_file(tls->client_cas, file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_error(reterr, "the client CA file", file);
    }
    SSL_CTX_set_client_CA_list(tls->ctx, names);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls->ctx, accept_any, NULL);
    return STATUS_OK;
}

static void set_up(SSL_CTX *ctx)
{
    static const unsigned char id[] = "tidewatch";

    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
    /* TLS 1.2: forward secrecy and authenticated encryption alone. */
    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    /* Nor the finite fields of TLS 1.3, whose keys cost a server milliseconds (CVE-2002-20001). */
    SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384");
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_info_callback(ctx, on_progress);
}

enum status http_tls_new(const struct http_tls_options *options, struct http_tls **ret_tls,
                         struct error *reterr)
{
    struct http_tls *tls = calloc(1, sizeof(*tls));
    enum status st = STATUS_OK;

    ERR_clear_error();
    if (tls != NULL)
        tls->ctx = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || tls->ctx == NULL) {
        free(tls);
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for TLS");
    }
    atomic_init(&tls->refs, 1);
    set_up(tls->ctx);
    if (SSL_CTX_use_certificate_chain_file(tls->ctx, options->cert_file) != 1)
        st = tls_error(reterr, "the certificate", options->cert_file);
    else if (SSL_CTX_use_PrivateKey_file(tls->ctx, options->key_file, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(tls->ctx) != 1)
        st = tls_error(reterr, "the private key", options->key_file);
    else if (options->client_ca_file != NULL)
        st = use_client_cas(tls, options->client_ca_file, reterr);
    if (st != STATUS_OK)
        http_tls_unref(tls);
    else
        *ret_tls = tls;
    return st;
}

static struct http_tls *tls_ref(struct http_tls *tls)
{
    atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
    return tls;
}

void http_tls_unref(struct http_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
        return;
    X509_STORE_free(tls->client_cas);
    SSL_CTX_free(tls->ctx);
    free(tls);
}

void http_server_set_tls(struct http_server *server, struct http_tls *tls)
{
    struct http_tls *old = server->tls;

    server->tls = tls != NULL ? tls_ref(tls) : NULL;
    http_tls_unref(old);
}

/* ---- connections ---- */

/* libh2o makes the SSL when the first bytes are here, and keeps but a pointer until then: other
 * settings may have taken the place of these. */
void tls_handshake(struct conn *conn, h2o_socket_cb on_done)
{
    conn->tls = tls_ref(conn->server->tls);
    ERR_clear_error();
    h2o_socket_ssl_handshake(conn->sock, conn->tls->ctx, NULL, on_done);
}

void tls_handshake_over(struct conn *conn)
{
    http_tls_unref(conn->tls);
    conn->tls = NULL;
}

bool tls_chose_h2(struct conn *conn)
{
    h2o_iovec_t chosen = h2o_socket_ssl_get_selected_protocol(conn->sock);

    return chosen.len == 2 && memcmp(chosen.base, "h2", 2) == 0;
}

/* ---- what the client shows ---- */

static struct bytes text_of(struct arena *arena, const X509_NAME_ENTRY *entry)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    struct bytes text = {0};

    if (len > 0)
        text = arena_dup(arena, bytes_of((const char *)utf8, (size_t)len));
    OPENSSL_free(utf8);
    return text;
}

/* The last CN is the one that counts, as in Go's pkix.Name. */
static void read_subject(struct shown_certificate *shown)
{
    const X509_NAME *subject = X509_get_subject_name(shown->leaf);
    int count = X509_NAME_entry_count(subject);
    struct bytes *organizations =
        arena_zalloc(&shown->arena, (size_t)(count + 1) * sizeof(*organizations));

    for (int i = 0; i < count && organizations != NULL; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
        int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));

        if (nid == NID_commonName)
            shown->pub.common_name = text_of(&shown->arena, entry);
        else if (nid == NID_organizationName)
            organizations[shown->pub.organization_count++] = text_of(&shown->arena, entry);
    }
    shown->pub.organizations = organizations;
}

static int64_t not_after(const X509 *leaf)
{
    struct tm utc = {0};

    return ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &utc) == 1 ? (int64_t)timegm(&utc) : 0;
}

static struct shown_certificate *read_certificate(X509 *leaf)
{
    struct shown_certificate *shown = calloc(1, sizeof(*shown));

    if (shown == NULL) {
        X509_free(leaf);
        return NULL;
    }
    shown->leaf = leaf;
    shown->pub.not_after_s = not_after(leaf);
    read_subject(shown);
    return shown;
}

/* Any certificate of the file is an anchor, as in Go's CertPool; the leaf must be for clients. */
static bool is_chained(const struct http_tls *tls, struct conn *conn, X509 *leaf)
{
    X509_STORE_CTX *ctx = tls->client_cas != NULL ? X509_STORE_CTX_new() : NULL;
    bool chained = false;

    if (ctx != NULL &&
        X509_STORE_CTX_init(ctx, tls->client_cas, leaf, SSL_get_peer_cert_chain(conn->ssl)) == 1 &&
        X509_STORE_CTX_set_default(ctx, "ssl_client") == 1) {
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
        chained = X509_verify_cert(ctx) == 1;
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return chained;
}

/* It stays with the SSL, so that a plain connection has no place for it. */
static int shown_at;
static pthread_once_t shown_once = PTHREAD_ONCE_INIT;

static void free_shown(void *parent, void *ptr, CRYPTO_EX_DATA *data, int at, long arg, void *user)
{
    struct shown_certificate *shown = ptr;

    (void)parent, (void)data, (void)at, (void)arg, (void)user;
    if (shown == NULL)
        return;
    X509_free(shown->leaf);
    arena_release(&shown->arena);
    free(shown);
}

static void find_place(void)
{
    shown_at = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_shown);
}

/* What the client has shown; NULL: nothing. */
static struct shown_certificate *shown_by(SSL *ssl)
{
    struct shown_certificate *shown;
    X509 *leaf;

    pthread_once(&shown_once, find_place);
    shown = SSL_get_ex_data(ssl, shown_at);
    if (shown != NULL)
        return shown;
    leaf = SSL_get1_peer_certificate(ssl);
    shown = leaf != NULL ? read_certificate(leaf) : NULL;
    if (shown != NULL && SSL_set_ex_data(ssl, shown_at, shown) != 1) {
        free_shown(NULL, shown, NULL, 0, 0, NULL);
        shown = NULL;
    }
    return shown;
}

const struct http_certificate *tls_certificate(struct conn *conn)
{
    const struct http_tls *tls = conn->server->tls;
    struct shown_certificate *shown = conn->ssl != NULL && tls != NULL ? shown_by(conn->ssl) : NULL;

    if (shown == NULL)
        return NULL;
    if (shown->judged_by != tls) {
        shown->chained = is_chained(tls, conn, shown->leaf);
        shown->judged_by = tls;
    }
    shown->pub.trusted =
        shown->chained && !shown->arena.failed && clock_wall_s() <= shown->pub.not_after_s;
    return &shown->pub;
}
