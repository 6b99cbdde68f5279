#include "unit/test.h"

#include <stdlib.h>

#include "codec/label_syntax.h"
#include "codec/selector.h"

/* ---- helpers ---- */

#define LABEL(key, value)                                                                          \
    {                                                                                              \
        BYTES_INIT(key), BYTES_INIT(value)                                                         \
    }

static const struct label web[] = {
    LABEL("app", "web"),           LABEL("empty", ""),  LABEL("in", "notin"),
    LABEL("k8s.io/tier", "front"), LABEL("size", "10"),
};

static bool matches(const char *text, const struct label *labels, size_t count)
{
    struct label_selector *selector = NULL;
    struct error err = {0};
    bool result;

    if (label_selector_parse(bytes_str(text), &selector, &err) != STATUS_OK)
        fail_msg("%s: %s", text, error_message(&err));
    result = label_selector_matches(selector, labels, count);
    label_selector_free(selector);
    return result;
}

static bool matches_web(const char *text)
{
    return matches(text, web, ARRAY_LEN(web));
}

static bool matches_nothing(const char *text)
{
    return matches(text, NULL, 0);
}

static void check_refused_bytes(struct bytes text, const char *message)
{
    struct label_selector *selector = NULL;
    struct error err = {0};

    CHECK(label_selector_parse(text, &selector, &err) == STATUS_BAD_REQUEST);
    CHECK(selector == NULL && err.status == STATUS_BAD_REQUEST);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
}

static void check_refused(const char *text, const char *message)
{
    check_refused_bytes(bytes_str(text), message);
}

/* ---- matching ---- */

TEST(label_selector, an_empty_text_is_the_selector_that_matches_all)
{
    struct label_selector *selector = (struct label_selector *)&selector;

    CHECK(label_selector_parse(BYTES(""), &selector, NULL) == STATUS_OK);
    CHECK(selector == NULL);
    CHECK(label_selector_matches(selector, web, ARRAY_LEN(web)));
    CHECK(matches_nothing("  "));
}

TEST(label_selector, equality_wants_the_key_and_the_value)
{
    CHECK(matches_web("app=web"));
    CHECK(matches_web("app==web"));
    CHECK(matches_web(" app = web "));
    CHECK(!matches_web("app=db"));
    CHECK(!matches_nothing("app=web"));
}

TEST(label_selector, an_equality_without_a_value_wants_the_empty_value)
{
    CHECK(matches_web("empty="));
    CHECK(matches_web("empty=,app=web"));
    CHECK(!matches_web("app="));
    CHECK(!matches_nothing("empty="));
}

TEST(label_selector, inequality_also_matches_objects_without_the_key)
{
    CHECK(matches_web("app!=db"));
    CHECK(!matches_web("app!=web"));
    CHECK(matches_nothing("app!=web"));
    CHECK(matches_web("other!="));
}

TEST(label_selector, a_set_matches_any_of_its_values)
{
    CHECK(matches_web("app in (web)"));
    CHECK(matches_web("app in (db, web ,cache)"));
    CHECK(!matches_web("app in (db,cache)"));
    CHECK(!matches_nothing("app in (db,web)"));
}

TEST(label_selector, notin_also_matches_objects_without_the_key)
{
    CHECK(matches_web("app notin (db,cache)"));
    CHECK(!matches_web("app notin (db,web)"));
    CHECK(matches_nothing("app notin (db,web)"));
}

TEST(label_selector, empty_elements_of_a_set_are_the_empty_value)
{
    CHECK(matches_web("empty in ()"));
    CHECK(matches_web("empty in (a,)"));
    CHECK(matches_web("empty in (,a)"));
    CHECK(matches_web("empty in (a,,b)"));
    CHECK(!matches_web("app in ()"));
    CHECK(!matches_web("empty notin (,)"));
}

TEST(label_selector, a_bare_key_wants_it_and_a_bang_refuses_it)
{
    CHECK(matches_web("app"));
    CHECK(!matches_web("other"));
    CHECK(matches_web("!other"));
    CHECK(matches_web("! other"));
    CHECK(!matches_web("!app"));
}

TEST(label_selector, greater_and_less_compare_integers)
{
    CHECK(matches_web("size>9"));
    CHECK(!matches_web("size>10"));
    CHECK(matches_web("size<11"));
    CHECK(!matches_web("size<10"));
    CHECK(!matches_web("app>1")); /* no number */
    CHECK(!matches_web("other<1"));
}

TEST(label_selector, numbers_past_64_bits_match_no_comparison)
{
    const struct label huge[] = {LABEL("n", "9223372036854775808")};
    const struct label least[] = {LABEL("n", "-9223372036854775808")};

    CHECK(!matches("n>1", huge, 1));
    CHECK(matches("n<1", least, 1)); /* such a label is not valid, but may be asked about */
}

TEST(label_selector, all_requirements_must_hold)
{
    CHECK(matches_web("app=web,size>1,!other,k8s.io/tier in (front,back)"));
    CHECK(!matches_web("app=web,size>1,!app"));
    CHECK(matches_web("app!=db,app!=cache,app"));
    CHECK(!matches_web("app=web,app=db"));
}

TEST(label_selector, keywords_are_keys_and_values_too)
{
    CHECK(matches_web("in=notin"));
    CHECK(matches_web("in in (notin,in)"));
    CHECK(matches_web("in notin (in)"));
}

TEST(label_selector, the_order_of_requirements_does_not_matter)
{
    CHECK(matches_web("size=10,k8s.io/tier=front,app=web"));
    CHECK(matches_web("app=web,k8s.io/tier=front,size=10"));
}

