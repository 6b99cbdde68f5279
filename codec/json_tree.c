/*
 * Reading, building and changing trees. Lists of children are singly linked with a tail: trees are
 * read and appended to far more often than cut.
 */
#include "codec/json.h"

#include <stdarg.h>

/* ---- reading ---- */

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};

    return names[type];
}

struct json *json_get(const struct json *object, struct bytes key)
{
    if (!json_is(object, JSON_OBJECT))
        return NULL;
    json_each(object, it)
        if (bytes_eq(it->key, key))
            return it;
    return NULL;
}

struct json *json_at(const struct json *object, ...)
{
    struct json *node = NULL;
    va_list keys;

    va_start(keys, object);
    for (const char *key; (key = va_arg(keys, const char *)) != NULL; object = node)
        node = json_get(object, bytes_str(key));
    va_end(keys);
    return node;
}

struct json *json_index(const struct json *array, size_t index)
{
    if (!json_is(array, JSON_ARRAY) || index >= array->count)
        return NULL;
    json_each(array, it)
        if (index-- == 0)
            return it;
    return NULL;
}

struct bytes json_text(const struct json *node)
{
    return json_is(node, JSON_STRING) ? node->text : bytes_of(NULL, 0);
}

struct bytes json_get_text(const struct json *object, const char *key)
{
    return json_text(json_get(object, bytes_str(key)));
}

bool json_is_true(const struct json *node)
{
    return json_is(node, JSON_BOOL) && node->boolean;
}

/* ---- building ---- */

static struct json *new_node(struct arena *arena, enum json_type type)
{
    struct json *node = arena_new(arena, struct json);

    if (node != NULL)
        node->type = (uint8_t)type;
    return node;
}

static struct json *new_text(struct arena *arena, enum json_type type, struct bytes text)
{
    struct json *node = new_node(arena, type);

    if (node != NULL)
        node->text = text;
    return node;
}

struct json *json_new_null(struct arena *arena)
{
    return new_node(arena, JSON_NULL);
}

struct json *json_new_bool(struct arena *arena, bool boolean)
{
    struct json *node = new_node(arena, JSON_BOOL);

    if (node != NULL)
        node->boolean = boolean;
    return node;
}

struct json *json_new_int(struct arena *arena, int64_t n)
{
    return new_text(arena, JSON_NUMBER, arena_printf(arena, "%lld", (long long)n));
}

struct json *json_new_number(struct arena *arena, struct bytes text)
{
    return new_text(arena, JSON_NUMBER, text);
}

struct json *json_new_string(struct arena *arena, struct bytes text)
{
    return new_text(arena, JSON_STRING, text);
}

struct json *json_new_array(struct arena *arena)
{
    return new_node(arena, JSON_ARRAY);
}

struct json *json_new_object(struct arena *arena)
{
    return new_node(arena, JSON_OBJECT);
}

/* ---- changing ---- */

/* Links `child` behind `previous`, or first when that is NULL. */
static void link_behind(struct json *parent, struct json *previous, struct json *child)
{
    struct json **link = previous != NULL ? &previous->next : &parent->first;

    child->next = *link;
    *link = child;
    if (parent->last == previous)
        parent->last = child;
    parent->count++;
}

/* Takes out what stands behind `previous`, or the first child when that is NULL. */
static struct json *unlink_behind(struct json *parent, struct json *previous)
{
    struct json **link = previous != NULL ? &previous->next : &parent->first;
    struct json *child = *link;

    *link = child->next;
    if (parent->last == child)
        parent->last = previous;
    parent->count--;
    child->next = NULL;
    return child;
}

/* The child before place `index`; NULL for the first place. */
static struct json *child_before(const struct json *parent, size_t index)
{
    struct json *it = NULL;

    if (index != 0 && index == parent->count)
        return parent->last;
    for (size_t i = 0; i < index; i++)
        it = it != NULL ? it->next : parent->first;
    return it;
}

/* Puts `child` itself where the member behind `previous` stands. */
static void swap_behind(struct json *parent, struct json *previous, struct json *child)
{
    unlink_behind(parent, previous);
    link_behind(parent, previous, child);
}

struct json *json_set(struct json *object, struct bytes key, struct json *child)
{
    struct json *previous = NULL;

    if (!json_is(object, JSON_OBJECT) || child == NULL)
        return child;
    child->key = key;
    json_each(object, it) {
        if (it == child)
            return child;
        if (bytes_eq(it->key, key)) {
            swap_behind(object, previous, child);
            return child;
        }
        previous = it;
    }
    link_behind(object, object->last, child);
    return child;
}

struct json *json_add(struct json *object, struct bytes key, struct json *child)
{
    if (json_is(object, JSON_OBJECT) && child != NULL) {
        child->key = key;
        link_behind(object, object->last, child);
    }
    return child;
}

struct json *json_set_text(struct arena *arena, struct json *object, const char *key,
                           struct bytes text)
{
    return json_set(object, bytes_str(key), json_new_string(arena, text));
}

struct json *json_ensure_object(struct arena *arena, struct json *object, const char *key)
{
    struct json *member = json_get(object, bytes_str(key));

    if (json_is(member, JSON_OBJECT))
        return member;
    return json_set(object, bytes_str(key), json_new_object(arena));
}

struct json *json_remove(struct json *object, struct bytes key)
{
    struct json *previous = NULL;

    if (!json_is(object, JSON_OBJECT))
        return NULL;
    json_each(object, it) {
        if (bytes_eq(it->key, key))
            return unlink_behind(object, previous);
        previous = it;
    }
    return NULL;
}

struct json *json_append(struct json *array, struct json *child)
{
    return json_insert(array, array != NULL ? array->count : 0, child);
}

struct json *json_insert(struct json *array, size_t index, struct json *child)
{
    if (!json_is(array, JSON_ARRAY) || child == NULL)
        return child;
    assert(index <= array->count);
    child->key = bytes_of(NULL, 0);
    link_behind(array, child_before(array, index), child);
    return child;
}

struct json *json_remove_index(struct json *array, size_t index)
{
    if (!json_is(array, JSON_ARRAY) || index >= array->count)
        return NULL;
    return unlink_behind(array, child_before(array, index));
}

void json_replace(struct json *node, const struct json *with)
{
    struct bytes key;
    struct json *next;

    if (node == NULL || with == NULL)
        return;
    key = node->key;
    next = node->next;
    *node = *with;
    node->key = key;
    node->next = next;
}
