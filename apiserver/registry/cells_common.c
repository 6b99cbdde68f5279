#include "apiserver/registry/cells.h"

#include <stdlib.h>

#include "apiserver/registry/view.h"
#include "base/clock.h"

void cell_put(struct buf *out, struct bytes text, const char *fallback)
{
    json_write_string(out, text.len > 0 ? text : bytes_str(fallback));
}

void cell_put_int(struct buf *out, int64_t n)
{
    buf_appendf(out, "%lld", (long long)n);
}

void cell_put_buf(struct buf *out, struct buf *text, const char *fallback)
{
    cell_put(out, buf_bytes(text), fallback);
    out->failed |= text->failed;
    buf_release(text);
}

int64_t cell_int(const struct json *node)
{
    int64_t n;

    return json_to_i64(node, &n) ? n : 0;
}

void cell_append_since(struct buf *text, struct bytes time, int64_t now_s)
{
    int64_t at_s;

    if (rfc3339_parse(time, &at_s))
        view_human_age(text, now_s - at_s);
    else
        buf_append_str(text, "<unknown>");
}

void cell_append_item(struct buf *text, struct bytes item, const char *separator)
{
    if (text->len > 0)
        buf_append_str(text, separator);
    buf_append_bytes(text, item);
}

const struct json *cell_condition(const struct json *conditions, const char *type)
{
    json_each(conditions, condition) {
        if (bytes_eq_str(json_get_text(condition, "type"), type))
            return condition;
    }
    return NULL;
}

bool cell_condition_is(const struct json *conditions, const char *type, const char *status)
{
    return bytes_eq_str(json_get_text(cell_condition(conditions, type), "status"), status);
}

/* The texts of an array of strings, or of member `member` of its objects, joined. */
static void append_joined(struct buf *text, const struct json *array, const char *member,
                          const char *separator)
{
    bool first = true;

    json_each(array, item) {
        if (!first)
            buf_append_str(text, separator);
        first = false;
        buf_append_bytes(text, member != NULL ? json_get_text(item, member) : json_text(item));
    }
}

/* ---- labels and selectors ---- */

/* One requirement of a selector, or one label; sorted by key before they are worded. */
struct term {
    struct bytes key, operator;
    const struct json *values; /* an array, or the one text */
};

static int compare_terms(const void *a, const void *b)
{
    return bytes_cmp(((const struct term *)a)->key, ((const struct term *)b)->key);
}

static int compare_texts(const void *a, const void *b)
{
    return bytes_cmp(json_text(*(const struct json *const *)a),
                     json_text(*(const struct json *const *)b));
}

/* "(x,y)", sorted, as labels.Requirement keeps its values in a set. */
static void append_values(struct buf *text, struct arena *arena, const struct json *values)
{
    const struct json **sorted;
    size_t count = 0;

    if (!json_is(values, JSON_ARRAY) || values->count == 0)
        return;
    sorted = arena_alloc(arena, values->count * sizeof(struct json *));
    if (sorted == NULL)
        return;
    json_each(values, value)
        sorted[count++] = value;
    qsort(sorted, count, sizeof(*sorted), compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(text, ',');
        buf_append_bytes(text, json_text(sorted[i]));
    }
}

static void append_term(struct buf *text, struct arena *arena, const struct term *term)
{
    static const struct {
        const char *operator, * before, *between;
        bool values;
    } forms[] = {
        {"In", "", " in (", true},
        {"NotIn", "", " notin (", true},
        {"Exists", "", "", false},
        {"DoesNotExist", "!", "", false},
    };

    if (term->operator.len == 0) {
        buf_append_bytes(text, term->key);
        buf_append_char(text, '=');
        buf_append_bytes(text, json_text(term->values));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (!bytes_eq_str(term->operator, forms[i].operator))
            continue;
        buf_append_str(text, forms[i].before);
        buf_append_bytes(text, term->key);
        buf_append_str(text, forms[i].between);
        if (forms[i].values) {
            append_values(text, arena, term->values);
            buf_append_char(text, ')');
        }
    }
}

