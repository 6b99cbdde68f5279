/*
 * object - one Kubernetes object of any kind, and a list of them: JSON that nobody changes.
 *
 * Shape    an opaque tree; read it by path: "spec.nodeName", "spec.containers[0].image". A dot in a
 *          member's name is written `\.`: "metadata.labels.app\\.kubernetes\\.io/name". To make one
 *          that differs: edit.h.
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

/* NULL if there is none. */
TW_API const char *tw_object_label(const tw_object *object, const char *key);
TW_API const char *tw_object_annotation(const tw_object *object, const char *key);

/* ---- parts of an object ---- */
/* A node of the tree: borrowed, it lives as long as the object. Accessors take NULL for absent. */
typedef struct tw_value tw_value;

typedef enum tw_value_type {
    TW_VALUE_NULL,
    TW_VALUE_BOOL,
    TW_VALUE_NUMBER,
    TW_VALUE_STRING,
    TW_VALUE_ARRAY,
    TW_VALUE_OBJECT
} tw_value_type;

/* NULL if there is nothing; path "" is the whole. */
TW_API const tw_value *tw_object_at(const tw_object *object, const char *path);
TW_API const tw_value *tw_value_at(const tw_value *value, const char *path);
/* TW_VALUE_NULL for absent, too. */
TW_API tw_value_type tw_value_get_type(const tw_value *value);
/* As of an object, of the value itself. */
TW_API const char *tw_value_string(const tw_value *value);
TW_API bool tw_value_int(const tw_value *value, int64_t *ret);
TW_API bool tw_value_double(const tw_value *value, double *ret);
TW_API bool tw_value_bool(const tw_value *value, bool *ret);
/* Of an array or object; 0 for all else. */
TW_API size_t tw_value_count(const tw_value *value);

/* Walks an array or object in its order:
 *   tw_iter it = {0};
 *   while (tw_value_next(tw_object_at(pod, "metadata.labels"), &it))
 *       printf("%s=%s\n", it.key, tw_value_string(it.value));                              */
typedef struct tw_iter {
    const tw_value *value;
    const char *key; /* "" in an array */
    size_t index;
    bool started;
} tw_iter;
TW_API bool tw_value_next(const tw_value *parent, tw_iter *iter);

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
