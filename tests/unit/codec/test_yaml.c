#include "unit/test.h"

#include <stdlib.h>

#include "codec/yaml.h"
#include "unit/codec/trees.h"

/* ---- helpers ---- */

/* The document as JSON, with ' for ". */
static void check_yaml(const char *yaml, const char *expected)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *node = NULL;

    if (yaml_parse(&arena, bytes_str(yaml), &node, &err) != STATUS_OK)
        fail_msg("%s: %s", yaml, error_message(&err));
    CHECK_TEXT(text_of(&arena, node), expected);
    arena_release(&arena);
}

static void check_refused_bytes(struct bytes yaml, const char *message)
{
    struct arena arena = {0};
    struct error err = {0};
    struct json *node = NULL;

    CHECK(yaml_parse(&arena, yaml, &node, &err) == STATUS_BAD_REQUEST);
    CHECK(node == NULL && err.status == STATUS_BAD_REQUEST);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
    arena_release(&arena);
}

#define REFUSED(yaml, message)                                                                     \
    check_refused_bytes(BYTES(yaml), "error converting YAML to JSON: yaml: " message)

/* Writes the tree (with ' for "), and reads back what it wrote. */
static void check_written(const char *json, const char *expected)
{
    struct arena arena = {0};
    struct json *tree = tree_of(&arena, json), *again = NULL;
    struct buf out = {0};

    yaml_write(&out, tree);
    CHECK(!out.failed);
    CHECK_TEXT(buf_bytes(&out), expected);
    CHECK(yaml_parse(&arena, buf_bytes(&out), &again, NULL) == STATUS_OK);
    CHECK(json_equal(tree, again));
    buf_release(&out);
    arena_release(&arena);
}

/* ---- scalars ---- */

TEST(yaml, integers_come_in_five_bases)
{
    check_yaml("[0, 1, -1, +1, 0x1F, 0o17, 017, 0b11, -0x1f, 1_000]",
               "[0,1,-1,1,31,15,15,3,-31,1000]");
    check_yaml("[9223372036854775808, 18446744073709551615, -9223372036854775808]",
               "[9223372036854775808,18446744073709551615,-9223372036854775808]");
}

TEST(yaml, floats_keep_their_digits)
{
    check_yaml("[1.5, -.5, +1., 1e3, 08, 00.50, 1_0.5]", "[1.5,-0.5,1,1e3,8,0.50,10.5]");
    check_yaml("123456789012345678901234567890", "123456789012345678901234567890");
}

TEST(yaml, what_only_looks_like_a_number_is_a_string)
{
    check_yaml("[0x, 0xg, 1e400, _1, '1', \"2\", 1.2.3, 1:30, +, -, ., 100m]",
               "['0x','0xg','1e400','_1','1','2','1.2.3','1:30','+','-','.','100m']");
}

TEST(yaml, booleans_are_those_of_yaml_1_1)
{
    check_yaml("[true, True, TRUE, yes, Yes, YES, y, Y, on, On, ON]",
               "[true,true,true,true,true,true,true,true,true,true,true]");
    check_yaml("[false, no, n, N, off, OFF]", "[false,false,false,false,false,false]");
    check_yaml("[tRUE, yEs, 'yes', \"on\"]", "['tRUE','yEs','yes','on']");
}

TEST(yaml, nulls_are_empty_tilde_and_null)
{
    check_yaml("{a: , b: ~, c: null, d: NULL, e: '', f: nUll}",
               "{'a':null,'b':null,'c':null,'d':null,'e':'','f':'nUll'}");
}

TEST(yaml, timestamps_stay_strings)
{
    check_yaml("[2001-01-01, 2001-01-01T01:02:03Z, 2001-1-1 1:2:3]",
               "['2001-01-01','2001-01-01T01:02:03Z','2001-1-1 1:2:3']");
}

TEST(yaml, numbers_that_json_lacks_are_refused)
{
    REFUSED("a: .inf", "line 1: unsupported value: +Inf");
    REFUSED("a: 1\nb: -.INF", "line 2: unsupported value: -Inf");
    REFUSED("- .nan", "line 1: unsupported value: NaN");
}

