/*
 * Strategic merge patch, objects. The directives a member name can be:
 *
 *   $patch: replace | delete | merge     of the object it stands in; merge is the default
 *   $retainKeys: [a, b]                  all other members of the target go
 *   $setElementOrder/list: [..]          the order of the merged list
 *   $deleteFromPrimitiveList/list: [..]  scalars that go from a list
 *
 * What a patch adds is stripped of directives and nulls: a typed apiserver drops them when it
 * decodes the result. Recursion is as deep as the patch, which the reader bounds.
 */
#include "codec/members.h"
#include "codec/strategic.h"

#define ORDER_PREFIX BYTES("$setElementOrder/")
#define DELETE_PREFIX BYTES("$deleteFromPrimitiveList/")

static bool is_parallel_list(struct bytes name)
{
    return bytes_starts_with(name, ORDER_PREFIX) || bytes_starts_with(name, DELETE_PREFIX);
}

static bool is_directive(struct bytes name)
{
    return name.len != 0 && name.ptr[0] == '$' &&
           (bytes_eq_str(name, "$patch") || bytes_eq_str(name, "$retainKeys") ||
            is_parallel_list(name));
}

enum patch_directive strategic_directive(const struct json *object)
{
    static const char *const names[] = {[DIRECTIVE_MERGE] = "merge",
                                        [DIRECTIVE_REPLACE] = "replace",
                                        [DIRECTIVE_DELETE] = "delete"};
    const struct json *node = json_get(object, BYTES("$patch"));

    if (node == NULL)
        return DIRECTIVE_NONE;
    for (unsigned i = DIRECTIVE_MERGE; i < ARRAY_LEN(names); i++)
        if (bytes_eq_str(json_text(node), names[i]))
            return (enum patch_directive)i;
    return DIRECTIVE_UNKNOWN;
}

enum status strategic_unknown_directive(struct strategic *s, const struct json *object)
{
    struct buf text = {0};

    json_write(&text, json_get(object, BYTES("$patch")), false);
    error_set(s->reterr, STATUS_BAD_REQUEST, "unknown patch type: %.*s",
              BYTES_FMT(buf_bytes(&text)));
    buf_release(&text);
    return STATUS_BAD_REQUEST;
}

struct json *strategic_clean_object(struct arena *arena, const struct json *value)
{
    struct json *copy = json_new_object(arena);

    json_each(value, it) {
        if (it->type != JSON_NULL && !is_directive(it->key))
            json_add(copy, it->key, strategic_clean(arena, it));
    }
    return copy;
}

struct json *strategic_clean(struct arena *arena, const struct json *value)
{
    struct json *copy;

    if (value->type < JSON_ARRAY)
        return json_copy(arena, value);
    if (value->type == JSON_OBJECT)
        return strategic_directive(value) == DIRECTIVE_NONE ? strategic_clean_object(arena, value)
                                                            : NULL;
    copy = json_new_array(arena);
    json_each(value, it)
        json_append(copy, strategic_clean(arena, it));
    return copy;
}

/* ---- rules ---- */

/* Compares names from the end, so that "**." may stand for any number of them. */
static bool rule_applies(const struct merge_rule *rule, const struct place *place)
{
    struct bytes path = bytes_str(rule->path);

    while (path.ptr != NULL) {
        size_t at = path.len;

        while (at > 0 && path.ptr[at - 1] != '.')
            at--;
        if (at == 0 && bytes_eq_str(path, "**"))
            return true;
        if (place == NULL || !bytes_eq(bytes_from(path, at), place->name))
            return false;
        path = at > 0 ? bytes_of(path.ptr, at - 1) : bytes_of(NULL, 0);
        place = place->up;
    }
    return place == NULL;
}

static const struct merge_rule *find_rule(const struct strategic *s, const struct place *place)
{
    for (size_t i = 0; i < s->rule_count; i++)
        if (rule_applies(&s->rules[i], place))
            return &s->rules[i];
    return NULL;
}

/* The rule by which a list merges; NULL: it is replaced. */
static const struct merge_rule *find_list_rule(const struct strategic *s, const struct place *place)
{
    const struct merge_rule *rule = find_rule(s, place);

    if (rule == NULL || rule->replace || (rule->retain_keys && rule->merge_key == NULL))
        return NULL;
    return rule;
}

/* ---- directives ---- */

static bool add_names(struct map *names, const struct json *list)
{
    json_each(list, it) {
        if (it->type == JSON_STRING && it->text.ptr != NULL &&
            !map_put(names, it->text, (void *)(uintptr_t)it))
            return false;
    }
    return true;
}

static enum status bad_format(struct strategic *s, const char *what)
{
    return error_set(s->reterr, STATUS_BAD_REQUEST, "invalid patch format of %s", what);
}

/* Drops what `$retainKeys` does not name; the patch itself may only set what it names. */
static enum status apply_retain_keys(struct strategic *s, struct json *target,
                                     const struct json *patch)
{
    const struct json *list = json_get(patch, BYTES("$retainKeys"));
    struct members members;
    struct map kept = {0};
    bool good = true;

    if (list == NULL)
        return STATUS_OK;
    if (list->type != JSON_ARRAY)
        return bad_format(s, "retainKeys");
    s->arena->failed |= !add_names(&kept, list);
    json_each(patch, it) {
        if (it->type != JSON_NULL && !is_directive(it->key))
            good = good && map_get(&kept, it->key) != NULL;
    }
    members_init(&members, target, 0);
    json_each(target, it) {
        if (good && map_get(&kept, it->key) == NULL)
            members_drop(&members, it);
    }
    members_end(&members);
    map_release(&kept);
    return good ? STATUS_OK : bad_format(s, "retainKeys");
}

