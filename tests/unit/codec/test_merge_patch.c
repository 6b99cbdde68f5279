#include "unit/test.h"

#include "codec/patch.h"
#include "unit/codec/trees.h"

static void check_merge(const char *target, const char *patch, const char *expected)
{
    struct arena arena = {0};
    struct json *merged =
        json_merge_patch_apply(&arena, tree_of(&arena, target), tree_of(&arena, patch));

    CHECK_TEXT(text_of(&arena, merged), expected);
    arena_release(&arena);
}

/* RFC 7386, appendix A. */
TEST(merge_patch, the_examples_of_the_rfc_come_out_as_it_says)
{
    static const char *const rows[][3] = {
        {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
        {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
        {"{'a':'b'}", "{'a':null}", "{}"},
        {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
        {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
        {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
        {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
        {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
        {"['a','b']", "['c','d']", "['c','d']"},
        {"{'a':'b'}", "['c']", "['c']"},
        {"{'a':'foo'}", "null", "null"},
        {"{'a':'foo'}", "'bar'", "'bar'"},
        {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
        {"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
        {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_merge(rows[i][0], rows[i][1], rows[i][2]);
}

TEST(merge_patch, members_keep_their_place_and_new_ones_go_last)
{
    check_merge("{'a':1,'b':2,'c':3}", "{'d':4,'b':null,'a':5}", "{'a':5,'c':3,'d':4}");
}

TEST(merge_patch, nulls_in_lists_are_values)
{
    check_merge("{}", "{'a':[null,{'b':null}]}", "{'a':[null,{'b':null}]}");
}

TEST(merge_patch, the_patch_can_be_applied_again_to_another_target)
{
    struct arena arena = {0};
    struct json *patch = tree_of(&arena, "{'a':{'b':{'c':1}}}");
    struct json *first, *second;

    first = json_merge_patch_apply(&arena, tree_of(&arena, "{}"), patch);
    json_remove(json_at(first, "a", "b", NULL), BYTES("c"));
    second = json_merge_patch_apply(&arena, tree_of(&arena, "{}"), patch);
    CHECK(json_at(second, "a", "b", "c", NULL) != NULL);
    arena_release(&arena);
}

/* Members found by walking would make this 10^10 comparisons. */
TEST(merge_patch, a_patch_of_a_hundred_thousand_members_is_not_quadratic)
{
    struct arena arena = {0};
    struct json *target = json_new_object(&arena), *patch = json_new_object(&arena);

    for (int i = 0; i < 100000; i++) {
        struct bytes key = arena_printf(&arena, "key-%d", i);

        json_add(target, key, json_new_int(&arena, i));
        json_add(patch, key, i % 2 == 0 ? json_new_null(&arena) : json_new_int(&arena, -i));
    }
    json_add(patch, BYTES("new"), json_new_null(&arena));
    target = json_merge_patch_apply(&arena, target, patch);
    CHECK_INT(target->count, 50000);
    CHECK_TEXT(target->first->key, "key-1");
    CHECK_TEXT(target->last->key, "key-99999");
    CHECK_TEXT(target->last->text, "-99999");
    arena_release(&arena);
}

/* To a small object, too: each of them walked past those before it. */
TEST(merge_patch, a_patch_that_adds_a_hundred_thousand_members_is_not_quadratic)
{
    struct arena arena = {0};
    struct json *target = tree_of(&arena, "{'a':1}"), *patch = json_new_object(&arena);

    for (int i = 0; i < 100000; i++)
        json_add(patch, arena_printf(&arena, "key-%d", i), json_new_int(&arena, i));
    json_add(patch, BYTES("a"), json_new_int(&arena, 2));
    target = json_merge_patch_apply(&arena, target, patch);
    CHECK_INT(target->count, 100001);
    CHECK_TEXT(target->first->text, "2");
    CHECK_TEXT(target->last->text, "99999");
    arena_release(&arena);
}
