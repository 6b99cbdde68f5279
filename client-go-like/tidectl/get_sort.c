#include <math.h>
#include <stdlib.h>

#include "client-go-like/tidectl/get.h"

/* --sort-by (KC cmd/get/sorter.go): numbers by value, texts that are quantities too, others by
 * their bytes. What has no such field comes first. */

struct key {
    const struct json *item, *value; /* value NULL: it has none */
    size_t index;                    /* keeps equal ones in the server's order */
};

static bool is_digit(struct bytes text, size_t at)
{
    return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

/* "100m", "1.5Gi", "3e2" (AM api/resource/quantity.go). */
static bool read_quantity(struct bytes text, double *ret)
{
    static const struct {
        const char *suffix;
        double factor;
    } suffixes[] = {{"", 1},        {"n", 1e-9},    {"u", 1e-6},    {"m", 1e-3},
                    {"k", 1e3},     {"M", 1e6},     {"G", 1e9},     {"T", 1e12},
                    {"P", 1e15},    {"E", 1e18},    {"Ki", 0x1p10}, {"Mi", 0x1p20},
                    {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
    char copy[64];
    char *end;

    if (text.len == 0 || text.len >= sizeof(copy) ||
        (!is_digit(text, 0) && strchr("+-.", text.ptr[0]) == NULL) ||
        memchr(text.ptr, 'x', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret = strtod(copy, &end);
    for (size_t i = 0; end != copy && i < ARRAY_LEN(suffixes); i++)
        if (strcmp(end, suffixes[i].suffix) == 0) {
            *ret *= suffixes[i].factor;
            return isfinite(*ret);
        }
    return false;
}

static int by_value(const struct json *a, const struct json *b)
{
    double x, y;

    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    if (a->type == JSON_STRING && b->type == JSON_STRING) {
        if (!read_quantity(a->text, &x) || !read_quantity(b->text, &y))
            return bytes_cmp(a->text, b->text);
    } else if (!json_to_double(a, &x) || !json_to_double(b, &y)) {
        return (int)a->type - (int)b->type;
    }
    return (x > y) - (x < y);
}

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = by_value(x->value, y->value);

    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static bool find_keys(const struct get *g, struct arena *arena, struct key *keys, size_t count)
{
    struct jsonpath_template template;
    struct error error = {0};
    enum status st =
        jsonpath_template_parse_relaxed(arena, bytes_str(g->t->flags.sort_by), &template, &error);
    bool any = false;

    for (size_t i = 0; i < count && st == STATUS_OK; i++) {
        struct jsonpath_values found;
        const struct json *object =
            get_is_table(g) ? json_get(keys[i].item, BYTES("object")) : keys[i].item;

        st = jsonpath_template_find(&template, arena, object, &found, &error);
        if (st == STATUS_OK && found.count != 0) {
            keys[i].value = found.items[0];
            any = true;
        }
    }
    if (st != STATUS_OK)
        tidectl_say("%s", error_message(&error));
    else if (!any)
        tidectl_say("couldn't find any field with path \"%s\" in the list of objects",
                    g->t->flags.sort_by);
    error_release(&error);
    return st == STATUS_OK && any;
}

bool get_sort(const struct get *g, const struct json **items, size_t count)
{
    struct arena arena = {0};
    struct key *keys = calloc(count, sizeof(*keys));
    bool ok;

    if (keys == NULL)
        return tidectl_say_no_memory() == 0;
    for (size_t i = 0; i < count; i++)
        keys[i] = (struct key){items[i], NULL, i};
    ok = find_keys(g, &arena, keys, count);
    if (ok)
        qsort(keys, count, sizeof(*keys), by_key);
    for (size_t i = 0; i < count && ok; i++)
        items[i] = keys[i].item;
    free(keys);
    arena_release(&arena);
    return ok;
}
