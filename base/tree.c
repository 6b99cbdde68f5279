#include "base/tree.h"

#include <stdlib.h>

enum { FANOUT = 64, DEPTH_MAX = 16 };

/* In an inner node a slot's value is a child and its key the least key under that child, borrowed
 * from the entry. No node but the root is ever empty. */
struct tree_node {
    size_t total; /* entries under it */
    uint32_t count;
    uint32_t shared; /* bytes with which all its keys begin alike, or fewer */
    bool leaf;
    struct tree_node *prev, *next; /* of a leaf */
    /* What follows those bytes in each key, big-endian, with zeros behind a shorter one. A search
     * looks at keys, which lie anywhere in memory, only where these are equal. */
    uint32_t heads[FANOUT];
    struct tree_slot slots[FANOUT];
};

/* The way from the root to a leaf. */
struct path {
    struct {
        struct tree_node *node;
        uint32_t at;
    } steps[DEPTH_MAX];
    uint32_t depth;
};

/* A place between keys. Every key stands before it or behind it. */
struct bound {
    struct bytes key;
    enum { BEFORE_KEY, AFTER_KEY, AFTER_PREFIX } where;
};

static bool stands_before(struct bytes key, const struct bound *bound)
{
    int order = bytes_cmp(key, bound->key);

    return order < 0 || (order == 0 && bound->where != BEFORE_KEY) ||
           (bound->where == AFTER_PREFIX && bytes_starts_with(key, bound->key));
}

