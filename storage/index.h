/*
 * index - the writer's own view of what is current: key -> value, and which key expires next.
 *
 * Preconditions are checked and previous values found here, so that a conflict never costs the
 * disk.
 *
 * Owner    an entry owns one reference to its value. value NULL: absent, dropped at the group's
 * end. Threads  the writer's only. Errors   what needs memory says so, and has changed nothing.
 */
#ifndef TIDEWATCH_STORAGE_INDEX_H
#define TIDEWATCH_STORAGE_INDEX_H

#include "base/map.h"
#include "base/value.h"
#include "storage/expiry.h"

struct entry {
    struct value *value;
    int64_t expires_ms; /* wall time; 0: never */
    size_t expiry_at;   /* expiry's: its slot + 1; 0: in none */
    bool touched;       /* by the group that is being run */
    size_t key_len;
    char key[];
};

struct index {
    struct map map;
    struct expiry expiry;
};

void index_release(struct index *index);

/* NULL: nothing there. */
struct entry *index_find(const struct index *index, struct bytes key);
/* The entry of `key`, made (with no value) if need be; NULL without memory. */
struct entry *index_make(struct index *index, struct bytes key);
void index_drop(struct index *index, struct entry *entry);
/* Revision of what stands at `key`; 0: absent. */
uint64_t index_rev(const struct index *index, struct bytes key);

/* Entries in key order, an array the caller frees. NULL without memory. */
struct entry **index_sorted(const struct index *index, size_t *ret_count);

static inline struct bytes entry_key(const struct entry *entry)
{
    return bytes_of(entry->key, entry->key_len);
}

#endif
