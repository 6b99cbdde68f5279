/*
 * cow_tree - an ordered map whose old versions stay readable: a B+tree, copied on write. Internal.
 *
 *   version 7: root ---> inner ---> leaf ---> entry          edit 8 copies the way to the one leaf
 *   version 8: root' --> inner' --> leaf'                    it changes, and shares all the rest
 *
 * Shape    keys to entries, about 34 bytes an entry. What a struct cow_edit changes it copies
 *          first, unless this very edit has made it: a single put costs the way from the root, a
 *          fresh tree is filled in place.
 * Owner    the tree borrows keys (spans of what an entry keeps). What an edit replaces is not freed
 *          but put on edit->dead: versions.h frees it when no version needs it any more.
 * Threads  one writer; a tree that was published is read by any number at once.
 * Errors   only cow_reserve() can fail; puts and removals after it cannot.
 */
#ifndef TIDEWATCH_CLIENT_CACHE_COW_TREE_H
#define TIDEWATCH_CLIENT_CACHE_COW_TREE_H

#include "base/bytes.h"

/* First in whatever a version may keep alive. */
struct cow_mortal {
    struct cow_mortal *next;
    uint64_t born; /* the first version that has it */
    bool is_node;  /* free() is enough */
};

struct cow_node;

struct cow_tree { /* zeroed is empty */
    struct cow_node *root;
    size_t count;
    uint32_t depth;
};

struct cow_edit {
    uint64_t now;            /* the version that is being made */
    struct cow_mortal *dead; /* what it has no more */
    struct cow_node *spare;  /* made by cow_reserve(), kept from edit to edit */
    size_t spare_count;
};

/* Makes sure that so many puts and removals succeed in trees no deeper than `depth`. */
bool cow_reserve(struct cow_edit *edit, uint32_t depth, size_t changes);
void cow_edit_release(struct cow_edit *edit);
void cow_bury(struct cow_edit *edit, struct cow_mortal *mortal);

/* Borrowed; NULL if there is none. */
void *cow_get(const struct cow_tree *tree, struct bytes key);
/* The entry that was there, or NULL: to be buried by the caller. */
void *cow_put(struct cow_edit *edit, struct cow_tree *tree, struct bytes key, void *entry);
void *cow_remove(struct cow_edit *edit, struct cow_tree *tree, struct bytes key);
/* Buries every node and entry; each entry begins with a struct cow_mortal. */
void cow_bury_all(struct cow_edit *edit, const struct cow_tree *tree);

/* Walks from the first key >= `from`:
 *   struct cow_cursor at = cow_seek(tree, from);
 *   while ((entry = cow_next(&at, &key)) != NULL) */
enum { COW_DEPTH_MAX = 16 };
struct cow_cursor {
    struct {
        const struct cow_node *node;
        uint32_t at;
    } steps[COW_DEPTH_MAX];
    uint32_t depth;
};
struct cow_cursor cow_seek(const struct cow_tree *tree, struct bytes from);
void *cow_next(struct cow_cursor *cursor, struct bytes *ret_key);

#endif
