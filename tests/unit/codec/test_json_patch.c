#include "unit/test.h"

#include <stdlib.h>

#include "codec/patch.h"
#include "unit/codec/trees.h"

/* ---- helpers ---- */

static void check_patch(const char *doc, const char *patch, const char *expected)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *target = tree_of(&arena, doc);

    if (json_patch_apply(&arena, &target, tree_of(&arena, patch), &err) != STATUS_OK)
        fail_msg("%s: %s", patch, error_message(&err));
    CHECK_TEXT(text_of(&arena, target), expected);
    arena_release(&arena);
}

static void check_refused(const char *doc, const char *patch, enum status status,
                          const char *message)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *target = tree_of(&arena, doc);

    CHECK(json_patch_apply(&arena, &target, tree_of(&arena, patch), &err) == status);
    CHECK(err.status == status);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
    arena_release(&arena);
}

/* ---- operations ---- */

TEST(json_patch, add_sets_members_and_inserts_into_arrays)
{
    check_patch("{'a':1}", "[{'op':'add','path':'/b','value':[]}]", "{'a':1,'b':[]}");
    check_patch("{'a':1}", "[{'op':'add','path':'/a','value':null}]", "{'a':null}");
    check_patch("[1,3]", "[{'op':'add','path':'/1','value':2}]", "[1,2,3]");
    check_patch("[1]", "[{'op':'add','path':'/1','value':2}]", "[1,2]");
    check_patch("[1]", "[{'op':'add','path':'/-','value':2}]", "[1,2]");
    check_patch("{'a':1}", "[{'op':'add','path':'','value':[2]}]", "[2]");
    check_patch("{}", "[{'op':'add','path':'/','value':1}]", "{'':1}");
}

TEST(json_patch, remove_and_replace_need_what_they_name)
{
    check_patch("{'a':1,'b':[1,2]}",
                "[{'op':'remove','path':'/a'},{'op':'remove','path':'/b/0'},"
                "{'op':'replace','path':'/b/0','value':{}}]",
                "{'b':[{}]}");
    check_refused("{}", "[{'op':'remove','path':'/a'}]", STATUS_INVALID,
                  "error in remove for path: '/a': Unable to remove nonexistent key: a: missing "
                  "value");
    check_refused("{}", "[{'op':'replace','path':'/a/b','value':1}]", STATUS_INVALID,
                  "replace operation does not apply: doc is missing path: \"/a/b\": missing value");
    check_refused("[1]", "[{'op':'remove','path':'/1'}]", STATUS_INVALID,
                  "error in remove for path: '/1': Unable to access invalid index: 1: invalid "
                  "index referenced");
    check_refused("{}", "[{'op':'remove','path':''}]", STATUS_INVALID,
                  "remove operation does not apply: the whole document cannot be removed");
}

TEST(json_patch, move_and_copy_carry_whole_values)
{
    check_patch("{'a':{'b':1}}",
                "[{'op':'copy','from':'/a','path':'/c'},"
                "{'op':'move','from':'/a/b','path':'/c/d'}]",
                "{'a':{},'c':{'b':1,'d':1}}");
    check_patch("[1,2,3]", "[{'op':'move','from':'/0','path':'/2'}]", "[2,3,1]");
    check_patch("{'a':1}", "[{'op':'move','from':'/a','path':'/a'}]", "{'a':1}");
    check_patch("{'a':1}", "[{'op':'move','from':'/a','path':''}]", "1");
    check_refused("{'a':{}}", "[{'op':'move','from':'/a','path':'/a/b'}]", STATUS_INVALID,
                  "move operation does not apply: \"/a\" cannot move into itself");
    check_refused("{}", "[{'op':'copy','from':'/x','path':'/y'}]", STATUS_INVALID,
                  "copy operation does not apply: doc is missing path: \"/x\": missing value");
}

