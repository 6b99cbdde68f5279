#include "unit/test.h"

#include <stdlib.h>

#include "base/tree.h"

/* The reference: a sorted array of the keys that should be in the tree. */
enum { KEYS_MAX = 4000 };
static char *model[KEYS_MAX];
static size_t model_count;
static uint64_t seed = 88172645463325252ULL;

static unsigned below(unsigned bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed % bound);
}

/* Where `key` is in the model, or where it belongs. */
static size_t model_find(const char *key)
{
    size_t at = 0;

    while (at < model_count && strcmp(model[at], key) < 0)
        at++;
    return at;
}

static void put(struct tree *tree, const char *key)
{
    size_t at = model_find(key);
    char *copy = strdup(key);

    CHECK(tree_put(tree, bytes_str(copy), copy));
    if (at < model_count && strcmp(model[at], key) == 0) {
        free(model[at]); /* no slot of the tree may still point into the old key */
        model[at] = copy;
        return;
    }
    CHECK(model_count < KEYS_MAX);
    memmove(&model[at + 1], &model[at], (model_count - at) * sizeof(model[0]));
    model[at] = copy;
    model_count++;
}

static void take(struct tree *tree, const char *key)
{
    size_t at = model_find(key);
    bool known = at < model_count && strcmp(model[at], key) == 0;
    struct tree_slot removed = {0};

    CHECK(tree_remove(tree, bytes_str(key), &removed) == known);
    if (!known)
        return;
    CHECK(removed.value == model[at]);
    free(model[at]);
    model_count--;
    memmove(&model[at], &model[at + 1], (model_count - at) * sizeof(model[0]));
}

static void check_all(const struct tree *tree)
{
    struct tree_cursor cursor = tree_seek(tree, BYTES(""), false);

    CHECK_INT(tree->count, model_count);
    for (size_t i = 0; i < model_count; i++) {
        struct tree_slot *slot = tree_next(&cursor);

        CHECK(slot != NULL && slot->value == model[i]);
        CHECK(tree_find(tree, bytes_str(model[i])) == slot);
    }
    CHECK(tree_next(&cursor) == NULL);
}

static void check_prefix(const struct tree *tree, const char *prefix)
{
    size_t first = model_find(prefix), last = first;
    struct tree_cursor cursor = tree_seek(tree, bytes_str(prefix), false);
    struct tree_slot *slot = tree_next(&cursor);

    while (last < model_count && strncmp(model[last], prefix, strlen(prefix)) == 0)
        last++;
    CHECK_INT(tree_count_prefix(tree, bytes_str(prefix)), last - first);
    CHECK(slot == NULL ? first == model_count : slot->value == model[first]);
    cursor = tree_seek(tree, bytes_str(prefix), true);
    slot = tree_next(&cursor);
    first += first < model_count && strcmp(model[first], prefix) == 0;
    CHECK(slot == NULL ? first == model_count : slot->value == model[first]);
}

static void forget(struct tree *tree)
{
    tree_release(tree);
    while (model_count > 0)
        free(model[--model_count]);
}

TEST(tree, it_holds_what_a_sorted_array_holds_through_any_puts_and_removes)
{
    struct tree tree = {0};
    char key[32];

    for (int round = 0; round < 12; round++) {
        /* grows and shrinks in turns, down to almost nothing */
        unsigned puts = round % 3 == 2 ? 5 : 80, span = round % 2 == 0 ? 30 : 600;

        for (int i = 0; i < 2000; i++) {
            snprintf(key, sizeof(key), "n%u/k%u", below(6), below(span));
            if (below(100) < puts)
                put(&tree, key);
            else
                take(&tree, key);
            if (i % 97 == 0) {
                snprintf(key, sizeof(key), "n%u/k%u", below(7), below(span));
                check_prefix(&tree, key);
                snprintf(key, sizeof(key), "n%u/", below(7));
                check_prefix(&tree, key);
            }
        }
        check_all(&tree);
    }
    forget(&tree);
}

TEST(tree, emptied_in_any_order_it_is_as_new)
{
    for (int order = 0; order < 3; order++) {
        struct tree tree = {0};
        char key[32];

        for (unsigned i = 0; i < 3000; i++) {
            snprintf(key, sizeof(key), "%05u", i * 7919 % 3000);
            put(&tree, key);
        }
        check_all(&tree);
        while (model_count > 0) {
            size_t at = order == 0   ? 0
                        : order == 1 ? model_count - 1
                                     : below((unsigned)model_count);

            snprintf(key, sizeof(key), "%s", model[at]);
            take(&tree, key);
            if (model_count % 100 != 0)
                continue;
            check_all(&tree);
            snprintf(key, sizeof(key), "%02u", below(31));
            check_prefix(&tree, key);
        }
        CHECK(tree.root == NULL && tree.count == 0);
    }
}

TEST(tree, keys_that_come_in_order_fill_their_leaves)
{
    struct tree tree = {0};
    char key[32];

    for (unsigned i = 0; i < 4000; i++) {
        snprintf(key, sizeof(key), "%05u", i);
        put(&tree, key);
    }
    check_all(&tree);
    check_prefix(&tree, "01");
    check_prefix(&tree, "");
    check_prefix(&tree, "zz");
    forget(&tree);
}

/* A node knows what its keys share, and little of what follows: keys that differ in neither, only
 * in length or far behind, and others that share nothing with those that are there. */
TEST(tree, keys_stand_in_order_wherever_they_differ)
{
    static const struct bytes keys[] = {
        BYTES_INIT(""),           BYTES_INIT("\0"),        BYTES_INIT("\0\0"),
        BYTES_INIT("a"),          BYTES_INIT("a\0"),       BYTES_INIT("a\0\0\0\0"),
        BYTES_INIT("a\0\0\0\0b"), BYTES_INIT("aaaaaaaaa"), BYTES_INIT("aaaaaaaab"),
        BYTES_INIT("aaaaaaaabb"), BYTES_INIT("aaaab"),     BYTES_INIT("b"),
        BYTES_INIT("b\xff"),      BYTES_INIT("b\xff\xff"), BYTES_INIT("\xff"),
    };
    const size_t count = ARRAY_LEN(keys);

    for (size_t first = 0; first < count; first++) {
        for (size_t step = 1; step < count; step++) {
            struct tree tree = {0};
            struct tree_cursor cursor;

            for (size_t i = 0, at = first; tree.count < count && i < 20 * count; i++) {
                CHECK(tree_put(&tree, keys[at], (void *)&keys[at]));
                at = (at + step) % count;
                if (i % count == count - 1)
                    at = (at + 1) % count; /* a step that divides the count comes round early */
            }
            CHECK_INT(tree.count, count);
            cursor = tree_seek(&tree, BYTES(""), false);
            for (size_t i = 0; i < count; i++) {
                CHECK(tree_next(&cursor)->value == &keys[i]);
                CHECK(tree_find(&tree, keys[i])->value == &keys[i]);
            }
            tree_release(&tree);
        }
    }
}

TEST(tree, an_empty_tree_finds_and_counts_nothing)
{
    struct tree tree = {0};
    struct tree_cursor cursor = tree_seek(&tree, BYTES(""), false);

    CHECK(tree_next(&cursor) == NULL);
    CHECK(tree_find(&tree, BYTES("a")) == NULL);
    CHECK(!tree_remove(&tree, BYTES("a"), NULL));
    CHECK_INT(tree_count_prefix(&tree, BYTES("")), 0);
}
