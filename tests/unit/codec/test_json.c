#include "unit/test.h"

#include <stdlib.h>

#include "codec/json.h"

/* ---- helpers ---- */

static struct json *parse(struct arena *arena, const char *text)
{
    struct json *node = NULL;
    struct error err = {0};

    if (json_parse(arena, bytes_str(text), &node, NULL, &err) != STATUS_OK)
        fail_msg("%s: %s", text, error_message(&err));
    return node;
}

/* The text of a tree; the arena keeps it. */
static struct bytes text_of(struct arena *arena, const struct json *node, bool pretty)
{
    struct buf out = {0};
    struct bytes text;

    json_write(&out, node, pretty);
    CHECK(!out.failed);
    text = arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return text;
}

static void check_refused(struct bytes text, const char *message)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *node = NULL;

    CHECK(json_parse(&arena, text, &node, NULL, &err) == STATUS_BAD_REQUEST);
    CHECK(node == NULL && err.status == STATUS_BAD_REQUEST);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
    arena_release(&arena);
}

static void check_round_trip(const char *in, const char *out)
{
    struct arena arena = {0};

    CHECK_TEXT(text_of(&arena, parse(&arena, in), false), out);
    arena_release(&arena);
}

static bool equal(const char *a, const char *b)
{
    struct arena arena = {0};
    struct json *x = parse(&arena, a), *y = parse(&arena, b);
    bool result = json_equal(x, y);

    CHECK(json_equal(y, x) == result);
    CHECK(json_equal(json_copy(&arena, x), y) == result);
    arena_release(&arena);
    return result;
}

/* `open` n times, `middle`, `close` n times; malloc'ed. */
static char *nested(const char *open, const char *middle, const char *close, size_t n)
{
    struct buf out = {0};

    for (size_t i = 0; i < n; i++)
        buf_append_str(&out, open);
    buf_append_str(&out, middle);
    for (size_t i = 0; i < n; i++)
        buf_append_str(&out, close);
    buf_append_char(&out, '\0');
    CHECK(!out.failed);
    return out.data;
}

/* ---- reading and writing ---- */

TEST(json, what_was_read_is_what_is_written)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "\"\"",
        "[]",
        "{}",
        "9007199254740993",
        "18446744073709551616",
        "1.0",
        "-0",
        "0.10",
        "1e400",
        "1E+2",
        "{\"z\":1,\"a\":[1,2,{\"b\":null}],\"\":{}}",
        "[[[]],[{}],\"a\"]",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80/\x7f\"",
        "\"\\u0000\\u001f\\n\\t\\r\\b\\f\\\"\\\\\"",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        check_round_trip(texts[i], texts[i]);
}

TEST(json, blanks_and_needless_escapes_are_not_kept)
{
    check_round_trip(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : \"\\/\\u0041\" } \n",
                     "{\"a\":[1,2],\"b\":\"/A\"}");
}

