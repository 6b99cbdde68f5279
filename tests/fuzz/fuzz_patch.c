/*
 * Patches: two JSON values, one behind the other, are a document and a patch. Each of the three
 * kinds is tried; the patch must stay as it was, and the result must be readable again.
 */
#include <stdlib.h>

#include "codec/merge_rules.h"
#include "codec/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool parse_two(struct arena *arena, struct bytes text, struct json **ret_doc,
                      struct json **ret_patch)
{
    struct json_scan scan = {0};
    size_t len;

    return json_scan_value(&scan, text, &len) == STATUS_OK &&
           json_parse(arena, bytes_of(text.ptr, len), ret_doc, NULL, NULL) == STATUS_OK &&
           json_parse(arena, bytes_from(text, len), ret_patch, NULL, NULL) == STATUS_OK;
}

static void must_be_readable(struct arena *arena, const struct json *node)
{
    struct buf text = {0};
    struct json *again;

    json_write(&text, node, false);
    must(json_parse(arena, buf_bytes(&text), &again, NULL, NULL) == STATUS_OK);
    must(json_equal(node, again));
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *doc, *patch, *before, *target;
    const struct merge_rule *rules;
    size_t rule_count;

    if (!parse_two(&arena, bytes_of((const char *)data, size), &doc, &patch))
        goto out;
    before = json_copy(&arena, patch);
    target = json_copy(&arena, doc);
    if (json_patch_apply(&arena, &target, patch, &err) == STATUS_OK)
        must_be_readable(&arena, target);
    must_be_readable(&arena, json_merge_patch_apply(&arena, json_copy(&arena, doc), patch));
    target = json_copy(&arena, doc);
    rules = merge_rules_for(BYTES(""), BYTES("Pod"), &rule_count);
    if (strategic_merge_patch_apply(&arena, target, patch, rules, rule_count, &err) == STATUS_OK)
        must_be_readable(&arena, target);
    must(json_equal(before, patch));
out:
    error_release(&err);
    arena_release(&arena);
    return 0;
}
