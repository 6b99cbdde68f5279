/*
 * filter - which events a watch sees, and as what.
 *
 * Scope    the part that can be told from the key alone, and looked up in an index. It is a piece
 * of the key behind the resource part: SCOPE_ALL        ""               every object of the
 * resource SCOPE_NAMESPACE  "default/"       what begins with it SCOPE_NAME       "/web" what ends
 * with it: a name in any namespace SCOPE_OBJECT     "default/web"    that one (of cluster scope:
 * "web") Owner    a filter owns its selectors and borrows its key text. Threads  matching reads
 * only: a history thread may match while its loop waits.
 */
#ifndef TIDEWATCH_APISERVER_WATCH_FILTER_H
#define TIDEWATCH_APISERVER_WATCH_FILTER_H

#include "apiserver/watch/watch_event.h"

enum scope { SCOPE_ALL, SCOPE_NAMESPACE, SCOPE_NAME, SCOPE_OBJECT };

struct filter {
    const struct kind *kind;
    struct label_selector *labels;
    struct field_selector *fields;
    struct bytes text; /* resource part and scope, one behind the other */
    uint32_t prefix_len;
    enum scope scope;
};

static inline struct bytes filter_prefix(const struct filter *filter)
{
    return bytes_of(filter->text.ptr, filter->prefix_len);
}
static inline struct bytes filter_scope_text(const struct filter *filter)
{
    return bytes_from(filter->text, filter->prefix_len);
}

/* Is it enough to know the key? Then nothing of an event's objects is looked at. */
static inline bool filter_is_scope(const struct filter *filter)
{
    return filter->labels == NULL && filter->fields == NULL;
}

/* One thing that the selectors ask of every object: that a field or a label has this value. */
struct filter_term {
    enum { TERM_NONE, TERM_FIELD, TERM_LABEL } of;
    uint32_t field;     /* which of the kind's */
    struct bytes label; /* its key */
    struct bytes value;
};
/* A field rather than a label, since fewer objects share it; NONE: no such thing, or nothing but
 * what is in the scope already. Borrowed from the filter. */
struct filter_term filter_term(const struct filter *filter);
/* What the object has there. False: it has not got that label. */
bool filter_term_value(const struct filter_term *term, const struct object *object,
                       struct bytes *ret_value);

/* What every key in scope begins with. */
struct bytes filter_key_prefix(const struct filter *filter);

/* Does a key (what follows its resource part) stand in scope? */
bool filter_in_scope(const struct filter *filter, struct bytes suffix);
/* Do the selectors match? */
bool filter_selects(const struct filter *filter, const struct object *object);
/* What the watch sees of an event: it may come into sight and go out of it without being created or
 * deleted (convertToWatchEvent in k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go). */
enum watch_type filter_event(const struct filter *filter, const struct watch_event *event);

#endif
