/*
 * The grammar, its quirks and its messages are those of k8s.io/apimachinery/pkg/labels/selector.go.
 */
#include "codec/label_requirement.h"
#include "codec/label_syntax.h"

#include <stdio.h>
#include <stdlib.h>

enum { ISSUES_MAX = 100 };

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_SYMBOL };

struct token {
    enum token_type type;
    struct bytes text;
};

struct parser {
    struct bytes text;
    size_t at;
    struct token ahead;
    struct label_selector *selector;
    struct bytes *values_end; /* where the next value goes */
    struct buf issues;        /* what is wrong with this requirement's key or values */
    size_t issue_count;
    struct error *reterr;
};

/* ---- lexer ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_symbol(char c)
{
    return c == '=' || c == '!' || c == '(' || c == ')' || c == ',' || c == '>' || c == '<';
}

/* Every symbol is one character, but for `==` and `!=`. */
static size_t symbol_len(struct bytes rest)
{
    return rest.len >= 2 && rest.ptr[1] == '=' && (rest.ptr[0] == '=' || rest.ptr[0] == '!') ? 2
                                                                                             : 1;
}

static struct token lex(struct parser *p)
{
    struct token token = {TOKEN_END, {"", 0}};
    size_t start, end;

    while (p->at < p->text.len && is_blank(p->text.ptr[p->at]))
        p->at++;
    start = end = p->at;
    if (start == p->text.len)
        return token;
    if (is_symbol(p->text.ptr[start])) {
        token.type = TOKEN_SYMBOL;
        end += symbol_len(bytes_from(p->text, start));
    } else {
        token.type = TOKEN_WORD;
        while (end < p->text.len && !is_blank(p->text.ptr[end]) && !is_symbol(p->text.ptr[end]))
            end++;
    }
    token.text = bytes_of(p->text.ptr + start, end - start);
    p->at = end;
    return token;
}

static struct token next(struct parser *p)
{
    struct token token = p->ahead;

    p->ahead = lex(p);
    return token;
}

static bool is(struct token token, const char *symbol)
{
    return token.type == TOKEN_SYMBOL && bytes_eq_str(token.text, symbol);
}

/* ---- errors ---- */

#define REQUIREMENT "unable to parse requirement: "

static enum status unexpected(struct parser *p, struct token found, const char *prefix,
                              const char *expected)
{
    return error_set(p->reterr, STATUS_BAD_REQUEST, "%sfound '%.*s', expected: %s", prefix,
                     BYTES_FMT(found.text), expected);
}

/* As Go's %q. */
static void append_quoted(struct buf *out, struct bytes text)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '"' || c == '\\')
            buf_appendf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_appendf(out, "\\x%02x", c);
        else
            buf_append_char(out, (char)c);
    }
    buf_append_char(out, '"');
}

/* One field.Invalid of apimachinery: `<where>: Invalid value: "<text>": <why>`. */
static void add_issue(struct parser *p, const char *where, struct bytes text, const char *why)
{
    if (p->issue_count++ != 0)
        buf_append_str(&p->issues, ", ");
    buf_appendf(&p->issues, "%s: Invalid value: ", where);
    append_quoted(&p->issues, text);
    buf_appendf(&p->issues, ": %s", why);
}

/* OK if there are none; else all of them, in brackets if they are several. */
static enum status issues_end(struct parser *p)
{
    bool many = p->issue_count > 1;
    enum status st = STATUS_OK;

    if (p->issue_count != 0)
        st = error_set(p->reterr, STATUS_BAD_REQUEST, REQUIREMENT "%s%.*s%s", many ? "[" : "",
                       BYTES_FMT(buf_bytes(&p->issues)), many ? "]" : "");
    buf_release(&p->issues);
    return st;
}

static void check_key(struct parser *p, struct bytes key)
{
    struct buf why = {0};

    if (!label_key_check(key, &why)) {
        buf_append_char(&why, '\0');
        add_issue(p, "<nil>", key,
                  why.failed ? "invalid" : why.data); /* Go's words for a query parameter's path */
    }
    buf_release(&why);
}

