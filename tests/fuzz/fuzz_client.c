/*
 * What a server tells the client: a frame of a watch, in JSON or protobuf, with its noise or
 * without. The first byte says which. Whatever is taken can be asked for its parts.
 */
#include <stdlib.h>

#include "client-go-like/watch/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check(tw_event *event)
{
    tw_object *object = event->object;

    must(object != NULL);
    must(tw_object_name(object) != NULL && tw_object_namespace(object) != NULL);
    must(tw_object_resource_version(object) != NULL);
    (void)tw_object_get_string(object, "metadata.labels.app");
    (void)tw_object_get_string(object, "spec.containers[0].image");
    (void)tw_object_json(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena scratch = {0};
    tw_event event = {0};
    tw_error *error = NULL;
    tw_status st;

    if (size == 0)
        return 0;
    st = stream_decode(bytes_of((const char *)data + 1, size - 1), (data[0] & 1) != 0,
                       (data[0] & 2) != 0, &scratch, &event, &error);
    arena_release(&scratch); /* the object stands by itself */
    if (st == TW_OK)
        check(&event);
    else
        must(error != NULL);
    tw_event_release(&event);
    tw_error_free(error);
    return 0;
}
