/*
 * JSON merge patch (RFC 7386). Recursion is as deep as the patch, which the reader bounds.
 */
#include "codec/members.h"
#include "codec/patch.h"

static void merge_objects(struct arena *arena, struct json *target, const struct json *patch)
{
    struct members members;

    members_init(&members, target, patch->count);
    json_each(patch, it) {
        struct json *old = members_find(&members, it->key);

        if (it->type == JSON_NULL)
            members_drop(&members, old);
        else if (old != NULL)
            json_replace(old, json_merge_patch_apply(arena, old, it));
        else
            json_add(target, it->key, json_merge_patch_apply(arena, NULL, it));
    }
    members_end(&members);
}

struct json *json_merge_patch_apply(struct arena *arena, struct json *target,
                                    const struct json *patch)
{
    if (patch->type != JSON_OBJECT)
        return json_copy(arena, patch);
    if (!json_is(target, JSON_OBJECT))
        target = json_new_object(arena);
    if (target != NULL)
        merge_objects(arena, target, patch);
    return target;
}
