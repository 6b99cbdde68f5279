#include "unit/test.h"

#include <stdlib.h>

#include "codec/selector.h"

static struct field_selector *parse(const char *text)
{
    struct field_selector *selector = NULL;
    struct error err = {0};

    if (field_selector_parse(bytes_str(text), &selector, &err) != STATUS_OK)
        fail_msg("%s: %s", text, error_message(&err));
    return selector;
}

static void check_term(const char *text, const char *field, const char *value, bool negated)
{
    struct field_selector *selector = parse(text);

    CHECK(selector != NULL && selector->count == 1);
    CHECK_TEXT(selector->terms[0].field, field);
    CHECK_TEXT(selector->terms[0].value, value);
    CHECK(selector->terms[0].negated == negated);
    field_selector_free(selector);
}

static void check_refused(const char *text, const char *message)
{
    struct field_selector *selector = NULL;
    struct error err = {0};

    CHECK(field_selector_parse(bytes_str(text), &selector, &err) == STATUS_BAD_REQUEST);
    CHECK(selector == NULL);
    CHECK_TEXT(bytes_str(error_message(&err)), message);
    error_release(&err);
}

TEST(field_selector, an_empty_text_matches_all)
{
    CHECK(parse("") == NULL);
    CHECK(parse(",,") == NULL);
    CHECK(parse("=") == NULL); /* says nothing: as apimachinery's Empty() */
}

TEST(field_selector, a_term_is_a_field_an_operator_and_a_value)
{
    check_term("metadata.name=x", "metadata.name", "x", false);
    check_term("metadata.name==x", "metadata.name", "x", false);
    check_term("status.phase!=Running", "status.phase", "Running", true);
    check_term("spec.nodeName=", "spec.nodeName", "", false);
}

TEST(field_selector, a_backslash_takes_the_meaning_from_comma_equals_and_itself)
{
    check_term("a=x\\,y", "a", "x,y", false);
    check_term("a=x\\=y", "a", "x=y", false);
    check_term("a=x\\\\y", "a", "x\\y", false);
    check_term("a=\\\\\\,", "a", "\\,", false);
}

TEST(field_selector, terms_are_joined_by_commas_and_empty_ones_say_nothing)
{
    struct field_selector *selector = parse("b=2,,a!=1,");

    CHECK_INT(selector->count, 2);
    CHECK_TEXT(selector->terms[0].field, "a");
    CHECK_TEXT(selector->terms[1].field, "b");
    field_selector_free(selector);
}

TEST(field_selector, the_value_a_field_must_have_can_be_asked_for)
{
    struct field_selector *selector = parse("a!=1,b=2,c=");

    CHECK(field_selector_required(selector, "a").ptr == NULL);
    CHECK_TEXT(field_selector_required(selector, "b"), "2");
    CHECK(field_selector_required(selector, "c").ptr != NULL);
    CHECK_INT(field_selector_required(selector, "c").len, 0);
    CHECK(field_selector_required(selector, "d").ptr == NULL);
    CHECK(field_selector_required(NULL, "a").ptr == NULL);
    field_selector_free(selector);
}

TEST(field_selector, a_term_without_an_operator_cannot_be_understood)
{
    check_refused("metadata.name", "invalid selector: 'metadata.name'; can't understand "
                                   "'metadata.name'");
    check_refused("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'");
    check_refused("a in (b)", "invalid selector: 'a in (b)'; can't understand 'a in (b)'");
}

TEST(field_selector, a_value_must_be_escaped)
{
    check_refused("a=b=c", "invalid field selector: unescaped character in value: 61");
    check_refused("a=\\x", "invalid field selector: invalid escape sequence: \\x");
    check_refused("a=b\\", "invalid field selector: invalid escape sequence: \\");
}

TEST(field_selector, more_terms_than_the_limit_are_refused)
{
    char *text = malloc(SELECTOR_VALUES_MAX + 1);

    memset(text, ',', SELECTOR_VALUES_MAX);
    text[SELECTOR_VALUES_MAX] = '\0';
    check_refused(text, "a field selector may hold at most 20000 terms, got 20001");
    free(text);
}
