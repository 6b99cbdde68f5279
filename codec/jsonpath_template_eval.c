#include "codec/jsonpath_template.h"

/* ---- finding (CG util/jsonpath/jsonpath.go) ---- */

struct finder {
    struct arena *arena;
    struct error *error;
};

static enum status refuse(struct finder *f, const char *why)
{
    return error_set(f->error, STATUS_BAD_REQUEST, "%s", why);
}

static enum status add(struct finder *f, struct jsonpath_values *values, const struct json *value)
{
    if (values->count == JSONPATH_VALUES_MAX)
        return refuse(f, "more values than can be shown");
    if (values->count == values->capacity) {
        size_t capacity = values->capacity != 0 ? values->capacity * 2 : 8;
        const struct json **items = arena_alloc(f->arena, capacity * sizeof(*items));

        if (items == NULL)
            return STATUS_NO_MEMORY;
        if (values->count != 0)
            memcpy(items, values->items, values->count * sizeof(*items));
        values->items = items;
        values->capacity = capacity;
    }
    values->items[values->count++] = value;
    return STATUS_OK;
}

static enum status find_list(struct finder *f, const struct jsonpath_list *list,
                             struct jsonpath_values from, struct jsonpath_values *found);

static enum status find_field(struct finder *f, const struct jsonpath_node *node,
                              const struct json *value, struct jsonpath_values *found)
{
    const struct json *child = json_get(value, node->name);

    return child != NULL ? add(f, found, child) : STATUS_OK;
}

static enum status find_all(struct finder *f, const struct jsonpath_node *node,
                            const struct json *value, struct jsonpath_values *found)
{
    enum status st = STATUS_OK;

    (void)node;
    json_each(value, child) {
        if (st == STATUS_OK)
            st = add(f, found, child);
    }
    return st;
}

static enum status find_slice(struct finder *f, const struct jsonpath_node *node,
                              const struct json *value, struct jsonpath_values *found)
{
    int64_t len = value != NULL ? (int64_t)value->count : 0, at = 0;
    int64_t from = node->has_from ? node->from : 0, to = node->single ? from + 1 : node->to;
    int64_t step = node->has_step ? node->step : 1;
    enum status st = STATUS_OK;

    if (json_is(value, JSON_NULL))
        return STATUS_OK;
    if (!json_is(value, JSON_ARRAY))
        return refuse(f, "the value is not array or slice");
    if (!node->has_from && !node->has_to && !node->has_step)
        return find_all(f, node, value, found);
    if (from < 0)
        from += len;
    if (!node->has_to && !node->single)
        to = len;
    if (to < 0 || (to == 0 && node->single))
        to += len;
    if (to != from && (from >= len || from < 0 || to > len || to < 0))
        return error_set(f->error, STATUS_BAD_REQUEST,
                         "array index out of bounds: index %lld, length %lld",
                         (long long)(from >= len || from < 0 ? from : to - 1), (long long)len);
    if (from > to)
        return error_set(f->error, STATUS_BAD_REQUEST,
                         "starting index %lld is greater than ending index %lld", (long long)from,
                         (long long)to);
    if (step <= 0)
        return refuse(f, "step must be > 0");
    json_each(value, child) {
        if (st == STATUS_OK && at >= from && at < to && (at - from) % step == 0)
            st = add(f, found, child);
        at++;
    }
    return st;
}

/* Every object and array with something in it, the outer before the inner. As deep as documents
 * are: JSON_DEPTH_MAX. */
static enum status find_below(struct finder *f, const struct jsonpath_node *node,
                              const struct json *value, struct jsonpath_values *found)
{
    enum status st = json_first(value) != NULL ? add(f, found, value) : STATUS_OK;

    json_each(value, child) {
        if (st == STATUS_OK)
            st = find_below(f, node, child, found);
    }
    return st;
}

/* Each of its lists for all values, one list after the other. */
static enum status find_union(struct finder *f, const struct jsonpath_node *node,
                              struct jsonpath_values from, struct jsonpath_values *found)
{
    enum status st = STATUS_OK;

    for (const struct jsonpath_list *it = node->left; it != NULL && st == STATUS_OK; it = it->next)
        st = find_list(f, it, from, found);
    return st;
}

/* text/template's eq, lt and so on: only like may be compared with like. */
static enum status compare(struct finder *f, const struct json *a, const struct json *b,
                           bool ordered, int *ret_order)
{
    double x, y;

    if (a->type == JSON_STRING && b->type == JSON_STRING) {
        *ret_order = bytes_cmp(a->text, b->text);
    } else if (a->type == JSON_NUMBER && b->type == JSON_NUMBER && json_to_double(a, &x) &&
               json_to_double(b, &y)) {
        *ret_order = (x > y) - (x < y);
    } else if (a->type == JSON_BOOL && b->type == JSON_BOOL && !ordered) {
        *ret_order = (int)a->boolean - (int)b->boolean;
    } else {
        return refuse(f, a->type == b->type || a->type >= JSON_ARRAY || a->type == JSON_NULL
                             ? "invalid type for comparison"
                             : "incompatible types for comparison");
    }
    return STATUS_OK;
}

static const struct {
    const char *text;
    bool less, equal, greater;
} operators[] = {
    {"==", false, true, false}, {"!=", true, false, true}, {"<", true, false, false},
    {"<=", true, true, false},  {">", false, false, true}, {">=", false, true, true},
};

