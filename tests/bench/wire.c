#include "wire.h"

#include <openssl/ssl.h>
#include <poll.h>

static SSL_CTX *make_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        die("SSL_CTX_new");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    return ctx;
}

static void shake_hands(struct wire *wire, const char *alpn)
{
    static SSL_CTX *ctx;
    unsigned char protocol[16];
    size_t len = strlen(alpn);

    if (ctx == NULL)
        ctx = make_context();
    protocol[0] = (unsigned char)len;
    memcpy(protocol + 1, alpn, len);
    wire->ssl = SSL_new(ctx);
    SSL_set_alpn_protos(wire->ssl, protocol, (unsigned)len + 1);
    SSL_set_fd(wire->ssl, wire->fd);
    if (SSL_connect(wire->ssl) != 1)
        die("TLS handshake");
}

void wire_open(struct wire *wire, int port, unsigned number, const char *alpn)
{
    wire->fd = dial(port, number, true);
    wire->ssl = NULL;
    if (alpn != NULL)
        shake_hands(wire, alpn);
    fcntl(wire->fd, F_SETFL, fcntl(wire->fd, F_GETFL) | O_NONBLOCK);
}

ssize_t wire_read(struct wire *wire, void *data, size_t len)
{
    int n;

    if (wire->ssl == NULL) {
        ssize_t got = read(wire->fd, data, len);

        return got < 0 && errno != EAGAIN ? 0 : got;
    }
    n = SSL_read(wire->ssl, data, (int)len);
    if (n > 0)
        return n;
    return SSL_get_error(wire->ssl, n) == SSL_ERROR_WANT_READ ? -1 : 0;
}

void wire_write(struct wire *wire, const void *data, size_t len)
{
    const char *at = data, *end = at + len;

    while (at < end) {
        struct pollfd wait = {.fd = wire->fd, .events = POLLOUT};
        ssize_t n = wire->ssl != NULL ? SSL_write(wire->ssl, at, (int)(end - at))
                                      : write(wire->fd, at, (size_t)(end - at));

        if (n > 0)
            at += n;
        else if (wire->ssl == NULL && errno != EAGAIN)
            die("write");
        else
            poll(&wait, 1, 1000);
    }
}