TEST(json, unicode_escapes_are_decoded)
{
    check_round_trip("\"\\u00e9\\u20AC\\ud83d\\ude00\"",
                     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

TEST(json, half_a_surrogate_pair_becomes_the_replacement_character)
{
    check_round_trip("\"\\ud800\"", "\"\xef\xbf\xbd\"");
    check_round_trip("\"\\udc00\\udc00\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_round_trip("\"\\ud800\\uffff\"", "\"\xef\xbf\xbd\xef\xbf\xbf\"");
    check_round_trip("\"\\udc00x\"", "\"\xef\xbf\xbdx\"");
    check_round_trip("\"\\ud800\\ud800\\udc00\"", "\"\xef\xbf\xbd\xf0\x90\x80\x80\"");
    check_round_trip("\"\\ud800\\u0041\"", "\"\xef\xbf\xbd"
                                           "A\"");
    check_round_trip("\"\\ud800\\n\"", "\"\xef\xbf\xbd\\n\"");
}

TEST(json, a_string_may_hold_nul)
{
    struct arena arena = {0};

    CHECK(bytes_eq(json_text(parse(&arena, "\"a\\u0000b\"")), BYTES("a\0b")));
    arena_release(&arena);
}

TEST(json, strings_of_any_length_around_any_special_byte_survive)
{
    char text[128];

    for (size_t len = 0; len < 40; len++) {
        for (size_t at = 0; at <= len; at++) {
            struct arena arena = {0};
            struct json *node;

            snprintf(text, sizeof(text), "\"%.*s\\n\xc3\xa9%.*s\"", (int)at,
                     "abcdefghijklmnopqrstuvwxyz01234567890123456789", (int)(len - at),
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890123456789");
            node = parse(&arena, text);
            CHECK_INT(node->text.len, len + 3);
            CHECK_TEXT(text_of(&arena, node, false), text);
            arena_release(&arena);
        }
    }
}

TEST(json, text_without_escapes_is_borrowed_not_copied)
{
    const char *text = "{\"name\":\"value\"}";
    struct arena arena = {0};
    struct json *object = parse(&arena, text);

    CHECK(object->first->key.ptr == text + 2);
    CHECK(json_get_text(object, "name").ptr == text + 9);
    arena_release(&arena);
}

TEST(json, the_first_value_is_read_and_the_rest_left)
{
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {{"{\"a\":[1]} ,{\"b\":2}]", 10}, {"\n[] x", 4}, {"7,8", 1}, {"\"a\"\"b\"", 3}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        struct json *node = NULL;
        size_t len = 0;

        CHECK(json_parse_first(&arena, bytes_str(cases[i].text), &node, &len, NULL) == STATUS_OK);
        CHECK(node != NULL);
        CHECK_INT(len, cases[i].len);
        node = NULL;
        CHECK(json_parse_first(&arena, bytes_of("[{\"a\"", 5), &node, &len, NULL) ==
              STATUS_BAD_REQUEST);
        CHECK(node == NULL);
        arena_release(&arena);
    }
}

TEST(json, pretty_is_indented_by_two_with_empty_containers_closed)
{
    struct arena arena = {0};

    CHECK_TEXT(text_of(&arena, parse(&arena, "{\"a\":[1,{\"b\":{}}],\"c\":[],\"d\":\"\"}"), true),
               "{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n  \"c\": [],\n"
               "  \"d\": \"\"\n}");
    arena_release(&arena);
}

TEST(json, a_member_is_written_without_its_siblings)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"a\":{\"x\":1},\"b\":2}");

    CHECK_TEXT(text_of(&arena, json_get(object, BYTES("a")), false), "{\"x\":1}");
    CHECK_TEXT(text_of(&arena, NULL, false), "null");
    arena_release(&arena);
}

TEST(json, a_string_that_is_no_utf8_is_written_as_json_all_the_same)
{
    struct buf out = {0};

    json_write_string(&out, BYTES("a\xff"
                                  "b\xc3"));
    CHECK_TEXT(buf_bytes(&out), "\"a\xef\xbf\xbd"
                                "b\xef\xbf\xbd\"");
    buf_release(&out);
}

/* ---- refusing ---- */

TEST(json, errors_say_what_was_wrong_and_where)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "unexpected end of JSON input (line 1, offset 0)"},
        {"  ", "unexpected end of JSON input (line 1, offset 2)"},
        {"}", "invalid character '}' looking for beginning of value (line 1, offset 0)"},
        {"\xef\xbb\xbf{}",
         "invalid character '\\xef' looking for beginning of value (line 1, offset 0)"},
        {"[1,]", "invalid character ']' looking for beginning of value (line 1, offset 3)"},
        {"[1 2]", "invalid character '2' after array element (line 1, offset 3)"},
        {"[1}", "invalid character '}' after array element (line 1, offset 2)"},
        {"{\"a\":1]", "invalid character ']' after object key:value pair (line 1, offset 6)"},
        {"{\n\"a\" 1}", "invalid character '1' after object key (line 2, offset 6)"},
        {"{\"a\":1,}",
         "invalid character '}' looking for beginning of object key string (line 1, offset 7)"},
        {"{a:1}",
         "invalid character 'a' looking for beginning of object key string (line 1, offset 1)"},
        {"{'a':1}",
         "invalid character '\\'' looking for beginning of object key string (line 1, offset 1)"},
        {"1 1", "invalid character '1' after top-level value (line 1, offset 2)"},
        {"tru ", "invalid character ' ' in literal true (expecting 'e') (line 1, offset 3)"},
        {"nul", "unexpected end of JSON input (line 1, offset 3)"},
        {"-", "unexpected end of JSON input (line 1, offset 1)"},
        {"-x", "invalid character 'x' in numeric literal (line 1, offset 1)"},
        {"01", "invalid character '1' after top-level value (line 1, offset 1)"},
        {"1.x", "invalid character 'x' after decimal point in numeric literal (line 1, offset 2)"},
        {"1e+]", "invalid character ']' in exponent of numeric literal (line 1, offset 3)"},
        {"\"a", "unexpected end of JSON input (line 1, offset 2)"},
        {"\"\\", "unexpected end of JSON input (line 1, offset 2)"},
        {"\"\\x\"", "invalid character 'x' in string escape code (line 1, offset 2)"},
        {"\"\\u12g4\"",
         "invalid character 'g' in \\u hexadecimal character escape (line 1, offset 5)"},
        {"\"a\nb\"", "invalid character '\\n' in string literal (line 1, offset 2)"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_refused(bytes_str(cases[i].text), cases[i].message);
    check_refused(BYTES("\0"),
                  "invalid character '\\x00' looking for beginning of value (line 1, offset 0)");
}

