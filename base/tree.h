/*
 * tree - an ordered map from bytes to a pointer, for walks in key order: a B+tree.
 *
 *   inner   [ min key, child ][ min key, child ] ..        up to 64 slots a node
 *   leaf    [ key, value ][ key, value ] ..  <--> the next leaf
 *
 * Shape    zeroed is empty and valid; find, put, remove and rank in O(log n), a step of a walk
 *          O(1). About 29 bytes an entry when filled in order, 42 when filled at random.
 * Owner    the tree borrows keys and values: a key must outlive its entry (it is usually a span of
 *          the value itself; tree_put() with an equal key replaces key and value).
 * Errors   tree_put() is false without memory, and has changed nothing.
 */
#ifndef TIDEWATCH_BASE_TREE_H
#define TIDEWATCH_BASE_TREE_H

#include "base/bytes.h"

struct tree_node;

struct tree {
    struct tree_node *root; /* NULL: empty */
    size_t count;
};

struct tree_slot {
    struct bytes key;
    void *value;
};

void tree_release(struct tree *tree);
/* The entry, whose value (never its key) may be written; valid until the tree changes. NULL: none.
 */
struct tree_slot *tree_find(const struct tree *tree, struct bytes key);
bool tree_put(struct tree *tree, struct bytes key, void *value);
/* False: there is none. `ret_removed` gets the key and value that were held; it may be NULL. */
bool tree_remove(struct tree *tree, struct bytes key, struct tree_slot *ret_removed);
/* How many keys begin with `prefix`, without walking them. */
size_t tree_count_prefix(const struct tree *tree, struct bytes prefix);

/* Walks from the first key >= `key`, or > `key` if `after`. The tree must not change meanwhile.
 *   struct tree_cursor at = tree_seek(tree, from, false);
 *   while ((slot = tree_next(&at)) != NULL) */
struct tree_cursor {
    struct tree_node *leaf;
    size_t at;
};
struct tree_cursor tree_seek(const struct tree *tree, struct bytes key, bool after);
struct tree_slot *tree_next(struct tree_cursor *cursor);

#endif
