/* The opening handshake: RFC 6455 sections 4.2 and 4.4, RFC 8441 section 4. */
#include "apiserver/transport/websocket.h"

#include <openssl/sha.h>

#include "base/base64.h"

/* What follows it may be no HTTP any more, so nothing behind it is read. */
static void refuse(struct request *request, int status, const char *why)
{
    if (request->refusal != 0)
        return;
    request->close = true;
    request->refusal = status;
    request->why = why;
}

/* Is `word` an element of a header that is a list, and may stand several times? */
static bool lists(const struct http_request *req, const char *name, const char *word)
{
    for (size_t i = 0; i < req->header_count; i++) {
        struct bytes rest = req->headers[i].value;

        if (!bytes_eq_str(req->headers[i].name, name))
            continue;
        while (rest.ptr != NULL)
            if (bytes_ieq(bytes_trim(bytes_cut(&rest, ',')), bytes_str(word)))
                return true;
    }
    return false;
}

static bool is_key(struct bytes key)
{
    struct buf raw = {0};
    bool fits = base64_decode(&raw, key, BASE64_STANDARD) && raw.len == 16;

    buf_release(&raw);
    return fits;
}

static void check_version(struct request *request)
{
    struct bytes version = http_header(&request->pub, "sec-websocket-version");

    if (version.ptr == NULL)
        refuse(request, 400, "missing Sec-WebSocket-Version header");
    else if (!bytes_eq_str(version, "13"))
        refuse(request, 426, "the WebSocket version must be 13");
}

static void check_upgrade(struct request *request)
{
    struct http_request *pub = &request->pub;

    if (pub->version != HTTP_1_1)
        refuse(request, 400, "WebSockets need HTTP/1.1 or HTTP/2");
    if (!bytes_eq_str(pub->method, "GET"))
        refuse(request, 400, "a WebSocket begins with GET");
    if (pub->body.len > 0)
        refuse(request, 400, "a WebSocket begins without a body");
    if (!is_key(http_header(pub, "sec-websocket-key")))
        refuse(request, 400, "missing or malformed Sec-WebSocket-Key header");
    check_version(request);
}

/* Both headers, as k8s.io/streaming's IsWebSocketRequest wants them; else it is any request. */
void websocket_read_handshake(struct request *request, struct bytes protocol)
{
    struct http_request *pub = &request->pub;

    if (protocol.len > 0) {
        if (!bytes_ieq(protocol, BYTES("websocket")))
            refuse(request, 501, "the only protocol to connect to is websocket");
        check_version(request);
        pub->method = BYTES("GET"); /* which it means: RFC 8441, section 5 */
    } else if (lists(pub, "connection", "upgrade") && lists(pub, "upgrade", "websocket")) {
        check_upgrade(request);
    } else {
        return;
    }
    pub->websocket = request->refusal == 0;
}

struct bytes websocket_accept_key(struct arena *arena, struct bytes key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct bytes text = arena_printf(arena, "%.*s%s", BYTES_FMT(key), guid);
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct buf accept = {0};
    struct bytes copy;

    SHA1((const unsigned char *)text.ptr, text.len, digest);
    base64_encode(&accept, bytes_of((const char *)digest, sizeof(digest)), BASE64_STANDARD);
    copy = arena_dup(arena, buf_bytes(&accept));
    buf_release(&accept);
    return copy;
}
