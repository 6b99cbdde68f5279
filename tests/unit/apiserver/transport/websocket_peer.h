/*
 * websocket_peer - a WebSocket client for tests that can do all that clients must not: over
 * HTTP/1.1 and, with frames written by hand, over one stream of HTTP/2.
 */
#ifndef TIDEWATCH_TESTS_UNIT_WEBSOCKET_PEER_H
#define TIDEWATCH_TESTS_UNIT_WEBSOCKET_PEER_H

#include "server_thread.h"

struct peer {
    int fd;
    bool h2;
    struct buf wire; /* HTTP/2 frames that are not whole yet */
    struct buf in;   /* of the WebSocket, not looked at yet */
    bool answered, ended;
    uint32_t reset; /* the error code + 1 of an RST_STREAM */
    int pings;      /* of HTTP/2, none of which was answered */
};

struct ws_frame {
    uint8_t first, opcode; /* opcode 0xff: the end */
    struct bytes payload;  /* inside `data` */
    struct buf data;
};

/* ---- client to server ---- */

/* A frame with any first byte; masked as clients must, or not. `form`: bytes of the length field.
 */
static inline void put_frame(struct buf *out, uint8_t first, bool masked, int form, uint64_t len,
                             struct bytes payload)
{
    static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};

    buf_append_char(out, (char)first);
    buf_append_char(out, (char)((masked ? 0x80 : 0) | (form == 0   ? (int)len
                                                       : form == 2 ? 126
                                                                   : 127)));
    for (int i = form - 1; i >= 0; i--)
        buf_append_char(out, (char)(len >> (8 * i)));
    if (masked)
        buf_append(out, mask, sizeof(mask));
    for (size_t i = 0; i < payload.len; i++)
        buf_append_char(out, (char)(payload.ptr[i] ^ (masked ? mask[i % 4] : 0)));
}

static inline void put_good_frame(struct buf *out, uint8_t first, struct bytes payload)
{
    int form = payload.len < 126 ? 0 : payload.len <= UINT16_MAX ? 2 : 8;

    put_frame(out, first, true, form, payload.len, payload);
}

static inline void h2_put(struct buf *out, uint8_t type, uint8_t flags, uint32_t id,
                          struct bytes payload)
{
    const uint8_t head[] = {(uint8_t)(payload.len >> 16),
                            (uint8_t)(payload.len >> 8),
                            (uint8_t)payload.len,
                            type,
                            flags,
                            (uint8_t)(id >> 24),
                            (uint8_t)(id >> 16),
                            (uint8_t)(id >> 8),
                            (uint8_t)id};

    buf_append(out, head, sizeof(head));
    buf_append_bytes(out, payload);
}

enum { H2_DATA, H2_HEADERS, H2_RST = 3, H2_SETTINGS, H2_PING = 6, H2_WINDOW = 8 };
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4 };

static inline bool peer_send(struct peer *peer, struct bytes bytes)
{
    struct buf out = {0};
    bool sent;

    if (!peer->h2)
        return send_bytes(peer->fd, bytes.ptr, bytes.len);
    while (bytes.len > 0) {
        size_t len = bytes.len < 16384 ? bytes.len : 16384;

        h2_put(&out, H2_DATA, 0, 1, bytes_of(bytes.ptr, len));
        bytes = bytes_from(bytes, len);
    }
    sent = send_bytes(peer->fd, out.data, out.len);
    buf_release(&out);
    return sent;
}

static inline void peer_send_frame(struct peer *peer, uint8_t first, struct bytes payload)
{
    struct buf out = {0};

    put_good_frame(&out, first, payload);
    (void)peer_send(peer, buf_bytes(&out));
    buf_release(&out);
}

/* ---- server to client ---- */

static inline uint32_t number(const char *at, size_t len)
{
    uint32_t n = 0;

    for (size_t i = 0; i < len; i++)
        n = n << 8 | (uint8_t)at[i];
    return n;
}

static inline void take_h2_frame(struct peer *peer, uint8_t type, uint8_t flags, uint32_t id,
                                 struct bytes payload)
{
    if (type == H2_HEADERS && id == 1)
        peer->answered = payload.len > 0 && (uint8_t)payload.ptr[0] == 0x88; /* :status 200 */
    if (type == H2_DATA && id == 1)
        buf_append_bytes(&peer->in, payload);
    if (type == H2_RST && id == 1)
        peer->reset = number(payload.ptr, 4) + 1;
    if (type == H2_PING && (flags & H2_ACK) == 0)
        peer->pings++;
    if ((type == H2_DATA || type == H2_HEADERS) && id == 1 && (flags & H2_END_STREAM) != 0)
        peer->ended = true;
}

static inline void take_h2_frames(struct peer *peer)
{
    while (peer->wire.len >= 9) {
        const char *at = peer->wire.data;
        size_t len = number(at, 3);

        if (peer->wire.len < 9 + len)
            return;
        take_h2_frame(peer, (uint8_t)at[3], (uint8_t)at[4], number(at + 5, 4),
                      bytes_of(at + 9, len));
        buf_consume(&peer->wire, 9 + len);
    }
}

