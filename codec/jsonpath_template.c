#include "codec/jsonpath_template.h"

/* ---- reading a template (CG util/jsonpath/parser.go) ---- */

struct reader {
    struct arena *arena;
    struct bytes text;
    size_t at;
    int depth;      /* of filters and unions */
    bool in_braces; /* a `}` ends it; else the end of the text does */
    struct error *error;
};

static enum status refuse(struct reader *r, const char *why)
{
    return error_set(r->error, STATUS_BAD_REQUEST, "%s", why);
}

static enum status read_list(struct reader *r, struct jsonpath_list *list);

static int peek(const struct reader *r)
{
    return r->at < r->text.len ? (unsigned char)r->text.ptr[r->at] : -1;
}

static bool is_word(int c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c >= 0x80;
}

static bool ends_field(int c)
{
    return c < 0 || memchr(" .,[]$@{}\n\r", c, 11) != NULL;
}

static struct jsonpath_node *add_node(struct reader *r, struct jsonpath_list *list,
                                      enum jsonpath_node_type type)
{
    struct jsonpath_node *node = arena_new(r->arena, struct jsonpath_node);

    if (node == NULL)
        return NULL;
    node->type = type;
    if (list->last != NULL)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    return node;
}

static enum status add_literal(struct reader *r, struct jsonpath_list *list, struct json *literal)
{
    struct jsonpath_node *node = add_node(r, list, JSONPATH_NODE_LITERAL);

    if (node == NULL || literal == NULL)
        return STATUS_NO_MEMORY;
    node->literal = literal;
    return STATUS_OK;
}

/* Behind the dot. A `\` guards the byte behind it and goes. */
static enum status read_field(struct reader *r, struct jsonpath_list *list)
{
    struct jsonpath_node *node;
    char *name = arena_alloc(r->arena, r->text.len - r->at + 1);
    size_t len = 0;

    if (name == NULL)
        return STATUS_NO_MEMORY;
    while (!ends_field(peek(r))) {
        if (peek(r) == '\\' && r->at + 1 < r->text.len)
            r->at++;
        name[len++] = r->text.ptr[r->at++];
    }
    if (len == 0)
        return STATUS_OK; /* `{.}` is the value itself */
    node = add_node(r, list, JSONPATH_NODE_FIELD);
    if (node == NULL)
        return STATUS_NO_MEMORY;
    node->name = bytes_of(name, len);
    if (len == 1 && name[0] == '*')
        node->type = JSONPATH_NODE_ALL;
    return STATUS_OK;
}

static enum status read_below(struct reader *r, struct jsonpath_list *list)
{
    r->at += 2;
    if (add_node(r, list, JSONPATH_NODE_BELOW) == NULL)
        return STATUS_NO_MEMORY;
    return is_word(peek(r)) || peek(r) == '*' ? read_field(r, list) : STATUS_OK;
}

static enum status read_number(struct reader *r, struct jsonpath_list *list)
{
    size_t start = r->at++;
    struct bytes text;
    double value;
    struct json *number;

    while ((peek(r) >= '0' && peek(r) <= '9') || peek(r) == '.')
        r->at++;
    text = bytes_of(r->text.ptr + start, r->at - start);
    if (text.ptr[0] == '+')
        text = bytes_from(text, 1);
    number = json_new_number(r->arena, text);
    if (number != NULL && !json_to_double(number, &value))
        return error_set(r->error, STATUS_BAD_REQUEST, "cannot parse number %.*s", BYTES_FMT(text));
    return add_literal(r, list, number);
}

/* `range` and `end` stand at the start of an action; a boolean is a value. */
static enum status read_word(struct reader *r, struct jsonpath_list *list)
{
    size_t start = r->at;
    struct bytes word;

    while (is_word(peek(r)))
        r->at++;
    word = bytes_of(r->text.ptr + start, r->at - start);
    if (bytes_eq_str(word, "true") || bytes_eq_str(word, "false"))
        return add_literal(r, list, json_new_bool(r->arena, word.len == 4));
    if (bytes_eq_str(word, "range") && list->first == NULL)
        list->is_range = true;
    else if (bytes_eq_str(word, "end") && list->first == NULL)
        list->is_end = true;
    else
        return error_set(r->error, STATUS_BAD_REQUEST, "unrecognized identifier %.*s",
                         BYTES_FMT(word));
    return STATUS_OK;
}

static char unescape(char c)
{
    static const char from[] = "abfnrtv0", to[] = "\a\b\f\n\r\t\v";
    const char *at = memchr(from, c, sizeof(from) - 1);

    return at != NULL ? to[at - from] : c;
}

static enum status read_quoted(struct reader *r, struct jsonpath_list *list)
{
    char quote = r->text.ptr[r->at++];
    char *text = arena_alloc(r->arena, r->text.len - r->at + 1);
    size_t len = 0;

    if (text == NULL)
        return STATUS_NO_MEMORY;
    for (; peek(r) != quote; r->at++) {
        if (peek(r) < 0)
            return refuse(r, "unterminated quoted string");
        if (peek(r) == '\\' && r->at + 1 < r->text.len)
            text[len++] = unescape(r->text.ptr[++r->at]);
        else
            text[len++] = r->text.ptr[r->at];
    }
    r->at++;
    return add_literal(r, list, json_new_string(r->arena, bytes_of(text, len)));
}