TEST(json, strings_must_be_valid_utf8)
{
    static const char *const bad[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xc3",         "\xe2\x82",
    };
    static const char *const good[] = {
        "\xc2\x80",     "\xdf\xbf",     "\xe0\xa0\x80",     "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
    };
    char text[16];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(text, sizeof(text), "\"%s\"", bad[i]);
        check_refused(bytes_str(text), "invalid UTF-8 in string literal (line 1, offset 1)");
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        snprintf(text, sizeof(text), "\"%s\"", good[i]);
        check_round_trip(text, text);
    }
}

TEST(json, depth_512_is_read_and_depth_513_is_refused)
{
    char *fits = nested("[", "", "]", JSON_DEPTH_MAX);
    char *too_deep = nested("{\"a\":", "{}", "}", JSON_DEPTH_MAX);

    check_round_trip(fits, fits);
    check_refused(bytes_str(too_deep), "exceeded max depth of 512 (line 1, offset 2560)");
    free(fits);
    free(too_deep);
}

TEST(json, every_cut_of_a_text_is_refused)
{
    const char *text = "{\"a\\u00e9\":[1.5e3,true,null,\"\\ud83d\\ude00\xc3\xa9\"],\"b\":{}}";

    for (size_t len = 0; len < strlen(text); len++) {
        struct arena arena = {0};
        struct json *node;
        char *exact = malloc(len + 1); /* so that reading past the end is seen by a sanitizer */

        memcpy(exact + 1, text, len);
        CHECK(json_parse(&arena, bytes_of(exact + 1, len), &node, NULL, NULL) ==
              STATUS_BAD_REQUEST);
        free(exact);
        arena_release(&arena);
    }
}

/* ---- duplicates ---- */

TEST(json, of_duplicate_members_the_last_one_wins_and_is_reported_with_its_path)
{
    struct arena arena = {0};
    struct json_report report = {0};
    struct json *node;
    const char *text = "{\"spec\":{\"a\":[0,{\"b\":{\"x\":1},\"c\":1,\"b\":2}]},"
                       "\"metadata\":{\"name\":\"a\",\"name\":\"b\"},\"metadata\":1}";

    CHECK(json_parse(&arena, bytes_str(text), &node, &report, NULL) == STATUS_OK);
    CHECK_TEXT(text_of(&arena, node, false),
               "{\"spec\":{\"a\":[0,{\"b\":2,\"c\":1}]},\"metadata\":1}");
    CHECK_INT(report.duplicate_count, 3);
    CHECK_TEXT(report.duplicates[0], "spec.a[1].b");
    CHECK_TEXT(report.duplicates[1], "metadata.name");
    CHECK_TEXT(report.duplicates[2], "metadata");
    arena_release(&arena);
}

