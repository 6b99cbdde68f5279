/*
 * The grammar and messages are those of k8s.io/apimachinery/pkg/fields/selector.go. A parsed
 * selector is one block: the struct, its terms, and the text they point into, unescaped in place.
 */
#include "codec/selector.h"

#include <stdlib.h>

/* Cuts `*rest` at the first comma that is not escaped. */
static struct bytes cut_term(struct bytes *rest)
{
    struct bytes term;
    size_t at = 0;

    while (at < rest->len && rest->ptr[at] != ',')
        at += rest->ptr[at] == '\\' ? 2 : 1;
    if (at >= rest->len) {
        term = *rest;
        *rest = bytes_of(NULL, 0);
        return term;
    }
    term = bytes_of(rest->ptr, at);
    *rest = bytes_from(*rest, at + 1);
    return term;
}

/* Splits at the first operator; there is no escaping on the left of it. */
static bool split_term(struct bytes text, struct field_term *ret_term)
{
    for (size_t i = 0; i < text.len; i++) {
        bool pair = i + 1 < text.len && text.ptr[i + 1] == '=';
        bool negated = text.ptr[i] == '!' && pair;

        if (!negated && text.ptr[i] != '=')
            continue;
        *ret_term = (struct field_term){
            .field = bytes_of(text.ptr, i),
            .value = bytes_from(text, i + (pair ? 2 : 1)),
            .negated = negated,
        };
        return true;
    }
    return false;
}

static enum status unescape(char *text, size_t *len, struct error *reterr)
{
    size_t out = 0;

    for (size_t i = 0; i < *len; i++) {
        char c = text[i];

        if (c == '=' || c == ',')
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "invalid field selector: unescaped character in value: %d", c);
        if (c == '\\') {
            if (++i == *len || (text[i] != '\\' && text[i] != ',' && text[i] != '='))
                return error_set(reterr, STATUS_BAD_REQUEST,
                                 "invalid field selector: invalid escape sequence: \\%.*s",
                                 i < *len ? 1 : 0, text + i);
            c = text[i];
        }
        text[out++] = c;
    }
    *len = out;
    return STATUS_OK;
}

static int compare_terms(const void *a, const void *b)
{
    return bytes_cmp(((const struct field_term *)a)->field, ((const struct field_term *)b)->field);
}

/* Fills `field` of each term with its raw text, sorted: which error is found first depends on it.
 */
static void cut_terms(struct field_selector *selector, struct bytes text)
{
    while (text.len != 0) {
        struct bytes term = cut_term(&text);

        if (term.len != 0)
            selector->terms[selector->count++].field = term;
    }
    qsort(selector->terms, selector->count, sizeof(struct field_term), compare_terms);
}

/* `copy` is the writable side of the bytes that the terms point into. */
static enum status parse_terms(struct field_selector *selector, struct bytes text, char *copy,
                               struct error *reterr)
{
    size_t kept = 0;

    for (size_t i = 0; i < selector->count; i++) {
        struct bytes raw = selector->terms[i].field;
        struct field_term term;
        enum status st = STATUS_OK;

        if (!split_term(raw, &term))
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "invalid selector: '%.*s'; can't understand '%.*s'", BYTES_FMT(text),
                             BYTES_FMT(raw));
        if (term.value.len == 0)
            term.value = BYTES(""); /* never NULL: that means "no term" to the caller */
        else
            st = unescape(copy + (term.value.ptr - copy), &term.value.len, reterr);
        if (st != STATUS_OK)
            return st;
        if (term.field.len != 0 || term.value.len != 0)
            selector->terms[kept++] = term;
    }
    selector->count = kept;
    return STATUS_OK;
}

enum status field_selector_parse(struct bytes text, struct field_selector **ret_selector,
                                 struct error *reterr)
{
    struct field_selector *selector;
    size_t most = 1;
    enum status st;
    char *copy;

    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == ',';
    if (most > SELECTOR_VALUES_MAX)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "a field selector may hold at most %d terms, got %zu", SELECTOR_VALUES_MAX,
                         most);
    selector = calloc(1, sizeof(*selector) + most * sizeof(struct field_term) + text.len);
    if (selector == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    copy = (char *)(selector->terms + most);
    if (text.len != 0)
        memcpy(copy, text.ptr, text.len);
    cut_terms(selector, bytes_of(copy, text.len));
    st = parse_terms(selector, text, copy, reterr);
    if (st != STATUS_OK || selector->count == 0) {
        free(selector);
        selector = NULL;
    }
    if (st == STATUS_OK)
        *ret_selector = selector;
    return st;
}

void field_selector_free(struct field_selector *selector)
{
    free(selector);
}

struct bytes field_selector_required(const struct field_selector *selector, const char *field)
{
    for (size_t i = 0; selector != NULL && i < selector->count; i++)
        if (!selector->terms[i].negated && bytes_eq_str(selector->terms[i].field, field))
            return selector->terms[i].value;
    return bytes_of(NULL, 0);
}
