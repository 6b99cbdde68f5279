/*
 * libwslay's frame layer reads heads, lengths and masks. What frames may follow each other, and
 * what is in them, is decided here: the message layer of libwslay 1.1.1 answers a good close frame
 * with 1007 when it comes in unlucky pieces, lets bad ones pass, and queues a pong for each ping.
 */
#include "apiserver/transport/websocket_reader.h"

#include <stdlib.h>

#include <wslay/wslay.h>

#include "base/utf8.h"

enum { CONTROL_MAX = 125 };

/* From the first byte of a message or control frame to its last. */
struct websocket_reading {
    const struct websocket_reader *reader;
    struct wslay_frame_context *wslay;
    struct bytes input;     /* that libwslay has not taken yet */
    uint64_t taken, framed; /* bytes it took; bytes of all frames it has seen begin */
    uint64_t frame_left;    /* of the payload of a frame that is in_frame */
    bool in_frame;
    uint8_t opcode;            /* of the message that has begun; 0: none */
    struct buf message;        /* so far */
    char control[CONTROL_MAX]; /* of the control frame */
    size_t control_len;
};

/* ---- frames begin ---- */

static uint16_t begin_control(struct websocket_reading *reading,
                              const struct wslay_frame_iocb *frame)
{
    if (frame->opcode > WSLAY_PONG || !frame->fin || frame->payload_length > CONTROL_MAX)
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    reading->control_len = 0;
    return 0;
}

static uint16_t begin_data(struct websocket_reading *reading, const struct wslay_frame_iocb *frame)
{
    bool goes_on = frame->opcode == WSLAY_CONTINUATION_FRAME;

    if (frame->opcode > WSLAY_BINARY_FRAME || goes_on != (reading->opcode != 0))
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    if (frame->payload_length > WEBSOCKET_MESSAGE_MAX - reading->message.len)
        return WEBSOCKET_CLOSE_TOO_LARGE;
    if (!goes_on)
        reading->opcode = frame->opcode;
    return 0;
}

/* A head is two bytes, up to eight more of the length, and the mask. */
static uint16_t begin_frame(struct websocket_reading *reading, const struct wslay_frame_iocb *frame)
{
    uint64_t len = frame->payload_length;

    reading->framed += 2U + (len < 126 ? 0U : len <= UINT16_MAX ? 2U : 8U) + 4U + len;
    reading->in_frame = true;
    reading->frame_left = len;
    if (frame->rsv != 0 || !frame->mask)
        return WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    return wslay_is_ctrl_frame(frame->opcode) ? begin_control(reading, frame)
                                              : begin_data(reading, frame);
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

static uint16_t end_control(struct websocket_reading *reading, uint8_t opcode)
{
    struct bytes payload = bytes_of(reading->control, reading->control_len);

    if (opcode == WSLAY_CONNECTION_CLOSE)
        return code_of_close(payload);
    if (opcode == WSLAY_PING)
        reading->reader->ops->on_ping(reading->reader->user, payload);
    else
        reading->reader->ops->on_pong(reading->reader->user, payload);
    return 0;
}

static uint16_t end_message(struct websocket_reading *reading)
{
    struct bytes message = buf_bytes(&reading->message);

    if (reading->opcode == WSLAY_TEXT_FRAME && !utf8_is_valid(message))
        return WEBSOCKET_CLOSE_NOT_UTF8;
    reading->reader->ops->on_message(reading->reader->user, message);
    buf_release(&reading->message);
    reading->opcode = 0;
    return 0;
}

static uint16_t end_frame(struct websocket_reading *reading, const struct wslay_frame_iocb *frame)
{
    reading->in_frame = false;
    if (wslay_is_ctrl_frame(frame->opcode))
        return end_control(reading, frame->opcode);
    return frame->fin ? end_message(reading) : 0;
}

/* ---- reading ---- */

/* The next piece of a frame. */
static uint16_t take(struct websocket_reading *reading, const struct wslay_frame_iocb *frame)
{
    uint16_t code = reading->in_frame ? 0 : begin_frame(reading, frame);

    if (code != 0)
        return code;
    if (frame->data_length == 0)
        return reading->frame_left > 0 ? 0 : end_frame(reading, frame);
    if (wslay_is_ctrl_frame(frame->opcode)) {
        memcpy(reading->control + reading->control_len, frame->data, frame->data_length);
        reading->control_len += frame->data_length;
    } else {
        buf_append(&reading->message, frame->data, frame->data_length);
    }
    if (reading->message.failed)
        return WEBSOCKET_CLOSE_NO_MEMORY;
    reading->frame_left -= frame->data_length;
    return reading->frame_left > 0 ? 0 : end_frame(reading, frame);
}

static ssize_t give_input(uint8_t *to, size_t room, int flags, void *user)
{
    struct websocket_reading *reading = user;
    size_t len = reading->input.len < room ? reading->input.len : room;

    (void)flags;
    if (len == 0)
        return -1;
    memcpy(to, reading->input.ptr, len);
    reading->input = bytes_from(reading->input, len);
    reading->taken += len;
    return (ssize_t)len;
}

static bool begin(struct websocket_reader *reader)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = give_input};
    struct websocket_reading *reading;

    if (reader->reading != NULL)
        return true;
    reading = calloc(1, sizeof(*reading));
    if (reading == NULL || wslay_frame_context_init(&reading->wslay, &callbacks, reading) != 0) {
        free(reading);
        return false;
    }
    reading->reader = reader;
    reader->reading = reading;
    return true;
}

static bool is_between_messages(const struct websocket_reading *reading)
{
    return reading->taken == reading->framed && !reading->in_frame && reading->opcode == 0;
}

uint16_t websocket_read(struct websocket_reader *reader, struct bytes input)
{
    struct websocket_reading *reading;
    struct wslay_frame_iocb frame;
    ssize_t result = 0;
    uint16_t code = 0;

    if (!begin(reader))
        return WEBSOCKET_CLOSE_NO_MEMORY;
    reading = reader->reading;
    reading->input = input;
    while (code == 0 && (result = wslay_frame_recv(reading->wslay, &frame)) >= 0)
        code = take(reading, &frame);
    if (code == 0 && result != WSLAY_ERR_WANT_READ)
        code = WEBSOCKET_CLOSE_PROTOCOL_ERROR;
    reading->input = bytes_of(NULL, 0);
    if (code != 0 || is_between_messages(reading))
        websocket_reader_release(reader);
    return code;
}

void websocket_reader_release(struct websocket_reader *reader)
{
    struct websocket_reading *reading = reader->reading;

    if (reading == NULL)
        return;
    wslay_frame_context_free(reading->wslay);
    buf_release(&reading->message);
    free(reading);
    reader->reading = NULL;
}
