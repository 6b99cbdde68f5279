/*
 * Strategic merge patch, lists. An item is known by its merge key, or is a scalar and its own key.
 *
 *   target  a b c d     patch  c' x, delete b     merged  a c' d x
 *
 * The order afterwards: items of the order list (a $setElementOrder, else the patch) stand as that
 * says, the others as they stood; an old item goes before a listed one only if it stood before it.
 */
#include "base/map.h"
#include "codec/strategic.h"

#include <stdlib.h>

enum { NOWHERE = UINT32_MAX };

struct item {
    struct json *node;
    struct item *first; /* the first item with this key: it stands for all of them */
    uint32_t server_at; /* of `first` only: its place in the target */
    uint32_t order_at;  /* of `first` only: its place in the order list */
    bool deleted;       /* of `first` only */
};

struct list_merge {
    struct strategic *s;
    const struct merge_rule *rule;
    const struct place *place;
    struct item *items;
    size_t count;
    struct map by_key; /* to the first item with a key */
    uint32_t freed;    /* places of deleted items that no new item has taken yet */
    bool replaced;     /* `$patch: replace`: only the patch's own items stay */
};

/* ---- keys ---- */

/* Strings as they are; others behind a byte that no string holds, so that "1" and 1 differ. */
static struct bytes scalar_key(struct arena *arena, const struct json *node)
{
    int64_t n;

    switch ((enum json_type)node->type) {
    case JSON_STRING:
        return node->text.len != 0 ? node->text : BYTES("");
    case JSON_NUMBER:
        if (json_to_i64(node, &n))
            return arena_printf(arena, "\xff%lld", (long long)n);
        return arena_printf(arena, "\xff%.*s", BYTES_FMT(node->text));
    case JSON_BOOL:
        return node->boolean ? BYTES("\xfft")
                             : BYTES("\xff"
                                     "f");
    default:
        return BYTES("\xff");
    }
}

static enum status no_merge_key(struct list_merge *m, const struct json *node)
{
    struct buf text = {0};

    json_write(&text, node, false);
    error_set(m->s->reterr, STATUS_BAD_REQUEST, "map: %.*s does not contain declared merge key: %s",
              text.len < 1024 ? (int)text.len : 1024, text.data, m->rule->merge_key);
    buf_release(&text);
    return STATUS_BAD_REQUEST;
}

/* The bytes by which an item is known. */
static enum status item_key(struct list_merge *m, const struct json *node, struct bytes *ret_key)
{
    const struct json *value = node;

    if (node->type == JSON_ARRAY)
        return error_set(m->s->reterr, STATUS_BAD_REQUEST, "lists of lists are not supported");
    if ((m->rule->merge_key != NULL) != (node->type == JSON_OBJECT))
        return error_set(m->s->reterr, STATUS_BAD_REQUEST,
                         "list element types are not identical: expected %s, got %s in %.*s",
                         m->rule->merge_key != NULL ? "object" : "scalar",
                         json_type_name(node->type), BYTES_FMT(m->place->name));
    if (m->rule->merge_key != NULL)
        value = json_get(node, bytes_str(m->rule->merge_key));
    if (value == NULL || value->type >= JSON_ARRAY)
        return no_merge_key(m, node);
    *ret_key = scalar_key(m->s->arena, value);
    return STATUS_OK;
}

/* ---- merging ---- */

/* Adds an item; without memory it gets lost, which the arena remembers. */
static struct item *add_item(struct list_merge *m, struct bytes key, struct json *node)
{
    struct item *item = &m->items[m->count++];
    struct item *first = map_get(&m->by_key, key);

    *item = (struct item){node, item, NOWHERE, NOWHERE, false};
    if (first != NULL && !first->deleted)
        item->first = first;
    else if (!map_put(&m->by_key, key, item))
        m->s->arena->failed = true;
    return item;
}

