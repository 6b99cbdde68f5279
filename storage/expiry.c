#include "storage/expiry.h"

#include <stdlib.h>

#include "storage/index.h"

void expiry_release(struct expiry *expiry)
{
    free(expiry->slots);
    *expiry = (struct expiry){0};
}

bool expiry_reserve(struct expiry *expiry, size_t count)
{
    size_t capacity = expiry->capacity != 0 ? expiry->capacity : 16;
    struct expiry_slot *slots;

    if (count <= expiry->capacity)
        return true;
    while (capacity < count)
        capacity *= 2;
    slots = realloc(expiry->slots, capacity * sizeof(*slots));
    if (slots == NULL)
        return false;
    expiry->slots = slots;
    expiry->capacity = capacity;
    return true;
}

static void set_slot(struct expiry *expiry, size_t at, struct expiry_slot slot)
{
    expiry->slots[at] = slot;
    slot.entry->expiry_at = at + 1;
}

/* Fills the hole at `at` with `slot`, moving the hole up or down to where the slot belongs. */
static void sift(struct expiry *expiry, size_t at, struct expiry_slot slot)
{
    while (at > 0 && slot.at_ms < expiry->slots[(at - 1) / 2].at_ms) {
        set_slot(expiry, at, expiry->slots[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (size_t child; (child = at * 2 + 1) < expiry->count; at = child) {
        if (child + 1 < expiry->count &&
            expiry->slots[child + 1].at_ms < expiry->slots[child].at_ms)
            child++;
        if (slot.at_ms <= expiry->slots[child].at_ms)
            break;
        set_slot(expiry, at, expiry->slots[child]);
    }
    set_slot(expiry, at, slot);
}

static void take_out(struct expiry *expiry, struct entry *entry)
{
    size_t at = entry->expiry_at - 1;

    entry->expiry_at = 0;
    expiry->count--;
    if (at != expiry->count)
        sift(expiry, at, expiry->slots[expiry->count]);
}

void expiry_place(struct expiry *expiry, struct entry *entry)
{
    struct expiry_slot slot = {entry->expires_ms, entry};

    if (entry->expires_ms == 0) {
        if (entry->expiry_at != 0)
            take_out(expiry, entry);
        return;
    }
    if (entry->expiry_at == 0) {
        assert(expiry->count < expiry->capacity);
        entry->expiry_at = ++expiry->count;
    }
    sift(expiry, entry->expiry_at - 1, slot);
}

struct entry *expiry_pop(struct expiry *expiry, int64_t now_ms)
{
    struct entry *entry;

    if (expiry->count == 0 || expiry->slots[0].at_ms > now_ms)
        return NULL;
    entry = expiry->slots[0].entry;
    take_out(expiry, entry);
    return entry;
}

int64_t expiry_next_ms(const struct expiry *expiry)
{
    return expiry->count != 0 ? expiry->slots[0].at_ms : 0;
}