/* False: nothing more will come. */
static inline bool peer_step(struct peer *peer)
{
    char some[65536];
    ssize_t n;

    if (peer->ended || peer->reset != 0)
        return false;
    n = recv(peer->fd, some, sizeof(some), 0);
    CHECK(n >= 0 || errno != EAGAIN); /* nothing came for WAIT_S */
    if (n <= 0)
        return false;
    buf_append(peer->h2 ? &peer->wire : &peer->in, some, (size_t)n);
    take_h2_frames(peer);
    return true;
}

static inline bool peer_has(struct peer *peer, size_t len)
{
    while (peer->in.len < len)
        if (!peer_step(peer))
            return false;
    return true;
}

/* The next frame of the server, which never masks. The caller releases it, with the next call. */
static inline void peer_next(struct peer *peer, struct ws_frame *frame)
{
    size_t head = 2, len;
    uint8_t second;

    buf_release(&frame->data);
    frame->opcode = 0xff;
    frame->payload = bytes_of(NULL, 0);
    if (!peer_has(peer, 2))
        return;
    second = (uint8_t)peer->in.data[1];
    head += second == 126 ? 2 : second == 127 ? 8 : 0;
    CHECK(second < 128 && peer_has(peer, head));
    len = second < 126 ? second
                       : number(peer->in.data + (second == 126 ? 2 : 6), head - 2 > 4 ? 4 : 2);
    CHECK(peer_has(peer, head + len));
    buf_append(&frame->data, peer->in.data, head + len);
    buf_consume(&peer->in, head + len);
    frame->first = (uint8_t)frame->data.data[0];
    frame->opcode = frame->first & 0xf;
    frame->payload = bytes_from(buf_bytes(&frame->data), head);
}

static inline uint16_t close_code(const struct ws_frame *frame)
{
    return frame->payload.len < 2 ? 1005 : (uint16_t)number(frame->payload.ptr, 2);
}

/* ---- the handshake ---- */

static inline void h2_literal(struct buf *out, const char *name, const char *value)
{
    buf_append_char(out, 0); /* RFC 7541, 6.2.2: literal without indexing, new name */
    buf_append_char(out, (char)strlen(name));
    buf_append_str(out, name);
    buf_append_char(out, (char)strlen(value));
    buf_append_str(out, value);
}

static inline void h2_connect(struct peer *peer, const char *protocol, const char *version,
                              uint8_t flags)
{
    struct buf head = {0}, out = {0};
    const char window[] = {0, 0x40, 0, 0};

    h2_literal(&head, ":method", "CONNECT");
    h2_literal(&head, ":protocol", protocol);
    h2_literal(&head, ":scheme", "http");
    h2_literal(&head, ":path", "/stream");
    h2_literal(&head, ":authority", "h:1");
    if (version != NULL)
        h2_literal(&head, "sec-websocket-version", version);
    buf_append_str(&out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    h2_put(&out, H2_SETTINGS, 0, 0, bytes_of(NULL, 0));
    h2_put(&out, H2_HEADERS, (uint8_t)(H2_END_HEADERS | flags), 1, buf_bytes(&head));
    h2_put(&out, H2_WINDOW, 0, 0, bytes_of(window, 4));
    if ((flags & H2_END_STREAM) == 0)
        h2_put(&out, H2_WINDOW, 0, 1, bytes_of(window, 4));
    CHECK(send_bytes(peer->fd, out.data, out.len));
    buf_release(&head);
    buf_release(&out);
}

#define WS_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define WS_HEAD                                                                                    \
    "GET /stream HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
static const char ws_request[] = WS_HEAD WS_KEY "Sec-WebSocket-Version: 13\r\n\r\n";

static inline void h1_shake_hands(struct peer *peer)
{
    CHECK(send_text(peer->fd, ws_request));
    CHECK(read_until(peer->fd, "\r\n\r\n", 1, &peer->in));
    CHECK(contains(&peer->in, "HTTP/1.1 101 "));
    CHECK(contains(&peer->in, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")); /* RFC 6455, 1.3 */
    CHECK(!contains(&peer->in, "chunked") && !contains(&peer->in, "close"));
    buf_consume(&peer->in, (size_t)(strstr(peer->in.data, "\r\n\r\n") + 4 - peer->in.data));
}

static inline struct peer peer_open_on(const struct server_test *test, bool h2, int receive_buffer)
{
    struct peer peer = {.fd = connect_with_buffer(test, receive_buffer), .h2 = h2};

    if (!h2) {
        h1_shake_hands(&peer);
        return peer;
    }
    h2_connect(&peer, "websocket", "13", 0);
    while (!peer.answered)
        CHECK(peer_step(&peer));
    return peer;
}

static inline struct peer peer_open(const struct server_test *test, bool h2)
{
    return peer_open_on(test, h2, 0);
}

static inline void peer_close(struct peer *peer)
{
    close(peer->fd);
    buf_release(&peer->wire);
    buf_release(&peer->in);
}

#endif