/* `unique`: merging a set also makes one of the target. */
static enum status add_target(struct list_merge *m, const struct json *target, bool unique)
{
    json_each(target, it) {
        struct bytes key = {NULL, 0};
        enum status st = item_key(m, it, &key);
        struct item *item;

        if (st != STATUS_OK)
            return st;
        if (unique && map_get(&m->by_key, key) != NULL)
            continue;
        item = add_item(m, key, it);
        item->server_at = (uint32_t)(item - m->items);
    }
    return STATUS_OK;
}

static bool is_ordinary(const struct json *node)
{
    return strategic_directive(node) <= DIRECTIVE_MERGE;
}

/* Items with `$patch: delete` and `$patch: replace`; these come before all others. */
static enum status apply_directives(struct list_merge *m, const struct json *patch)
{
    json_each(patch, it) {
        enum patch_directive directive = strategic_directive(it);
        struct bytes key = {NULL, 0};
        struct item *item;
        enum status st;

        m->replaced |= directive == DIRECTIVE_REPLACE;
        if (directive == DIRECTIVE_UNKNOWN)
            return strategic_unknown_directive(m->s, it);
        if (directive != DIRECTIVE_DELETE)
            continue;
        st = item_key(m, it, &key);
        if (st != STATUS_OK)
            return st;
        item = map_get(&m->by_key, key);
        if (item == NULL || item->deleted)
            continue;
        item->deleted = true;
        m->freed++;
    }
    return STATUS_OK;
}

static void forget_target(struct list_merge *m)
{
    map_release(&m->by_key);
    m->count = 0;
    m->freed = 0;
}

/* With an order list a new item takes the place that a deleted one has freed, behind the old items:
 * so the original does, whose list of old items has the new ones written into its spare end. */
static void add_new(struct list_merge *m, struct bytes key, const struct json *node, bool has_order)
{
    struct json *copy = node->type == JSON_OBJECT ? strategic_clean_object(m->s->arena, node)
                                                  : strategic_clean(m->s->arena, node);
    struct item *item;

    if (copy == NULL)
        return;
    item = add_item(m, key, copy);
    if (!has_order || m->freed == 0)
        return;
    m->freed--;
    item->server_at = (uint32_t)(item - m->items);
}

