/*
 * An exchange that becomes a WebSocket (RFC 6455, 4.1): curl makes the connection, TLS and proxy
 * included, and leaves it to us (CURLOPT_CONNECT_ONLY); the handshake and all bytes behind it go
 * through curl_easy_send() and curl_easy_recv(). Debian's libcurl has no WebSockets of its own.
 *
 *   CONNECTING --curl is done--> handshake in h->out --> head in h->head --101--> OPEN: h->body
 *                                                                         \--else--> an answer
 */
#include "client-go-like/rest/http_easy.h"

#include <openssl/sha.h>

#include "base/base64.h"
#include "base/rand.h"

enum {
    HEAD_MAX = 64 * 1024,
    ANSWER_MAX = 64 * 1024, /* of a body that is not what we asked for */
    OUT_MAX = 64 * 1024,    /* of what a server makes us say, if it does not read */
    PIECE_LEN = 16 * 1024,  /* read at once: with idle_ms, all that a slow reader lets pile up */
    KEY_BYTES = 16,         /* RFC 6455, 4.1 */
};

/* ---- the handshake ---- */

static void append_identity(struct http *h, struct buf *out)
{
    const tw_config *c = h->config;
    struct buf pair = {0};

    if (c->username == NULL)
        return;
    buf_appendf(&pair, "%s:%s", c->username, c->password != NULL ? c->password : "");
    buf_append_str(out, "Authorization: Basic ");
    base64_encode(out, buf_bytes(&pair), BASE64_STANDARD);
    buf_append_str(out, "\r\n");
    out->failed |= pair.failed;
    buf_release(&pair);
}

/* What the server must answer to our key. */
static void expect_accept(struct http *h, struct bytes key)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct buf text = {0};

    buf_append_bytes(&text, key);
    buf_append_str(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    if (!text.failed && SHA1((const unsigned char *)text.data, text.len, digest) != NULL)
        base64_encode(&h->accept, bytes_of((const char *)digest, sizeof(digest)), BASE64_STANDARD);
    else
        h->accept.failed = true;
    buf_release(&text);
}

static void append_key(struct http *h, struct buf *out)
{
    char raw[KEY_BYTES];
    struct buf key = {0};

    rand_bytes(raw, sizeof(raw));
    base64_encode(&key, bytes_of(raw, sizeof(raw)), BASE64_STANDARD);
    buf_append_str(out, "Sec-WebSocket-Key: ");
    buf_append_bytes(out, buf_bytes(&key));
    buf_append_str(out, "\r\n");
    out->failed |= key.failed;
    expect_accept(h, buf_bytes(&key));
    buf_release(&key);
}

/* The Origin is the server's own: Go's x/net/websocket, which kube-apiserver uses, wants one. */
CURLcode http_socket_begin(struct http *h, const struct http_request *r)
{
    const char *server = h->config->server, *host, *end;
    struct buf *out = &h->out;

    http_find_authority(server, &host, &end);
    buf_appendf(out, "GET %s%s HTTP/1.1\r\nHost: %.*s\r\nOrigin: %.*s\r\n", end, r->path,
                (int)(end - host), host, (int)(end - server), server);
    buf_append_str(out, "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\n");
    append_key(h, out);
    buf_appendf(out, "User-Agent: %s\r\n", http_user_agent(h));
    append_identity(h, out);
    for (struct curl_slist *line = h->headers; line != NULL; line = line->next)
        if (!bytes_starts_with(bytes_str(line->data), BYTES("Host:")) &&
            !bytes_starts_with(bytes_str(line->data), BYTES("Expect:")))
            buf_appendf(out, "%s\r\n", line->data);
    buf_append_str(out, "\r\n");
    return out->failed || h->accept.failed ? CURLE_OUT_OF_MEMORY : CURLE_OK;
}

/* ---- its answer ---- */

static tw_status fail_handshake(struct http *h, const char *why, tw_error **reterr)
{
    return tw_fail(reterr, TW_ERR_PROTOCOL, "%s: no WebSocket: %s", h->config->server, why);
}

/* The status code of "HTTP/1.1 101 ..", or 0. */
static int code_of(struct bytes line)
{
    struct bytes rest = bytes_from(line, bytes_find(line, ' ') + 1);
    uint64_t code;

    if (!bytes_starts_with(line, BYTES("HTTP/1.")) || rest.len < 3 ||
        !bytes_to_u64(bytes_of(rest.ptr, 3), &code) || code < 100)
        return 0;
    return (int)code;
}

/* All header lines, each as curl would tell it; the body's length and our key's answer are noted.
 */