TEST(yaml, tags_say_what_a_text_is)
{
    check_yaml("[!!str 1, !!int \"7\", !!float 1, !!bool 'yes', !!null '', !foo bar, ! 5]",
               "['1',7,1,true,null,'bar','5']");
    REFUSED("!!int x", "line 1: cannot decode !!str `x` as a !!int");
    REFUSED("!!null 0", "line 1: cannot decode !!int `0` as a !!null");
}

TEST(yaml, binary_is_decoded_if_it_is_text)
{
    check_yaml("!!binary aGVsbG8=", "'hello'");
    check_yaml("!!binary |\n  aGVs\n  bG8gIQ==\n", "'hello !'");
    REFUSED("!!binary a=b=", "line 1: !!binary value contains invalid base64 data");
    REFUSED("!!binary /w==", "line 1: !!binary value is not UTF-8 text, which is all that JSON can "
                             "hold");
}

TEST(yaml, block_scalars_fold_and_chomp)
{
    check_yaml("a: |\n  x\n   y\nb: |-\n  x\nc: |+\n  x\n\nd: >\n  x\n  y\n",
               "{'a':'x\\n y\\n','b':'x','c':'x\\n\\n','d':'x y\\n'}");
}

TEST(yaml, json_is_yaml)
{
    check_yaml("{\"a\":[1,2.50,\"x\\u0041\\n\"],\"b\":{\"c\":null}}",
               "{'a':[1,2.50,'xA\\n'],'b':{'c':null}}");
}

/* ---- what is close to a number or a time ---- */

TEST(yaml, a_number_beyond_64_bits_keeps_its_digits_or_is_a_string)
{
    check_yaml("[18446744073709551616, 18446744073709551620, -9223372036854775809]",
               "[18446744073709551616,18446744073709551620,-9223372036854775809]");
    check_yaml("[+9223372036854775808, 0x10000000000000000, 0b2, 0o8, 0b, -0x0]",
               "[9223372036854775808,'0x10000000000000000','0b2','0o8','0b',0]");
}

TEST(yaml, an_exponent_needs_digits)
{
    check_yaml("[1e+5, 1E-5, .5e3, +.5, 00, 000.5]", "[1e+5,1E-5,0.5e3,0.5,0,0.5]");
    check_yaml("[1e, 1e+, .e5, 1ex, 1.5f, -x]", "['1e','1e+','.e5','1ex','1.5f','-x']");
}

TEST(yaml, a_string_that_a_reader_would_take_for_a_time_is_quoted)
{
    check_written(
        "['2001-01-01','2001-1-1','2001-01-01T01:02:03+01:30','2001-01-01t1:2:3.25Z',"
        "'2001-01-01 1:2:3','2001-01-01   1:2:3,5','1:30','-1:30:59','+1_0:05','1:30.5_1']",
        "- \"2001-01-01\"\n- \"2001-1-1\"\n- \"2001-01-01T01:02:03+01:30\"\n"
        "- \"2001-01-01t1:2:3.25Z\"\n- \"2001-01-01 1:2:3\"\n- \"2001-01-01   1:2:3,5\"\n"
        "- \"1:30\"\n- \"-1:30:59\"\n- \"+1_0:05\"\n- \"1:30.5_1\"\n");
}

TEST(yaml, a_string_that_is_no_time_stays_plain)
{
    check_written(
        "['2001-13-01','2001-0-01','2001-01-32','2001-01-011','2001-01-01x','2001-01',"
        "'2001-x','2001x01','20011-01-01']",
        "- 2001-13-01\n- 2001-0-01\n- 2001-01-32\n- 2001-01-011\n- 2001-01-01x\n- 2001-01\n"
        "- 2001-x\n- 2001x01\n- 20011-01-01\n");
    check_written(
        "['2001-01-01T24:02:03Z','2001-01-01T01:60:03Z','2001-01-01T01:02:60Z',"
        "'2001-01-01T01:02:03','2001-01-01T01:02:03+25:00','2001-01-01T01:02:03-01:61',"
        "'2001-01-01T01:02:03*01:00','2001-01-01T01:02:03.Z','2001-01-01 1:2:3 x',"
        "'2001-01-01T1','2001-01-01T1:2']",
        "- 2001-01-01T24:02:03Z\n- 2001-01-01T01:60:03Z\n- 2001-01-01T01:02:60Z\n"
        "- 2001-01-01T01:02:03\n- 2001-01-01T01:02:03+25:00\n- 2001-01-01T01:02:03-01:61\n"
        "- 2001-01-01T01:02:03*01:00\n- 2001-01-01T01:02:03.Z\n- 2001-01-01 1:2:3 x\n"
        "- 2001-01-01T1\n- 2001-01-01T1:2\n");
    check_written("['1:60','1:300','1:2x','1:2:3.x','+x:1','1_0']",
                  "- 1:60\n- 1:300\n- 1:2x\n- 1:2:3.x\n- +x:1\n- \"1_0\"\n");
}

