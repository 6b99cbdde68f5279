/* WebSocket frames from a client: whatever the bytes, and however they are cut, the reader sees the
 * same messages and finds the same fault. */
#include <stdlib.h>

#include "apiserver/transport/websocket_reader.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void see(void *user, char what, struct bytes message)
{
    struct buf *all = user;

    assert(message.len <= WEBSOCKET_MESSAGE_MAX);
    buf_appendf(all, "%c%zu:", what, message.len);
    buf_append_bytes(all, message);
}

static void on_message(void *user, struct bytes message)
{
    see(user, 'm', message);
}

static void on_ping(void *user, struct bytes payload)
{
    assert(payload.len <= 125);
    see(user, 'p', payload);
}

static void on_pong(void *user, struct bytes payload)
{
    assert(payload.len <= 125);
    see(user, 'q', payload);
}

static uint16_t read_all(struct bytes input, size_t step, struct buf *all)
{
    static const struct websocket_reader_ops ops = {on_message, on_ping, on_pong};
    struct websocket_reader reader = {.ops = &ops, .user = all};
    uint16_t code = 0;

    while (input.len > 0 && code == 0) {
        code = websocket_read(&reader, bytes_of(input.ptr, step < input.len ? step : input.len));
        input = bytes_from(input, step);
    }
    assert(code == 0 || (code >= 1000 && code < 5000));
    assert(code == 0 || reader.reading == NULL);
    websocket_reader_release(&reader);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of((const char *)data, size);
    struct buf whole = {0}, pieces = {0};
    size_t step = size > 0 ? 1 + data[size - 1] % 7 : 1;

    if (read_all(input, SIZE_MAX / 2, &whole) != read_all(input, step, &pieces) ||
        !bytes_eq(buf_bytes(&whole), buf_bytes(&pieces)))
        abort();
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
