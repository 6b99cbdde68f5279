#include "codec/label_requirement.h"

#include <stdlib.h>

void label_selector_free(struct label_selector *selector)
{
    free(selector);
}

bool label_parse_int(struct bytes text, int64_t *ret)
{
    bool negative = text.len != 0 && text.ptr[0] == '-';
    uint64_t n;

    if (negative || (text.len != 0 && text.ptr[0] == '+'))
        text = bytes_from(text, 1);
    if (!bytes_to_u64(text, &n) || n > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* bytes_cmp(), and mostly without its call: keys and values tend to differ in their first byte. */
static inline int compare(struct bytes a, struct bytes b)
{
    if (a.len != 0 && b.len != 0 && a.ptr[0] != b.ptr[0])
        return (unsigned char)a.ptr[0] < (unsigned char)b.ptr[0] ? -1 : 1;
    return bytes_cmp(a, b);
}

static bool has_value(const struct requirement *r, struct bytes value)
{
    size_t low = 0, high = r->value_count;

    if (high == 1)
        return bytes_eq(r->values[0], value);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(r->values[middle], value);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* `value` is NULL when the object has no such label. */
static bool requirement_matches(const struct requirement *r, const struct bytes *value)
{
    int64_t n;

    switch (r->op) {
    case OP_IN:
        return value != NULL && has_value(r, *value);
    case OP_NOT_IN:
        return value == NULL || !has_value(r, *value);
    case OP_EXISTS:
        return value != NULL;
    case OP_MISSING:
        return value == NULL;
    case OP_GREATER:
        return value != NULL && label_parse_int(*value, &n) && n > r->bound;
    case OP_LESS:
        return value != NULL && label_parse_int(*value, &n) && n < r->bound;
    }
    return false;
}

/* Both sides are sorted by key, so one walk does. */
bool label_selector_matches(const struct label_selector *selector, const struct label *labels,
                            size_t count)
{
    size_t at = 0;

    for (size_t i = 0; selector != NULL && i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];
        int order = -1;

        while (at < count && (order = compare(labels[at].key, r->key)) < 0)
            at++;
        if (!requirement_matches(r, at < count && order == 0 ? &labels[at].value : NULL))
            return false;
    }
    return true;
}

bool label_selector_required(const struct label_selector *selector, struct bytes *ret_key,
                             struct bytes *ret_value)
{
    for (size_t i = 0; selector != NULL && i < selector->count; i++) {
        const struct requirement *r = &selector->requirements[i];

        if (r->op != OP_IN || r->value_count != 1)
            continue;
        *ret_key = r->key;
        *ret_value = r->values[0];
        return true;
    }
    return false;
}