static uint32_t head_of(struct bytes key, uint32_t shared)
{
    struct bytes rest = bytes_from(key, shared);
    unsigned char head[4] = {0};

    if (rest.len != 0)
        memcpy(head, rest.ptr, rest.len < sizeof(head) ? rest.len : sizeof(head));
    return (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
}

static bool begins_as_all(const struct tree_node *node, struct bytes key)
{
    return bytes_starts_with(key, bytes_of(node->slots[0].key.ptr, node->shared));
}

/* How many slots of the node stand before the bound. */
static uint32_t slots_before(const struct tree_node *node, const struct bound *bound)
{
    uint32_t low = 0, high = node->count;
    bool by_head = high > 0 && bound->where != AFTER_PREFIX && begins_as_all(node, bound->key);
    uint32_t head = by_head ? head_of(bound->key, node->shared) : 0;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (by_head && node->heads[middle] != head ? node->heads[middle] < head
                                                   : stands_before(node->slots[middle].key, bound))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct tree_node *child_of(const struct tree_node *node, uint32_t at)
{
    return node->slots[at].value;
}

/* The child under which the bound lies. */
static uint32_t child_at(const struct tree_node *node, const struct bound *bound)
{
    uint32_t before = slots_before(node, bound);

    return before > 0 ? before - 1 : 0;
}

static void free_node(struct tree_node *node)
{
    if (!node->leaf)
        for (uint32_t i = 0; i < node->count; i++)
            free_node(child_of(node, i));
    free(node);
}

void tree_release(struct tree *tree)
{
    if (tree->root != NULL)
        free_node(tree->root);
    *tree = (struct tree){0};
}

/* ---- reading ---- */

struct tree_cursor tree_seek(const struct tree *tree, struct bytes key, bool after)
{
    struct bound bound = {key, after ? AFTER_KEY : BEFORE_KEY};
    struct tree_node *node = tree->root;

    if (node == NULL)
        return (struct tree_cursor){0};
    while (!node->leaf)
        node = child_of(node, child_at(node, &bound));
    return (struct tree_cursor){node, slots_before(node, &bound)};
}

struct tree_slot *tree_next(struct tree_cursor *cursor)
{
    while (cursor->leaf != NULL && cursor->at == cursor->leaf->count)
        *cursor = (struct tree_cursor){cursor->leaf->next, 0};
    return cursor->leaf != NULL ? &cursor->leaf->slots[cursor->at++] : NULL;
}

struct tree_slot *tree_find(const struct tree *tree, struct bytes key)
{
    struct tree_cursor cursor = tree_seek(tree, key, false);
    struct tree_slot *slot = tree_next(&cursor);

    return slot != NULL && bytes_eq(slot->key, key) ? slot : NULL;
}

static size_t rank(const struct tree *tree, const struct bound *bound)
{
    const struct tree_node *node = tree->root;
    size_t before = 0;

    if (node == NULL)
        return 0;
    while (!node->leaf) {
        uint32_t at = child_at(node, bound);

        for (uint32_t i = 0; i < at; i++)
            before += child_of(node, i)->total;
        node = child_of(node, at);
    }
    return before + slots_before(node, bound);
}

size_t tree_count_prefix(const struct tree *tree, struct bytes prefix)
{
    return rank(tree, &(struct bound){prefix, AFTER_PREFIX}) -
           rank(tree, &(struct bound){prefix, BEFORE_KEY});
}

/* ---- slots and links ---- */

/* Keys are in order: what the first and the last have in common, all have. */
static void learn_heads(struct tree_node *node)
{
    struct bytes first = node->slots[0].key, last = node->slots[node->count - 1].key;
    uint32_t shared = 0;

    while (shared < first.len && shared < last.len && first.ptr[shared] == last.ptr[shared])
        shared++;
    node->shared = shared;
    for (uint32_t i = 0; i < node->count; i++)
        node->heads[i] = head_of(node->slots[i].key, shared);
}

/* The slot at `at` has another key. */
static void learn_head(struct tree_node *node, uint32_t at)
{
    struct bytes key = node->slots[at].key;
    struct bytes other = node->slots[at == 0 ? node->count - 1 : 0].key;

    if (bytes_starts_with(key, bytes_of(other.ptr, node->shared)))
        node->heads[at] = head_of(key, node->shared);
    else
        learn_heads(node);
}

/* The child at `at` may begin with another key. */
static void follow_child(struct tree_node *node, uint32_t at)
{
    struct bytes key = child_of(node, at)->slots[0].key;

    if (node->slots[at].key.ptr == key.ptr)
        return;
    node->slots[at].key = key;
    learn_head(node, at);
}

static void insert_slot(struct tree_node *node, uint32_t at, struct tree_slot slot)
{
    memmove(&node->slots[at + 1], &node->slots[at], (node->count - at) * sizeof(slot));
    memmove(&node->heads[at + 1], &node->heads[at], (node->count - at) * sizeof(node->heads[0]));
    node->slots[at] = slot;
    node->count++;
    learn_head(node, at);
}

static void remove_slot(struct tree_node *node, uint32_t at)
{
    node->count--;
    memmove(&node->slots[at], &node->slots[at + 1], (node->count - at) * sizeof(node->slots[0]));
    memmove(&node->heads[at], &node->heads[at + 1], (node->count - at) * sizeof(node->heads[0]));
}

static void sum_total(struct tree_node *node)
{
    node->total = node->leaf ? node->count : 0;
    if (!node->leaf)
        for (uint32_t i = 0; i < node->count; i++)
            node->total += child_of(node, i)->total;
}

static void link_leaf_behind(struct tree_node *leaf, struct tree_node *before)
{
    leaf->prev = before;
    leaf->next = before->next;
    if (leaf->next != NULL)
        leaf->next->prev = leaf;
    before->next = leaf;
}

/* Frees a node that holds nothing any more. */
static void drop_node(struct tree_node *node)
{
    if (node->prev != NULL)
        node->prev->next = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    free(node);
}

/* ---- growing: full nodes are split on the way down, so that no insert ever goes back up ---- */

/* Splits the full child `at`. A child that grows at its end keeps all but one slot: keys that come
 * in order fill their leaves. */
static bool split_child(struct tree_node *parent, uint32_t at, struct bytes key)
{
    struct tree_node *left = child_of(parent, at), *right = calloc(1, sizeof(*right));
    bool at_end = bytes_cmp(key, left->slots[FANOUT - 1].key) > 0 && at + 1 == parent->count;
    uint32_t keep = at_end ? FANOUT - 1 : FANOUT / 2;

    if (right == NULL)
        return false;
    right->leaf = left->leaf;
    right->count = FANOUT - keep;
    memcpy(right->slots, &left->slots[keep], right->count * sizeof(right->slots[0]));
    left->count = keep;
    learn_heads(left);
    learn_heads(right);
    sum_total(left);
    sum_total(right);
    if (left->leaf)
        link_leaf_behind(right, left);
    insert_slot(parent, at + 1, (struct tree_slot){right->slots[0].key, right});
    return true;
}

/* Makes the root a node with room. */
static bool grow_root(struct tree *tree)
{
    struct tree_node *root = tree->root, *above;

    if (root != NULL && root->count < FANOUT)
        return true;
    above = calloc(1, sizeof(*above));
    if (above == NULL)
        return false;
    above->leaf = root == NULL;
    if (root != NULL) {
        above->total = root->total;
        insert_slot(above, 0, (struct tree_slot){root->slots[0].key, root});
    }
    tree->root = above;
    return true;
}

static void descend(struct tree_node *node, const struct bound *bound, struct path *path)
{
    path->depth = 0;
    for (;; node = child_of(node, path->steps[path->depth++].at)) {
        assert(path->depth < DEPTH_MAX);
        path->steps[path->depth].node = node;
        path->steps[path->depth].at =
            node->leaf ? slots_before(node, bound) : child_at(node, bound);
        if (node->leaf)
            return;
    }
}

static bool make_room(struct tree *tree, const struct bound *bound)
{
    if (!grow_root(tree))
        return false;
    for (struct tree_node *node = tree->root; !node->leaf;) {
        uint32_t at = child_at(node, bound);

        if (child_of(node, at)->count == FANOUT) {
            if (!split_child(node, at, bound->key))
                return false;
            at = child_at(node, bound);
        }
        node = child_of(node, at);
    }
    return true;
}

/* A root that was made but has only one child, for want of memory to split it, goes again. */
static void shrink_root(struct tree *tree)
{
    while (!tree->root->leaf && tree->root->count == 1) {
        struct tree_node *root = tree->root;

        tree->root = child_of(root, 0);
        free(root);
    }
}

/* The way to a leaf that is not full. On a large tree the way down is what a put costs: most go it
 * once. */
static bool find_room(struct tree *tree, const struct bound *bound, struct path *ret_path)
{
    if (tree->root != NULL) {
        descend(tree->root, bound, ret_path);
        if (ret_path->steps[ret_path->depth].node->count < FANOUT)
            return true;
    }
    if (!make_room(tree, bound)) {
        if (tree->root != NULL)
            shrink_root(tree);
        return false;
    }
    descend(tree->root, bound, ret_path);
    return true;
}

bool tree_put(struct tree *tree, struct bytes key, void *value)
{
    struct bound bound = {key, AFTER_KEY};
    struct path path;
    struct tree_node *leaf;
    uint32_t at;
    bool replaces;

    if (!find_room(tree, &bound, &path))
        return false;
    leaf = path.steps[path.depth].node;
    at = path.steps[path.depth].at;
    replaces = at > 0 && bytes_eq(leaf->slots[at - 1].key, key);
    if (replaces)
        leaf->slots[at - 1] = (struct tree_slot){key, value};
    else
        insert_slot(leaf, at, (struct tree_slot){key, value});
    for (uint32_t i = path.depth + 1; i-- > 0;) {
        struct tree_node *node = path.steps[i].node;

        node->total += !replaces;
        if (!node->leaf)
            follow_child(node, path.steps[i].at);
    }
    tree->count += !replaces;
    return true;
}

/* ---- shrinking ---- */

/* Moves all of child `at + 1` into child `at` if that leaves room to grow. */
static bool merge_children(struct tree_node *parent, uint32_t at)
{
    struct tree_node *left = child_of(parent, at), *right = child_of(parent, at + 1);

    if (left->count + right->count > FANOUT * 3 / 4)
        return false;
    memcpy(&left->slots[left->count], right->slots, right->count * sizeof(right->slots[0]));
    left->count += right->count;
    left->total += right->total;
    learn_heads(left);
    drop_node(right);
    remove_slot(parent, at + 1);
    return true;
}

/* Child `at` has lost an entry. */
static void tidy_child(struct tree_node *parent, uint32_t at)
{
    struct tree_node *child = child_of(parent, at);

    if (child->count == 0) {
        drop_node(child);
        remove_slot(parent, at);
        return;
    }
    follow_child(parent, at);
    if (child->count >= FANOUT / 4)
        return;
    if (at + 1 < parent->count && merge_children(parent, at))
        return;
    if (at > 0)
        merge_children(parent, at - 1);
}

bool tree_remove(struct tree *tree, struct bytes key, struct tree_slot *ret_removed)
{
    struct bound bound = {key, AFTER_KEY};
    struct path path;
    struct tree_node *leaf;
    uint32_t at;

    if (tree->root == NULL)
        return false;
    descend(tree->root, &bound, &path);
    leaf = path.steps[path.depth].node;
    at = path.steps[path.depth].at;
    if (at == 0 || !bytes_eq(leaf->slots[at - 1].key, key))
        return false;
    if (ret_removed != NULL)
        *ret_removed = leaf->slots[at - 1];
    remove_slot(leaf, at - 1);
    leaf->total--;
    for (uint32_t i = path.depth; i-- > 0;) {
        path.steps[i].node->total--;
        tidy_child(path.steps[i].node, path.steps[i].at);
    }
    tree->count--;
    if (tree->root->count > 0) {
        shrink_root(tree);
    } else {
        free(tree->root);
        tree->root = NULL;
    }
    return true;
}
