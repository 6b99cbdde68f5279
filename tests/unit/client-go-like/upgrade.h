/*
 * upgrade - the server's half of a WebSocket's handshake, for servers that play a script.
 */
#ifndef TIDEWATCH_TESTS_UPGRADE_H
#define TIDEWATCH_TESTS_UPGRADE_H

#include <openssl/sha.h>

#include "base/base64.h"

/* Appends the 101 to a request's headers. `wrong`: to another key. */
static inline void append_upgrade(struct buf *out, struct bytes request, bool wrong)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    const char *key = memmem(request.ptr, request.len, name, sizeof(name) - 1);
    unsigned char digest[SHA_DIGEST_LENGTH];
    struct buf text = {0};

    if (key == NULL)
        return;
    buf_append(&text, key + sizeof(name) - 1, 24);
    buf_append_str(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    SHA1((const unsigned char *)text.data, text.len - wrong, digest);
    buf_append_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                        "Upgrade\r\nsec-websocket-accept: ");
    base64_encode(out, bytes_of((const char *)digest, sizeof(digest)), BASE64_STANDARD);
    buf_append_str(out, "\r\n\r\n");
    buf_release(&text);
}

#endif
