/*
 * view_protobuf - a view in protobuf, from the JSON that view.c has written: how an object looks is
 * decided once.
 *
 * Owner    each call takes the JSON and releases it.
 * Errors   without memory the output fails (buf.failed).
 */
#ifndef TIDEWATCH_APISERVER_REGISTRY_VIEW_PROTOBUF_H
#define TIDEWATCH_APISERVER_REGISTRY_VIEW_PROTOBUF_H

#include "apiserver/registry/view.h"

void view_protobuf_object(struct buf *out, const struct kind *kind, struct view view,
                          struct buf *text);
/* `out` is empty at first, and holds the list's message until its end: then the envelope comes
 * around it. `text` is the list without items. */
void view_protobuf_begin_list(struct buf *out, const struct kind *kind, struct view view,
                              struct buf *text);
void view_protobuf_add_item(struct buf *out, const struct kind *kind, struct view view,
                            struct buf *text);
void view_protobuf_end_list(struct buf *out, const struct kind *kind, struct view view);

#endif