TEST(label_selector, a_set_of_thousands_is_searched_not_walked)
{
    char text[200000], *at = text;
    const struct label last[] = {LABEL("a", "v9999")}, none[] = {LABEL("a", "w")};

    at += sprintf(at, "a in (v0");
    for (int i = 1; i < 10000; i++)
        at += sprintf(at, ",v%d", i);
    sprintf(at, ")");
    CHECK(matches(text, last, 1));
    CHECK(!matches(text, none, 1));
}

/* ---- refusals, in the apiserver's words ---- */

#define UNABLE "unable to parse requirement: "

TEST(label_selector, a_missing_operator_lists_those_there_are)
{
    check_refused("a b", UNABLE "found 'b', expected: in, notin, =, ==, !=, gt, lt");
    check_refused("a (b)", UNABLE "found '(', expected: in, notin, =, ==, !=, gt, lt");
}

TEST(label_selector, a_bad_list_says_where_it_went_wrong)
{
    check_refused("a in b", UNABLE "found 'b' expected: '('");
    check_refused("a in (b", UNABLE "found '', expected: ',' or ')'");
    check_refused("a in (b c)", UNABLE "found 'c', expected: ',' or ')'");
    check_refused("a in (=)", UNABLE "found '=', expected: ',', ')' or identifier");
    check_refused("a in (b,,)", UNABLE "found ')', expected: ',', or identifier");
}

TEST(label_selector, requirements_are_joined_by_single_commas)
{
    check_refused(",a", "found ',', expected: !, identifier, or 'end of string'");
    check_refused("a,", "found '', expected: identifier after ','");
    check_refused("a,,b", "found ',', expected: identifier after ','");
    check_refused("a=b c", "found 'c', expected: ',' or 'end of string'");
    check_refused("!a=b", "found '=', expected: ',' or 'end of string'");
    check_refused("a=b)", "found ')', expected: ',' or 'end of string'");
}

TEST(label_selector, a_value_must_be_a_word)
{
    check_refused("a==!", UNABLE "found '!', expected: identifier");
    check_refused("a===b", UNABLE "found '=', expected: identifier");
    check_refused("!", UNABLE "found '', expected: identifier");
    check_refused("!=a", "found '!=', expected: !, identifier, or 'end of string'");
}

TEST(label_selector, comparisons_want_an_integer)
{
    check_refused("a>b", UNABLE "values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the "
                                "value must be an integer");
    check_refused("a<", UNABLE "values[0]: Invalid value: \"\": for 'Gt', 'Lt' operators, the "
                               "value must be an integer");
    check_refused("a>9223372036854775808",
                  UNABLE "values[0]: Invalid value: \"9223372036854775808\": for 'Gt', 'Lt' "
                         "operators, the value must be an integer");
}

#define NAME_RULE                                                                                  \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "    \
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "         \
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_RULE                                                                                 \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "    \
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', " \
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

TEST(label_selector, a_bad_key_is_explained)
{
    check_refused("-a", UNABLE "<nil>: Invalid value: \"-a\": name part " NAME_RULE);
    check_refused("/a", UNABLE "<nil>: Invalid value: \"/a\": prefix part must be non-empty");
    check_refused("a/", UNABLE "<nil>: Invalid value: \"a/\": name part must be non-empty; name "
                               "part " NAME_RULE);
    check_refused("a/b/c", UNABLE "<nil>: Invalid value: \"a/b/c\": a qualified name " NAME_RULE
                                  " with an optional DNS subdomain prefix and '/' (e.g. "
                                  "'example.com/MyName')");
}

TEST(label_selector, bad_values_are_all_named)
{
    check_refused("a=-", UNABLE "values[0][a]: Invalid value: \"-\": " VALUE_RULE);
    check_refused("a in (ok,.y,-x)",
                  UNABLE "[values[0][a]: Invalid value: \"-x\": " VALUE_RULE
                         ", values[1][a]: Invalid value: \".y\": " VALUE_RULE "]");
    check_refused("a=\"q\\", UNABLE "values[0][a]: Invalid value: \"\\\"q\\\\\": " VALUE_RULE);
    check_refused_bytes(BYTES("a=x\0y"),
                        UNABLE "values[0][a]: Invalid value: \"x\\x00y\": " VALUE_RULE);
}

TEST(label_selector, names_end_at_63_characters_and_prefixes_at_253)
{
    char name[65], prefix[256], text[400];

    memset(name, 'n', 64);
    memset(prefix, 'p', 255);
    name[63] = prefix[253] = '\0';
    snprintf(text, sizeof(text), "%s/%s=%s", prefix, name, name);
    CHECK(!matches_web(text));
    name[63] = 'n';
    name[64] = '\0';
    CHECK(!label_key_check(bytes_str(name), NULL));
    CHECK(!label_value_check(bytes_str(name), NULL));
    prefix[253] = 'p';
    prefix[254] = '\0';
    CHECK(!dns_subdomain_check(bytes_str(prefix), "", NULL));
}

TEST(label_selector, prefixes_are_dns_names_in_lower_case)
{
    CHECK(label_key_check(BYTES("a.b-c.d/X_y.z"), NULL));
    CHECK(!label_key_check(BYTES("A.b/x"), NULL));
    CHECK(!label_key_check(BYTES("a..b/x"), NULL));
    CHECK(!label_key_check(BYTES("-a/x"), NULL));
    CHECK(!label_key_check(BYTES("a./x"), NULL));
    CHECK(!label_key_check(BYTES("a_b/x"), NULL));
}

TEST(label_selector, more_values_than_the_limit_are_refused_before_they_cost_memory)
{
    size_t len = SELECTOR_VALUES_MAX;
    char *commas = malloc(len);

    memset(commas, ',', len);
    check_refused_bytes(bytes_of(commas, len),
                        "a label selector may hold at most 20000 requirements and values, got "
                        "20001");
    free(commas);
}
