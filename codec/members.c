#include "codec/members.h"

enum { FEW = 16, DROPPED = 0xff /* stands in `type` until the sweep */ };

static_assert((int)DROPPED > (int)JSON_OBJECT, "no type of a node");

void members_init(struct members *m, struct json *object, size_t lookups)
{
    *m = (struct members){.object = object};
    if (lookups < FEW || object->count < FEW)
        return;
    json_each(object, it) {
        struct bytes key = it->key.ptr != NULL ? it->key : BYTES(""); /* NULL is no key to a map */

        if (!map_put(&m->index, key, it)) {
            map_release(&m->index);
            return;
        }
    }
}

struct json *members_find(const struct members *m, struct bytes key)
{
    return m->index.count != 0 ? map_get(&m->index, key) : json_get(m->object, key);
}

void members_drop(struct members *m, struct json *member)
{
    if (member == NULL)
        return;
    member->type = DROPPED;
    m->dropped = true;
}

void members_end(struct members *m)
{
    struct json *it = m->dropped ? m->object->first : NULL, *next;

    if (m->dropped) {
        m->object->first = m->object->last = NULL;
        m->object->count = 0;
    }
    for (; it != NULL; it = next) {
        next = it->next;
        if (it->type != DROPPED)
            json_add(m->object, it->key, it);
    }
    map_release(&m->index);
}
