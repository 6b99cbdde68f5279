/*
 * merge3 - the patch of a client-side apply: a JSON merge patch (RFC 7386) from three trees, as
 * apimachinery/pkg/util/jsonmergepatch makes it.
 *
 *   added or changed:  in `modified`, and not so in `current`
 *   deleted:           in `original` (what was applied last) and no more in `modified`
 *
 * What others have set in `current` stays. A list that the user has not changed since the last
 * apply, and whose items `current` still has with all their members, is left alone: what the server
 * filled into the items is no difference (strategic merge, by which kubectl does this for built-in
 * kinds, needs the merge keys of every type).
 */
#ifndef TIDEWATCH_CLIENT_MERGE3_H
#define TIDEWATCH_CLIENT_MERGE3_H

#include "codec/json.h"

/* The patch; an object without members if there is nothing to do. NULL when the arena has failed.
 * `original` NULL: nothing was applied before. */
struct json *merge3(struct arena *arena, const struct json *original, const struct json *modified,
                    const struct json *current);

#endif
