#include "unit/test.h"

#include "codec/jsonpath_template.h"

static const char document[] =
    "{\"kind\":\"List\",\"n\":3,\"none\":null,\"a/b.c\":\"odd\",\"items\":["
    "{\"name\":\"a\",\"on\":true,\"ports\":[{\"port\":80},{\"port\":443}],\"tags\":{\"x\":\"1\"}},"
    "{\"name\":\"b\",\"on\":false,\"ports\":[{\"port\":53}]},"
    "{\"name\":\"c\",\"ports\":[]}]}";

static void write_value(struct buf *out, const struct json *value)
{
    if (json_is(value, JSON_STRING))
        buf_append_bytes(out, value->text);
    else
        json_write(out, value, false);
}

/* What a template gives for the document, or what is wrong with it. */
static const char *render(const char *text)
{
    static char result[1024];
    struct arena arena = {0};
    struct jsonpath_template template;
    struct json *root = NULL;
    struct buf out = {0};
    struct error error = {0};
    enum status st;

    CHECK(json_parse(&arena, bytes_str(document), &root, NULL, NULL) == STATUS_OK);
    st = jsonpath_template_parse(&arena, bytes_str(text), &template, &error);
    if (st == STATUS_OK)
        st = jsonpath_template_write(&template, root, write_value, &out, &error);
    snprintf(result, sizeof(result), "%.*s", (int)out.len, out.len != 0 ? out.data : "");
    if (st != STATUS_OK)
        snprintf(result, sizeof(result), "! %s", error_message(&error));
    error_release(&error);
    buf_release(&out);
    arena_release(&arena);
    return result;
}

static void expect(const char *template, const char *result)
{
    CHECK_TEXT(bytes_str(render(template)), result);
}

TEST(jsonpath_template, fields_indexes_and_text_are_written_as_kubectl_writes_them)
{
    expect("{.kind}", "List");
    expect("kind is {.kind}, n is {.n}{\"\\t\"}{'\\n'}", "kind is List, n is 3\t\n");
    expect("{$.items[0].name}{@.items[-1].name}", "ac");
    expect("{.items[*].name}", "a b c");
    expect("{.items[0].tags}", "{\"x\":\"1\"}");
    expect("{.items[0].tags.*}", "1");
    expect("{['kind']}{.a/b\\.c}", "Listodd");
    expect("{.nope.nope}{.none.nope}", "");
    expect("{5}{1.5}{true}{\"a\"}", "51.5truea");
    expect("", "");
}

TEST(jsonpath_template, slices_unions_and_what_is_below)
{
    expect("{.items[0:2].name}", "a b");
    expect("{.items[::2].name}", "a c");
    expect("{.items[1:].name}", "b c");
    expect("{.items[-2:].name}", "b c");
    expect("{.items[:-1].name}", "a b");
    expect("{.items[2,0].name}", "c a");
    expect("{.items[*]['name','on']}", "a b c true false");
    expect("{..port}", "80 443 53");
    expect("{.items[9].name}", "! array index out of bounds: index 9, length 3");
    expect("{.items[2:1].name}", "! starting index 2 is greater than ending index 1");
    expect("{.items[0:2:0].name}", "! step must be > 0");
    expect("{.items[5:6].name}", "! array index out of bounds: index 5, length 3");
    expect("{.items[-9:2].name}", "! array index out of bounds: index -6, length 3");
    expect("{.items[0:9].name}", "! array index out of bounds: index 8, length 3");
    expect("{.none[0]}", "");
    expect("{.kind[0]}", "! the value is not array or slice");
}

TEST(jsonpath_template, filters_compare_like_with_like)
{
    expect("{.items[?(@.name==\"b\")].ports[0].port}", "53");
    expect("{.items[?(@.name!='b')].name}", "a c");
    expect("{.items[?(@.on)].name}", "a b");
    expect("{.items[?(@.on==true)].name}", "a");
    expect("{.items[0].ports[?(@.port>80)].port}", "443");
    expect("{.items[0].ports[?(@.port<=443)].port}", "80 443");
    expect("{.items[?(@.ports[?(@.port==53)])].name}", "! unterminated filter"); /* as kubectl */
    expect("{.items[?(@.name==1)].name}", "! incompatible types for comparison");
    expect("{.items[?(@.tags=='x')].name}", "! invalid type for comparison");
    expect("{.kind[?(@.x)]}", "! the value is not array or slice and cannot be filtered");
}

