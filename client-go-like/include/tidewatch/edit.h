/*
 * edit - a new object from an old one, or from nothing.
 *
 *   tw_object --tw_edit_new()--> edit --set, remove ..--> edit --tw_edit_finish()--> tw_object
 *
 * Shape    paths as of object.h. What is missing on the way to a value is made: an object, or an
 *          array where the next step is [0]; an array grows by its next index, [count].
 * Owner    tw_edit_finish() or tw_edit_free(); the old object is as it was. Texts are copied.
 * Threads  one at a time.
 * Errors   the first is kept, later calls do nothing, and tw_edit_finish() tells it. All calls take
 *          NULL for an edit there was no memory for.
 */
#ifndef TIDEWATCH_EDIT_H
#define TIDEWATCH_EDIT_H

#include <tidewatch/object.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_edit tw_edit;

/* `from` NULL: an object without members. */
TW_API tw_edit *tw_edit_new(const tw_object *from);
/* One with apiVersion, kind, metadata.name, and metadata.namespace unless `ns` is NULL. */
TW_API tw_edit *tw_edit_new_object(const char *api_version, const char *kind, const char *ns,
                                   const char *name);

TW_API void tw_edit_set_string(tw_edit *edit, const char *path, const char *text);
TW_API void tw_edit_set_int(tw_edit *edit, const char *path, int64_t number);
TW_API void tw_edit_set_bool(tw_edit *edit, const char *path, bool boolean);
/* Any JSON value. */
TW_API void tw_edit_set_json(tw_edit *edit, const char *path, const char *text, size_t len);
/* A copy of a part of any object. */
TW_API void tw_edit_set_value(tw_edit *edit, const char *path, const tw_value *value);
/* Nothing there is no error. What stood behind an array's item moves up. */
TW_API void tw_edit_remove(tw_edit *edit, const char *path);
/* `value` NULL removes it. The key is no path: dots in it are dots. */
TW_API void tw_edit_set_label(tw_edit *edit, const char *key, const char *value);
TW_API void tw_edit_set_annotation(tw_edit *edit, const char *key, const char *value);

/* Frees the edit in any case. */
TW_API tw_status tw_edit_finish(tw_edit *edit, tw_object **ret_object, tw_error **reterr);
TW_API void tw_edit_free(tw_edit *edit);

#ifdef __cplusplus
}
#endif
#endif
