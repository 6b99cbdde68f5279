#include "client-go-like/tidectl/printed.h"

#include <stdlib.h>

struct entry {
    char *rv;
    unsigned round;
    char key[]; /* ends in NUL */
};

static void entry_free(struct entry *entry)
{
    free(entry->rv);
    free(entry);
}

static struct entry *entry_new(struct printed *printed, struct bytes key)
{
    struct entry *entry = calloc(1, sizeof(*entry) + key.len + 1);

    if (entry == NULL)
        return NULL;
    if (key.len != 0)
        memcpy(entry->key, key.ptr, key.len);
    if (map_put(&printed->map, bytes_of(entry->key, key.len), entry))
        return entry;
    free(entry);
    return NULL;
}

enum printed_state printed_note(struct printed *printed, struct bytes key, struct bytes rv)
{
    struct entry *entry = map_get(&printed->map, key);
    enum printed_state state = entry == NULL ? PRINTED_NEW : PRINTED_CHANGED;

    if (entry == NULL)
        entry = entry_new(printed, key);
    if (entry == NULL)
        return state;
    entry->round = printed->round;
    if (entry->rv != NULL && bytes_eq_str(rv, entry->rv))
        return PRINTED_SAME;
    free(entry->rv);
    entry->rv = bytes_dup(rv);
    return state;
}

void printed_forget(struct printed *printed, struct bytes key)
{
    struct entry *entry = map_remove(&printed->map, key);

    if (entry != NULL)
        entry_free(entry);
}

void printed_begin_list(struct printed *printed)
{
    printed->round++;
}

void printed_end_list(struct printed *printed, void (*on_missing)(void *user, const char *key),
                      void *user)
{
    struct map kept = {0};

    for (struct map_slot *it = map_next(&printed->map, NULL); it != NULL;
         it = map_next(&printed->map, it)) {
        struct entry *entry = it->value;

        if (entry->round == printed->round && map_put(&kept, it->key, entry))
            continue;
        if (entry->round != printed->round)
            on_missing(user, entry->key);
        entry_free(entry);
    }
    map_release(&printed->map);
    printed->map = kept;
}

void printed_release(struct printed *printed)
{
    for (struct map_slot *it = map_next(&printed->map, NULL); it != NULL;
         it = map_next(&printed->map, it))
        entry_free(it->value);
    map_release(&printed->map);
}
