/*
 * Whole trees: copied, compared, sorted. A tree is a set of containers, and each can be dealt with
 * by itself in any order: json_work holds those still to do.
 */
#include "base/map.h"
#include "codec/json_number.h"
#include "codec/json_work.h"

/* ---- copying ---- */

static struct json *copy_node(struct arena *arena, const struct json *node)
{
    struct json *copy = arena_alloc(arena, sizeof(*copy));

    if (copy == NULL)
        return NULL;
    *copy = *node;
    copy->next = NULL;
    if (copy->type >= JSON_ARRAY)
        copy->first = copy->last = NULL;
    return copy;
}

/* Fills `copy`, a container without children yet. */
static bool copy_children(struct arena *arena, struct json_work *work, const struct json *node,
                          struct json *copy)
{
    json_each(node, it) {
        struct json *child = copy_node(arena, it);

        if (child == NULL)
            return false;
        if (copy->last != NULL)
            copy->last->next = child;
        else
            copy->first = child;
        copy->last = child;
        if (it->type >= JSON_ARRAY && it->count != 0 &&
            !json_work_push(work, (struct json_work_item){.node = it, .copy = child}))
            return false;
    }
    return true;
}

struct json *json_copy(struct arena *arena, const struct json *node)
{
    struct json_work work;
    struct json *root = node != NULL ? copy_node(arena, node) : NULL;
    bool good;

    if (root == NULL)
        return NULL;
    json_work_init(&work);
    good = copy_children(arena, &work, node, root);
    while (good && work.count != 0) {
        struct json_work_item item = json_work_pop(&work);

        good = copy_children(arena, &work, item.node, item.copy);
    }
    json_work_release(&work);
    if (!good)
        arena->failed = true;
    return good ? root : NULL;
}

/* ---- comparing ---- */

/* Finds members of `object` that are asked for roughly in its own order. */
struct finder {
    const struct json *object, *hint;
    struct map index; /* once the order has differed in a big object */
};

enum { BIG_OBJECT = 32 };

static const struct json *find_member(struct finder *finder, struct bytes key)
{
    const struct json *found = finder->hint;

    if (found == NULL || !bytes_eq(found->key, key)) {
        if (finder->index.count == 0 && finder->object->count > BIG_OBJECT)
            json_each(finder->object, it)
                if (!map_put(&finder->index, it->key, it))
                    return NULL;
        found =
            finder->index.count != 0 ? map_get(&finder->index, key) : json_get(finder->object, key);
    }
    finder->hint = found != NULL ? found->next : NULL;
    return found;
}

/* Two nodes, but not what is below them: that is left in `work`. */
static bool equal_node(struct json_work *work, const struct json *a, const struct json *b)
{
    if (a->type != b->type)
        return false;
    switch ((enum json_type)a->type) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return a->boolean == b->boolean;
    case JSON_NUMBER:
        return json_number_equal(a->text, b->text);
    case JSON_STRING:
        return bytes_eq(a->text, b->text);
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return a->count == b->count &&
           (a->count == 0 || json_work_push(work, (struct json_work_item){.node = a, .other = b}));
}

static bool equal_arrays(struct json_work *work, const struct json *a, const struct json *b)
{
    const struct json *other = b->first;

    json_each(a, it) {
        if (!equal_node(work, it, other))
            return false;
        other = other->next;
    }
    return true;
}

/* The counts are equal, and keys are unique: it is enough that `b` has each member of `a`. */
static bool equal_objects(struct json_work *work, const struct json *a, const struct json *b)
{
    struct finder finder = {.object = b, .hint = b->first};
    bool equal = true;

    for (const struct json *it = a->first; it != NULL && equal; it = it->next) {
        const struct json *other = find_member(&finder, it->key);

        equal = other != NULL && equal_node(work, it, other);
    }
    map_release(&finder.index);
    return equal;
}

bool json_equal(const struct json *a, const struct json *b)
{
    struct json_work work;
    bool equal;

    if (a == NULL || b == NULL)
        return a == b;
    json_work_init(&work);
    equal = equal_node(&work, a, b);
    while (equal && work.count != 0) {
        struct json_work_item item = json_work_pop(&work);

        equal = item.node->type == JSON_ARRAY ? equal_arrays(&work, item.node, item.other)
                                              : equal_objects(&work, item.node, item.other);
    }
    json_work_release(&work);
    return equal;
}

/* ---- sorting ---- */

/* Merges two sorted lists; among equals `a` goes first. */
static struct json *merge_lists(struct json *a, struct json *b)
{
    struct json *head = NULL, **tail = &head;

    while (a != NULL && b != NULL) {
        struct json **least = bytes_cmp(a->key, b->key) <= 0 ? &a : &b;

        *tail = *least;
        tail = &(*tail)->next;
        *least = (*least)->next;
    }
    *tail = a != NULL ? a : b;
    return head;
}

/* Bottom-up: runs[i] is empty or a sorted list of 2^i members, as the digits of a binary counter.
 */
static void sort_members(struct json *object)
{
    struct json *runs[33] = {0}, *rest = object->first, *sorted = NULL;

    while (rest != NULL) {
        struct json *run = rest;
        size_t i = 0;

        rest = rest->next;
        run->next = NULL;
        for (; runs[i] != NULL; i++) {
            run = merge_lists(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    for (size_t i = 0; i < ARRAY_LEN(runs); i++)
        sorted = merge_lists(runs[i], sorted);
    object->first = object->last = sorted;
    while (object->last != NULL && object->last->next != NULL)
        object->last = object->last->next;
}

/* Without memory what is left stays in its order, which is no worse than before. */
void json_sort(struct json *node)
{
    struct json_work work;
    struct json_work_item item = {.copy = node};

    if (node == NULL || node->type < JSON_ARRAY)
        return;
    json_work_init(&work);
    for (;;) {
        if (item.copy->type == JSON_OBJECT)
            sort_members(item.copy);
        json_each(item.copy, it)
            if (it->type >= JSON_ARRAY &&
                !json_work_push(&work, (struct json_work_item){.copy = it}))
                goto out;
        if (work.count == 0)
            break;
        item = json_work_pop(&work);
    }
out:
    json_work_release(&work);
}
