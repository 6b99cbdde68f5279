#include "apiserver/transport/frame.h"

#include <stdio.h>
#include <stdlib.h>

enum { FINAL = 0x80, TEXT = 0x1, BINARY = 0x2 };

/* RFC 6455, section 5.2: one final frame, its length in the shortest of three forms. */
static void write_head(struct frame *frame, uint8_t opcode)
{
    uint64_t len = frame_message(frame).len;
    size_t width = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

    frame->head[0] = FINAL | opcode;
    frame->head[1] = width == 0 ? (uint8_t)len : width == 2 ? 126 : 127;
    for (size_t i = 0; i < width; i++)
        frame->head[2 + i] = (uint8_t)(len >> (8 * (width - 1 - i)));
    frame->head_len = (uint8_t)(2 + width);
}

static struct frame *make(struct bytes payload, uint8_t prefix_len, uint8_t opcode)
{
    char size[20]; /* a chunk-size is hexadecimal */
    size_t size_len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", payload.len);
    size_t len = size_len + payload.len + 2;
    struct frame *frame;

    if (payload.len > UINT32_MAX - sizeof(size) - 2)
        return NULL;
    frame = malloc(sizeof(*frame) + len);
    if (frame == NULL)
        return NULL;
    atomic_init(&frame->refs, 1);
    frame->len = (uint32_t)len;
    frame->payload_at = (uint32_t)size_len;
    frame->payload_len = (uint32_t)payload.len;
    frame->prefix_len = prefix_len;
    memcpy(frame->data, size, size_len);
    if (payload.len > 0)
        memcpy(frame->data + size_len, payload.ptr, payload.len);
    memcpy(frame->data + size_len + payload.len, "\r\n", 2);
    write_head(frame, opcode);
    return frame;
}

struct frame *frame_new(struct bytes payload)
{
    assert(payload.len > 0); /* a chunk of size 0 is the end of the body */
    return make(payload, 0, TEXT);
}

struct frame *frame_new_binary(struct bytes payload, uint8_t prefix_len)
{
    assert(payload.len > 0 && payload.len >= prefix_len);
    return make(payload, prefix_len, BINARY);
}

struct frame *frame_new_control(enum frame_control type, struct bytes payload)
{
    assert(payload.len <= 125);
    return make(payload, 0, (uint8_t)type);
}

/* ---- references ---- */

/*
 * One count for all loops is a cache line that they fight for: with two of them, 13 % of the CPU of
 * an event to 10,000 streams. So a loop's thread takes a handful of references at a time, and gives
 * back together what is left and what was dropped.
 */
enum { CREDITS = 16, HANDFUL = 64 };

struct credit {
    struct frame *frame;
    uint32_t refs; /* that are this thread's, and that nobody on it holds just now */
};

static _Thread_local struct {
    bool open, used;
    struct credit of[CREDITS];
} credits;

static void drop(struct frame *frame, uint32_t refs)
{
    if (atomic_fetch_sub_explicit(&frame->refs, refs, memory_order_acq_rel) == refs)
        free(frame);
}

static void settle(struct credit *credit)
{
    if (credit->refs > 0)
        drop(credit->frame, credit->refs);
    *credit = (struct credit){0};
}

/* By the address: frames are at least a cache line apart. */
static struct credit *credit_of(struct frame *frame)
{
    struct credit *credit = &credits.of[(uintptr_t)frame / 64 % CREDITS];

    if (credit->frame != frame) {
        settle(credit);
        credit->frame = frame;
        credits.used = true;
    }
    return credit;
}

void frame_credits_open(void)
{
    credits.open = true;
}

void frame_credits_settle(void)
{
    if (!credits.used)
        return;
    credits.used = false;
    for (size_t i = 0; i < CREDITS; i++)
        settle(&credits.of[i]);
}

void frame_credits_close(void)
{
    frame_credits_settle();
    credits.open = false;
}

struct frame *frame_ref(struct frame *frame)
{
    struct credit *credit;

    if (!credits.open) {
        atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
        return frame;
    }
    credit = credit_of(frame);
    if (credit->refs == 0) {
        atomic_fetch_add_explicit(&frame->refs, HANDFUL, memory_order_relaxed);
        credit->refs = HANDFUL;
    }
    credit->refs--;
    return frame;
}

struct frame *frame_unref(struct frame *frame)
{
    if (frame != NULL && credits.open)
        credit_of(frame)->refs++;
    else if (frame != NULL)
        drop(frame, 1);
    return NULL;
}
