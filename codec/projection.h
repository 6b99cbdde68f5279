/*
 * projection - the part of an object that a client wants to see.
 *
 *   drop=metadata.managedFields|status      all but these
 *   fields=spec.replicas|metadata.labels    these alone
 *
 * A path is member names joined by dots; a list on the way hands it to each object in it. A dot in
 * a name is written `\.`. Both together: what `fields` keeps, without what `drop` names. What says
 * which object it is always stays: apiVersion, kind, and metadata's name, namespace, uid and
 * resourceVersion.
 *
 * Owner    counted.
 * Threads  never changes: shared at will.
 * Errors   too long or too many paths, an empty name: BAD_REQUEST.
 */
#ifndef TIDEWATCH_CODEC_PROJECTION_H
#define TIDEWATCH_CODEC_PROJECTION_H

#include "codec/json.h"

enum { PROJECTION_TEXT_MAX = 4096, PROJECTION_PATHS_MAX = 64, PROJECTION_NAMES_MAX = 16 };

struct projection;

/* One or both may be empty; both: all is shown, and `*ret_projection` is NULL. */
MUST_CHECK enum status projection_parse(struct bytes drop, struct bytes fields,
                                        struct projection **ret_projection, struct error *reterr);
struct projection *projection_ref(struct projection *projection);
/* Drops a reference (NULL is fine). */
void projection_unref(struct projection *projection);
/* Equal texts show equal parts. Empty for NULL. */
struct bytes projection_text(const struct projection *projection);

/* Writes the part of an object's JSON that is to be seen. `out` fails if `text` is no JSON. */
void projection_write(struct buf *out, const struct projection *projection, struct bytes text);

#endif
