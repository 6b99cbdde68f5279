#include <tidewatch/patch.h>

#include "client-go-like/merge3.h"
#include "client-go-like/object.h"

tw_status tw_merge_patch_three(const tw_object *last, const tw_object *wanted, const tw_object *now,
                               tw_object **ret_patch, tw_error **reterr)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct json *patch = merge3(&arena, last != NULL ? last->tree : NULL, wanted->tree, now->tree);
    tw_status st;

    if (patch != NULL)
        json_write(&text, patch, false);
    st = patch == NULL || text.failed ? tw_fail_no_memory(reterr)
                                      : object_read(buf_bytes(&text), ret_patch, reterr);
    buf_release(&text);
    arena_release(&arena);
    return st;
}

tw_status tw_merge_patch(const tw_object *from, const tw_object *to, tw_object **ret_patch,
                         tw_error **reterr)
{
    return tw_merge_patch_three(from, to, from, ret_patch, reterr);
}
