/*
 * object - a tw_object and a tw_list from the inside. Internal.
 *
 *   text --copied--> [ object: text | arena of nodes that borrow from it ] --> accessors
 *
 * Each object has a memory of its own, so that a cache may drop one and keep the next. Strings end
 * in NUL where they stand: the closing quote of one that was not escaped is overwritten, so a C
 * string costs no copy. The text is therefore no JSON any more; tw_object_json() writes it anew.
 */
#ifndef TIDEWATCH_CLIENT_OBJECT_H
#define TIDEWATCH_CLIENT_OBJECT_H

#include <tidewatch/object.h>

#include <stdatomic.h>

#include "client-go-like/fail.h"
#include "codec/json.h"

struct tw_object {
    atomic_uint refs;
    struct arena arena;
    struct json *tree;
    struct bytes key;     /* "namespace/name", or "name" (client-go MetaNamespaceKeyFunc) */
    _Atomic(char *) json; /* owned; NULL until someone asked */
    size_t text_len;
    char text[]; /* what the nodes borrow from */
};

/* Reads `text` and keeps the whole tree, or with `member` only that member's value of it (the other
 * members are in *ret_envelope until the object goes). */
tw_status object_read(struct bytes text, const char *member, tw_object **ret_object,
                      const struct json **ret_envelope, tw_error **reterr);
/* The same in two steps, for texts that are no JSON: the text copied, NULL without memory; and then
 * what was read out of that copy, into the object's arena; the tree moves, and *root with it. */
tw_object *object_new(struct bytes text);
tw_status object_finish(tw_object *object, struct json **root, const char *member,
                        tw_error **reterr);
/* Fills in apiVersion and kind, which a list leaves out of its items. Before sharing only. */
tw_status object_set_type(tw_object *object, struct bytes api_version, struct bytes kind);
/* One step of a path: a member's name [at, end), in which `\` takes the next as it is, or an index.
 */
struct path_step {
    const char *at, *end;
    size_t index;
    bool is_index;
};
/* Cuts the next step off; false at the end, with *path NULL if it is malformed. */
bool path_next(const char **path, struct path_step *ret_step);
/* The child a step leads to, or NULL. */
struct json *path_child(const struct json *node, const struct path_step *step);
/* The node at a path, or NULL. */
const struct json *object_at(const tw_object *object, const char *path);
bool object_is_type(const tw_object *object, const char *api_version, const char *kind);

struct tw_list {
    tw_object **items; /* references */
    size_t count, capacity;
    char *resource_version, *continue_token, *kind, *api_version; /* NULL: none */
    bool strip; /* items are read without their noise (cut.h) */
};

tw_list *list_new(void);
/* Takes a reference of its own. False without memory. */
bool list_add(tw_list *list, tw_object *object);
/* Reads one page of a list behind what is there; metadata becomes that of the page. `kind` of what
 * is not a list is TW_ERR_PROTOCOL. */
tw_status list_read_page(tw_list *list, struct bytes body, tw_error **reterr);
/* Puts a copy in a list's text. False without memory. */
bool list_set_text(char **text, struct bytes with);

/* ---- the same in protobuf: object_protobuf.c ---- */

/* Can objects of this kind be read from protobuf? */
bool object_has_message(const char *api_version, const char *kind);
/* A WatchEvent, as object_read() of its member "object". */
tw_status object_read_event_protobuf(struct bytes message, bool strip, tw_object **ret_object,
                                     const struct json **ret_envelope, tw_error **reterr);
tw_status list_read_page_protobuf(tw_list *list, struct bytes body, tw_error **reterr);

#endif
