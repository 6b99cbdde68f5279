#include "base/value.h"

#include <stdlib.h>

static void value_free(struct value *value)
{
    free(value);
}

struct value *value_new(struct bytes bytes, uint64_t rev)
{
    struct value *value;

    if (bytes.len > UINT32_MAX || (value = malloc(sizeof(*value) + bytes.len)) == NULL)
        return NULL;
    atomic_init(&value->refs, 1);
    value->len = (uint32_t)bytes.len;
    value->rev = rev;
    value->data = (const char *)(value + 1);
    value->destroy = value_free;
    if (bytes.len != 0)
        memcpy(value + 1, bytes.ptr, bytes.len);
    return value;
}
