#include "client-go-like/merge3.h"

/* Does `current` say all that `modified` says, with perhaps more members in its objects? */
static bool covers(const struct json *current, const struct json *modified)
{
    const struct json *other;

    if (modified == NULL || current == NULL || modified->type != current->type)
        return json_equal(current, modified);
    switch (modified->type) {
    case JSON_OBJECT:
        json_each(modified, it) {
            if (!covers(json_get(current, it->key), it))
                return false;
        }
        return true;
    case JSON_ARRAY:
        other = current->first;
        json_each(modified, it) {
            if (other == NULL || !covers(other, it))
                return false;
            other = other->next;
        }
        return other == NULL;
    default:
        return json_equal(current, modified);
    }
}

static bool same_to_us(const struct json *original, const struct json *modified,
                       const struct json *current)
{
    if (json_equal(current, modified))
        return true;
    return json_is(modified, JSON_ARRAY) && original != NULL && json_equal(original, modified) &&
           covers(current, modified);
}

static void add_deletions(struct arena *arena, struct json *patch, const struct json *original,
                          const struct json *modified)
{
    json_each(original, it) {
        if (it->type != JSON_NULL && json_get(modified, it->key) == NULL)
            json_set(patch, it->key, json_new_null(arena));
    }
}

struct json *merge3(struct arena *arena, const struct json *original, const struct json *modified,
                    const struct json *current)
{
    struct json *patch = json_new_object(arena);

    json_each(modified, it) {
        const struct json *now = json_get(current, it->key), *then = json_get(original, it->key);

        if (it->type == JSON_NULL)
            continue; /* kubectl drops them: only what was applied before can be deleted */
        if (json_is(it, JSON_OBJECT) && json_is(now, JSON_OBJECT)) {
            struct json *inner = merge3(arena, json_is(then, JSON_OBJECT) ? then : NULL, it, now);

            if (inner != NULL && inner->count != 0)
                json_set(patch, it->key, inner);
        } else if (!same_to_us(then, it, now)) {
            json_set(patch, it->key, json_copy(arena, it));
        }
    }
    if (json_is(original, JSON_OBJECT))
        add_deletions(arena, patch, original, modified);
    return arena->failed ? NULL : patch;
}
