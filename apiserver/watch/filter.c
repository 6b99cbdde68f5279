#include "apiserver/watch/filter.h"

#include "base/planted.h"

struct bytes filter_key_prefix(const struct filter *filter)
{
    return filter->scope == SCOPE_NAME ? filter_prefix(filter) : filter->text;
}

static bool find_field(const struct kind *kind, struct bytes label, uint32_t *ret_field)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        if (bytes_eq_str(label, kind->fields[i].label)) {
            *ret_field = (uint32_t)i;
            return true;
        }
    }
    return false;
}

struct filter_term filter_term(const struct filter *filter)
{
    struct filter_term found = {.of = TERM_NONE};

    /* The fields of a custom kind stand in no index: they are looked up in its JSON. */
    for (size_t i = 0; filter->fields != NULL && !filter->kind->custom && i < filter->fields->count;
         i++) {
        const struct field_term *term = &filter->fields->terms[i];

        if (term->negated || !find_field(filter->kind, term->field, &found.field))
            continue;
        found.of = TERM_FIELD;
        found.value = term->value;
        return found;
    }
    if (label_selector_required(filter->labels, &found.label, &found.value))
        found.of = TERM_LABEL;
    return found;
}

bool filter_term_value(const struct filter_term *term, const struct object *object,
                       struct bytes *ret_value)
{
    if (term->of == TERM_FIELD) {
        *ret_value = term->field < object->field_count ? object->fields[term->field] : BYTES("");
        return true;
    }
    for (size_t i = 0; i < object->label_count; i++) {
        if (bytes_eq(object->labels[i].key, term->label)) {
            *ret_value = object->labels[i].value;
            return true;
        }
    }
    return false;
}

bool filter_in_scope(const struct filter *filter, struct bytes suffix)
{
    struct bytes text = filter_scope_text(filter);

    switch (filter->scope) {
    case SCOPE_NAMESPACE:
        return PLANTED(wrong_namespace) || bytes_starts_with(suffix, text);
    case SCOPE_NAME:
        return bytes_ends_with(suffix, text);
    case SCOPE_OBJECT:
        return bytes_eq(suffix, text);
    case SCOPE_ALL:
        break;
    }
    return true;
}

bool filter_selects(const struct filter *filter, const struct object *object)
{
    if (filter->labels != NULL &&
        !label_selector_matches(filter->labels, object->labels, object->label_count))
        return false;
    return filter->fields == NULL || kind_matches_fields(filter->kind, object, filter->fields);
}

enum watch_type filter_event(const struct filter *filter, const struct watch_event *event)
{
    static const enum watch_type seen[2][2] = {
        /* by: matched before, matches now */
        {WATCH_NONE, WATCH_ADDED},
        {WATCH_DELETED, WATCH_MODIFIED},
    };
    bool before, now;

    if (!filter_in_scope(filter, watch_event_suffix(event)))
        return WATCH_NONE;
    if (filter_is_scope(filter)) {
        before = !event->created;
        now = event->object != NULL;
    } else {
        before = event->prev != NULL && filter_selects(filter, event->prev);
        now = event->object != NULL && filter_selects(filter, event->object);
    }
    if (PLANTED(forget_transition) && event->object != NULL)
        before = now;
    return PLANTED(drop_event) ? WATCH_NONE : seen[before][now];
}
