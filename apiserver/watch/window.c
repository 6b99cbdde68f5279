#include "apiserver/watch/window.h"

#include <stdlib.h>

void window_init(struct window *window, size_t count_max, size_t bytes_max, uint64_t since)
{
    *window = (struct window){.count_max = count_max, .bytes_max = bytes_max, .dropped_rev = since};
}

static void drop_oldest(struct window *window)
{
    struct watch_event *event = window_at(window, 0);

    window->dropped_rev = event->rev;
    window->bytes -= watch_event_cost(event);
    window->first = (window->first + 1) & (window->capacity - 1);
    window->count--;
    watch_event_unref(event);
}

void window_release(struct window *window)
{
    while (window->count > 0)
        drop_oldest(window);
    free(window->ring);
    *window = (struct window){0};
}

static bool grow(struct window *window)
{
    size_t capacity = window->capacity != 0 ? window->capacity * 2 : 16;
    struct watch_event **ring = malloc(capacity * sizeof(struct watch_event *));

    if (ring == NULL)
        return false;
    for (size_t i = 0; i < window->count; i++)
        ring[i] = window_at(window, i);
    free(window->ring);
    window->ring = ring;
    window->capacity = capacity;
    window->first = 0;
    return true;
}

void window_push(struct window *window, struct watch_event *event)
{
    size_t cost = watch_event_cost(event);

    while (window->count > 0 &&
           (window->count >= window->count_max || window->bytes + cost > window->bytes_max))
        drop_oldest(window);
    if (window->count == window->capacity && !grow(window)) {
        if (window->capacity == 0) {
            window->dropped_rev = event->rev;
            return;
        }
        drop_oldest(window);
    }
    window->ring[(window->first + window->count) & (window->capacity - 1)] = watch_event_ref(event);
    window->count++;
    window->bytes += cost;
}

/* Most readers want the last events: the search begins at the end, in steps that double. */
size_t window_find(const struct window *window, uint64_t rev)
{
    size_t low = 0, high = window->count;

    for (size_t step = 1; step <= high; step *= 2) {
        if (window_at(window, high - step)->rev <= rev) {
            low = high - step + 1;
            break;
        }
        high -= step;
    }
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (window_at(window, middle)->rev <= rev)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
