/*
 * YAML: what the reader accepts, the writer must write so that it reads equal again.
 */
#include <stdlib.h>

#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *array = NULL, *again = NULL;
    struct buf out = {0};
    enum status st = yaml_parse_all(&arena, bytes_of((const char *)data, size), &array, &err);

    must(arena.used < 512u * 1024 * 1024);
    if (st != STATUS_OK) {
        must(st == STATUS_BAD_REQUEST && err.message != NULL);
    } else {
        json_each(array, it) {
            out.len = 0;
            yaml_write(&out, it);
            must(!out.failed);
            must(yaml_parse(&arena, buf_bytes(&out), &again, NULL) == STATUS_OK);
            must(json_equal(it, again));
        }
    }
    buf_release(&out);
    error_release(&err);
    arena_release(&arena);
    return 0;
}
