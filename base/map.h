/*
 * map - a hash map from bytes to a pointer, the one map.
 *
 * Shape    open addressing, linear probing; zeroed is empty and valid.
 * Owner    the map borrows keys and values: a key must outlive its entry (it is usually a span of
 *          the value itself; map_put() with an equal key replaces key and value).
 * Hash     SipHash-1-3 with a per-process random key: keys come from clients.
 * Errors   map_put() is false without memory, and has changed nothing.
 */
#ifndef TIDEWATCH_BASE_MAP_H
#define TIDEWATCH_BASE_MAP_H

#include "base/bytes.h"

struct map_slot {
    struct bytes key; /* ptr NULL: free */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_slot *slots;
    size_t count, capacity; /* capacity is 0 or a power of two */
};

void map_release(struct map *map);
void *map_get(const struct map *map, struct bytes key);
bool map_put(struct map *map, struct bytes key, void *value);
/* The value taken out, or NULL. */
void *map_remove(struct map *map, struct bytes key);

/* Walks all entries in no order; the map must not change meanwhile.
 *   for (struct map_slot *it = map_next(m, NULL); it != NULL; it = map_next(m, it)) */
struct map_slot *map_next(const struct map *map, struct map_slot *it);

uint64_t bytes_hash(struct bytes bytes);

#endif