static void append_terms(struct buf *text, const struct json *labels,
                         const struct json *expressions)
{
    struct arena arena = {0};
    size_t count = 0, most = (labels != NULL ? labels->count : 0) +
                             (expressions != NULL ? expressions->count : 0);
    struct term *terms = arena_alloc(&arena, (most + 1) * sizeof(*terms));

    if (terms == NULL) {
        text->failed = true;
        return;
    }
    json_each(labels, label)
        terms[count++] = (struct term){label->key, {NULL, 0}, label};
    json_each(expressions, it)
        terms[count++] = (struct term){json_get_text(it, "key"), json_get_text(it, "operator"),
                                       json_get(it, BYTES("values"))};
    qsort(terms, count, sizeof(*terms), compare_terms);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_char(text, ',');
        append_term(text, &arena, &terms[i]);
    }
    text->failed |= arena.failed;
    arena_release(&arena);
}

void cell_append_labels(struct buf *text, const struct json *labels)
{
    if (json_is(labels, JSON_OBJECT) && labels->count > 0)
        append_terms(text, labels, NULL);
    else
        buf_append_str(text, "<none>");
}

void cell_append_selector(struct buf *text, const struct json *selector)
{
    const struct json *labels = json_get(selector, BYTES("matchLabels"));
    const struct json *expressions = json_get(selector, BYTES("matchExpressions"));

    append_terms(text, json_is(labels, JSON_OBJECT) ? labels : NULL,
                 json_is(expressions, JSON_ARRAY) ? expressions : NULL);
}

/* ---- cells of any kind ---- */

void cell_name(struct buf *out, const struct cell_source *from)
{
    json_write_string(out, from->object->name);
}

void cell_age(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    if (from->object->created_s == 0)
        buf_append_str(&text, "<unknown>");
    else
        view_human_age(&text, from->now_s - from->object->created_s);
    cell_put_buf(out, &text, "");
}

void cell_created_at(struct buf *out, const struct cell_source *from)
{
    cell_put(out, json_text(json_at(from->tree, "metadata", "creationTimestamp", NULL)),
             "0001-01-01T00:00:00Z");
}

/* Where a kind keeps its pod template. */
static const struct json *pod_spec(const struct json *tree)
{
    const struct json *spec = json_at(tree, "spec", "template", "spec", NULL);

    if (spec == NULL)
        spec = json_at(tree, "spec", "jobTemplate", "spec", "template", "spec", NULL);
    return spec != NULL ? spec : json_at(tree, "template", "spec", NULL);
}

void cell_containers(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    append_joined(&text, json_get(pod_spec(from->tree), BYTES("containers")), "name", ",");
    cell_put_buf(out, &text, "");
}

void cell_images(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    append_joined(&text, json_get(pod_spec(from->tree), BYTES("containers")), "image", ",");
    cell_put_buf(out, &text, "");
}

static void put_selector(struct buf *out, const struct json *selector, const char *fallback)
{
    struct buf text = {0};

    cell_append_selector(&text, selector);
    cell_put_buf(out, &text, fallback);
}

void cell_selector(struct buf *out, const struct cell_source *from)
{
    put_selector(out, json_at(from->tree, "spec", "selector", NULL), "");
}

void cell_selector_or_none(struct buf *out, const struct cell_source *from)
{
    const struct json *selector = json_at(from->tree, "spec", "selector", NULL);

    if (json_at(from->tree, "spec", "jobTemplate", NULL) != NULL)
        selector = json_at(from->tree, "spec", "jobTemplate", "spec", "selector", NULL);
    put_selector(out, selector, "<none>");
}

void cell_pod_selector(struct buf *out, const struct cell_source *from)
{
    put_selector(out, json_at(from->tree, "spec", "podSelector", NULL), "<none>");
}

void cell_map_selector(struct buf *out, const struct cell_source *from)
{
    struct buf text = {0};

    cell_append_labels(&text, json_at(from->tree, "spec", "selector", NULL));
    cell_put_buf(out, &text, "");
}
