#include "apiserver/handlers/selector_rules.h"

#include "base/map.h"

enum selector_op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_DOES_NOT_EXIST };

static bool read_operator(const struct json *expression, enum selector_op *ret_op)
{
    static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist"};
    struct bytes name = json_get_text(expression, "operator");

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (bytes_eq_str(name, names[i])) {
            *ret_op = (enum selector_op)i;
            return true;
        }
    return false;
}

static struct bytes expression_field(struct arena *arena, size_t i, const char *name)
{
    return arena_printf(arena, "spec.selector.matchExpressions[%zu].%s", i, name);
}

void selector_validate(struct field_errors *errors, const struct json *selector)
{
    size_t i = 0;

    json_each(json_get(selector, BYTES("matchExpressions")), it) {
        const struct json *values = json_get(it, BYTES("values"));
        bool has_values = json_is(values, JSON_ARRAY) && values->count != 0;
        enum selector_op op;

        if (!read_operator(it, &op))
            field_invalid_text(errors, expression_field(errors->arena, i, "operator"),
                               json_get_text(it, "operator"), "not a valid selector operator");
        else if (op <= OP_NOT_IN && !has_values)
            field_required(errors, expression_field(errors->arena, i, "values"),
                           "must be specified when `operator` is 'In' or 'NotIn'");
        else if (op >= OP_EXISTS && has_values)
            field_forbidden(errors, expression_field(errors->arena, i, "values"),
                            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        i++;
    }
}

static bool holds_value(const struct json *values, struct bytes value)
{
    json_each(values, it) {
        if (bytes_eq(json_text(it), value))
            return true;
    }
    return false;
}

static bool expression_holds(const struct json *expression, const struct map *labels)
{
    const struct json *label = map_get(labels, json_get_text(expression, "key"));
    bool in = label != NULL && holds_value(json_get(expression, BYTES("values")), json_text(label));
    enum selector_op op;

    if (!read_operator(expression, &op))
        return false;
    switch (op) {
    case OP_IN:
        return in;
    case OP_NOT_IN:
        return !in;
    case OP_EXISTS:
        return label != NULL;
    case OP_DOES_NOT_EXIST:
        return label == NULL;
    }
    return false;
}

static bool all_hold(const struct json *selector, const struct map *labels)
{
    json_each(json_get(selector, BYTES("matchLabels")), it) {
        const struct json *label = map_get(labels, it->key);

        if (label == NULL || !bytes_eq(json_text(label), json_text(it)))
            return false;
    }
    json_each(json_get(selector, BYTES("matchExpressions")), it) {
        if (!expression_holds(it, labels))
            return false;
    }
    return true;
}

bool selector_matches_labels(const struct json *selector, const struct json *labels)
{
    struct map index = {0};
    bool matches = true;

    json_each(json_is(labels, JSON_OBJECT) ? labels : NULL, it) {
        matches = matches && map_put(&index, it->key, it);
    }
    matches = matches && all_hold(selector, &index);
    map_release(&index);
    return matches;
}