/* A list inside of one: a side of a filter, a member of a union. */
static enum status read_inner(struct reader *r, struct bytes text, struct jsonpath_list **ret_list)
{
    struct reader inner = {r->arena, text, 0, r->depth + 1, false, r->error};

    if (inner.depth > JSONPATH_TEMPLATE_DEPTH)
        return refuse(r, "filters and unions are nested too deep");
    *ret_list = arena_new(r->arena, struct jsonpath_list);
    return *ret_list != NULL ? read_list(&inner, *ret_list) : STATUS_NO_MEMORY;
}

/* Cuts `@.a=="b"` at its operator; one without is asked whether it exists. */
static enum status read_condition(struct reader *r, struct bytes text, struct jsonpath_node *node)
{
    size_t left = 0, op;
    enum status st;

    while (left < text.len && memchr("!<>=", text.ptr[left], 4) == NULL)
        left++;
    for (op = left; op < text.len && memchr("!<>=", text.ptr[op], 4) != NULL; op++)
        ;
    if (left == 0 || op == left || op == text.len)
        return read_inner(r, text, &node->left);
    node->op = bytes_of(text.ptr + left, op - left);
    st = read_inner(r, bytes_of(text.ptr, left), &node->left);
    return st == STATUS_OK ? read_inner(r, bytes_from(text, op), &node->right) : st;
}

/* Behind `[?(`: up to the `)` that no quotes hold. */
static enum status read_filter(struct reader *r, struct jsonpath_list *list)
{
    struct jsonpath_node *node = add_node(r, list, JSONPATH_NODE_FILTER);
    size_t start = r->at += 3;
    int quote = 0;

    if (node == NULL)
        return STATUS_NO_MEMORY;
    for (; quote != 0 || peek(r) != ')'; r->at++) {
        if (peek(r) < 0)
            return refuse(r, "unterminated filter");
        if (quote == 0 && (peek(r) == '"' || peek(r) == '\''))
            quote = peek(r);
        else if (peek(r) == quote && r->text.ptr[r->at - 1] != '\\')
            quote = 0;
    }
    r->at++;
    if (peek(r) != ']')
        return refuse(r, "unclosed array expect ]");
    return read_condition(r, bytes_of(r->text.ptr + start, r->at++ - 1 - start), node);
}