static enum status merge_items(struct list_merge *m, const struct json *patch, bool has_order)
{
    json_each(patch, it) {
        struct bytes key = {NULL, 0};
        struct item *old;
        enum status st;

        if (!is_ordinary(it))
            continue;
        st = item_key(m, it, &key);
        if (st != STATUS_OK)
            return st;
        old = map_get(&m->by_key, key);
        if (old == NULL || old->deleted)
            add_new(m, key, it, has_order);
        else if (it->type == JSON_OBJECT)
            st = strategic_merge_object(m->s, old->node, it, m->place);
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

/* ---- order ---- */

/* Ordinary items of the patch must come in the order that $setElementOrder gives. */
static enum status check_order(struct list_merge *m, const struct json *patch,
                               const struct json *order)
{
    const struct json *at = order->first;

    if (at == NULL)
        return STATUS_OK;
    json_each(patch, it) {
        struct bytes key, listed = {NULL, 0};
        enum status st;

        if (strategic_directive(it) != DIRECTIVE_NONE)
            continue;
        st = item_key(m, it, &key);
        for (bool found = false; !found && st == STATUS_OK; at = at->next) {
            if (at == NULL)
                return error_set(m->s->reterr, STATUS_BAD_REQUEST,
                                 "The order in patch list doesn't match $setElementOrder list of "
                                 "%.*s",
                                 BYTES_FMT(m->place->name));
            st = item_key(m, at, &listed);
            found = st == STATUS_OK && bytes_eq(key, listed);
        }
        if (st != STATUS_OK)
            return st;
    }
    return STATUS_OK;
}

static enum status number_order(struct list_merge *m, const struct json *order)
{
    uint32_t at = 0;

    json_each(order, it) {
        struct bytes key = {NULL, 0};
        struct item *item;
        enum status st;

        if (!is_ordinary(it))
            continue;
        st = item_key(m, it, &key);
        if (st != STATUS_OK)
            return st;
        item = map_get(&m->by_key, key);
        if (item != NULL && item->order_at == NOWHERE)
            item->order_at = at;
        at++;
    }
    return STATUS_OK;
}

static int compare_order(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;

    if (x->first->order_at != y->first->order_at)
        return x->first->order_at < y->first->order_at ? -1 : 1;
    return (x > y) - (x < y);
}

/* Sorts the items that are left: listed ones first, in order, then the others as they stood.
 * Returns how many are listed. */
static size_t sort_items(struct list_merge *m, const struct item **sorted, size_t *ret_count)
{
    size_t count = 0, listed = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct item *item = &m->items[i];

        if (item->first->deleted)
            continue;
        listed += item->first->order_at != NOWHERE;
        sorted[count++] = item;
    }
    qsort(sorted, count, sizeof(struct item *), compare_order);
    *ret_count = count;
    return listed;
}

/* Interleaves listed and other items into `target`. */
static void write_items(struct list_merge *m, struct json *target, const struct item **sorted)
{
    size_t count, listed = sort_items(m, sorted, &count);
    size_t left = listed, right = 0;

    target->first = target->last = NULL;
    target->count = 0;
    while (left < count || right < listed) {
        bool take_left = right == listed;

        if (left < count && right < listed) {
            uint32_t left_at = sorted[left]->first->server_at;
            uint32_t right_at = sorted[right]->first->server_at;

            take_left = left_at != NOWHERE && right_at != NOWHERE && left_at < right_at;
        }
        json_append(target, take_left ? sorted[left++]->node : sorted[right++]->node);
    }
}

static enum status merge_list(struct list_merge *m, struct json *target, const struct json *patch,
                              const struct json *order)
{
    enum status st = add_target(m, target, patch != NULL && m->rule->merge_key == NULL);

    if (st == STATUS_OK && order != NULL && patch != NULL)
        st = check_order(m, patch, order);
    if (st == STATUS_OK)
        st = apply_directives(m, patch);
    if (st == STATUS_OK && m->replaced)
        forget_target(m);
    if (st == STATUS_OK)
        st = merge_items(m, patch, order != NULL);
    if (st == STATUS_OK)
        st = number_order(m, order != NULL ? order : patch);
    return st;
}

enum status strategic_merge_list(struct strategic *s, struct json *target, const struct json *patch,
                                 const struct json *order, const struct merge_rule *rule,
                                 const struct place *place)
{
    struct list_merge m = {.s = s, .rule = rule, .place = place};
    size_t most = target->count + (patch != NULL ? (size_t)patch->count : 0);
    const struct item **sorted = arena_alloc(s->arena, most * sizeof(struct item *));
    enum status st;

    m.items = arena_alloc(s->arena, most * sizeof(struct item));
    if (m.items == NULL || sorted == NULL)
        return error_set(s->reterr, STATUS_NO_MEMORY, "out of memory");
    st = merge_list(&m, target, patch, order);
    if (st == STATUS_OK)
        write_items(&m, target, sorted);
    map_release(&m.by_key);
    return st;
}

enum status strategic_delete_scalars(struct strategic *s, struct json *target,
                                     const struct json *doomed)
{
    struct json *it = target->first, *next;
    struct map keys = {0};

    json_each(doomed, gone) {
        if (gone->type >= JSON_ARRAY) {
            map_release(&keys);
            return error_set(s->reterr, STATUS_BAD_REQUEST,
                             "invalid patch format of primitive list");
        }
        s->arena->failed |= !map_put(&keys, scalar_key(s->arena, gone), gone);
    }
    target->first = target->last = NULL;
    target->count = 0;
    for (; it != NULL; it = next) {
        next = it->next;
        if (it->type >= JSON_ARRAY || map_get(&keys, scalar_key(s->arena, it)) == NULL)
            json_append(target, it);
    }
    map_release(&keys);
    return STATUS_OK;
}
