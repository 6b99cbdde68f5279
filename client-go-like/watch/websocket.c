#include "client-go-like/watch/websocket.h"

#include <wslay/wslay.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/utf8.h"

/* What a close code means for a watch (RFC 6455, 7.4.1, and the registry). Any other is
 * TW_ERR_BROKEN: to be tried again. */
static const struct {
    uint16_t code;
    tw_status status;
} close_meanings[] = {
    {1000, TW_END},                          /* normal */
    {1001, TW_END},                          /* going away: a server that stops */
    {1002, TW_ERR_PROTOCOL},                 /* protocol error, and so on: it is we who are wrong */
    {1003, TW_ERR_PROTOCOL}, {1005, TW_END}, /* no code given */
    {1007, TW_ERR_PROTOCOL}, {1008, TW_ERR_PROTOCOL}, {1009, TW_ERR_PROTOCOL},
    {1010, TW_ERR_PROTOCOL}, {1012, TW_END}, /* service restart */
};

enum {
    CLOSE_NORMAL = 1000,
    CLOSE_NO_CODE = 1005,
    CLOSE_PROTOCOL_ERROR = 1002,
    CLOSE_TOO_LARGE = 1009,
};

/* ---- bytes in, bytes out ---- */

static ssize_t give_input(uint8_t *to, size_t room, int flags, void *user)
{
    struct websocket *ws = user;
    struct buf *body = http_body(ws->http);
    size_t len = body->len < room ? body->len : room;

    (void)flags;
    if (len == 0)
        return -1;
    memcpy(to, body->data, len);
    buf_consume(body, len);
    return (ssize_t)len;
}

static ssize_t take_output(const uint8_t *data, size_t len, int flags, void *user)
{
    struct websocket *ws = user;

    (void)flags;
    if (http_send(ws->http, bytes_of((const char *)data, len), &ws->end_error) != TW_OK)
        return -1;
    return (ssize_t)len;
}

static int make_mask(uint8_t *mask, size_t len, void *user)
{
    (void)user;
    rand_bytes(mask, len);
    return 0;
}

tw_status websocket_open(struct websocket *ws, struct http *http, size_t max, unsigned ping_ms,
                         tw_error **reterr)
{
    static const struct wslay_frame_callbacks callbacks = {take_output, give_input, make_mask};

    *ws = (struct websocket){.http = http, .max = max, .ping_ms = ping_ms};
    ws->ping_at_ms = clock_monotonic_ms() + ping_ms;
    return wslay_frame_context_init(&ws->wslay, &callbacks, ws) == 0 ? TW_OK
                                                                     : tw_fail_no_memory(reterr);
}

void websocket_release(struct websocket *ws)
{
    if (ws->wslay != NULL)
        wslay_frame_context_free(ws->wslay);
    buf_release(&ws->message);
    tw_error_free(ws->end_error);
    *ws = (struct websocket){0};
}

/* ---- to the server ---- */

static tw_status take_error(struct websocket *ws, tw_error **reterr)
{
    tw_status st = tw_error_status(ws->end_error);

    if (st == TW_OK)
        return tw_fail(reterr, TW_ERR_BROKEN, "WebSocket: cannot write a frame");
    tw_error_clear(reterr);
    if (reterr != NULL)
        *reterr = ws->end_error;
    else
        tw_error_free(ws->end_error);
    ws->end_error = NULL;
    return st;
}

static tw_status send_control(struct websocket *ws, uint8_t opcode, struct bytes payload,
                              tw_error **reterr)
{
    struct wslay_frame_iocb frame = {.fin = 1, .opcode = opcode, .mask = 1};

    frame.payload_length = frame.data_length = payload.len;
    frame.data = (const uint8_t *)payload.ptr;
    return wslay_frame_send(ws->wslay, &frame) >= 0 ? TW_OK : take_error(ws, reterr);
}

tw_status websocket_ping(struct websocket *ws, unsigned *ret_wait_ms, tw_error **reterr)
{
    uint64_t now = clock_monotonic_ms();
    tw_status st = TW_OK;

    if (now >= ws->ping_at_ms) {
        ws->ping_at_ms = now + ws->ping_ms;
        st = send_control(ws, WSLAY_PING, BYTES("tidewatch"), reterr);
    }
    *ret_wait_ms = (unsigned)(ws->ping_at_ms - now);
    return st;
}

static void send_close(struct websocket *ws, uint16_t code)
{
    const char payload[] = {(char)(code >> 8), (char)code};

    (void)send_control(ws, WSLAY_CONNECTION_CLOSE, bytes_of(payload, sizeof(payload)), NULL);
}

void websocket_leave(struct websocket *ws)
{
    if (ws->wslay != NULL)
        send_close(ws, CLOSE_NORMAL);
}

/* Says why and gives up; the words may not reach the server. */
static tw_status refuse(struct websocket *ws, uint16_t code, const char *why, tw_error **reterr)
{
    send_close(ws, code);
    return tw_fail(reterr, TW_ERR_PROTOCOL, "WebSocket: %s", why);
}

