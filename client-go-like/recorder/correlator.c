#include "client-go-like/recorder/correlator.h"

#include <stdlib.h>

#include "client-go-like/workqueue/limiter.h"

/* What is known under one key; which fields count depends on the list. */
struct known {
    struct list used;
    struct bytes key;
    /* similar */
    uint64_t last_ms;
    uint64_t messages[CORRELATOR_SIMILAR]; /* their hashes */
    unsigned message_count;
    /* same */
    uint64_t count;
    int64_t first_s;
    char *name;
    /* objects */
    struct bucket bucket;
    char text[];
};

static void forget(struct known_list *list, struct known *known)
{
    map_remove(&list->map, known->key);
    list_remove(&known->used);
    free(known->name);
    free(known);
}

static void forget_all(struct known_list *list)
{
    while (list->used.next != NULL && !list_empty(&list->used))
        forget(list, list_entry(list->used.next, struct known, used));
    map_release(&list->map);
}

void correlator_release(struct correlator *c)
{
    forget_all(&c->similar);
    forget_all(&c->same);
    forget_all(&c->objects);
}

/* Found or made, and now the one used last. NULL without memory. */
static struct known *know(struct known_list *list, struct bytes key)
{
    struct known *known = map_get(&list->map, key);

    if (list->used.next == NULL)
        list_init(&list->used);
    if (known != NULL) {
        list_remove(&known->used);
        list_append(&list->used, &known->used);
        return known;
    }
    if ((known = calloc(1, sizeof(*known) + key.len)) == NULL)
        return NULL;
    memcpy(known->text, key.ptr, key.len);
    known->key = bytes_of(known->text, key.len);
    if (!map_put(&list->map, known->key, known)) {
        free(known);
        return NULL;
    }
    if (list->map.count > CORRELATOR_ENTRIES)
        forget(list, list_entry(list->used.next, struct known, used));
    list_append(&list->used, &known->used);
    return known;
}

/* ---- keys: the texts that make two events the same, similar, or of one object ---- */

static void append_texts(struct buf *key, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_append(key, texts[i], strlen(texts[i]) + 1); /* NUL and all: no two run together */
}

static void object_key(struct buf *key, const struct event_text *e)
{
    const char *texts[] = {e->component, e->host, e->kind, e->ns, e->name, e->uid, e->api_version};

    append_texts(key, texts, ARRAY_LEN(texts));
}

static void similar_key(struct buf *key, const struct event_text *e)
{
    const char *texts[] = {e->type, e->reason};

    object_key(key, e);
    append_texts(key, texts, ARRAY_LEN(texts));
}

/* ---- the three steps ---- */

static bool has_message(const struct known *known, uint64_t hash)
{
    for (unsigned i = 0; i < known->message_count; i++)
        if (known->messages[i] == hash)
            return true;
    return false;
}

/* Is it one message too many of this reason? Then they share one Event. */
static bool is_combined(struct known *known, const char *message, uint64_t now_ms)
{
    uint64_t hash = bytes_hash(bytes_str(message));

    if (now_ms - known->last_ms > CORRELATOR_INTERVAL_MS)
        known->message_count = 0;
    known->last_ms = now_ms;
    if (!has_message(known, hash))
        known->messages[known->message_count++] = hash;
    if (known->message_count < CORRELATOR_SIMILAR)
        return false;
    known->message_count--;
    return true;
}

/* Counts it under `key`. */
static bool count_same(struct correlator *c, struct bytes key, int64_t wall_s, const char *new_name,
                       struct correlated *ret)
{
    struct known *known = know(&c->same, key);

    if (known == NULL)
        return false;
    if (known->name == NULL) {
        if ((known->name = strdup(new_name)) == NULL)
            return false;
        known->first_s = wall_s;
    }
    known->count++;
    ret->verdict = known->count > 1 ? EVENT_PATCH : EVENT_CREATE;
    ret->count = known->count;
    ret->first_s = known->first_s;
    ret->name = known->name;
    return true;
}

static bool is_spam(struct known *known, uint64_t now_ms)
{
    if (known->bucket.burst == 0) /* new */
        known->bucket = bucket_of(1.0 / CORRELATOR_REFILL_S, CORRELATOR_BURST, now_ms);
    return !bucket_allow(&known->bucket, now_ms);
}

bool correlator_see(struct correlator *c, const struct event_text *e, uint64_t now_ms,
                    int64_t wall_s, const char *new_name, struct correlated *ret)
{
    struct buf key = {0}, *message = &ret->message;
    struct known *similar, *object = NULL;
    bool ok = false;

    message->len = 0;
    similar_key(&key, e);
    similar = key.failed ? NULL : know(&c->similar, buf_bytes(&key));
    if (similar != NULL && is_combined(similar, e->message, now_ms))
        buf_append_str(message, "(combined from similar events): ");
    else
        append_texts(&key, &e->message, 1);
    buf_append_str(message, e->message);
    if (similar != NULL && !key.failed && !message->failed &&
        count_same(c, buf_bytes(&key), wall_s, new_name, ret)) {
        key.len = 0;
        object_key(&key, e);
        object = key.failed ? NULL : know(&c->objects, buf_bytes(&key));
    }
    if (object != NULL) {
        ok = true;
        ret->text = buf_bytes(message);
        if (is_spam(object, now_ms))
            ret->verdict = EVENT_SKIP;
    }
    buf_release(&key);
    return ok;
}
