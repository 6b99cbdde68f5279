/*
 * object - one Kubernetes object of any kind, and a list of them: JSON that nobody changes.
 *
 * Shape    an opaque tree; read it by path: "spec.nodeName", "spec.containers[0].image". A dot in a
 *          member's name is written `\.`: "metadata.labels.app\\.kubernetes\\.io/name".
 * Owner    reference counted: whoever makes or is given one calls tw_object_unref(). Texts live as
 *          long as the object.
 * Threads  immutable: share at will; references from any thread.
 * Errors   accessors take NULL and return NULL or "" for what is absent.
 */
#ifndef TIDEWATCH_OBJECT_H
#define TIDEWATCH_OBJECT_H

#include <tidewatch/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_object tw_object;

/* Reads one JSON object; the text is copied. TW_ERR_PROTOCOL says where it stops being one. */
TW_API tw_status tw_object_from_json(const char *text, size_t len, tw_object **ret_object,
                                     tw_error **reterr);
TW_API tw_object *tw_object_ref(tw_object *object);
TW_API void tw_object_unref(tw_object *object);

/* "" if absent. */
TW_API const char *tw_object_api_version(const tw_object *object);
TW_API const char *tw_object_kind(const tw_object *object);
TW_API const char *tw_object_name(const tw_object *object);
TW_API const char *tw_object_namespace(const tw_object *object);
TW_API const char *tw_object_uid(const tw_object *object);
TW_API const char *tw_object_resource_version(const tw_object *object);

/* NULL if there is no string at `path`. */
TW_API const char *tw_object_get_string(const tw_object *object, const char *path);
/* False, leaving *ret alone, if there is no whole number (boolean) at `path`. */
TW_API bool tw_object_get_int(const tw_object *object, const char *path, int64_t *ret);
TW_API bool tw_object_get_bool(const tw_object *object, const char *path, bool *ret);
/* Is there anything at `path`, be it null? */
TW_API bool tw_object_has(const tw_object *object, const char *path);

/* The whole object as compact JSON, made on first use; NULL without memory. */
TW_API const char *tw_object_json(const tw_object *object);

typedef struct tw_list tw_list;

TW_API size_t tw_list_count(const tw_list *list);
/* Borrows; NULL past the end. */
TW_API tw_object *tw_list_at(const tw_list *list, size_t index);
/* Of the list itself; "" if it has none. */
TW_API const char *tw_list_resource_version(const tw_list *list);
/* Where the next page begins; "" on the last one. */
TW_API const char *tw_list_continue(const tw_list *list);
TW_API void tw_list_free(tw_list *list);

#ifdef __cplusplus
}
#endif
#endif
