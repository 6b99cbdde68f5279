/*
 * What the reader accepts, the writer must write so that it reads equal again; the scanner must see
 * the same end; nothing may crash.
 */
#include <stdlib.h>

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Two values one behind the other: the first ends where the scanner says. */
static void check_scan(struct bytes text)
{
    struct arena arena = {0};
    struct json_scan scan = {0};
    struct buf stream = {0};
    struct json *first;
    size_t len = 0;

    buf_append_bytes(&stream, text);
    buf_append_str(&stream, "\n{}");
    for (size_t i = 0; i < text.len && i < 256; i++) /* byte by byte at first */
        if (json_scan_value(&scan, bytes_of(stream.data, i), &len) != STATUS_END)
            break;
    if (len == 0)
        must(json_scan_value(&scan, buf_bytes(&stream), &len) == STATUS_OK);
    must(len <= text.len && bytes_trim(bytes_from(text, len)).len == 0);
    must(json_parse(&arena, bytes_of(text.ptr, len), &first, NULL, NULL) == STATUS_OK);
    buf_release(&stream);
    arena_release(&arena);
}

static void check_round_trip(struct arena *arena, struct json *node, bool pretty)
{
    struct buf out = {0}, again = {0};
    struct json *read;

    json_write(&out, node, pretty);
    must(json_parse(arena, buf_bytes(&out), &read, NULL, NULL) == STATUS_OK);
    must(json_equal(node, read) && json_equal(read, json_copy(arena, node)));
    json_write(&again, read, pretty);
    must(bytes_eq(buf_bytes(&out), buf_bytes(&again)));
    json_sort(read);
    must(json_equal(read, node));
    buf_release(&out);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of((const char *)data, size);
    struct json_report report = {0};
    struct json_scan scan = {0};
    struct error err = {0};
    struct arena arena = {0};
    struct json *node;
    int64_t n;
    double d;
    size_t len;

    if (json_parse(&arena, text, &node, &report, &err) == STATUS_OK) {
        check_round_trip(&arena, node, false);
        check_round_trip(&arena, node, true);
        check_scan(text);
        if (json_to_i64(node, &n) && json_to_double(node, &d))
            must(d >= (double)INT64_MIN && d <= (double)INT64_MAX);
    } else {
        must(err.status == STATUS_BAD_REQUEST && err.message != NULL);
        (void)!json_scan_value(&scan, text, &len);
    }
    error_release(&err);
    arena_release(&arena);
    return 0;
}