TEST(jsonpath_template, filters_know_every_operator_and_side)
{
    expect("{.items[0].ports[?(@.port<443)].port}", "80");
    expect("{.items[0].ports[?(@.port>=443)].port}", "443");
    expect("{.items[0].ports[?(@.port!=80)].port}", "443");
    expect("{.items[0].ports[?(80==@.port)].port}", "80");
    expect("{.items[?(@.name>'a')].name}", "b c");
    expect("{.items[?(@.on!=true)].name}", "b");
    expect("{.items[?(@.on<true)].name}", "! invalid type for comparison");
    expect("{.items[?(@.on=='true')].name}", "! incompatible types for comparison");
    expect("{.items[?(@.nope==1)].name}", "");
    expect("{.none[?(@.a)]}", "");
    expect("{.items[?(@.ports[*].port==80)].name}", "! can only compare one element at a time");
}

TEST(jsonpath_template, ranges_nest_and_end)
{
    expect("{range .items[*]}[{.name}]{end}!", "[a][b][c]!");
    expect("{range .items[*]}{.name}:{range .ports[*]}{.port},{end};{end}", "a:80,443,;b:53,;c:;");
    expect("{range .nope[*]}{.name}{end}!", "!");
    expect("{range .items[*]}{.name}", "abc");
    expect("{end}", "! not in range, nothing to end");
}

TEST(jsonpath_template, that_are_malformed_are_refused)
{
    expect("{.kind", "! unclosed action");
    expect("{.items[0}", "! unterminated array");
    expect("{.items[x]}", "! invalid array index x");
    expect("{.items[?(@.a==\"x)]}", "! unterminated filter");
    expect("{.items[?(@.a)}", "! unclosed array expect ]");
    expect("{\"x}", "! unterminated quoted string");
    expect("{.items[0:1:2:3]}", "! invalid array index 0:1:2:3");
    expect("{.items[99999999999]}", "! invalid array index 99999999999");
    expect("{.items[-]}", "! invalid array index -");
    expect("{.items['a]}", "! invalid array index 'a");
    expect("{.items[?(==1)]}", "! unrecognized character in action: U+003D '='");
    expect("{+1}{-2}{3.5}{true}{false}", "1-23.5truefalse");
    expect("{hello}", "! unrecognized identifier hello");
    expect("{.items[?(@.a ~ 1)]}", "! unrecognized character in action: U+007E '~'");
}

TEST(jsonpath_template, that_are_nested_without_end_are_refused)
{
    struct buf text = {0};
    struct arena arena = {0};
    struct jsonpath_template template;

    for (int i = 0; i < 10000; i++)
        buf_append_str(&text, "[?(@");
    for (int i = 0; i < 10000; i++)
        buf_append_str(&text, ")]");
    CHECK(jsonpath_template_parse_relaxed(&arena, buf_bytes(&text), &template, NULL) ==
          STATUS_BAD_REQUEST);
    arena_release(&arena);
    buf_release(&text);
}

TEST(jsonpath_template, may_stand_without_braces_and_dot)
{
    static const char *const forms[] = {".items[*].name", "items[*].name", "{.items[*].name}",
                                        "{items[*].name}"};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct arena arena = {0};
        struct jsonpath_template template;
        struct jsonpath_values values;
        struct json *root = NULL;

        CHECK(json_parse(&arena, bytes_str(document), &root, NULL, NULL) == STATUS_OK);
        CHECK(jsonpath_template_parse_relaxed(&arena, bytes_str(forms[i]), &template, NULL) ==
              STATUS_OK);
        CHECK(jsonpath_template_find(&template, &arena, root, &values, NULL) == STATUS_OK);
        CHECK_INT(values.count, 3);
        CHECK_TEXT(values.items[2]->text, "c");
        arena_release(&arena);
    }
}