TEST(json, duplicates_are_found_in_objects_of_any_size_and_reported_a_hundred_times_at_most)
{
    for (unsigned members = 1; members < 300; members = members * 2 + 1) {
        struct arena arena = {0};
        struct json_report report = {0};
        struct json *node;
        struct buf text = {0};

        buf_append_char(&text, '{');
        for (unsigned i = 0; i < 2 * members; i++)
            buf_appendf(&text, "%s\"k%u\":%u", i != 0 ? "," : "", i % members, i);
        buf_append_char(&text, '}');
        CHECK(json_parse(&arena, buf_bytes(&text), &node, &report, NULL) == STATUS_OK);
        CHECK_INT(node->count, members);
        CHECK_INT(report.duplicate_count, members < 100 ? members : 100);
        CHECK_INT(atoi(node->first->text.ptr), members);
        arena_release(&arena);
        buf_release(&text);
    }
}

TEST(json, an_endless_key_does_not_make_an_endless_path)
{
    char *key = nested("\xc3\xa9", "", "", 5000);
    struct arena arena = {0};
    struct json_report report = {0};
    struct json *node;
    struct bytes text = arena_printf(&arena, "{\"x%s\":1,\"x%s\":2}", key, key);

    CHECK(json_parse(&arena, text, &node, &report, NULL) == STATUS_OK);
    CHECK_INT(report.duplicates[0].len, 1023); /* cut between characters */
    arena_release(&arena);
    free(key);
}

TEST(json, a_hundred_thousand_members_are_read_in_linear_time)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct json *node;

    for (unsigned i = 0; i < 100000; i++)
        buf_appendf(&text, "%s\"k%u\":0", i != 0 ? "," : "{", i);
    buf_append_char(&text, '}');
    CHECK(json_parse(&arena, buf_bytes(&text), &node, NULL, NULL) == STATUS_OK);
    CHECK_INT(node->count, 100000);
    json_sort(node);
    CHECK(json_equal(node, parse(&arena, (buf_append_char(&text, '\0'), text.data))));
    arena_release(&arena);
    buf_release(&text);
}

/* ---- numbers ---- */

TEST(json, whole_numbers_in_any_form_are_read_exactly)
{
    static const struct {
        const char *text;
        int64_t n;
    } cases[] = {
        {"0", 0},
        {"-0.0e5", 0},
        {"0e99999999999999999999", 0},
        {"1", 1},
        {"-17", -17},
        {"1.0", 1},
        {"1e3", 1000},
        {"1.5E+1", 15},
        {"1200e-2", 12},
        {"0.00012e5", 12},
        {"9007199254740993", 9007199254740993},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"922337203685477580.70e1", INT64_MAX},
    };
    static const char *const bad[] = {"9223372036854775808",
                                      "-9223372036854775809",
                                      "1.5",
                                      "15e-1",
                                      "1e19",
                                      "1e400",
                                      "1e-1",
                                      "1e99999999999999999999",
                                      "\"1\"",
                                      "null",
                                      "1e-99999999999999999999"};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        int64_t n = 42;

        CHECK(json_to_i64(parse(&arena, cases[i].text), &n));
        CHECK(n == cases[i].n);
        arena_release(&arena);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena arena = {0};
        int64_t n = 42;

        CHECK(!json_to_i64(parse(&arena, bad[i]), &n) && n == 42);
        arena_release(&arena);
    }
}

