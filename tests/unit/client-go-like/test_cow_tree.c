#include "unit/test.h"

#include <stdlib.h>

#include "client-go-like/cache/cow_tree.h"

/* Keys that are hard to tell apart: long common beginnings, one the beginning of another, NULs, and
 * bytes that are negative as a char. */
enum { KEYS = 600, KEY_MAX = 40 };

struct entry {
    struct cow_mortal mortal;
    struct bytes key;
    char text[KEY_MAX];
};

static uint64_t chance(uint64_t *seed, uint64_t bound)
{
    *seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (*seed >> 33) % bound;
}

static void make_key(struct entry *entry, size_t i)
{
    static const char *const prefixes[] = {"", "ns-00/object-0000", "ns-00/object-00", "ns-01/",
                                           "\xff"};
    static const char alphabet[] = {'\0', '0', 'a', '\x80', '\xff'};
    const char *prefix = prefixes[i % ARRAY_LEN(prefixes)];
    size_t len = strlen(prefix), left = i / ARRAY_LEN(prefixes);

    memcpy(entry->text, prefix, len);
    for (; left != 0; left /= ARRAY_LEN(alphabet))
        entry->text[len++] = alphabet[left % ARRAY_LEN(alphabet)];
    entry->key = bytes_of(entry->text, len);
}

static int by_key(const void *a, const void *b)
{
    const struct entry *one = a,
                       *two = b; /* the sort moves them, so their keys' pointers are old */

    return bytes_cmp(bytes_of(one->text, one->key.len), bytes_of(two->text, two->key.len));
}

/* Sorted, each once. Returns how many. */
static size_t make_entries(struct entry *entries)
{
    size_t count = 0;

    for (size_t i = 0; i < KEYS; i++)
        make_key(&entries[i], i);
    qsort(entries, KEYS, sizeof(*entries), by_key);
    for (size_t i = 0; i < KEYS; i++) {
        entries[i].key.ptr = entries[i].text; /* the sort has moved it */
        if (count != 0 && bytes_eq(entries[count - 1].key, entries[i].key))
            continue;
        entries[count] = entries[i];
        entries[count].key.ptr = entries[count].text;
        count++;
    }
    return count;
}

static void free_dead(struct cow_edit *edit)
{
    while (edit->dead != NULL) {
        struct cow_mortal *next = edit->dead->next;

        if (edit->dead->is_node)
            free(edit->dead);
        edit->dead = next;
    }
}

static void check_tree(const struct cow_tree *tree, const struct entry *entries, size_t count,
                       const bool *is_in)
{
    struct cow_cursor at = cow_seek(tree, bytes_of("", 0));

    for (size_t i = 0; i < count; i++) {
        struct cow_cursor from = cow_seek(tree, entries[i].key);

        CHECK(cow_get(tree, entries[i].key) == (is_in[i] ? &entries[i] : NULL));
        if (!is_in[i])
            continue;
        CHECK(cow_next(&at, NULL) == &entries[i]);
        CHECK(cow_next(&from, NULL) == &entries[i]);
    }
    CHECK(cow_next(&at, NULL) == NULL);
}

TEST(cow_tree, finds_each_key_however_alike_they_are)
{
    struct entry *entries = calloc(KEYS, sizeof(*entries));
    bool is_in[KEYS] = {false};
    struct cow_tree tree = {0};
    struct cow_edit edit = {0};
    uint64_t seed = 7;
    size_t count;

    CHECK(entries != NULL);
    count = make_entries(entries);
    for (int step = 0; step < 6000; step++) {
        size_t i = chance(&seed, count);
        bool puts = chance(&seed, 6000) >= (uint64_t)step; /* it grows first, and shrinks then */

        edit.now++;
        CHECK(cow_reserve(&edit, tree.depth, 1));
        if (puts)
            CHECK(cow_put(&edit, &tree, entries[i].key, &entries[i]) ==
                  (is_in[i] ? &entries[i] : NULL));
        else
            CHECK(cow_remove(&edit, &tree, entries[i].key) == (is_in[i] ? &entries[i] : NULL));
        is_in[i] = puts;
        free_dead(&edit);
        if (step % 100 == 0)
            check_tree(&tree, entries, count, is_in);
    }
    cow_bury_all(&edit, &tree);
    free_dead(&edit);
    cow_edit_release(&edit);
    free(entries);
}
