/*
 * patch - JSON merge patches (RFC 7386) from whole objects.
 *
 *   from, to            --tw_merge_patch()-->       what turns `from` into `to`
 *   last, wanted, now   --tw_merge_patch_three()--> what makes `now` as wanted
 *
 * Shape    a patch is an object itself, its text tw_object_json(): for TW_PATCH_MERGE. One without
 *          members, "{}", changes nothing. Of three it leaves alone what others have set, as
 *          `kubectl apply` does on the client.
 */
#ifndef TIDEWATCH_PATCH_H
#define TIDEWATCH_PATCH_H

#include <tidewatch/object.h>

#ifdef __cplusplus
extern "C" {
#endif

TW_API tw_status tw_merge_patch(const tw_object *from, const tw_object *to, tw_object **ret_patch,
                                tw_error **reterr);
/* `last` is what was applied before, NULL if nothing was: what is in it and not in `wanted` goes.
 */
TW_API tw_status tw_merge_patch_three(const tw_object *last, const tw_object *wanted,
                                      const tw_object *now, tw_object **ret_patch,
                                      tw_error **reterr);

#ifdef __cplusplus
}
#endif
#endif
