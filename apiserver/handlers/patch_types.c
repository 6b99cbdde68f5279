#include "apiserver/handlers/patch_types.h"

#include "codec/merge_rules.h"
#include "codec/patch.h"

struct patch_type {
    const char *media_type;
    bool needs_schema;    /* of built-in kinds only */
    enum json_type shape; /* of the patch */
    enum status (*apply)(struct arena *arena, struct bytes group, struct bytes kind,
                         struct json **target, struct json *patch, struct error *reterr);
};

/* A patch that does not fit the object. kubectl prints causes by their field. */
static enum status cannot_apply(struct error *reterr)
{
    struct error why = *reterr;

    *reterr = (struct error){0};
    error_set(reterr, STATUS_INVALID,
              "the server rejected our request due to an error in our request");
    error_add_cause(reterr, "UnexpectedServerResponse", BYTES("patch"), "%s", error_message(&why));
    error_release(&why);
    return STATUS_INVALID;
}

static enum status apply_json_patch(struct arena *arena, struct bytes group, struct bytes kind,
                                    struct json **target, struct json *patch, struct error *reterr)
{
    enum status st = json_patch_apply(arena, target, patch, reterr);

    (void)group;
    (void)kind;
    return st == STATUS_INVALID ? cannot_apply(reterr) : st;
}

static enum status apply_merge_patch(struct arena *arena, struct bytes group, struct bytes kind,
                                     struct json **target, struct json *patch, struct error *reterr)
{
    (void)group;
    (void)kind;
    *target = json_merge_patch_apply(arena, *target, patch);
    return *target != NULL ? STATUS_OK : error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

static enum status apply_strategic(struct arena *arena, struct bytes group, struct bytes kind,
                                   struct json **target, struct json *patch, struct error *reterr)
{
    size_t count;
    const struct merge_rule *rules = merge_rules_for(group, kind, &count);

    return strategic_merge_patch_apply(arena, *target, patch, rules, count, reterr);
}

static const struct patch_type patch_types[] = {
    {"application/json-patch+json", false, JSON_ARRAY, apply_json_patch},
    {"application/merge-patch+json", false, JSON_OBJECT, apply_merge_patch},
    {"application/strategic-merge-patch+json", true, JSON_OBJECT, apply_strategic},
};

enum status patch_type_find(struct bytes content_type, bool schema,
                            const struct patch_type **ret_type, struct error *reterr)
{
    struct bytes name = bytes_trim(bytes_cut(&content_type, ';'));
    struct buf accepted = {0};

    for (size_t i = 0; i < ARRAY_LEN(patch_types); i++) {
        const struct patch_type *type = &patch_types[i];

        if (type->needs_schema && !schema)
            continue;
        if (bytes_ieq(name, bytes_str(type->media_type))) {
            buf_release(&accepted);
            *ret_type = type;
            return STATUS_OK;
        }
        buf_appendf(&accepted, "%s%s", accepted.len != 0 ? ", " : "", type->media_type);
    }
    error_set(reterr, STATUS_UNSUPPORTED_MEDIA_TYPE,
              "the body of the request was in an unknown format - accepted media types include: "
              "%.*s",
              BYTES_FMT(buf_bytes(&accepted)));
    buf_release(&accepted);
    return STATUS_UNSUPPORTED_MEDIA_TYPE;
}

enum status patch_type_check(const struct patch_type *type, const struct json *patch,
                             struct error *reterr)
{
    if (json_is(patch, type->shape))
        return STATUS_OK;
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "error decoding patch: json: cannot unmarshal %s into a patch, which is an %s",
                     patch != NULL ? json_type_name((enum json_type)patch->type) : "nothing",
                     json_type_name(type->shape));
}

enum status patch_type_apply(const struct patch_type *type, struct arena *arena, struct bytes group,
                             struct bytes kind, struct json **target, const struct json *patch,
                             struct error *reterr)
{
    struct json *copy = json_copy(arena, patch);

    if (copy == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    return type->apply(arena, group, kind, target, copy, reterr);
}
