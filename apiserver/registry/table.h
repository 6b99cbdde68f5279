/*
 * table - the pieces of a meta.k8s.io Table: column definitions and rows. view.c puts them
 * together.
 *
 * Errors   without memory the output fails (buf.failed).
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_TABLE_H
#define TIDEWATCH_APISERVER_REGISTRY_TABLE_H

#include "apiserver/registry/view.h"

/* The JSON array of column definitions. A kind without columns has Name and Age. */
void table_write_columns(struct buf *out, const struct kind *kind);
/* One row. `whole` is the object as the client sees it: what the row's object is cut from. */
void table_write_row(struct buf *out, const struct kind *kind, struct view view,
                     const struct object *object, struct bytes whole);
/* The row of a bookmark: cells of an object that has nothing, and `metadata` for its object,
 * whatever the client asked rows to include. */
void table_write_bookmark_row(struct buf *out, const struct kind *kind, struct view view,
                              struct bytes metadata);
/* {"kind":"PartialObjectMetadata","apiVersion":..,"metadata":<metadata>} */
void table_write_partial(struct buf *out, struct view view, struct bytes metadata);
/* The span of metadata's value in the JSON of an object; empty if there is none. */
struct bytes table_metadata_of(struct bytes whole);

#endif