static enum status holds(struct finder *f, const struct jsonpath_node *node,
                         const struct json *left, const struct json *right, bool *ret_holds)
{
    int order = 0;
    enum status st;

    for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
        if (!bytes_eq_str(node->op, operators[i].text))
            continue;
        st = compare(f, left, right, i > 1, &order);
        if (st == STATUS_OK)
            *ret_holds = order < 0   ? operators[i].less
                         : order > 0 ? operators[i].greater
                                     : operators[i].equal;
        return st;
    }
    return error_set(f->error, STATUS_BAD_REQUEST, "unrecognized filter operator %.*s",
                     BYTES_FMT(node->op));
}

static enum status filter_one(struct finder *f, const struct jsonpath_node *node,
                              const struct json *value, bool *ret_holds)
{
    struct jsonpath_values one = {&value, 1, 1}, left = {0}, right = {0};
    enum status st = find_list(f, node->left, one, &left);

    *ret_holds = false;
    if (node->op.len == 0) { /* what cannot be followed does not exist */
        *ret_holds = left.count != 0;
        return st == STATUS_NO_MEMORY ? st : STATUS_OK;
    }
    if (st == STATUS_OK)
        st = find_list(f, node->right, one, &right);
    if (st != STATUS_OK || left.count == 0 || right.count == 0)
        return st;
    if (left.count > 1 || right.count > 1)
        return refuse(f, "can only compare one element at a time");
    return holds(f, node, left.items[0], right.items[0], ret_holds);
}

static enum status find_filtered(struct finder *f, const struct jsonpath_node *node,
                                 const struct json *value, struct jsonpath_values *found)
{
    enum status st = STATUS_OK;

    if (json_is(value, JSON_NULL))
        return STATUS_OK;
    if (!json_is(value, JSON_ARRAY))
        return refuse(f, "the value is not array or slice and cannot be filtered");
    json_each(value, child) {
        bool pass = false;

        if (st == STATUS_OK)
            st = filter_one(f, node, child, &pass);
        if (st == STATUS_OK && pass)
            st = add(f, found, child);
    }
    return st;
}

static enum status find_literal(struct finder *f, const struct jsonpath_node *node,
                                const struct json *value, struct jsonpath_values *found)
{
    (void)value;
    return add(f, found, node->literal);
}

static enum status (*const finders[])(struct finder *f, const struct jsonpath_node *node,
                                      const struct json *value, struct jsonpath_values *found) = {
    [JSONPATH_NODE_FIELD] = find_field,     [JSONPATH_NODE_ALL] = find_all,
    [JSONPATH_NODE_SLICE] = find_slice,     [JSONPATH_NODE_BELOW] = find_below,
    [JSONPATH_NODE_FILTER] = find_filtered, [JSONPATH_NODE_LITERAL] = find_literal,
};

static enum status find_list(struct finder *f, const struct jsonpath_list *list,
                             struct jsonpath_values from, struct jsonpath_values *found)
{
    enum status st = STATUS_OK;

    for (const struct jsonpath_node *it = list->first; it != NULL && st == STATUS_OK;
         it = it->next) {
        struct jsonpath_values next = {0};

        if (it->type == JSONPATH_NODE_UNION)
            st = find_union(f, it, from, &next);
        else
            for (size_t i = 0; i < from.count && st == STATUS_OK; i++)
                st = finders[it->type](f, it, from.items[i], &next);
        from = next;
    }
    for (size_t i = 0; i < from.count && st == STATUS_OK; i++)
        st = add(f, found, from.items[i]);
    return st;
}

enum status jsonpath_template_find(const struct jsonpath_template *template, struct arena *arena,
                                   const struct json *root, struct jsonpath_values *ret_values,
                                   struct error *reterr)
{
    struct finder f = {arena, reterr};
    struct jsonpath_values one = {&root, 1, 1};
    enum status st = STATUS_OK;

    *ret_values = (struct jsonpath_values){NULL, 0, 0};
    for (const struct jsonpath_list *it = template->first; it != NULL && st == STATUS_OK;
         it = it->next)
        if (it->text.ptr == NULL && !it->is_end)
            st = find_list(&f, it, one, ret_values);
    return st;
}

/* ---- writing ---- */

struct writer {
    struct finder finder;
    void (*write)(struct buf *out, const struct json *value);
    struct buf *out;
};

static enum status write_until(struct writer *w, const struct jsonpath_list *from,
                               const struct jsonpath_list *end, const struct json *value);

static enum status write_list(struct writer *w, const struct jsonpath_list *list,
                              const struct json *value)
{
    struct jsonpath_values one = {&value, 1, 1}, found = {0};
    enum status st = find_list(&w->finder, list, one, &found);

    for (size_t i = 0; i < found.count && st == STATUS_OK; i++) {
        if (list->is_range) {
            st = write_until(w, list->next, list->end, found.items[i]);
            continue;
        }
        if (i != 0)
            buf_append_char(w->out, ' ');
        w->write(w->out, found.items[i]);
    }
    return st;
}

static enum status write_until(struct writer *w, const struct jsonpath_list *from,
                               const struct jsonpath_list *end, const struct json *value)
{
    enum status st = STATUS_OK;

    while (from != end && from != NULL && st == STATUS_OK) {
        if (from->text.ptr != NULL)
            buf_append_bytes(w->out, from->text);
        else if (!from->is_end)
            st = write_list(w, from, value);
        from = from->is_range ? from->end : from->next;
    }
    return st;
}

enum status jsonpath_template_write(const struct jsonpath_template *template,
                                    const struct json *root,
                                    void (*write)(struct buf *out, const struct json *value),
                                    struct buf *out, struct error *reterr)
{
    struct arena arena = {0};
    struct writer w = {{&arena, reterr}, write, out};
    enum status st = write_until(&w, template->first, NULL, root);

    arena_release(&arena);
    return st == STATUS_OK && out->failed ? STATUS_NO_MEMORY : st;
}