TEST(yaml, keys_are_written_in_natural_order)
{
    check_written("{'n1002':0,'n200':0,'n1000':0,'n100':0,'a10':0,'a2':0,'a1':0,'a02':0,'a':0}",
                  "a: 0\na1: 0\na2: 0\na02: 0\na10: 0\nn100: 0\nn200: 0\nn1000: 0\nn1002: 0\n");
    check_written("{'x1y':false,'x01y':true,'x-':0,'xa':0,'xA':0,'x\u00e9':0,'x.':0,'z_':0,'z-':0}",
                  "x-: 0\nx.: 0\nx1y: false\nx01y: true\nxA: 0\nxa: 0\nx\xc3\xa9: 0\nz-: 0\n"
                  "z_: 0\n");
}

/* ---- mappings ---- */

TEST(yaml, keys_become_strings)
{
    check_yaml("{1: a, 0x10: b, 1.50: c, true: d, no: e, .inf: f, 1e7: g, 'q': h}",
               "{'1':'a','16':'b','1.5':'c','true':'d','false':'e','.inf':'f','1e+07':'g',"
               "'q':'h'}");
}

TEST(yaml, a_float_key_past_the_range_of_floats_is_infinity)
{
    check_yaml("{1e300: a, -1e300: b, 1e-300: c}", "{'.inf':'a','-.inf':'b','0':'c'}");
}

TEST(yaml, keys_that_are_no_names_are_refused)
{
    REFUSED("~: a", "line 1: unsupported map key of type: null");
    REFUSED("[a]: b", "line 1: invalid map key: array");
    REFUSED("? {a: b}\n: c", "line 1: invalid map key: object");
}

TEST(yaml, a_duplicate_key_is_an_error)
{
    REFUSED("a: 1\nb: 2\na: 3\n", "unmarshal errors:\n  line 3: key \"a\" already set in map");
    REFUSED("{1: x, '1': y}", "unmarshal errors:\n  line 1: key \"1\" already set in map");
}

TEST(yaml, duplicates_are_found_in_big_mappings_too)
{
    struct arena arena = {0};
    struct error err = {0};
    struct buf yaml = {0};
    struct json *node = NULL;

    for (int i = 0; i < 1000; i++)
        buf_appendf(&yaml, "k%d: v\n", i);
    CHECK(yaml_parse(&arena, buf_bytes(&yaml), &node, &err) == STATUS_OK);
    CHECK_INT(node->count, 1000);
    buf_append_str(&yaml, "k500: again\n");
    CHECK(yaml_parse(&arena, buf_bytes(&yaml), &node, &err) == STATUS_BAD_REQUEST);
    buf_release(&yaml);
    error_release(&err);
    arena_release(&arena);
}

TEST(yaml, aliases_copy_what_their_anchor_marks)
{
    check_yaml("a: &x {k: [1]}\nb: *x\nc: &y text\nd: [*y, *x]\n",
               "{'a':{'k':[1]},'b':{'k':[1]},'c':'text','d':['text',{'k':[1]}]}");
    check_yaml("- &a 1\n- *a\n- &a 2\n- *a\n", "[1,1,2,2]");
    REFUSED("a: *x", "line 1: unknown anchor 'x' referenced");
    REFUSED("&x [*x]", "line 1: anchor 'x' value contains itself");
}