TEST(json, doubles_are_read_unless_they_overflow)
{
    struct arena arena = {0};
    double d = 0;

    CHECK(json_to_double(parse(&arena, "-1.25e1"), &d) && d == -12.5);
    CHECK(
        json_to_double(
            parse(&arena, "0.1000000000000000000000000000000000000000000000000000000000000000000"),
            &d) &&
        d == 0.1);
    CHECK(!json_to_double(parse(&arena, "1e400"), &d) && d == 0.1);
    CHECK(!json_to_double(parse(&arena, "true"), &d));
    CHECK(!json_to_double(NULL, &d));
    arena_release(&arena);
}

/* ---- comparing ---- */

TEST(json, numbers_are_equal_by_exact_value)
{
    CHECK(equal("1", "1.0") && equal("1e2", "100") && equal("0.5", "5e-1"));
    CHECK(equal("-0", "0.00e7") && equal("123.4500", "12345e-2") && equal("0.05", "5e-2"));
    CHECK(equal("1e400", "10e399") && equal("100.5", "1005e-1"));
    CHECK(!equal("9007199254740992", "9007199254740993"));
    CHECK(!equal("1", "-1") && !equal("1e400", "1e401") && !equal("12", "1.2") && !equal("0", "1"));
    CHECK(!equal("10.5", "105") && !equal("1.1", "1.10001") && !equal("0.5", "0.05"));
    CHECK(equal("1e99999999999999999999", "1e99999999999999999999"));
    CHECK(!equal("1e99999999999999999999", "1e99999999999999999998"));
}

TEST(json, objects_are_equal_in_any_order_and_arrays_only_in_theirs)
{
    CHECK(equal("{\"a\":1,\"b\":[{\"c\":2,\"d\":3}]}", "{\"b\":[{\"d\":3,\"c\":2}],\"a\":1}"));
    CHECK(!equal("{\"a\":1}", "{\"a\":2}") && !equal("{\"a\":1}", "{\"b\":1}"));
    CHECK(!equal("{\"a\":1}", "{\"a\":1,\"b\":1}") && !equal("[1,2]", "[2,1]"));
    CHECK(!equal("[]", "{}") && !equal("null", "false") && !equal("true", "false"));
    CHECK(!equal("\"a\"", "\"b\"") && !equal("[1]", "[1,1]") && equal("[[],{}]", "[[],{}]"));
    CHECK(json_equal(NULL, NULL) && !json_equal(NULL, &(struct json){0}));
}

/* ---- trees ---- */

TEST(json, members_and_elements_are_found_and_absent_ones_are_null)
{
    struct arena arena = {0};
    struct json *pod =
        parse(&arena, "{\"spec\":{\"nodeName\":\"n1\",\"list\":[1,2,3],\"t\":true}}");
    struct json *list = json_at(pod, "spec", "list", NULL);

    CHECK_TEXT(json_text(json_at(pod, "spec", "nodeName", NULL)), "n1");
    CHECK(json_at(pod, "spec", "list", "x", NULL) == NULL);
    CHECK(json_at(pod, "no", "list", NULL) == NULL && json_get(NULL, BYTES("a")) == NULL);
    CHECK_TEXT(json_index(list, 2)->text, "3");
    CHECK(json_index(list, 3) == NULL && json_index(pod, 0) == NULL);
    CHECK(json_get_text(pod, "spec").ptr == NULL);
    CHECK(json_is_true(json_at(pod, "spec", "t", NULL)) && !json_is_true(list));
    CHECK_TEXT(bytes_str(json_type_name(JSON_BOOL)), "boolean");
    arena_release(&arena);
}

TEST(json, a_member_set_again_keeps_its_place)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"a\":1,\"b\":2,\"c\":3}");

    json_set(object, BYTES("b"), json_new_int(&arena, INT64_MIN));
    json_set(object, BYTES("c"), json_new_bool(&arena, true));
    json_set_text(&arena, object, "d", BYTES("x"));
    json_set(object, BYTES("a"), json_new_null(&arena));
    json_add(object, BYTES("e"), json_new_number(&arena, BYTES("1.0")));
    json_set(object, BYTES("f"), NULL);
    json_set(NULL, BYTES("f"), json_new_null(&arena));
    CHECK_TEXT(text_of(&arena, object, false),
               "{\"a\":null,\"b\":-9223372036854775808,\"c\":true,\"d\":\"x\",\"e\":1.0}");
    arena_release(&arena);
}

