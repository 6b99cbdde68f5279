#include "codec/members.h"

enum { FEW = 16, DROPPED = 0xff /* stands in `type` until the sweep */ };

static_assert((int)DROPPED > (int)JSON_OBJECT, "no type of a node");

void members_init(struct members *m, struct json *object, size_t lookups)
{
    *m = (struct members){.object = object, .count = object->count};
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

/* Only among those that were there: what a patch adds would be walked again for each that it adds.
 */
static struct json *walk(const struct members *m, struct bytes key)
{
    struct json *it = m->object->first;

    for (size_t i = 0; i < m->count; i++, it = it->next)
        if (bytes_eq(it->key, key))
            return it;
    return NULL;
}

struct json *members_find(const struct members *m, struct bytes key)
{
    return m->index.count != 0 ? map_get(&m->index, key) : walk(m, key);
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