TEST(json_patch, a_copy_is_not_the_original)
{
    check_patch("{'a':{'b':1}}",
                "[{'op':'copy','from':'/a','path':'/c'},"
                "{'op':'replace','path':'/c/b','value':2}]",
                "{'a':{'b':1},'c':{'b':2}}");
}

TEST(json_patch, test_compares_by_value)
{
    check_patch("{'a':{'x':1,'y':[1.0]}}", "[{'op':'test','path':'/a','value':{'y':[1],'x':1.0}}]",
                "{'a':{'x':1,'y':[1.0]}}");
    check_refused("{'a':1}", "[{'op':'test','path':'/a','value':'1'}]", STATUS_INVALID,
                  "testing value /a failed: test failed");
    check_refused("{}", "[{'op':'test','path':'/a','value':null}]", STATUS_INVALID,
                  "testing value /a failed: test failed");
}

TEST(json_patch, tildes_escape_slashes_and_tildes)
{
    check_patch("{'a/b':1,'m~n':2,'~1':3}",
                "[{'op':'remove','path':'/a~1b'},{'op':'remove','path':'/m~0n'},"
                "{'op':'replace','path':'/~01','value':4}]",
                "{'~1':4}");
}

TEST(json_patch, what_kubectl_sends_to_label_a_node_works)
{
    check_patch("{'metadata':{'labels':{'kubernetes.io/os':'linux'}}}",
                "[{'op':'test','path':'/metadata/labels/kubernetes.io~1os',"
                "'value':'linux'},{'op':'add','path':"
                "'/metadata/labels/node-role.kubernetes.io~1worker','value':''}]",
                "{'metadata':{'labels':{'kubernetes.io/os':'linux',"
                "'node-role.kubernetes.io/worker':''}}}");
}

/* ---- refusals ---- */

TEST(json_patch, a_malformed_patch_is_a_bad_request)
{
    check_refused("{}", "{}", STATUS_BAD_REQUEST,
                  "invalid JSON patch: expected an array of operations, got object");
    check_refused("{}", "[1]", STATUS_BAD_REQUEST,
                  "invalid JSON patch: operation 0: is not an object");
    check_refused("{}", "[{'op':'spam','path':''}]", STATUS_BAD_REQUEST,
                  "invalid JSON patch: operation 0: \"op\" must be one of add, remove, replace, "
                  "move, copy, test");
    check_refused("{}", "[{'op':'remove'}]", STATUS_BAD_REQUEST,
                  "invalid JSON patch: operation 0: \"path\" must be a JSON pointer");
    check_refused("{}", "[{'op':'remove','path':'a'}]", STATUS_BAD_REQUEST,
                  "invalid JSON patch: operation 0: \"path\" must be a JSON pointer");
    check_refused("{}", "[{'op':'remove','path':'/~2'}]", STATUS_BAD_REQUEST,
                  "invalid JSON patch: operation 0: \"path\" must be a JSON pointer");
    check_refused("{}", "[{'op':'copy','path':'/a'}]", STATUS_BAD_REQUEST,
                  "invalid JSON patch: operation 0: \"from\" must be a JSON pointer");
    check_refused("{'a':1}", "[{'op':'test','path':'/a','value':1},{'op':'add','path':'/b'}]",
                  STATUS_BAD_REQUEST, "invalid JSON patch: operation 1: \"value\" is missing");
}

TEST(json_patch, only_plain_decimals_are_indexes)
{
    static const char *const indexes[] = {"01", "-1", "1e0", "+1", "1.0", "x", "", " 1", "-"};
    char patch[100], message[200];

    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        snprintf(patch, sizeof(patch), "[{'op':'remove','path':'/%s'}]", indexes[i]);
        snprintf(message, sizeof(message),
                 "error in remove for path: '/%s': value was not a proper array index: '%s'",
                 indexes[i], indexes[i]);
        check_refused("[1,2]", patch, STATUS_INVALID, message);
    }
}