static tw_status read_head(struct http *h, struct bytes head, tw_error **reterr)
{
    struct bytes line = bytes_cut(&head, '\n'), value;
    bool accepted = false;
    int code = code_of(bytes_trim(line));

    if (code == 0)
        return fail_handshake(h, "this is not HTTP", reterr);
    h->body_left = UINT64_MAX;
    while (head.len != 0) {
        line = bytes_trim(bytes_cut(&head, '\n'));
        if (http_is_header(line, "sec-websocket-accept:", &value))
            accepted = bytes_eq(value, buf_bytes(&h->accept));
        else if (http_is_header(line, "content-length:", &value) &&
                 !bytes_to_u64(value, &h->body_left))
            return fail_handshake(h, "bad Content-Length", reterr);
        else if (line.len != 0)
            http_read_header(h, line);
    }
    if (code == 101 && !accepted)
        return fail_handshake(h, "wrong Sec-WebSocket-Accept", reterr);
    if (code / 100 <= 2 && code != 101)
        return fail_handshake(h, "the server answers as if nobody had asked for one", reterr);
    h->code = code;
    return TW_OK;
}

/* Is what was answered in place of a WebSocket complete? */
static bool is_answered(const struct http *h)
{
    return h->code != 0 && h->code != 101 && (h->body_left == 0 || h->body.len >= ANSWER_MAX);
}

/* Moves what belongs to the body into it. TW_END: the answer is complete. */
static tw_status take_body(struct http *h, struct bytes data, tw_error **reterr)
{
    if (h->code != 101 && h->body_left < data.len)
        data.len = (size_t)h->body_left;
    buf_append_bytes(&h->body, data);
    if (h->body.failed)
        return tw_fail_no_memory(reterr);
    if (h->code != 101 && h->body_left != UINT64_MAX)
        h->body_left -= data.len;
    return is_answered(h) ? TW_END : TW_OK;
}

static tw_status take(struct http *h, struct bytes data, tw_error **reterr)
{
    const char *end;
    size_t head_len;
    tw_status st;

    if (h->code != 0)
        return take_body(h, data, reterr);
    buf_append_bytes(&h->head, data);
    if (h->head.failed)
        return tw_fail_no_memory(reterr);
    end = memmem(h->head.data, h->head.len, "\r\n\r\n", 4);
    if (end == NULL)
        return h->head.len < HEAD_MAX ? TW_OK : fail_handshake(h, "endless headers", reterr);
    head_len = (size_t)(end - h->head.data) + 4;
    st = read_head(h, bytes_of(h->head.data, head_len), reterr);
    if (st == TW_OK)
        st = take_body(h, bytes_from(buf_bytes(&h->head), head_len), reterr);
    buf_release(&h->head);
    return st;
}

/* ---- bytes ---- */

static tw_status broken(struct http *h, const char *why, tw_error **reterr)
{
    return tw_fail(reterr, TW_ERR_BROKEN, "%s: %s", h->config->server, why);
}

static tw_status flush(struct http *h, tw_error **reterr)
{
    while (h->out.len != 0) {
        size_t sent = 0;
        CURLcode rc = curl_easy_send(h->easy, h->out.data, h->out.len, &sent);

        if (rc == CURLE_AGAIN)
            return TW_OK;
        if (rc != CURLE_OK)
            return broken(h, curl_easy_strerror(rc), reterr);
        buf_consume(&h->out, sent);
    }
    return TW_OK;
}

tw_status http_socket_move(struct http *h, tw_error **reterr)
{
    char piece[PIECE_LEN];
    size_t got = 0;
    tw_status st;
    CURLcode rc;

    if (h->body.failed || h->head.failed) /* the same again, as http_step() says */
        return tw_fail_no_memory(reterr);
    if (is_answered(h))
        return TW_END;
    st = flush(h, reterr);
    if (st != TW_OK)
        return st;
    rc = curl_easy_recv(h->easy, piece, sizeof(piece), &got);
    if (rc == CURLE_AGAIN)
        return TW_OK;
    if (rc != CURLE_OK)
        return broken(h, curl_easy_strerror(rc), reterr);
    if (got == 0)
        return h->code != 0 ? TW_END : broken(h, "closed without an answer", reterr);
    http_heard(h);
    return take(h, bytes_of(piece, got), reterr);
}

tw_status http_send(struct http *h, struct bytes data, tw_error **reterr)
{
    if (h->out.len + data.len > OUT_MAX)
        return broken(h, "it does not read what it asks for", reterr);
    buf_append_bytes(&h->out, data);
    return h->out.failed ? tw_fail_no_memory(reterr) : flush(h, reterr);
}
