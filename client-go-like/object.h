/*
 * object - a tw_object and a tw_list from the inside. Internal.
 *
 *   text --read--> tree in a scratch arena --copied--> [ object | nodes | texts | text ], one block
 *
 * Each object has a memory of its own, of exactly its size, so that a cache may drop one and keep
 * the next. Strings end in NUL where they stand: the closing quote of one that was not escaped is
 * overwritten in the copy, so a C string costs no second one. The text is therefore no JSON any
 * more; tw_object_json() writes it anew.
 */
#ifndef TIDEWATCH_CLIENT_OBJECT_H
#define TIDEWATCH_CLIENT_OBJECT_H

#include <tidewatch/object.h>

#include <stdatomic.h>

#include "client-go-like/fail.h"
#include "codec/json.h"

struct tw_object {
    atomic_uint refs;
    size_t text_len; /* of what it was read from */
    struct json *tree;
    struct bytes key;             /* "namespace/name", or "name" (client-go MetaNamespaceKeyFunc) */
    const char *resource_version; /* "" without */
    _Atomic(char *) json;         /* owned; NULL until someone asked */
    struct arena arena;           /* what was added after reading */
};

tw_status object_read(struct bytes text, tw_object **ret_object, tw_error **reterr);
/* The same of a tree that was read from `text`, JSON or not, and borrows from it; NULL is a
 * failure, too. With `strip` the object goes without what often is half of it and nobody reads from
 * a cache: metadata.managedFields, and kubectl's annotation of what it applied last. */
tw_status object_from_tree(struct bytes text, struct json *tree, bool strip, tw_object **ret_object,
                           tw_error **reterr);
/* A watch event as a tree, whose texts are borrowed. */
tw_status object_parse_event(struct arena *arena, struct bytes text, struct json **ret_root,
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
    bool strip; /* as for object_from_tree(), of its items */
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
tw_status object_parse_event_protobuf(struct arena *arena, struct bytes message,
                                      struct json **ret_root, tw_error **reterr);
tw_status list_read_page_protobuf(tw_list *list, struct bytes body, tw_error **reterr);

#endif
