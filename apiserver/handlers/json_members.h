/*
 * json_members - adding members to an object that is known not to have them, without the search of
 * json_set(): a ConfigMap may have a hundred thousand.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_JSON_MEMBERS_H
#define TIDEWATCH_APISERVER_HANDLERS_JSON_MEMBERS_H

#include "codec/json.h"

/* A node with the key and the value of `member`, and a place of its own; what is below it is
 * shared. */
static inline struct json *json_new_member(struct arena *arena, const struct json *member)
{
    struct json *node = arena_alloc(arena, sizeof(*node));

    if (node != NULL) {
        *node = *member;
        node->next = NULL;
    }
    return node;
}

/* Adds `member`, whose key the object does not have, as the last one. */
static inline void json_link_member(struct json *object, struct json *member)
{
    if (object == NULL || member == NULL)
        return;
    if (object->last != NULL)
        object->last->next = member;
    else
        object->first = member;
    object->last = member;
    object->count++;
}

#endif