TEST(yaml, merge_keys_bring_members_that_later_keys_override)
{
    check_yaml("base: &b {x: 1, w: 2}\nd:\n  <<: *b\n  w: 3\n  z: 4\n",
               "{'base':{'x':1,'w':2},'d':{'x':1,'w':3,'z':4}}");
    check_yaml("<<: {a: 1}", "{'a':1}");
    check_yaml("'<<': {a: 1}", "{'<<':{'a':1}}");
}

TEST(yaml, of_several_merged_mappings_the_first_wins)
{
    check_yaml("- &a {x: 1}\n- &b {x: 2, w: 3}\n- <<: [*a, *b]\n",
               "[{'x':1},{'x':2,'w':3},{'x':1,'w':3}]");
}

TEST(yaml, only_mappings_merge)
{
    REFUSED("<<: 1", "line 1: map merge requires map or sequence of maps as the value");
    REFUSED("<<: [[a]]", "line 1: map merge requires map or sequence of maps as the value");
}

/* ---- streams ---- */

TEST(yaml, a_single_document_is_read_whatever_stands_around_it)
{
    check_yaml("", "null");
    check_yaml("# nothing\n", "null");
    check_yaml("---\na: 1\n...\n", "{'a':1}");
    check_yaml("---\n---\na: 1\n---\n", "{'a':1}");
    check_yaml("\xef\xbb\xbf"
               "a: 1\n",
               "{'a':1}");
    REFUSED("a: 1\n---\nb: 2\n", "expected a single document in the stream");
}

TEST(yaml, all_documents_of_a_stream_are_read)
{
    struct arena arena = {0};
    struct json *array = NULL;

    CHECK(yaml_parse_all(&arena, BYTES("a: &x 1\n---\n---\n# empty\n---\n- *y\n"), &array, NULL) ==
          STATUS_BAD_REQUEST); /* anchors end with their document, too */
    CHECK(yaml_parse_all(&arena, BYTES("a: 1\n---\n---\n# empty\n---\n- b\n"), &array, NULL) ==
          STATUS_OK);
    CHECK_TEXT(text_of(&arena, array), "[{'a':1},['b']]");
    arena_release(&arena);
}

TEST(yaml, anchors_do_not_outlive_their_document)
{
    struct arena arena = {0};
    struct json *array = NULL;

    CHECK(yaml_parse_all(&arena, BYTES("&x 1\n---\n*x\n"), &array, NULL) == STATUS_BAD_REQUEST);
    arena_release(&arena);
}

TEST(yaml, syntax_errors_name_their_line)
{
    REFUSED("a: 1\nb: [1,\nc: 2\n", "line 3: did not find expected ',' or ']'");
    REFUSED("a:\n\t- b\n", "line 2: found character that cannot start any token");
    REFUSED("a: 1\nb: 'x", "line 2: found unexpected end of stream");
}

/* ---- hostile input ---- */

TEST(yaml, utf_16_and_broken_utf_8_are_refused)
{
    REFUSED("\xff\xfe"
            "a\0",
            "UTF-16 is not supported");
    REFUSED("\xfe\xff\0a", "UTF-16 is not supported");
    REFUSED("a: \xc3(", "invalid trailing UTF-8 octet");
    REFUSED("a: \"\\ud800\"", "found invalid Unicode character escape code");
    REFUSED("a: b\0c", "control characters are not allowed");
}

TEST(yaml, tag_directives_are_refused)
{
    REFUSED("%TAG ! tag:x,2000:\n--- a\n", "line 1: %TAG directives are not supported");
    REFUSED("a: 1\n...\n%TAG !x! y\n--- a\n", "line 3: %TAG directives are not supported");
    check_yaml("a: '%TAG'", "{'a':'%TAG'}");
}