static void check_value(struct parser *p, const struct requirement *r, size_t index)
{
    char where[512]; /* a valid key has at most 253 + 1 + 63 characters */
    struct buf why = {0};

    if (!label_value_check(r->values[index], &why)) {
        buf_append_char(&why, '\0');
        snprintf(where, sizeof(where), "values[%zu][%.*s]", index, BYTES_FMT(r->key));
        add_issue(p, where, r->values[index], why.failed ? "invalid" : why.data);
    }
    buf_release(&why);
}

/* ---- parser ---- */

static void add_value(struct parser *p, struct requirement *r, struct bytes value)
{
    *p->values_end++ = value;
    r->value_count++;
}

static int compare_values(const void *a, const void *b)
{
    return bytes_cmp(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Makes a sorted set of the values just added. */
static void sort_values(struct parser *p, struct requirement *r)
{
    struct bytes *values = p->values_end - r->value_count;
    uint32_t kept = 0;

    qsort(values, r->value_count, sizeof(*values), compare_values);
    for (uint32_t i = 0; i < r->value_count; i++)
        if (i == 0 || !bytes_eq(values[kept - 1], values[i]))
            values[kept++] = values[i];
    r->value_count = kept;
    p->values_end = values + kept;
}

/* Behind `(`: `a,b)`. An empty element is the empty value; three commas at once, or two at the end,
 * are refused as the original refuses them. */
static enum status parse_list(struct parser *p, struct requirement *r)
{
    for (;;) {
        struct token token = next(p);

        if (token.type == TOKEN_WORD) {
            add_value(p, r, token.text);
            if (is(p->ahead, ")"))
                return STATUS_OK;
            if (!is(p->ahead, ","))
                return unexpected(p, p->ahead, REQUIREMENT, "',' or ')'");
        } else if (is(token, ",")) {
            if (r->value_count == 0)
                add_value(p, r, BYTES(""));
            if (is(p->ahead, ")")) {
                add_value(p, r, BYTES(""));
                return STATUS_OK;
            }
            if (is(p->ahead, ",")) {
                next(p);
                add_value(p, r, BYTES(""));
            }
        } else {
            return unexpected(p, token, REQUIREMENT, "',', or identifier");
        }
    }
}

static enum status parse_values(struct parser *p, struct requirement *r)
{
    struct token token = next(p);
    enum status st = STATUS_OK;

    if (!is(token, "("))
        return error_set(p->reterr, STATUS_BAD_REQUEST, REQUIREMENT "found '%.*s' expected: '('",
                         BYTES_FMT(token.text));
    if (is(p->ahead, ")"))
        add_value(p, r, BYTES(""));
    else if (p->ahead.type == TOKEN_WORD || is(p->ahead, ","))
        st = parse_list(p, r);
    else
        st = unexpected(p, p->ahead, REQUIREMENT, "',', ')' or identifier");
    if (st == STATUS_OK)
        next(p); /* the closing one */
    return st;
}

/* Behind `=` and the like: one word, or nothing for the empty value. */
static enum status parse_value(struct parser *p, struct requirement *r)
{
    struct token token = p->ahead;

    if (token.type == TOKEN_END || is(token, ",")) {
        add_value(p, r, BYTES(""));
        return STATUS_OK;
    }
    next(p);
    if (token.type != TOKEN_WORD)
        return unexpected(p, token, REQUIREMENT, "identifier");
    add_value(p, r, token.text);
    return STATUS_OK;
}

static enum status parse_bound(struct parser *p, struct requirement *r)
{
    enum status st = parse_value(p, r);

    if (st == STATUS_OK && !label_parse_int(r->values[0], &r->bound))
        add_issue(p, "values[0]", r->values[0],
                  "for 'Gt', 'Lt' operators, the value must be an integer");
    return st;
}

static const struct operator_rule {
    const char *text;
    enum requirement_op op;
    enum status (*parse)(struct parser *p, struct requirement *r);
} operator_rules[] = {
    {"in", OP_IN, parse_values}, {"notin", OP_NOT_IN, parse_values}, {"=", OP_IN, parse_value},
    {"==", OP_IN, parse_value},  {"!=", OP_NOT_IN, parse_value},     {">", OP_GREATER, parse_bound},
    {"<", OP_LESS, parse_bound},
};

static enum status parse_operation(struct parser *p, struct requirement *r)
{
    struct token token = next(p);

    for (size_t i = 0; i < ARRAY_LEN(operator_rules); i++) {
        enum status st;

        if (!bytes_eq_str(token.text, operator_rules[i].text))
            continue;
        r->op = operator_rules[i].op;
        st = operator_rules[i].parse(p, r);
        if (st != STATUS_OK)
            return st;
        sort_values(p, r);
        for (size_t v = 0; v < r->value_count && p->issue_count < ISSUES_MAX; v++)
            check_value(p, r, v);
        return issues_end(p);
    }
    return unexpected(p, token, REQUIREMENT, "in, notin, =, ==, !=, gt, lt");
}

static enum status parse_requirement(struct parser *p)
{
    struct requirement *r = &p->selector->requirements[p->selector->count++];
    struct token token = next(p);
    bool negated = is(token, "!");
    enum status st;

    if (negated)
        token = next(p);
    if (token.type != TOKEN_WORD)
        return unexpected(p, token, REQUIREMENT, "identifier");
    check_key(p, token.text);
    st = issues_end(p);
    if (st != STATUS_OK)
        return st;
    *r = (struct requirement){.key = token.text, .values = p->values_end};
    if (!negated && p->ahead.type != TOKEN_END && !is(p->ahead, ","))
        return parse_operation(p, r);
    r->op = negated ? OP_MISSING : OP_EXISTS;
    return STATUS_OK;
}

static bool starts_requirement(struct token token)
{
    return token.type == TOKEN_WORD || is(token, "!");
}

static enum status parse_all(struct parser *p)
{
    p->ahead = lex(p);
    if (p->ahead.type == TOKEN_END)
        return STATUS_OK;
    if (!starts_requirement(p->ahead))
        return unexpected(p, p->ahead, "", "!, identifier, or 'end of string'");
    for (;;) {
        enum status st = parse_requirement(p);
        struct token token;

        if (st != STATUS_OK)
            return st;
        token = next(p);
        if (token.type == TOKEN_END)
            return STATUS_OK;
        if (!is(token, ","))
            return unexpected(p, token, "", "',' or 'end of string'");
        if (!starts_requirement(p->ahead))
            return unexpected(p, p->ahead, "", "identifier after ','");
    }
}

static int compare_requirements(const void *a, const void *b)
{
    return bytes_cmp(((const struct requirement *)a)->key, ((const struct requirement *)b)->key);
}

/* A requirement or a value each needs a comma before it, or is the first: so `most` of each. */
static struct label_selector *selector_alloc(struct bytes text, size_t most, struct parser *p)
{
    struct label_selector *selector;
    char *copy;

    selector = calloc(1, sizeof(*selector) +
                             most * (sizeof(struct requirement) + sizeof(struct bytes)) + text.len);
    if (selector == NULL)
        return NULL;
    p->values_end = (struct bytes *)(selector->requirements + most);
    copy = (char *)(p->values_end + most);
    memcpy(copy, text.ptr, text.len);
    p->text = bytes_of(copy, text.len);
    p->selector = selector;
    return selector;
}

enum status label_selector_parse(struct bytes text, struct label_selector **ret_selector,
                                 struct error *reterr)
{
    struct parser p = {.reterr = reterr};
    size_t most = 1;
    enum status st;

    for (size_t i = 0; i < text.len; i++)
        most += text.ptr[i] == ',';
    if (most > SELECTOR_VALUES_MAX)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "a label selector may hold at most %d requirements and values, got %zu",
                         SELECTOR_VALUES_MAX, most);
    if (text.len == 0) {
        *ret_selector = NULL;
        return STATUS_OK;
    }
    if (selector_alloc(text, most, &p) == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    st = parse_all(&p);
    if (st != STATUS_OK || p.selector->count == 0) {
        free(p.selector);
        p.selector = NULL;
    }
    if (st != STATUS_OK)
        return st;
    if (p.selector != NULL)
        qsort(p.selector->requirements, p.selector->count, sizeof(struct requirement),
              compare_requirements);
    *ret_selector = p.selector;
    return STATUS_OK;
}
