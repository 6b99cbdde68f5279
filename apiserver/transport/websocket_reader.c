/*
 * libwslay's frame layer reads heads, lengths and masks. What frames may follow each other, and
 * what is in them, is decided here: the message layer of libwslay 1.1.1 answers a good close frame
 * with 1007 when it comes in unlucky pieces, lets bad ones pass, and queues a pong for each ping.
 */
#include "apiserver/transport/websocket_reader.h"

#include <wslay/wslay.h>

#include "base/utf8.h"

enum { CONTROL_MAX = sizeof(((struct websocket_reader *)NULL)->control) };

/* ---- frames begin ---- */

static uint16_t begin_control(struct websocket_reader *reader, const struct wslay_frame_iocb *frame)
{
    if (frame->opcode > WSLAY_PONG || !frame->fin || frame->payload_length > CONTROL_MAX)
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    reader->control_len = 0;
    return 0;
}

static uint16_t begin_data(struct websocket_reader *reader, const struct wslay_frame_iocb *frame)
{
    bool goes_on = frame->opcode == WSLAY_CONTINUATION_FRAME;

    if (frame->opcode > WSLAY_BINARY_FRAME || goes_on != (reader->opcode != 0))
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    if (frame->payload_length > WEBSOCKET_MESSAGE_MAX - reader->message.len)
        return WEBSOCKET_CLOSE_TOO_LARGE;
    if (!goes_on)
        reader->opcode = frame->opcode;
    return 0;
}

/* A head is two bytes, up to eight more of the length, and the mask. */
static uint16_t begin_frame(struct websocket_reader *reader, const struct wslay_frame_iocb *frame)
{
    uint64_t len = frame->payload_length;

    reader->framed += 2U + (len < 126 ? 0U : len <= UINT16_MAX ? 2U : 8U) + 4U + len;
    reader->in_frame = true;
    reader->frame_left = len;
    if (frame->rsv != 0 || !frame->mask)
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    return wslay_is_ctrl_frame(frame->opcode) ? begin_control(reader, frame)
                                              : begin_data(reader, frame);
}

/* ---- frames end ---- */

/* RFC 6455, section 7.4, and the codes that were registered since. */
static bool may_be_sent(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
           (code >= 3000 && code <= 4999);
}

static uint16_t code_of_close(struct bytes payload)
{
    uint16_t code;

    if (payload.len == 0)
        return WEBSOCKET_CLOSE_NO_CODE;
    if (payload.len == 1)
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    code = (uint16_t)((uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
    if (!may_be_sent(code))
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    return utf8_is_valid(bytes_from(payload, 2)) ? code : WEBSOCKET_CLOSE_NOT_UTF8;
}

static uint16_t end_control(struct websocket_reader *reader, uint8_t opcode)
{
    struct bytes payload = bytes_of(reader->control, reader->control_len);

    if (opcode == WSLAY_CONNECTION_CLOSE)
        return code_of_close(payload);
    if (opcode == WSLAY_PING)
        reader->ops->on_ping(reader->user, payload);
    else
        reader->ops->on_pong(reader->user, payload);
    return 0;
}

static uint16_t end_message(struct websocket_reader *reader)
{
    struct bytes message = buf_bytes(&reader->message);

    if (reader->opcode == WSLAY_TEXT_FRAME && !utf8_is_valid(message))
        return WEBSOCKET_CLOSE_NOT_UTF8;
    reader->ops->on_message(reader->user, message);
    buf_release(&reader->message);
    reader->opcode = 0;
    return 0;
}

static uint16_t end_frame(struct websocket_reader *reader, const struct wslay_frame_iocb *frame)
{
    reader->in_frame = false;
    if (wslay_is_ctrl_frame(frame->opcode))
        return end_control(reader, frame->opcode);
    return frame->fin ? end_message(reader) : 0;
}

/* ---- reading ---- */

/* The next piece of a frame. */
static uint16_t take(struct websocket_reader *reader, const struct wslay_frame_iocb *frame)
{
    uint16_t code = reader->in_frame ? 0 : begin_frame(reader, frame);

    if (code != 0)
        return code;
    if (frame->data_length == 0)
        return reader->frame_left > 0 ? 0 : end_frame(reader, frame);
    if (wslay_is_ctrl_frame(frame->opcode)) {
        memcpy(reader->control + reader->control_len, frame->data, frame->data_length);
        reader->control_len += frame->data_length;
    } else {
        buf_append(&reader->message, frame->data, frame->data_length);
    }
    if (reader->message.failed)
        return WEBSOCKET_CLOSE_NO_MEMORY;
    reader->frame_left -= frame->data_length;
    return reader->frame_left > 0 ? 0 : end_frame(reader, frame);
}

static ssize_t give_input(uint8_t *to, size_t room, int flags, void *user)
{
    struct websocket_reader *reader = user;
    size_t len = reader->input.len < room ? reader->input.len : room;

    (void)flags;
    if (len == 0)
        return -1;
    memcpy(to, reader->input.ptr, len);
    reader->input = bytes_from(reader->input, len);
    reader->taken += len;
    return (ssize_t)len;
}

static bool begin(struct websocket_reader *reader)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = give_input};

    if (reader->wslay != NULL)
        return true;
    reader->taken = reader->framed = 0;
    return wslay_frame_context_init(&reader->wslay, &callbacks, reader) == 0;
}

uint16_t websocket_read(struct websocket_reader *reader, struct bytes input)
{
    struct wslay_frame_iocb frame;
    ssize_t result = 0;
    uint16_t code = 0;

    if (!begin(reader))
        return WEBSOCKET_CLOSE_NO_MEMORY;
    reader->input = input;
    while (code == 0 && (result = wslay_frame_recv(reader->wslay, &frame)) >= 0)
        code = take(reader, &frame);
    if (code == 0 && result != WSLAY_ERR_WANT_READ)
        code = WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    reader->input = bytes_of(NULL, 0);
    if (code != 0 || (reader->taken == reader->framed && !reader->in_frame && reader->opcode == 0))
        websocket_reader_release(reader);
    return code;
}

void websocket_reader_release(struct websocket_reader *reader)
{
    if (reader->wslay != NULL)
        wslay_frame_context_free(reader->wslay);
    reader->wslay = NULL;
    buf_release(&reader->message);
}
