/*
 * indexer - finds objects of a store by what is in them, and holds one state of it still.
 *
 *   tw_store --tw_store_snapshot()--> tw_snapshot: get, each, each of an index value
 *
 * Shape    a store is a sequence of immutable versions; a snapshot is one of them. "namespace" is
 *          an index that every store has; others are made by a function that names the values of an
 *          object (as client-go's IndexFunc). Objects come in byte order of their keys,
 *          "namespace/name".
 * Owner    a snapshot is released by who took it, before its store is freed; its objects are
 *          borrowed. One that is held long keeps in memory what it shows, and nothing that came
 *          later.
 * Threads  any. Taking a snapshot, reading and releasing it never wait for a writer.
 * Errors   TW_ERR_ARGUMENT: there is no such index.
 */
#ifndef TIDEWATCH_INDEXER_H
#define TIDEWATCH_INDEXER_H

#include <tidewatch/store.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TW_INDEX_NAMESPACE "namespace"

/* ---- indexes ---- */
typedef struct tw_index_values tw_index_values;
/* Says what `object` is to be found by, with tw_index_add(), any number of times. The same object
 * must always give the same values. What it returns but TW_OK fails the write. */
typedef tw_status tw_index_fn(void *user, const tw_object *object, tw_index_values *values);
/* `value` is copied, and may hold no NUL. */
TW_API tw_status tw_index_add(tw_index_values *values, const char *value);

/* At any time; what is in the store is indexed at once. At most 16. TW_ERR_ARGUMENT: the name is
 * taken. */
TW_API tw_status tw_store_add_index(tw_store *store, const char *name, tw_index_fn *fn, void *user,
                                    tw_error **reterr);
/* The objects that have `value`, as a snapshot. */
TW_API tw_status tw_store_by_index(tw_store *store, const char *index, const char *value,
                                   tw_list **ret_list, tw_error **reterr);

/* ---- snapshots ---- */
typedef struct tw_snapshot tw_snapshot;

/* Never NULL, never waits. */
TW_API tw_snapshot *tw_store_snapshot(tw_store *store);
TW_API void tw_snapshot_release(tw_snapshot *snapshot);
TW_API size_t tw_snapshot_count(const tw_snapshot *snapshot);
/* NULL if absent. */
TW_API tw_object *tw_snapshot_get(const tw_snapshot *snapshot, const char *ns, const char *name);

/* False ends the walk. */
typedef bool tw_object_fn(void *user, tw_object *object);
/* All objects with `index` NULL, else those that have `value`. */
TW_API tw_status tw_snapshot_each(const tw_snapshot *snapshot, const char *index, const char *value,
                                  tw_object_fn *fn, void *user);
/* Each value of an index once, that some object has (client-go's ListIndexFuncValues). */
typedef bool tw_text_fn(void *user, const char *text);
TW_API tw_status tw_snapshot_each_value(const tw_snapshot *snapshot, const char *index,
                                        tw_text_fn *fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