TEST(json_patch, a_huge_index_costs_nothing)
{
    check_refused("[1]", "[{'op':'add','path':'/999999999','value':1}]", STATUS_INVALID,
                  "error in add for path: '/999999999': Unable to access invalid index: "
                  "999999999: invalid index referenced");
    check_refused("[1]", "[{'op':'add','path':'/99999999999999999999999','value':1}]",
                  STATUS_INVALID,
                  "error in add for path: '/99999999999999999999999': value was not a proper "
                  "array index: '99999999999999999999999'");
}

/* ---- limits ---- */

/* `count` times `operation`, as a patch. */
static struct json *repeated(struct arena *arena, const char *operation, size_t count)
{
    struct buf text = {0};
    struct json *patch;

    for (size_t i = 0; i < count; i++)
        buf_appendf(&text, "%c%s", i == 0 ? '[' : ',', operation);
    buf_append_char(&text, ']');
    patch = tree_of(arena, arena_str(arena, buf_bytes(&text)));
    buf_release(&text);
    return patch;
}

static void check_repeated(const char *doc, const char *operation, size_t count, enum status status)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *target = tree_of(&arena, doc);

    CHECK_INT(json_patch_apply(&arena, &target, repeated(&arena, operation, count), &err), status);
    error_release(&err);
    arena_release(&arena);
}

TEST(json_patch, ten_thousand_operations_are_allowed_and_no_more)
{
    const char *test = "{'op':'test','path':'/a','value':1}";

    check_repeated("{'a':1}", test, JSON_PATCH_OPS_MAX, STATUS_OK);
    check_repeated("{'a':1}", test, JSON_PATCH_OPS_MAX + 1, STATUS_TOO_LARGE);
}

TEST(json_patch, copies_that_double_the_document_end_at_the_limit)
{
    check_repeated("{'a':[['xxxxxxxx']]}", "{'op':'copy','from':'/a','path':'/a/-'}", 100,
                   STATUS_TOO_LARGE);
    check_repeated("{'a':'x'}", "{'op':'copy','from':'/a','path':'/b'}", 10000, STATUS_OK);
}

TEST(json_patch, the_result_is_never_deeper_than_the_reader_takes)
{
    check_repeated("{}", "{'op':'copy','from':'','path':'/a'}", 500, STATUS_OK);
    check_repeated("{}", "{'op':'copy','from':'','path':'/a'}", 600, STATUS_INVALID);
}

/* Walking a million elements ten thousand times would take a minute. */
TEST(json_patch, operations_at_the_far_end_of_a_long_list_are_bounded)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *list = json_new_array(&arena);

    for (int i = 0; i < 200000; i++)
        json_append(list, json_new_null(&arena));
    CHECK(json_patch_apply(&arena, &list,
                           repeated(&arena, "{'op':'replace','path':'/199998','value':1}", 10000),
                           &err) == STATUS_TOO_LARGE);
    error_release(&err);
    arena_release(&arena);
}

TEST(json_patch, a_path_of_a_hundred_thousand_steps_fails_at_its_first)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *target = tree_of(&arena, "{}");
    struct buf patch = {0};

    buf_append_str(&patch, "[{'op':'remove','path':'");
    for (int i = 0; i < 100000; i++)
        buf_append_str(&patch, "/a");
    buf_append_str(&patch, "'}]");
    CHECK(json_patch_apply(&arena, &target, tree_of(&arena, arena_str(&arena, buf_bytes(&patch))),
                           &err) == STATUS_INVALID);
    buf_release(&patch);
    error_release(&err);
    arena_release(&arena);
}

TEST(json_patch, the_patch_itself_is_left_as_it_was)
{
    struct arena arena = {0};
    struct json *target = tree_of(&arena, "{}");
    struct json *patch = tree_of(&arena, "[{'op':'add','path':'/a','value':{'b':1}},"
                                         "{'op':'remove','path':'/a/b'}]");
    const struct json *before = json_copy(&arena, patch);

    CHECK(json_patch_apply(&arena, &target, patch, NULL) == STATUS_OK);
    CHECK(json_equal(patch, before));
    arena_release(&arena);
}