TEST(json, removing_leaves_a_list_that_can_grow_again)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"a\":1,\"b\":2,\"c\":3}");

    CHECK_TEXT(json_remove(object, BYTES("c"))->text, "3");
    CHECK(json_remove(object, BYTES("c")) == NULL);
    json_set_text(&arena, object, "d", BYTES("x"));
    CHECK_TEXT(text_of(&arena, object, false), "{\"a\":1,\"b\":2,\"d\":\"x\"}");
    json_remove(object, BYTES("a"));
    json_remove(object, BYTES("b"));
    json_remove(object, BYTES("d"));
    CHECK(object->count == 0 && object->first == NULL && object->last == NULL);
    json_set_text(&arena, object, "e", BYTES("y"));
    CHECK_TEXT(text_of(&arena, object, false), "{\"e\":\"y\"}");
    arena_release(&arena);
}

TEST(json, arrays_take_elements_at_any_place)
{
    struct arena arena = {0};
    struct json *array = json_new_array(&arena);

    json_append(array, json_new_int(&arena, 2));
    json_insert(array, 0, json_new_int(&arena, 1));
    json_insert(array, 2, json_new_int(&arena, 4));
    json_insert(array, 2, json_new_int(&arena, 3));
    CHECK_TEXT(text_of(&arena, array, false), "[1,2,3,4]");
    CHECK_TEXT(json_remove_index(array, 3)->text, "4");
    CHECK_TEXT(json_remove_index(array, 0)->text, "1");
    CHECK(json_remove_index(array, 2) == NULL);
    json_append(array, json_new_int(&arena, 9));
    CHECK_TEXT(text_of(&arena, array, false), "[2,3,9]");
    arena_release(&arena);
}

TEST(json, an_object_is_made_where_there_is_none)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"a\":{\"x\":1},\"b\":2}");

    CHECK_INT(json_ensure_object(&arena, object, "a")->count, 1);
    CHECK_INT(json_ensure_object(&arena, object, "b")->count, 0);
    json_ensure_object(&arena, object, "c");
    CHECK_TEXT(text_of(&arena, object, false), "{\"a\":{\"x\":1},\"b\":{},\"c\":{}}");
    arena_release(&arena);
}

TEST(json, a_replaced_node_keeps_key_and_place)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"a\":1,\"b\":2}");

    json_replace(json_get(object, BYTES("a")), parse(&arena, "[1,{\"x\":null}]"));
    CHECK_TEXT(text_of(&arena, object, false), "{\"a\":[1,{\"x\":null}],\"b\":2}");
    arena_release(&arena);
}

TEST(json, a_copy_does_not_follow_its_original)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"a\":{\"b\":[1,[2]]},\"c\":3}");
    struct json *copy = json_copy(&arena, json_get(object, BYTES("a")));

    CHECK(copy->next == NULL);
    json_set(json_get(object, BYTES("a")), BYTES("b"), json_new_null(&arena));
    json_append(json_get(copy, BYTES("b")), json_new_int(&arena, 4));
    CHECK_TEXT(text_of(&arena, copy, false), "{\"b\":[1,[2],4]}");
    CHECK_TEXT(text_of(&arena, object, false), "{\"a\":{\"b\":null},\"c\":3}");
    CHECK(json_copy(&arena, NULL) == NULL && !arena.failed);
    arena_release(&arena);
}

