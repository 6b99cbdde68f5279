#include "client-go-like/cache/cow_tree.h"

#include <endian.h>
#include <stdlib.h>

enum { FANOUT = 30 }; /* a node is 1,000 bytes: what malloc() still keeps for itself */

struct slot {
    struct bytes key; /* in an inner node: the least one under the child */
    void *value;
};

/* No node but the root of an empty tree, which is NULL, is ever empty.
 *
 * A key stands in its object's memory, which is cold. So a node keeps of each key what tells it
 * from the others: the 8 bytes behind the prefix that all of the node share, as a number. */
struct cow_node {
    struct cow_mortal mortal;
    uint32_t count;
    bool leaf;
    uint32_t prefix_len; /* the keys have at least so much in common */
    uint64_t heads[FANOUT];
    struct slot slots[FANOUT];
};

/* ---- heads ---- */

/* The 8 bytes of `key` from `at` on, ordered as bytes_cmp() orders them; a shorter key ends in 0.
 */
static uint64_t head_of(struct bytes key, size_t at)
{
    uint64_t head = 0;

    if (key.len >= at + sizeof(head))
        memcpy(&head, key.ptr + at, sizeof(head));
    else if (key.len > at)
        memcpy(&head, key.ptr + at, key.len - at);
    return be64toh(head);
}

static size_t common_len(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len, at = 0;

    while (at < len && a.ptr[at] == b.ptr[at])
        at++;
    return at;
}

static void set_prefix(struct cow_node *node, size_t len)
{
    node->prefix_len = (uint32_t)len;
    for (uint32_t i = 0; i < node->count; i++)
        node->heads[i] = head_of(node->slots[i].key, len);
}

/* Of sorted keys the first and the last have in common what all have. */
static void find_prefix(struct cow_node *node)
{
    if (node->count != 0)
        set_prefix(node, common_len(node->slots[0].key, node->slots[node->count - 1].key));
}

/* Before a slot takes `key`: it may share less. */
static void narrow_prefix(struct cow_node *node, struct bytes key)
{
    size_t len = node->count != 0 ? common_len(key, node->slots[0].key) : key.len;

    if (node->count == 0 || len < node->prefix_len)
        set_prefix(node, len);
}

static void set_slot(struct cow_node *node, uint32_t at, struct slot slot)
{
    bool same_key =
        node->slots[at].key.ptr == slot.key.ptr && node->slots[at].key.len == slot.key.len;

    node->slots[at].value = slot.value;
    if (same_key)
        return;
    narrow_prefix(node, slot.key);
    node->heads[at] = head_of(slot.key, node->prefix_len);
    node->slots[at].key = slot.key;
}

/* ---- reading ---- */

/* The slots whose head is that of `key` are [*ret_first, *ret_end), if it has the prefix. */
static inline void find_head(const struct cow_node *node, struct bytes key, uint32_t *ret_first,
                             uint32_t *ret_end)
{
    uint64_t head = head_of(key, node->prefix_len);
    uint32_t first = 0, end, left = node->count;

    for (uint32_t half; left > 1; left -= half) { /* no branch that is taken by chance */
        half = left / 2;
        first += node->heads[first + half - 1] < head ? half : 0;
    }
    first += left == 1 && node->heads[first] < head;
    for (end = first; end < node->count && node->heads[end] == head; end++)
        ;
    *ret_first = first;
    *ret_end = end;
}

