#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/rand.h"

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void make_hash_key(void)
{
    rand_bytes(hash_key, sizeof(hash_key));
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

/* Inline, so that the state stays in registers. */
static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, https://www.aumasson.jp/siphash/siphash.pdf). */
uint64_t bytes_hash(struct bytes bytes)
{
    uint64_t v[4], word, last = (uint64_t)bytes.len << 56;
    size_t at = 0;

    pthread_once(&hash_once, make_hash_key);
    v[0] = hash_key[0] ^ 0x736f6d6570736575ULL;
    v[1] = hash_key[1] ^ 0x646f72616e646f6dULL;
    v[2] = hash_key[0] ^ 0x6c7967656e657261ULL;
    v[3] = hash_key[1] ^ 0x7465646279746573ULL;
    for (; at + 8 <= bytes.len; at += 8) {
        memcpy(&word, bytes.ptr + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = at; i < bytes.len; i++)
        last |= (uint64_t)(unsigned char)bytes.ptr[i] << (8 * (i - at));
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_release(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct map_slot *find(const struct map *map, struct bytes key, uint64_t hash)
{
    size_t mask = map->capacity - 1;

    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &map->slots[i];

        if (slot->key.ptr == NULL || (slot->hash == hash && bytes_eq(slot->key, key)))
            return slot;
    }
}

void *map_get(const struct map *map, struct bytes key)
{
    return map->count != 0 ? find(map, key, bytes_hash(key))->value : NULL;
}

static bool grow(struct map *map)
{
    struct map bigger = {.capacity = map->capacity != 0 ? map->capacity * 2 : 16};

    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return false;
    for (struct map_slot *it = map_next(map, NULL); it != NULL; it = map_next(map, it))
        *find(&bigger, it->key, it->hash) = *it;
    bigger.count = map->count;
    free(map->slots);
    *map = bigger;
    return true;
}

bool map_put(struct map *map, struct bytes key, void *value)
{
    uint64_t hash = bytes_hash(key);
    struct map_slot *slot;

    assert(value != NULL);
    if (key.ptr == NULL)
        key.ptr = "";
    if (map->count * 4 >= map->capacity * 3 && !grow(map))
        return false;
    slot = find(map, key, hash);
    map->count += slot->key.ptr == NULL;
    *slot = (struct map_slot){key, value, hash};
    return true;
}

/* Closes the gap behind a removed slot, so that no probe stops early. */
static void close_gap(struct map *map, size_t gap)
{
    size_t mask = map->capacity - 1;

    for (size_t i = (gap + 1) & mask; map->slots[i].key.ptr != NULL; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - gap) & mask)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap] = (struct map_slot){0};
}

void *map_remove(struct map *map, struct bytes key)
{
    struct map_slot *slot;
    void *value;

    if (map->count == 0)
        return NULL;
    slot = find(map, key, bytes_hash(key));
    value = slot->value;
    if (slot->key.ptr != NULL) {
        map->count--;
        close_gap(map, (size_t)(slot - map->slots));
    }
    return value;
}

struct map_slot *map_next(const struct map *map, struct map_slot *it)
{
    struct map_slot *end;

    if (map->capacity == 0)
        return NULL;
    end = map->slots + map->capacity;
    for (it = it != NULL ? it + 1 : map->slots; it < end; it++)
        if (it->key.ptr != NULL)
            return it;
    return NULL;
}