TEST(yaml, nesting_ends_at_64_levels)
{
    char text[2 * (YAML_DEPTH_MAX + 1) + 1] = {0};

    memset(text, '[', YAML_DEPTH_MAX);
    memset(text + YAML_DEPTH_MAX, ']', YAML_DEPTH_MAX);
    check_yaml(text, text);
    memset(text, '[', YAML_DEPTH_MAX + 1);
    memset(text + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
    check_refused_bytes(bytes_str(text), "error converting YAML to JSON: yaml: line 1: exceeded "
                                         "max depth of 64");
}

static void check_bounded(const char *unit, size_t len, enum status expected)
{
    struct arena arena = {0};
    struct buf yaml = {0};
    struct json *node;

    while (yaml.len < len)
        buf_append_str(&yaml, unit);
    CHECK_INT(yaml_parse(&arena, buf_bytes(&yaml), &node, NULL), expected);
    CHECK(arena.used < 300u * 1024 * 1024);
    buf_release(&yaml);
    arena_release(&arena);
}

/* libyaml alone takes seconds for the first three. */
TEST(yaml, deep_flow_and_block_collections_are_refused_early)
{
    check_bounded("[", 80000, STATUS_BAD_REQUEST);
    check_bounded("{", 80000, STATUS_BAD_REQUEST);
    check_bounded("{a,", 80000, STATUS_BAD_REQUEST);
    check_bounded("- ", 80000, STATUS_BAD_REQUEST);
    check_bounded("? ", 80000, STATUS_BAD_REQUEST);
    check_bounded("a: [", 80000, STATUS_BAD_REQUEST);
}

TEST(yaml, megabytes_of_anything_are_read_or_refused_in_bounds)
{
    size_t size = 3 * 1024 * 1024;

    check_bounded("a", size, STATUS_OK);
    check_bounded("- aaaaaaaaaaaa\n", size, STATUS_OK);
    check_bounded("- \n", size, STATUS_BAD_REQUEST); /* more nodes than allowed */
    check_bounded("# c\n", size, STATUS_OK);
    check_bounded("a b ", size, STATUS_OK);
    check_bounded("!a ", size, STATUS_BAD_REQUEST);
    check_bounded("&a ", size, STATUS_BAD_REQUEST);
    check_bounded("\n", size, STATUS_OK);
    check_bounded("'", size, STATUS_OK);
    check_bounded("%X\n", size, STATUS_BAD_REQUEST);
}

/* Nine levels of nine aliases each: 9^9 nodes if they were copied. */
TEST(yaml, an_alias_bomb_is_refused_before_it_grows)
{
    struct arena arena = {0};
    struct error err = {0};
    struct buf yaml = {0};
    struct json *node;

    buf_append_str(&yaml, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i <= 9; i++)
        buf_appendf(&yaml, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                    i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    CHECK(yaml_parse(&arena, buf_bytes(&yaml), &node, &err) == STATUS_BAD_REQUEST);
    CHECK(strstr(error_message(&err), "document contains excessive aliasing") != NULL);
    CHECK(arena.used < 64u * 1024 * 1024);
    buf_release(&yaml);
    error_release(&err);
    arena_release(&arena);
}

TEST(yaml, a_merge_bomb_is_refused_before_it_grows)
{
    struct arena arena = {0};
    struct buf yaml = {0};
    struct json *node;

    buf_append_str(&yaml, "a0: &a0 {x: 1, y: 1, z: 1}\n");
    for (int i = 1; i <= 14; i++)
        buf_appendf(&yaml, "a%d: &a%d {x: *a%d, y: *a%d, <<: [*a%d, *a%d]}\n", i, i, i - 1, i - 1,
                    i - 1, i - 1);
    CHECK(yaml_parse(&arena, buf_bytes(&yaml), &node, NULL) == STATUS_BAD_REQUEST);
    CHECK(arena.used < 64u * 1024 * 1024);
    buf_release(&yaml);
    arena_release(&arena);
}

TEST(yaml, aliases_cannot_nest_deeper_than_documents)
{
    struct arena arena = {0};
    struct error err = {0};
    struct buf yaml = {0};
    struct json *node;

    buf_append_str(&yaml, "- &a0 x\n");
    for (int i = 1; i <= 100; i++)
        buf_appendf(&yaml, "- &a%d [*a%d]\n", i, i - 1);
    CHECK(yaml_parse(&arena, buf_bytes(&yaml), &node, &err) == STATUS_BAD_REQUEST);
    CHECK(strstr(error_message(&err), "exceeded max depth of 64") != NULL);
    buf_release(&yaml);
    error_release(&err);
    arena_release(&arena);
}

/* ---- writing ---- */

TEST(yaml, members_are_written_sorted_and_lists_at_the_indent_of_their_key)
{
    check_written("{'kind':'Pod','apiVersion':'v1','spec':{'containers':[{'name':'a','ports':"
                  "[{'containerPort':80}],'args':['x','y']}],'nodeSelector':{}},'status':[]}",
                  "apiVersion: v1\n"
                  "kind: Pod\n"
                  "spec:\n"
                  "  containers:\n"
                  "  - args:\n"
                  "    - x\n"
                  "    - \"y\"\n"
                  "    name: a\n"
                  "    ports:\n"
                  "    - containerPort: 80\n"
                  "  nodeSelector: {}\n"
                  "status: []\n");
}

TEST(yaml, keys_are_sorted_by_number_where_they_hold_one)
{
    check_written("{'a10':1,'a9':2,'b':3,'B':4,'_':5,'1':6}",
                  "_: 5\n\"1\": 6\nB: 4\na9: 2\na10: 1\nb: 3\n");
}

TEST(yaml, texts_that_would_be_something_else_are_quoted)
{
    check_written("['true','1','1.5','null','','~','yes','0x1','2001-01-01','1:30','.inf','1_0']",
                  "- \"true\"\n- \"1\"\n- \"1.5\"\n- \"null\"\n- \"\"\n- \"~\"\n- \"yes\"\n"
                  "- \"0x1\"\n- \"2001-01-01\"\n- \"1:30\"\n- \".inf\"\n- \"1_0\"\n");
    check_written("['2024-01-02T03:04:05Z']", "- \"2024-01-02T03:04:05Z\"\n");
}

TEST(yaml, texts_with_a_meaning_to_yaml_are_quoted)
{
    check_written("[': ','a: b','a #b','- x','*a','&a','!a','%a','@a','[','{','#',' a','a ','---']",
                  "- ': '\n- 'a: b'\n- 'a #b'\n- '- x'\n- '*a'\n- '&a'\n- '!a'\n- '%a'\n- '@a'\n"
                  "- '['\n- '{'\n- '#'\n- ' a'\n- 'a '\n- '---'\n");
    check_written("['a:b','a#b','-a','a,b','x=y','100m','<<x']",
                  "- a:b\n- a#b\n- -a\n- a,b\n- x=y\n- 100m\n- <<x\n");
}

TEST(yaml, texts_of_many_lines_become_blocks)
{
    check_written("{'a':'x\\ny','b':'x\\ny\\n','c':'x\\n\\n','d':' x\\ny'}",
                  "a: |-\n  x\n  y\nb: |\n  x\n  y\nc: |+\n  x\n\nd: |2-\n   x\n  y\n");
    check_written("'x\\n\\n'", "|+\n  x\n\n");
    check_written("['x \\ny','a\\tb','\\u0001']", "- \"x \\ny\"\n- \"a\\tb\"\n- \"\\x01\"\n");
    check_written("'a\\u2028b'", "\"a\\Lb\"\n");
}

TEST(yaml, long_texts_fold_at_eighty_columns)
{
    check_written(
        "{'a':'word word word word word word word word word word word word word word word "
        "word word'}",
        "a: word word word word word word word word word word word word word word word "
        "word\n  word\n");
}

TEST(yaml, scalars_and_nothing_are_documents_too)
{
    struct buf out = {0};

    check_written("'a'", "a\n");
    check_written("12", "12\n");
    check_written("{}", "{}\n");
    yaml_write(&out, NULL);
    CHECK_TEXT(buf_bytes(&out), "null\n");
    buf_release(&out);
}

/* In block style every value would stand behind a thousand blanks. */
TEST(yaml, deep_trees_are_written_without_growing)
{
    struct arena arena = {0};
    struct json *node = json_new_array(&arena);
    struct buf out = {0};

    for (int i = 0; i < 10000; i++)
        json_append(node, json_new_int(&arena, 1));
    for (int i = 0; i < 500; i++) {
        struct json *outer = json_new_array(&arena);

        json_append(outer, node);
        node = outer;
    }
    yaml_write(&out, node);
    CHECK(!out.failed && out.len < 60000);
    buf_release(&out);
    arena_release(&arena);
}