/* ---- frames ---- */

static tw_status begin_frame(struct websocket *ws, const struct wslay_frame_iocb *frame,
                             tw_error **reterr)
{
    bool control = wslay_is_ctrl_frame(frame->opcode);
    bool goes_on = frame->opcode == WSLAY_CONTINUATION_FRAME;

    ws->in_frame = true;
    ws->frame_left = frame->payload_length;
    ws->control_len = 0;
    if (frame->rsv != 0 || frame->mask)
        return refuse(ws, CLOSE_PROTOCOL_ERROR, "a frame that is masked or extended", reterr);
    if (control && (frame->opcode > WSLAY_PONG || !frame->fin ||
                    frame->payload_length > WEBSOCKET_CONTROL_MAX))
        return refuse(ws, CLOSE_PROTOCOL_ERROR, "a malformed control frame", reterr);
    if (control)
        return TW_OK;
    if (frame->opcode > WSLAY_BINARY_FRAME || goes_on != (ws->opcode != 0))
        return refuse(ws, CLOSE_PROTOCOL_ERROR, "a frame out of turn", reterr);
    if (frame->payload_length > ws->max - ws->message.len)
        return refuse(ws, CLOSE_TOO_LARGE, "a watch event is too large", reterr);
    if (!goes_on)
        ws->opcode = frame->opcode;
    return TW_OK;
}

/* The server closes: answered, and told as what it means. */
static tw_status end_close(struct websocket *ws, tw_error **reterr)
{
    struct bytes payload = bytes_of(ws->control, ws->control_len), why;
    uint16_t code = CLOSE_NO_CODE;
    tw_status status = TW_ERR_BROKEN;

    if (payload.len >= 2)
        code = (uint16_t)((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
    if (payload.len == 1)
        return refuse(ws, CLOSE_PROTOCOL_ERROR, "a malformed close", reterr);
    why = bytes_from(payload, 2);
    payload.len = payload.len < 2 ? payload.len : 2;
    (void)send_control(ws, WSLAY_CONNECTION_CLOSE, payload, NULL);
    for (size_t i = 0; i < ARRAY_LEN(close_meanings); i++)
        if (close_meanings[i].code == code)
            status = close_meanings[i].status;
    if (status == TW_END)
        return TW_END;
    if (!utf8_is_valid(why))
        why.len = 0;
    return tw_fail(reterr, status, "the WebSocket was closed with %u %.*s", code, BYTES_FMT(why));
}

/* TW_ERR_TIMEOUT: go on. */
static tw_status end_control(struct websocket *ws, uint8_t opcode, tw_error **reterr)
{
    tw_status st = TW_OK;

    if (opcode == WSLAY_CONNECTION_CLOSE)
        return end_close(ws, reterr);
    if (opcode == WSLAY_PING)
        st = send_control(ws, WSLAY_PONG, bytes_of(ws->control, ws->control_len), reterr);
    return st == TW_OK ? TW_ERR_TIMEOUT : st;
}

/* The next piece of a frame. TW_OK: it was the last of a message; TW_ERR_TIMEOUT: go on. */
static tw_status take(struct websocket *ws, const struct wslay_frame_iocb *frame, tw_error **reterr)
{
    tw_status st = ws->in_frame ? TW_OK : begin_frame(ws, frame, reterr);

    if (st != TW_OK)
        return st;
    if (wslay_is_ctrl_frame(frame->opcode)) {
        memcpy(ws->control + ws->control_len, frame->data, frame->data_length);
        ws->control_len += frame->data_length;
    } else {
        buf_append(&ws->message, frame->data, frame->data_length);
    }
    if (ws->message.failed)
        return tw_fail_no_memory(reterr);
    ws->frame_left -= frame->data_length;
    if (ws->frame_left != 0)
        return TW_ERR_TIMEOUT;
    ws->in_frame = false;
    if (wslay_is_ctrl_frame(frame->opcode))
        return end_control(ws, frame->opcode, reterr);
    return frame->fin ? TW_OK : TW_ERR_TIMEOUT;
}

tw_status websocket_next(struct websocket *ws, struct bytes *ret_message, bool *ret_is_binary,
                         tw_error **reterr)
{
    struct wslay_frame_iocb frame;
    tw_status st = TW_ERR_TIMEOUT;
    ssize_t got = 0;

    if (ws->whole) {
        buf_consume(&ws->message, ws->message.len);
        ws->whole = false;
        ws->opcode = 0;
    }
    while (st == TW_ERR_TIMEOUT && (got = wslay_frame_recv(ws->wslay, &frame)) >= 0)
        st = take(ws, &frame, reterr);
    if (st == TW_ERR_TIMEOUT)
        return got == WSLAY_ERR_WANT_READ
                   ? st
                   : refuse(ws, CLOSE_PROTOCOL_ERROR, "a malformed frame", reterr);
    if (st != TW_OK)
        return st;
    ws->whole = true;
    *ret_message = buf_bytes(&ws->message);
    *ret_is_binary = ws->opcode == WSLAY_BINARY_FRAME;
    return TW_OK;
}