/* How many slots have a key < `key`, or <= `key` if `with`. */
static uint32_t slots_before(const struct cow_node *node, struct bytes key, bool with)
{
    struct bytes prefix;
    uint32_t low = 0, high;
    int order;

    if (node->count == 0)
        return 0;
    prefix = bytes_of(node->slots[0].key.ptr, node->prefix_len);
    order = bytes_cmp(bytes_of(key.ptr, key.len < prefix.len ? key.len : prefix.len), prefix);
    if (order != 0)
        return order < 0 ? 0 : node->count;
    find_head(node, key, &low, &high);
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        order = bytes_cmp(node->slots[middle].key, key);
        if (order < 0 || (order == 0 && with))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The child under which `key` belongs. */
static uint32_t child_at(const struct cow_node *node, struct bytes key)
{
    uint32_t before = slots_before(node, key, true);

    return before > 0 ? before - 1 : 0;
}

/* Where `key` is in a leaf, or UINT32_MAX: by its head alone nearly always, and one key looked at.
 */
static uint32_t slot_of(const struct cow_node *leaf, struct bytes key)
{
    uint32_t at, end;

    find_head(leaf, key, &at, &end);
    for (; at < end; at++)
        if (bytes_eq(leaf->slots[at].key, key))
            return at;
    return UINT32_MAX;
}

void *cow_get(const struct cow_tree *tree, struct bytes key)
{
    const struct cow_node *node = tree->root;
    uint32_t at;

    if (node == NULL)
        return NULL;
    while (!node->leaf)
        node = node->slots[child_at(node, key)].value;
    at = slot_of(node, key);
    return at != UINT32_MAX ? node->slots[at].value : NULL;
}

struct cow_cursor cow_seek(const struct cow_tree *tree, struct bytes from)
{
    struct cow_cursor cursor = {.depth = 0};
    const struct cow_node *node = tree->root;

    while (node != NULL) {
        uint32_t at = node->leaf ? slots_before(node, from, false) : child_at(node, from);

        assert(cursor.depth < COW_DEPTH_MAX);
        cursor.steps[cursor.depth].node = node;
        cursor.steps[cursor.depth++].at = at;
        node = node->leaf ? NULL : node->slots[at].value;
    }
    return cursor;
}

/* Goes to the next leaf; false if this was the last. */
static bool step_over(struct cow_cursor *c)
{
    uint32_t depth = c->depth;

    while (depth-- > 0 && c->steps[depth].at + 1 >= c->steps[depth].node->count)
        ;
    if (depth == UINT32_MAX)
        return false;
    c->steps[depth].at++;
    for (; depth + 1 < c->depth; depth++) {
        c->steps[depth + 1].node = c->steps[depth].node->slots[c->steps[depth].at].value;
        c->steps[depth + 1].at = 0;
    }
    return true;
}

void *cow_next(struct cow_cursor *c, struct bytes *ret_key)
{
    const struct cow_node *leaf;
    uint32_t *at;

    if (c->depth == 0)
        return NULL;
    if (c->steps[c->depth - 1].at >= c->steps[c->depth - 1].node->count && !step_over(c)) {
        c->depth = 0;
        return NULL;
    }
    leaf = c->steps[c->depth - 1].node;
    at = &c->steps[c->depth - 1].at;
    if (ret_key != NULL)
        *ret_key = leaf->slots[*at].key;
    return leaf->slots[(*at)++].value;
}

/* ---- memory ---- */

bool cow_reserve(struct cow_edit *edit, uint32_t depth, size_t changes)
{
    /* A put copies its way down and may split each node of it, the root too; so many puts may make
     * the tree deeper by one every FANOUT / 2. */
    size_t need = changes * (2 * (depth + 2 + changes / (FANOUT / 2)) + 1);

    while (edit->spare_count < need) {
        struct cow_node *node = malloc(sizeof(*node));

        if (node == NULL)
            return false;
        node->mortal.next = edit->spare != NULL ? &edit->spare->mortal : NULL;
        edit->spare = node;
        edit->spare_count++;
    }
    return true;
}

static struct cow_node *take_spare(struct cow_edit *edit)
{
    struct cow_node *node = edit->spare;

    assert(node != NULL);                               /* cow_reserve() has counted */
    edit->spare = (struct cow_node *)node->mortal.next; /* mortal is its first member */
    edit->spare_count--;
    return node;
}

void cow_edit_release(struct cow_edit *edit)
{
    while (edit->spare != NULL)
        free(take_spare(edit));
}

void cow_bury(struct cow_edit *edit, struct cow_mortal *mortal)
{
    mortal->next = edit->dead;
    edit->dead = mortal;
}

static struct cow_node *new_node(struct cow_edit *edit, bool leaf)
{
    struct cow_node *node = take_spare(edit);

    node->mortal = (struct cow_mortal){.born = edit->now, .is_node = true};
    node->count = 0;
    node->prefix_len = 0;
    node->leaf = leaf;
    return node;
}

/* The node itself if this edit has made it, else a copy. */
static struct cow_node *own(struct cow_edit *edit, struct cow_node *node)
{
    struct cow_node *copy;

    if (node->mortal.born == edit->now)
        return node;
    copy = new_node(edit, node->leaf);
    copy->count = node->count;
    copy->prefix_len = node->prefix_len;
    memcpy(copy->heads, node->heads, node->count * sizeof(node->heads[0]));
    memcpy(copy->slots, node->slots, node->count * sizeof(node->slots[0]));
    cow_bury(edit, &node->mortal);
    return copy;
}

/* ---- putting ---- */

static void open_slot(struct cow_node *node, uint32_t at, struct slot slot)
{
    size_t after = node->count - at;

    narrow_prefix(node, slot.key);
    memmove(&node->heads[at + 1], &node->heads[at], after * sizeof(node->heads[0]));
    memmove(&node->slots[at + 1], &node->slots[at], after * sizeof(slot));
    node->heads[at] = head_of(slot.key, node->prefix_len);
    node->slots[at] = slot;
    node->count++;
}

/* Returns the new right half if the node was full. One that grows at its end stays full: keys that
 * come in order fill their leaves. */
static struct cow_node *insert_slot(struct cow_edit *edit, struct cow_node *node, uint32_t at,
                                    struct slot slot)
{
    uint32_t keep = at == FANOUT ? FANOUT : FANOUT / 2;
    struct cow_node *right;

    if (node->count < FANOUT) {
        open_slot(node, at, slot);
        return NULL;
    }
    right = new_node(edit, node->leaf);
    right->count = FANOUT - keep;
    memcpy(right->slots, &node->slots[keep], right->count * sizeof(slot));
    node->count = keep;
    if (keep < FANOUT) {
        find_prefix(node);
        find_prefix(right);
    }
    if (at < keep)
        open_slot(node, at, slot);
    else
        open_slot(right, at - keep, slot);
    return right;
}

/* Puts into an owned node. Recurses as deep as the tree, which is at most COW_DEPTH_MAX. */
static struct cow_node *put_at(struct cow_edit *edit, struct cow_node *node, struct slot slot,
                               void **ret_old)
{
    struct cow_node *child, *right;
    uint32_t at;

    if (node->leaf) {
        at = slot_of(node, slot.key);
        if (at == UINT32_MAX)
            return insert_slot(edit, node, slots_before(node, slot.key, false), slot);
        *ret_old = node->slots[at].value;
        node->slots[at] = slot; /* its head stays */
        return NULL;
    }
    at = child_at(node, slot.key);
    child = own(edit, node->slots[at].value);
    right = put_at(edit, child, slot, ret_old);
    set_slot(node, at, (struct slot){child->slots[0].key, child});
    return right != NULL
               ? insert_slot(edit, node, at + 1, (struct slot){right->slots[0].key, right})
               : NULL;
}

void *cow_put(struct cow_edit *edit, struct cow_tree *tree, struct bytes key, void *entry)
{
    struct cow_node *root = tree->root != NULL ? own(edit, tree->root) : new_node(edit, true);
    void *old = NULL;
    struct cow_node *right = put_at(edit, root, (struct slot){key, entry}, &old);

    if (tree->root == NULL)
        tree->depth = 1;
    tree->root = root;
    if (right != NULL) {
        tree->root = new_node(edit, false);
        open_slot(tree->root, 0, (struct slot){root->slots[0].key, root});
        open_slot(tree->root, 1, (struct slot){right->slots[0].key, right});
        tree->depth++;
    }
    tree->count += old == NULL;
    return old;
}

/* ---- removing ---- */

static void close_slot(struct cow_node *node, uint32_t at)
{
    size_t after;

    after = --node->count - at;
    memmove(&node->heads[at], &node->heads[at + 1], after * sizeof(node->heads[0]));
    memmove(&node->slots[at], &node->slots[at + 1], after * sizeof(node->slots[0]));
}

/* Moves all of child `at + 1` into child `at` if that leaves room to grow. */
static bool merge_children(struct cow_edit *edit, struct cow_node *parent, uint32_t at)
{
    struct cow_node *left = parent->slots[at].value, *right = parent->slots[at + 1].value;

    if (left->count + right->count > FANOUT * 3 / 4)
        return false;
    left = own(edit, left);
    memcpy(&left->slots[left->count], right->slots, right->count * sizeof(right->slots[0]));
    left->count += right->count;
    find_prefix(left);
    parent->slots[at].value = left;
    cow_bury(edit, &right->mortal);
    close_slot(parent, at + 1);
    return true;
}

/* Child `at` has lost an entry. */
static void tidy_child(struct cow_edit *edit, struct cow_node *parent, uint32_t at)
{
    struct cow_node *child = parent->slots[at].value;

    if (child->count == 0) {
        cow_bury(edit, &child->mortal);
        close_slot(parent, at);
        return;
    }
    set_slot(parent, at, (struct slot){child->slots[0].key, child});
    if (child->count >= FANOUT / 4)
        return;
    if (at + 1 < parent->count && merge_children(edit, parent, at))
        return;
    if (at > 0)
        merge_children(edit, parent, at - 1);
}

static void *remove_at(struct cow_edit *edit, struct cow_node *node, struct bytes key)
{
    uint32_t at;
    void *removed;

    if (node->leaf) {
        at = slot_of(node, key);
        removed = node->slots[at].value;
        close_slot(node, at);
        return removed;
    }
    at = child_at(node, key);
    node->slots[at].value = own(edit, node->slots[at].value);
    removed = remove_at(edit, node->slots[at].value, key);
    tidy_child(edit, node, at);
    return removed;
}

void *cow_remove(struct cow_edit *edit, struct cow_tree *tree, struct bytes key)
{
    void *removed;

    if (cow_get(tree, key) == NULL)
        return NULL;
    tree->root = own(edit, tree->root);
    removed = remove_at(edit, tree->root, key);
    tree->count--;
    while (tree->root->count == 0 || (!tree->root->leaf && tree->root->count == 1)) {
        struct cow_node *root = tree->root;

        tree->root = root->count == 0 ? NULL : root->slots[0].value;
        tree->depth--;
        cow_bury(edit, &root->mortal);
        if (tree->root == NULL)
            break;
    }
    return removed;
}

static void bury_node(struct cow_edit *edit, struct cow_node *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->leaf)
            cow_bury(edit, node->slots[i].value);
        else
            bury_node(edit, node->slots[i].value);
    }
    cow_bury(edit, &node->mortal);
}

void cow_bury_all(struct cow_edit *edit, const struct cow_tree *tree)
{
    if (tree->root != NULL)
        bury_node(edit, tree->root);
}
