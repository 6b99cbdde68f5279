/*
 * Accept headers, and the projections in them: the first line is the header, the rest an object.
 * What a projection leaves is JSON, and to trim it once more changes nothing.
 */
#include <stdlib.h>

#include "apiserver/request/negotiate.h"
#include "apiserver/request/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void fuzz_projection(const struct projection *projection, struct bytes object)
{
    struct buf once = {0}, twice = {0};

    projection_write(&once, projection, object);
    if (!once.failed) {
        projection_write(&twice, projection, buf_bytes(&once));
        must(!twice.failed && bytes_eq(buf_bytes(&once), buf_bytes(&twice)));
    }
    buf_release(&once);
    buf_release(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes object = bytes_of((const char *)data, size), accept = bytes_cut(&object, '\n');
    struct arena arena = {0};

    for (unsigned offers = 0; offers < 8; offers++) {
        struct negotiated negotiated;
        struct error err = {0};
        enum status st = negotiate(&arena, accept, offers, &negotiated, &err);

        must(st == STATUS_OK || (err.message != NULL && negotiated.projection == NULL));
        must(!(offers & OFFER_STREAM) || negotiated.form != FORM_YAML);
        must(offers > OFFER_STREAM || negotiated.form != FORM_PROTOBUF);
        if (st == STATUS_OK && negotiated.projection != NULL)
            fuzz_projection(negotiated.projection, object);
        projection_unref(negotiated.projection);
        error_release(&err);
    }
    (void)origin_is_allowed(accept, object, accept);
    arena_release(&arena);
    return 0;
}
