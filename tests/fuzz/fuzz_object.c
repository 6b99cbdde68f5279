/*
 * Any JSON as an object: what object_new() takes must load again from its own bytes, and splicing
 * must give the bytes that the tree gives. Any bytes as stored: object_load() refuses or is right.
 */
#include <stdlib.h>

#include "codec/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct object_field fields[] = {
    {"status.phase", "status.phase", "Unknown"},
    {"spec.nodeName", "spec.nodeName", ""},
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_splicing(const struct object *object)
{
    struct arena arena = {0};
    struct buf spliced = {0}, written = {0};
    struct json *tree;

    object_write(&spliced, object, 42, BYTES("apps/v1"));
    must(object_to_json(object, 42, BYTES("apps/v1"), &arena, &tree) == STATUS_OK);
    json_write(&written, tree, false);
    must(bytes_eq(buf_bytes(&spliced), buf_bytes(&written)));
    buf_release(&spliced);
    buf_release(&written);
    arena_release(&arena);
}

static void check_loading(const struct object *object)
{
    struct object *loaded;

    must(object_load(value_bytes(&object->base), 7, fields, ARRAY_LEN(fields), &loaded, NULL) ==
         STATUS_OK);
    must(bytes_eq(value_bytes(&loaded->base), value_bytes(&object->base)));
    must(loaded->rv_at == object->rv_at);
    must(loaded->label_count == object->label_count && bytes_eq(loaded->name, object->name));
    object_unref(loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of((const char *)data, size);
    struct arena arena = {0};
    struct error err = {0};
    struct object *object;
    struct json *tree;

    if (json_parse(&arena, text, &tree, NULL, NULL) == STATUS_OK &&
        object_new(tree, fields, ARRAY_LEN(fields), &object, &err) == STATUS_OK) {
        check_splicing(object);
        check_loading(object);
        object_unref(object);
    }
    if (object_load(text, 1, fields, ARRAY_LEN(fields), &object, &err) == STATUS_OK)
        object_unref(object);
    error_release(&err);
    arena_release(&arena);
    return 0;
}
