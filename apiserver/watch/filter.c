#include "apiserver/watch/filter.h"

struct bytes filter_key_prefix(const struct filter *filter)
{
    return filter->scope == SCOPE_NAME ? filter_prefix(filter) : filter->text;
}

bool filter_in_scope(const struct filter *filter, struct bytes suffix)
{
    struct bytes text = filter_scope_text(filter);

    switch (filter->scope) {
    case SCOPE_NAMESPACE:
        return bytes_starts_with(suffix, text);
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
    before = event->prev != NULL && filter_selects(filter, event->prev);
    now = event->object != NULL && filter_selects(filter, event->object);
    return seen[before][now];
}