TEST(json, sorting_orders_members_at_every_level_but_no_elements)
{
    struct arena arena = {0};
    struct json *object = parse(&arena, "{\"b\":[{\"z\":1,\"y\":2},1,0],\"a\":{\"d\":1,\"c\":2},"
                                        "\"ab\":0,\"\":0,\"B\":0}");

    json_sort(object);
    CHECK_TEXT(text_of(&arena, object, false), "{\"\":0,\"B\":0,\"a\":{\"c\":2,\"d\":1},\"ab\":0,"
                                               "\"b\":[{\"y\":2,\"z\":1},1,0]}");
    json_set(object, BYTES("last"), json_new_null(&arena));
    CHECK_TEXT(object->last->key, "last");
    CHECK(object->last->next == NULL);
    arena_release(&arena);
}

TEST(json, trees_deeper_than_any_text_are_walked_without_recursion)
{
    struct arena arena = {0};
    struct json *deep = json_new_object(&arena), *copy;
    struct buf out = {0};

    for (int i = 0; i < 200000; i++) {
        struct json *around = json_new_object(&arena);

        json_set(around, BYTES("a"), deep);
        deep = around;
    }
    copy = json_copy(&arena, deep);
    CHECK(copy != NULL && json_equal(copy, deep));
    json_sort(copy);
    json_write(&out, copy, false);
    CHECK(!out.failed && out.len == 200000 * 6 + 2);
    buf_release(&out);
    arena_release(&arena);
}

TEST(json, builders_in_a_failed_arena_do_nothing)
{
    struct arena arena = {0};
    struct json *object = json_new_object(&arena);

    json_set(object, BYTES("a"), NULL);
    json_append(NULL, NULL);
    json_insert(NULL, 5, NULL);
    json_replace(NULL, NULL);
    json_sort(NULL);
    CHECK(json_ensure_object(&arena, NULL, "x") != NULL);
    CHECK_INT(object->count, 0);
    arena_release(&arena);
}

/* ---- scanning a stream ---- */

TEST(json, the_end_of_a_value_is_found_however_its_bytes_trickle_in)
{
    const char *text = " \n{\"a\":\"}\\\"{\\\\\",\"b\":[{},\"\xc3\xa9\"]}{}";
    size_t expected = strlen(text) - 2, len = 0;
    struct json_scan scan = {0};

    for (size_t i = 0; i < expected; i++)
        CHECK(json_scan_value(&scan, bytes_of(text, i), &len) == STATUS_END);
    CHECK(json_scan_value(&scan, bytes_of(text, expected), &len) == STATUS_OK);
    CHECK_INT(len, expected);

    scan = (struct json_scan){0};
    CHECK(json_scan_value(&scan, bytes_str(text), &len) == STATUS_OK && len == expected);
}

TEST(json, a_top_level_number_or_word_ends_where_something_else_begins)
{
    struct json_scan scan = {0};
    size_t len = 0;

    CHECK(json_scan_value(&scan, BYTES("12"), &len) == STATUS_END);
    CHECK(json_scan_value(&scan, BYTES("123"), &len) == STATUS_END);
    CHECK(json_scan_value(&scan, BYTES("123\n"), &len) == STATUS_OK && len == 3);
    scan = (struct json_scan){0};
    CHECK(json_scan_value(&scan, BYTES("null{"), &len) == STATUS_OK && len == 4);
    scan = (struct json_scan){0};
    CHECK(json_scan_value(&scan, BYTES("\"a\"\"b\""), &len) == STATUS_OK && len == 3);
}

TEST(json, what_can_never_become_a_value_is_refused_at_once)
{
    char *deep = nested("[", "", "", JSON_DEPTH_MAX + 1);
    struct json_scan scan = {0};
    size_t len;

    CHECK(json_scan_value(&scan, BYTES(" }"), &len) == STATUS_BAD_REQUEST);
    CHECK(json_scan_value(&scan, BYTES(" }"), &len) == STATUS_BAD_REQUEST);
    scan = (struct json_scan){0};
    CHECK(json_scan_value(&scan, BYTES("<html>"), &len) == STATUS_BAD_REQUEST);
    scan = (struct json_scan){0};
    CHECK(json_scan_value(&scan, bytes_str(deep), &len) == STATUS_BAD_REQUEST);
    free(deep);
}
