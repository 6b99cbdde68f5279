#include "unit/test.h"

#include "client-go-like/tidectl/print.h"
#include "client-go-like/tidectl/table.h"

#define COLUMNS                                                                                    \
    "\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\","           \
    "\"priority\":"                                                                                \
    "0},{\"name\":\"Data\",\"type\":\"integer\",\"priority\":0},{\"name\":\"Extra\",\"type\":"     \
    "\"string\",\"priority\":1},{\"name\":\"Age\",\"type\":\"string\",\"priority\":0}],"
#define ROW(name, data, age)                                                                       \
    "{\"cells\":[\"" name "\"," data ",\"x\",\"" age                                               \
    "\"],\"object\":{\"metadata\":{\"name\":\"" name                                               \
    "\",\"namespace\":\"ns\",\"labels\":{\"b\":\"2\",\"a\":\"1\"}}}}"
#define TABLE(columns, rows) "{\"kind\":\"Table\"," columns "\"rows\":[" rows "]}"

static void feed(struct table *table, const char *text, const char *event)
{
    tw_object *object = NULL;

    CHECK(tw_object_from_json(text, strlen(text), &object, NULL) == TW_OK);
    CHECK(table_begin(table, object));
    json_each(json_get(object->tree, BYTES("rows")), row) {
        table_row(table, row, event);
    }
    tw_object_unref(object);
}

/* What the table prints now. */
static void check_prints(struct table *table, const char *expected, int line)
{
    struct buf out = {0};

    table_flush(table, &out);
    check_text(buf_bytes(&out), expected, __FILE__, line);
    buf_release(&out);
}
#define CHECK_PRINTS(table, expected) check_prints(table, expected, __LINE__)

TEST(table, columns_are_three_wider_than_their_widest_cell_and_at_least_six)
{
    struct table table = {0};

    feed(&table, TABLE(COLUMNS, ROW("a", "1", "5s") "," ROW("longer-name", "12", "3d")), "");
    CHECK_PRINTS(&table, "NAME          DATA   AGE\n"
                         "a             1      5s\n"
                         "longer-name   12     3d\n");
    table_release(&table);
}

TEST(table, wide_shows_columns_of_lower_priority_and_namespace_comes_first)
{
    struct table table = {.wide = true, .with_namespace = true, .show_labels = true};

    feed(&table, TABLE(COLUMNS, ROW("a", "1", "5s")), "");
    CHECK_PRINTS(&table, "NAMESPACE   NAME   DATA   EXTRA   AGE   LABELS\n"
                         "ns          a      1      x       5s    a=1,b=2\n");
    table_release(&table);
}

TEST(table, names_of_several_kinds_say_which)
{
    struct table table = {.with_kind = "deployment.apps", .no_headers = true};

    feed(&table, TABLE(COLUMNS, ROW("a", "1", "5s")), "");
    CHECK_PRINTS(&table, "deployment.apps/a   1     5s\n");
    table_release(&table);
}

TEST(table, without_rows_prints_nothing_not_even_headers)
{
    struct table table = {0};

    feed(&table, TABLE(COLUMNS, ""), "");
    CHECK_PRINTS(&table, "");
    table_release(&table);
}

TEST(table, later_rows_of_a_watch_stand_below_the_earlier_ones)
{
    struct table table = {.with_events = true};

    feed(&table, TABLE(COLUMNS, ROW("first-name", "1", "5s")), "ADDED");
    CHECK_PRINTS(&table, "EVENT      NAME         DATA   AGE\n"
                         "ADDED      first-name   1      5s\n");
    feed(&table, TABLE("", ROW("b", "1", "5s")), "MODIFIED"); /* no columns, no headers */
    CHECK_PRINTS(&table, "MODIFIED   b            1      5s\n");
    feed(&table, TABLE(COLUMNS, ROW("c", "1", "5s")), "DELETED"); /* the same columns again */
    CHECK_PRINTS(&table, "DELETED    c            1      5s\n");
    table_release(&table);
}

TEST(table, new_columns_bring_new_headers)
{
    struct table table = {0};

    feed(&table, TABLE(COLUMNS, ROW("a", "1", "5s")), "");
    feed(&table,
         TABLE("\"columnDefinitions\":[{\"name\":\"Status\",\"type\":\"string\"}],",
               "{\"cells\":[\"Failure\",\"too\",\"many\"]}"),
         "");
    CHECK_PRINTS(&table, "NAME   DATA   AGE\n"
                         "a      1      5s\n"
                         "STATUS\n"
                         "Failure\n");
    table_release(&table);
}

TEST(table, cells_end_at_a_line_break_and_cannot_reach_the_terminal)
{
    struct table table = {.no_headers = true};

    feed(&table,
         TABLE(COLUMNS, "{\"cells\":[\"a\\nb\",null,null,\"\\u001b[31m\"]},"
                        "{\"cells\":[\"\\u00e9\\u00e9\",1.5,\"x\",true]}"),
         "");
    CHECK_PRINTS(&table, "a...         ^[[31m\n"
                         "\xc3\xa9\xc3\xa9     1.5   true\n");
    table_release(&table);
}

TEST(table, an_answer_that_is_no_table_is_refused)
{
    struct table table = {0};
    tw_object *object = NULL;

    CHECK(tw_object_from_json("{\"kind\":\"Pod\"}", 14, &object, NULL) == TW_OK);
    CHECK(!table_begin(&table, object));
    tw_object_unref(object);
    table_release(&table);
}

TEST(print, json_is_sorted_four_blanks_deep_and_safe_in_html)
{
    static const char text[] =
        "{\"b\":[1,{\"x\":\"<a&b>\"}],\"a\":{},\"metadata\":{\"managedFields\":[]}}";
    struct arena arena = {0};
    struct json *tree = NULL;
    struct buf out = {0};

    CHECK(json_parse(&arena, bytes_str(text), &tree, NULL, NULL) == STATUS_OK);
    print_strip(tree);
    print_json(&out, tree);
    CHECK_TEXT(buf_bytes(&out), "{\n"
                                "    \"a\": {},\n"
                                "    \"b\": [\n"
                                "        1,\n"
                                "        {\n"
                                "            \"x\": \"\\u003ca\\u0026b\\u003e\"\n"
                                "        }\n"
                                "    ],\n"
                                "    \"metadata\": {}\n"
                                "}\n");
    buf_release(&out);
    arena_release(&arena);
}