/* "-1", "" or anything else, which is false. */
static bool read_index(struct bytes text, bool *ret_known, int64_t *ret_index)
{
    bool negative = text.len != 0 && text.ptr[0] == '-';
    uint64_t n = 0;

    *ret_known = text.len != 0;
    if (*ret_known && (!bytes_to_u64(bytes_from(text, negative ? 1 : 0), &n) || n > INT32_MAX))
        return false;
    *ret_index = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static enum status read_slice(struct reader *r, struct bytes text, struct jsonpath_list *list)
{
    struct jsonpath_node *node = add_node(r, list, JSONPATH_NODE_SLICE);
    struct bytes rest = text;
    struct bytes from = bytes_cut(&rest, ':'), to;

    if (node == NULL)
        return STATUS_NO_MEMORY;
    node->single = rest.ptr == NULL;
    to = bytes_cut(&rest, ':');
    if (text.len == 0 || !read_index(from, &node->has_from, &node->from) ||
        !read_index(to, &node->has_to, &node->to) ||
        !read_index(rest, &node->has_step, &node->step))
        return error_set(r->error, STATUS_BAD_REQUEST, "invalid array index %.*s", BYTES_FMT(text));
    return STATUS_OK;
}

static enum status read_union(struct reader *r, struct bytes text, struct jsonpath_list *list)
{
    struct jsonpath_node *node = add_node(r, list, JSONPATH_NODE_UNION);
    struct jsonpath_list **tail = node != NULL ? &node->left : NULL;
    enum status st = node != NULL ? STATUS_OK : STATUS_NO_MEMORY;

    while (st == STATUS_OK && text.ptr != NULL) {
        struct bytes one = bytes_trim(bytes_cut(&text, ','));
        struct bytes part = arena_printf(r->arena, "[%.*s]", BYTES_FMT(one));

        st = read_inner(r, part, tail);
        if (st == STATUS_OK)
            tail = &(*tail)->next;
    }
    return st;
}

static bool is_quoted(struct bytes text)
{
    return text.len >= 2 && text.ptr[0] == '\'' && text.ptr[text.len - 1] == '\'' &&
           bytes_find(bytes_of(text.ptr + 1, text.len - 2), '\'') == text.len - 2;
}

static enum status read_bracket(struct reader *r, struct jsonpath_list *list)
{
    size_t start = ++r->at;
    struct bytes text;

    while (peek(r) != ']') {
        if (peek(r) < 0 || peek(r) == '\n')
            return refuse(r, "unterminated array");
        r->at++;
    }
    text = bytes_of(r->text.ptr + start, r->at++ - start);
    if (bytes_eq_str(text, "*"))
        return add_node(r, list, JSONPATH_NODE_SLICE) != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    if (bytes_find(text, ',') < text.len)
        return read_union(r, text, list);
    if (is_quoted(text)) {
        struct bytes dotted = arena_printf(r->arena, ".%.*s", (int)text.len - 2, text.ptr + 1);
        struct reader inner = {r->arena, dotted, 0, r->depth, false, r->error};

        return r->arena->failed ? STATUS_NO_MEMORY : read_list(&inner, list);
    }
    return read_slice(r, text, list);
}

static bool starts(const struct reader *r, const char *word)
{
    return bytes_starts_with(bytes_from(r->text, r->at), bytes_str(word));
}

static enum status read_step(struct reader *r, struct jsonpath_list *list)
{
    int c = peek(r);

    if (starts(r, "[?("))
        return read_filter(r, list);
    if (starts(r, ".."))
        return read_below(r, list);
    if (c == '[')
        return read_bracket(r, list);
    if (c == '"' || c == '\'')
        return read_quoted(r, list);
    if (c == '.') {
        r->at++;
        return read_field(r, list);
    }
    if (c == '+' || c == '-' || (c >= '0' && c <= '9'))
        return read_number(r, list);
    if (is_word(c))
        return read_word(r, list);
    if (c == ' ' || c == '@' || c == '$') {
        r->at++;
        return STATUS_OK;
    }
    return error_set(r->error, STATUS_BAD_REQUEST, "unrecognized character in action: U+%04X '%c'",
                     (unsigned)c, c);
}

static enum status read_list(struct reader *r, struct jsonpath_list *list)
{
    enum status st = STATUS_OK;

    while (st == STATUS_OK) {
        if (peek(r) < 0)
            return r->in_braces ? refuse(r, "unclosed action") : STATUS_OK;
        if (r->in_braces && peek(r) == '}') {
            r->at++;
            return STATUS_OK;
        }
        st = read_step(r, list);
    }
    return st;
}

static struct jsonpath_list *add_list(struct reader *r, struct jsonpath_template *template)
{
    struct jsonpath_list *list = arena_new(r->arena, struct jsonpath_list);

    if (list == NULL)
        return NULL;
    if (template->last != NULL)
        template->last->next = list;
    else
        template->first = list;
    template->last = list;
    return list;
}

/* Each range learns where it ends. Ranges nest no deeper than JSONPATH_TEMPLATE_DEPTH, which bounds
 * the writer. */
static enum status match_ends(struct reader *r, struct jsonpath_template *template)
{
    struct jsonpath_list *open[JSONPATH_TEMPLATE_DEPTH];
    size_t count = 0;

    for (struct jsonpath_list *it = template->first; it != NULL; it = it->next) {
        if (it->is_range && count == JSONPATH_TEMPLATE_DEPTH)
            return refuse(r, "ranges are nested too deep");
        if (it->is_range)
            open[count++] = it;
        else if (it->is_end && count == 0)
            return refuse(r, "not in range, nothing to end");
        else if (it->is_end)
            open[--count]->end = it;
    }
    return STATUS_OK;
}

enum status jsonpath_template_parse(struct arena *arena, struct bytes text,
                                    struct jsonpath_template *ret_template, struct error *reterr)
{
    struct reader r = {arena, text, 0, 0, true, reterr};
    enum status st = STATUS_OK;

    *ret_template = (struct jsonpath_template){NULL, NULL};
    while (st == STATUS_OK && r.at < text.len) {
        struct bytes rest = bytes_from(text, r.at);
        size_t outside = bytes_find(rest, '{');
        struct jsonpath_list *list = add_list(&r, ret_template);

        if (list == NULL)
            return STATUS_NO_MEMORY;
        r.at += outside;
        if (outside != 0) {
            list->text = bytes_of(rest.ptr, outside);
        } else {
            r.at++;
            st = read_list(&r, list);
        }
    }
    if (st == STATUS_OK)
        st = match_ends(&r, ret_template);
    return st == STATUS_OK && arena->failed ? STATUS_NO_MEMORY : st;
}

enum status jsonpath_template_parse_relaxed(struct arena *arena, struct bytes text,
                                            struct jsonpath_template *ret_template,
                                            struct error *reterr)
{
    struct bytes inside = bytes_trim(text);

    if (inside.len >= 2 && inside.ptr[0] == '{' && inside.ptr[inside.len - 1] == '}')
        inside = bytes_of(inside.ptr + 1, inside.len - 2);
    if (inside.len == 0 || bytes_find(inside, '{') < inside.len)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "unexpected path string, expected a 'name1.name2' or '.name1.name2' or "
                         "'{name1.name2}' or '{.name1.name2}'");
    inside =
        arena_printf(arena, inside.ptr[0] == '.' || inside.ptr[0] == '[' ? "{%.*s}" : "{.%.*s}",
                     BYTES_FMT(inside));
    return arena->failed ? STATUS_NO_MEMORY
                         : jsonpath_template_parse(arena, inside, ret_template, reterr);
}
