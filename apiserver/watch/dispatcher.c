#include "apiserver/watch/dispatcher.h"

#include <stdlib.h>

enum {
    AXES_MAX = 32,  /* each costs every event a look-up, and clients choose labels */
    TEXT_MAX = 512, /* of a bucket with a term, so that an event's is made without memory */
};

/* What is asked of an event; its buckets are the answers that someone waits for. */
struct axis {
    struct axis *next;
    struct map buckets; /* by text */
    enum scope scope;
    struct filter_term term; /* without its value */
    char label[];
};

static struct bytes join_texts(char *to, struct bytes scope, struct bytes value)
{
    if (scope.len > 0)
        memcpy(to, scope.ptr, scope.len);
    if (value.len > 0)
        memcpy(to + scope.len, value.ptr, value.len);
    return bytes_of(to, scope.len + value.len);
}

/* ---- joining ---- */

static bool is_axis(const struct axis *axis, enum scope scope, const struct filter_term *term)
{
    return axis->scope == scope && axis->term.of == term->of && axis->term.field == term->field &&
           bytes_eq(axis->term.label, term->label);
}

static struct axis *find_axis(const struct dispatcher *dispatcher, enum scope scope,
                              const struct filter_term *term)
{
    struct axis *axis = dispatcher->axes;

    while (axis != NULL && !is_axis(axis, scope, term))
        axis = axis->next;
    return axis;
}

/* NULL without memory. */
static struct axis *take_axis(struct dispatcher *dispatcher, enum scope scope,
                              const struct filter_term *term)
{
    struct axis *axis = find_axis(dispatcher, scope, term);

    if (axis != NULL)
        return axis;
    axis = calloc(1, sizeof(*axis) + term->label.len + 1);
    if (axis == NULL)
        return NULL;
    axis->scope = scope;
    axis->term.of = term->of;
    axis->term.field = term->field;
    axis->term.label = join_texts(axis->label, term->label, BYTES(""));
    axis->next = dispatcher->axes;
    dispatcher->axes = axis;
    dispatcher->axis_count++;
    return axis;
}

/* An object's name says more than any value; and what is too long, or one axis too many, goes
 * without. */
static struct filter_term term_of(const struct dispatcher *dispatcher, const struct filter *filter)
{
    static const struct filter_term none = {.of = TERM_NONE};
    struct filter_term term = filter_term(filter);

    if ((filter->scope != SCOPE_ALL && filter->scope != SCOPE_NAMESPACE) ||
        filter_scope_text(filter).len + term.value.len > TEXT_MAX ||
        (dispatcher->axis_count >= AXES_MAX && find_axis(dispatcher, filter->scope, &term) == NULL))
        return none;
    return term;
}

static void drop_axis_if_empty(struct dispatcher *dispatcher, struct axis *axis)
{
    struct axis **at = &dispatcher->axes;

    if (axis->buckets.count > 0)
        return;
    while (*at != axis)
        at = &(*at)->next;
    *at = axis->next;
    dispatcher->axis_count--;
    map_release(&axis->buckets);
    free(axis);
}

static struct bucket *bucket_new(struct axis *axis, struct bytes scope, struct bytes value)
{
    struct bucket *bucket = calloc(1, sizeof(*bucket) + scope.len + value.len + 1);
    struct bytes text;

    if (bucket == NULL)
        return NULL;
    list_init(&bucket->idle);
    bucket->axis = axis;
    text = join_texts(bucket->text, scope, value);
    bucket->text_len = (uint32_t)text.len;
    if (!map_put(&axis->buckets, text, bucket)) {
        free(bucket);
        return NULL;
    }
    return bucket;
}

struct bucket *dispatcher_join(struct dispatcher *dispatcher, const struct filter *filter)
{
    struct filter_term term = term_of(dispatcher, filter);
    struct axis *axis = take_axis(dispatcher, filter->scope, &term);
    struct bytes scope = filter_scope_text(filter);
    struct bucket *bucket;
    char text[TEXT_MAX];

    if (axis == NULL)
        return NULL;
    bucket =
        map_get(&axis->buckets, term.of == TERM_NONE ? scope : join_texts(text, scope, term.value));
    if (bucket == NULL)
        bucket = bucket_new(axis, scope, term.value);
    if (bucket == NULL)
        drop_axis_if_empty(dispatcher, axis);
    else
        bucket->watchers++;
    return bucket;
}

void dispatcher_leave(struct dispatcher *dispatcher, struct bucket *bucket)
{
    struct axis *axis = bucket->axis;

    if (--bucket->watchers > 0)
        return;
    assert(list_empty(&bucket->idle));
    map_remove(&axis->buckets, bytes_of(bucket->text, bucket->text_len));
    free(bucket);
    drop_axis_if_empty(dispatcher, axis);
}

/* ---- waking ---- */

struct waking {
    struct bytes suffix;
    void (*wake)(void *user, struct list *link);
    void *user;
};

static void wake_bucket(const struct waking *waking, const struct axis *axis, struct bytes text)
{
    struct bucket *bucket = map_get(&axis->buckets, text);

    if (bucket != NULL)
        list_for_each(&bucket->idle, link)
            waking->wake(waking->user, link);
}

/* What of a key a scope asks for. */
static struct bytes scope_of_key(enum scope scope, struct bytes suffix)
{
    size_t slash = bytes_find(suffix, '/');

    switch (scope) {
    case SCOPE_ALL:
        return BYTES("");
    case SCOPE_NAMESPACE:
        return bytes_of(suffix.ptr, slash < suffix.len ? slash + 1 : 0);
    case SCOPE_NAME:
        return bytes_from(suffix, slash);
    case SCOPE_OBJECT:
        break;
    }
    return suffix;
}

/* Those that wait for an object with the value it has. */
static void wake_value(const struct waking *waking, const struct axis *axis, struct bytes value)
{
    struct bytes scope = scope_of_key(axis->scope, waking->suffix);
    char text[TEXT_MAX];

    if (scope.len + value.len <= TEXT_MAX)
        wake_bucket(waking, axis, join_texts(text, scope, value));
}

/* An object that has got another value goes out of sight of some and comes into that of others. */
static void wake_values(const struct waking *waking, const struct axis *axis,
                        const struct watch_event *event)
{
    struct bytes was, is;
    bool had = event->prev != NULL && filter_term_value(&axis->term, event->prev, &was);
    bool has = event->object != NULL && filter_term_value(&axis->term, event->object, &is);

    if (has)
        wake_value(waking, axis, is);
    if (had && !(has && bytes_eq(was, is)))
        wake_value(waking, axis, was);
}

void dispatcher_wake(const struct dispatcher *dispatcher, const struct watch_event *event,
                     void (*wake)(void *user, struct list *link), void *user)
{
    struct waking waking = {watch_event_suffix(event), wake, user};

    for (const struct axis *axis = dispatcher->axes; axis != NULL; axis = axis->next) {
        if (axis->term.of == TERM_NONE)
            wake_bucket(&waking, axis, scope_of_key(axis->scope, waking.suffix));
        else
            wake_values(&waking, axis, event);
    }
}
