#include "storage/versions.h"

#include <stdlib.h>
#include <string.h>

void versions_release(struct versions *versions)
{
    free(versions->older);
    *versions = (struct versions){0};
}

enum { CAPACITY_LEAST = 2 };

/* Closes the gap that the oldest have left, once it is the greater part, and gives back what a busy
 * time has needed; what was reserved is there all the same. */
static void close_gap(struct versions *v)
{
    size_t room = (size_t)v->capacity - v->first - v->count, keep = v->count + room;
    uint64_t *older;

    if (v->first <= v->capacity / 2)
        return;
    memmove(v->older, v->older + v->first, v->count * sizeof(*v->older));
    v->first = 0;
    keep = keep > CAPACITY_LEAST ? keep : CAPACITY_LEAST;
    older = realloc(v->older, keep * sizeof(*older));
    if (older == NULL)
        return;
    v->older = older;
    v->capacity = (uint32_t)keep;
}

bool versions_reserve(struct versions *versions, uint32_t more)
{
    size_t need = (size_t)versions->first + versions->count + more - (versions->newest == 0);
    size_t capacity = versions->capacity != 0 ? versions->capacity : CAPACITY_LEAST;
    uint64_t *older;

    if (need <= versions->capacity)
        return true;
    while (capacity < need)
        capacity *= 2;
    older = capacity <= UINT32_MAX ? realloc(versions->older, capacity * sizeof(*older)) : NULL;
    if (older == NULL)
        return false;
    versions->older = older;
    versions->capacity = (uint32_t)capacity;
    return true;
}

void versions_push(struct versions *versions, uint64_t rev)
{
    if (versions->newest != 0) {
        assert(versions->first + versions->count < versions->capacity);
        versions->older[versions->first + versions->count++] = versions->newest;
    }
    versions->newest = rev;
}

void versions_pop(struct versions *versions)
{
    versions->newest =
        versions->count != 0 ? versions->older[versions->first + --versions->count] : 0;
}

/* Where the first one newer than `rev` stands among the older ones. */
static uint32_t find_newer(const struct versions *versions, uint64_t rev)
{
    uint32_t low = versions->first, high = versions->first + versions->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (versions->older[middle] <= rev)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t versions_at(const struct versions *versions, uint64_t rev)
{
    uint32_t at;

    if (versions->newest <= rev)
        return versions->newest;
    at = find_newer(versions, rev);
    return at != versions->first ? versions->older[at - 1] : 0;
}

void versions_remove(struct versions *versions, uint64_t rev)
{
    uint32_t at = find_newer(versions, rev), end = versions->first + versions->count;

    if (rev == versions->newest) {
        versions_pop(versions);
    } else if (at == versions->first || versions->older[at - 1] != rev) {
        return;
    } else if (at - 1 == versions->first) {
        versions->first++;
        versions->count--;
    } else {
        memmove(versions->older + at - 1, versions->older + at,
                (end - at) * sizeof(*versions->older));
        versions->count--;
    }
    close_gap(versions);
}

void versions_reverse(struct versions *versions)
{
    uint64_t *all = versions->older + versions->first, newest;
    uint32_t count = versions->count;

    if (count == 0)
        return;
    newest = all[0]; /* pushed first */
    memmove(all, all + 1, (count - 1) * sizeof(*all));
    all[count - 1] = versions->newest;
    versions->newest = newest;
    for (uint32_t i = 0; i < count / 2; i++) {
        uint64_t other = all[i];

        all[i] = all[count - 1 - i];
        all[count - 1 - i] = other;
    }
}
