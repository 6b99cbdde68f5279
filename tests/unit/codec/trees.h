/*
 * trees - JSON trees from text and back, for tests whose subject is not the reader.
 */
#ifndef TIDEWATCH_TESTS_UNIT_CODEC_TREES_H
#define TIDEWATCH_TESTS_UNIT_CODEC_TREES_H

#include "unit/test.h"

#include "codec/json.h"

/* Texts here are easier to read with ' for ". */
static inline struct json *tree_of(struct arena *arena, const char *text)
{
    struct bytes copy = arena_dup(arena, bytes_str(text));
    struct error err = {0};
    struct json *node = NULL;

    for (size_t i = 0; i < copy.len; i++)
        if (text[i] == '\'')
            ((char *)(uintptr_t)copy.ptr)[i] = '"';
    if (json_parse(arena, copy, &node, NULL, &err) != STATUS_OK)
        fail_msg("%s: %s", text, error_message(&err));
    return node;
}

/* The same with ' for ". */
static inline struct bytes text_of(struct arena *arena, const struct json *node)
{
    struct buf out = {0};
    struct bytes text;

    json_write(&out, node, false);
    CHECK(!out.failed);
    for (size_t i = 0; i < out.len; i++)
        if (out.data[i] == '"')
            out.data[i] = '\'';
    text = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return text;
}

#endif