/* Puts `value` (NULL: nothing is left of it) in place of the member `old`, or last. */
static void set_member(struct members *members, struct json *old, struct bytes name,
                       struct json *value)
{
    if (old == NULL)
        json_add(members->object, name, value);
    else if (value != NULL)
        json_replace(old, value);
    else
        members_drop(members, old);
}

/* `$setElementOrder/name`, together with the list `name` of the patch (NULL: the patch has none).
 */
static enum status apply_order(struct strategic *s, struct members *members, struct bytes name,
                               const struct json *order, const struct json *patch,
                               const struct place *place)
{
    const struct place here = {place, name};
    const struct merge_rule *rule = find_list_rule(s, &here);
    struct json *old = members_find(members, name);

    if (order->type != JSON_ARRAY || (patch != NULL && patch->type != JSON_ARRAY) ||
        (old != NULL && old->type != JSON_ARRAY))
        return bad_format(s, "setElementOrder list");
    if (rule == NULL) {
        if (patch != NULL)
            set_member(members, old, name, strategic_clean(s->arena, patch));
        return STATUS_OK;
    }
    if (old == NULL && patch != NULL)
        old = json_add(members->object, name, json_new_array(s->arena));
    return old != NULL ? strategic_merge_list(s, old, patch, order, rule, &here) : STATUS_OK;
}

static enum status apply_deletions(struct strategic *s, struct members *members, struct bytes name,
                                   const struct json *doomed)
{
    struct json *old = members_find(members, name);

    if (doomed->type != JSON_ARRAY)
        return bad_format(s, "primitive list");
    if (!json_is(old, JSON_ARRAY))
        return STATUS_OK;
    return strategic_delete_scalars(s, old, doomed);
}

/* ---- members ---- */

static enum status merge_member(struct strategic *s, struct members *members,
                                const struct json *change, const struct place *place)
{
    const struct place here = {place, change->key};
    struct json *old = members_find(members, change->key);
    const struct merge_rule *rule;

    if (change->type == JSON_NULL) {
        members_drop(members, old);
        return STATUS_OK;
    }
    if (change->type == JSON_OBJECT && json_is(old, JSON_OBJECT)) {
        rule = find_rule(s, &here);
        if (rule == NULL || !rule->replace)
            return strategic_merge_object(s, old, change, &here);
    }
    if (change->type == JSON_ARRAY && json_is(old, JSON_ARRAY)) {
        rule = find_list_rule(s, &here);
        if (rule != NULL)
            return strategic_merge_list(s, old, change, NULL, rule, &here);
    }
    set_member(members, old, change->key, strategic_clean(s->arena, change));
    return STATUS_OK;
}

/* The lists that have an order directive: those are merged first, and `ordered` remembers them. */
static enum status merge_ordered(struct strategic *s, struct members *members,
                                 const struct json *patch, struct map *ordered,
                                 const struct place *place)
{
    struct members lists;
    size_t count = 0;
    enum status st = STATUS_OK;

    json_each(patch, it)
        count += bytes_starts_with(it->key, ORDER_PREFIX);
    if (count == 0)
        return STATUS_OK;
    members_init(&lists, (struct json *)(uintptr_t)patch, count); /* only looks */
    json_each(patch, it) {
        struct bytes name = bytes_from(it->key, ORDER_PREFIX.len);

        if (name.ptr == NULL || !bytes_starts_with(it->key, ORDER_PREFIX) || st != STATUS_OK)
            continue;
        s->arena->failed |= !map_put(ordered, name, it);
        st = apply_order(s, members, name, it, members_find(&lists, name), place);
    }
    members_end(&lists);
    return st;
}

static enum status merge_members(struct strategic *s, struct json *target, const struct json *patch,
                                 const struct place *place)
{
    struct members members;
    struct map ordered = {0};
    enum status st;

    members_init(&members, target, patch->count);
    st = merge_ordered(s, &members, patch, &ordered, place);
    for (const struct json *it = patch->first; it != NULL && st == STATUS_OK; it = it->next) {
        if (bytes_starts_with(it->key, DELETE_PREFIX))
            st = apply_deletions(s, &members, bytes_from(it->key, DELETE_PREFIX.len), it);
        else if (!is_directive(it->key) && map_get(&ordered, it->key) == NULL)
            st = merge_member(s, &members, it, place);
    }
    map_release(&ordered);
    members_end(&members);
    return st;
}

enum status strategic_merge_object(struct strategic *s, struct json *target,
                                   const struct json *patch, const struct place *place)
{
    enum status st;

    switch (strategic_directive(patch)) {
    case DIRECTIVE_NONE:
    case DIRECTIVE_MERGE:
        st = apply_retain_keys(s, target, patch);
        return st == STATUS_OK ? merge_members(s, target, patch, place) : st;
    case DIRECTIVE_REPLACE:
        json_replace(target, strategic_clean_object(s->arena, patch));
        return STATUS_OK;
    case DIRECTIVE_DELETE:
        json_replace(target, json_new_object(s->arena));
        return STATUS_OK;
    case DIRECTIVE_UNKNOWN:
        break;
    }
    return strategic_unknown_directive(s, patch);
}

enum status strategic_merge_patch_apply(struct arena *arena, struct json *target,
                                        const struct json *patch, const struct merge_rule *rules,
                                        size_t rule_count, struct error *reterr)
{
    struct strategic s = {
        .arena = arena, .rules = rules, .rule_count = rule_count, .reterr = reterr};
    enum status st;

    if (!json_is(target, JSON_OBJECT) || !json_is(patch, JSON_OBJECT))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "a strategic merge patch is an object, and changes one");
    st = strategic_merge_object(&s, target, patch, NULL);
    if (arena->failed) /* whatever else seemed wrong, that may be why */
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    return st;
}
