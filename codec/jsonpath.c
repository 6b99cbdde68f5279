#include "codec/jsonpath.h"

static enum status refuse(struct error *reterr, struct bytes text, const char *why)
{
    return error_set(reterr, STATUS_BAD_REQUEST, "invalid JSONPath \"%.*s\": %s", BYTES_FMT(text),
                     why);
}

/* `(@.type=="Ready")`, cut into path, operator and literal. False: none of that. */
static bool parse_literal(struct bytes text, struct jsonpath_step *step)
{
    text = bytes_trim(text);
    if (text.len >= 2 && (text.ptr[0] == '"' || text.ptr[0] == '\'') &&
        text.ptr[text.len - 1] == text.ptr[0]) {
        step->literal = bytes_of(text.ptr + 1, text.len - 2);
        step->literal_type = JSON_STRING;
        return true;
    }
    step->literal = text;
    step->literal_type =
        bytes_eq_str(text, "true") || bytes_eq_str(text, "false") ? JSON_BOOL : JSON_NUMBER;
    return text.len > 0 && bytes_find(text, '@') == text.len;
}

static bool parse_filter(struct bytes text, struct jsonpath_step *step)
{
    static const struct {
        const char *text;
        enum jsonpath_op op;
    } operators[] = {{"==", JSONPATH_EQ}, {"!=", JSONPATH_NE}, {"<=", JSONPATH_LE},
                     {">=", JSONPATH_GE}, {"<", JSONPATH_LT},  {">", JSONPATH_GT}};
    struct jsonpath left;

    text = bytes_trim(text);
    if (text.len < 1 || text.ptr[0] != '@')
        return false;
    step->type = JSONPATH_FILTER;
    step->op = JSONPATH_EXISTS;
    step->name = bytes_trim(bytes_from(text, 1));
    for (size_t at = 1; at < text.len && step->op == JSONPATH_EXISTS; at++) {
        for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
            struct bytes op = bytes_str(operators[i].text);

            if (!bytes_starts_with(bytes_from(text, at), op))
                continue;
            step->op = operators[i].op;
            step->name = bytes_trim(bytes_of(text.ptr + 1, at - 1));
            if (!parse_literal(bytes_from(text, at + op.len), step))
                return false;
            break;
        }
    }
    if (jsonpath_parse(step->name, &left, NULL) != STATUS_OK)
        return false;
    for (size_t i = 0; i < left.count; i++) /* one level is enough, and bounds the work */
        if (left.steps[i].type == JSONPATH_FILTER)
            return false;
    return true;
}

/* Where the `]` of a bracket stands that opened just before `text`; text.len if it never closes. */
static size_t bracket_end(struct bytes text)
{
    char quote = '\0';

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\\')
            i++;
        else if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == ']')
            return i;
    }
    return text.len;
}

static bool parse_index(struct bytes text, int64_t *ret_index)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    uint64_t n;

    if (!bytes_to_u64(bytes_from(text, negative ? 1 : 0), &n) || n > INT32_MAX)
        return false;
    *ret_index = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

/* What stands between `[` and `]`. */
static bool parse_bracket(struct bytes inside, struct jsonpath_step *step)
{
    inside = bytes_trim(inside);
    if (bytes_eq_str(inside, "*")) {
        step->type = JSONPATH_ALL;
        return true;
    }
    if (bytes_starts_with(inside, BYTES("?(")) && bytes_ends_with(inside, BYTES(")")))
        return parse_filter(bytes_of(inside.ptr + 2, inside.len - 3), step);
    if (inside.len >= 2 && (inside.ptr[0] == '\'' || inside.ptr[0] == '"') &&
        inside.ptr[inside.len - 1] == inside.ptr[0]) {
        step->type = JSONPATH_FIELD;
        step->name = bytes_of(inside.ptr + 1, inside.len - 2);
        return true;
    }
    step->type = JSONPATH_INDEX;
    return parse_index(inside, &step->index);
}

/* Reads the name behind a dot; returns its length, 0 if there is none. */
static size_t parse_name(struct bytes text, struct jsonpath_step *step)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] != '.' && text.ptr[len] != '[')
        len += text.ptr[len] == '\\' && len + 1 < text.len ? 2 : 1;
    step->type = JSONPATH_FIELD;
    step->name = bytes_of(text.ptr, len);
    if (bytes_eq_str(step->name, "*"))
        step->type = JSONPATH_ALL;
    return len;
}

enum status jsonpath_parse(struct bytes text, struct jsonpath *ret_path, struct error *reterr)
{
    struct bytes rest = bytes_trim(text);

    if (rest.len >= 2 && rest.ptr[0] == '{' && rest.ptr[rest.len - 1] == '}')
        rest = bytes_trim(bytes_of(rest.ptr + 1, rest.len - 2));
    if (rest.len > 0 && rest.ptr[0] == '$')
        rest = bytes_from(rest, 1);
    ret_path->count = 0;
    if (bytes_eq_str(rest, "."))
        return STATUS_OK;
    while (rest.len > 0) {
        struct jsonpath_step *step = &ret_path->steps[ret_path->count];
        size_t len;

        if (ret_path->count == JSONPATH_STEPS_MAX)
            return refuse(reterr, text, "it has too many steps");
        *step = (struct jsonpath_step){0};
        if (rest.ptr[0] == '[') {
            len = bracket_end(bytes_from(rest, 1));
            if (len + 1 >= rest.len || !parse_bracket(bytes_of(rest.ptr + 1, len), step))
                return refuse(reterr, text, "an expression in brackets is not understood");
            len += 2;
        } else {
            len = rest.ptr[0] == '.' ? 1 : 0;
            if (len == 0 && ret_path->count > 0)
                return refuse(reterr, text, "a . or [ was expected");
            if (len < rest.len && rest.ptr[len] == '[') { /* `.[0]` is `[0]` */
                rest = bytes_from(rest, len);
                continue;
            }
            size_t name_len = parse_name(bytes_from(rest, len), step);
            if (name_len == 0)
                return refuse(reterr, text, "a field name is missing");
            len += name_len;
        }
        ret_path->count++;
        rest = bytes_from(rest, len);
    }
    return STATUS_OK;
}

/* A field's name as written equals a member's key: `\` only guards the byte behind it. */
static bool name_is(struct bytes written, struct bytes key)
{
    size_t at = 0;

    for (size_t i = 0; i < written.len; i++) {
        if (written.ptr[i] == '\\' && i + 1 < written.len)
            i++;
        if (at == key.len || key.ptr[at] != written.ptr[i])
            return false;
        at++;
    }
    return at == key.len;
}

static int compare(const struct json *node, const struct jsonpath_step *step, bool *ret_comparable)
{
    struct json number = {.type = JSON_NUMBER, .text = step->literal};
    double a, b;

    *ret_comparable = true;
    if (node->type == JSON_STRING && step->literal_type == JSON_STRING)
        return bytes_cmp(node->text, step->literal);
    if (node->type == JSON_BOOL && step->literal_type == JSON_BOOL)
        return (int)node->boolean - (int)bytes_eq_str(step->literal, "true");
    if (node->type == JSON_NUMBER && step->literal_type == JSON_NUMBER &&
        json_to_double(node, &a) && json_to_double(&number, &b))
        return (a > b) - (a < b);
    *ret_comparable = false;
    return 0;
}

static bool filter_holds(const struct jsonpath_step *step, const struct json *node)
{
    bool comparable;
    int order;

    if (node == NULL)
        return false;
    if (step->op == JSONPATH_EXISTS)
        return true;
    order = compare(node, step, &comparable);
    if (!comparable)
        return step->op == JSONPATH_NE;
    switch (step->op) {
    case JSONPATH_EQ:
        return order == 0;
    case JSONPATH_NE:
        return order != 0;
    case JSONPATH_LT:
        return order < 0;
    case JSONPATH_LE:
        return order <= 0;
    case JSONPATH_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

struct walk {
    const struct jsonpath *path;
    bool (*found)(void *user, const struct json *node);
    void *user;
};

static bool walk(const struct walk *w, size_t at, const struct json *node);

static bool walk_field(const struct walk *w, size_t at, const struct json *node)
{
    if (!json_is(node, JSON_OBJECT))
        return true;
    json_each(node, child)
        if (name_is(w->path->steps[at].name, child->key))
            return walk(w, at + 1, child);
    return true;
}

static bool walk_index(const struct walk *w, size_t at, const struct json *node)
{
    int64_t index = w->path->steps[at].index;

    if (!json_is(node, JSON_ARRAY))
        return true;
    if (index < 0)
        index += (int64_t)node->count;
    return index < 0 || index >= (int64_t)node->count ||
           walk(w, at + 1, json_index(node, (size_t)index));
}

static bool walk_filter(const struct walk *w, size_t at, const struct json *node)
{
    const struct jsonpath_step *step = &w->path->steps[at];
    struct jsonpath left;

    if (jsonpath_parse(step->name, &left, NULL) != STATUS_OK)
        return true;
    json_each(node, child) {
        if (filter_holds(step, jsonpath_first(&left, child)) && !walk(w, at + 1, child))
            return false;
    }
    return true;
}

/* As deep as the path is long. False: the caller has seen enough. */
static bool walk(const struct walk *w, size_t at, const struct json *node)
{
    if (at == w->path->count)
        return w->found(w->user, node);
    switch (w->path->steps[at].type) {
    case JSONPATH_FIELD:
        return walk_field(w, at, node);
    case JSONPATH_INDEX:
        return walk_index(w, at, node);
    case JSONPATH_FILTER:
        return walk_filter(w, at, node);
    case JSONPATH_ALL:
        break;
    }
    json_each(node, child) {
        if (!walk(w, at + 1, child))
            return false;
    }
    return true;
}

void jsonpath_each(const struct jsonpath *path, const struct json *root,
                   bool (*found)(void *user, const struct json *node), void *user)
{
    struct walk w = {path, found, user};

    if (root != NULL)
        (void)walk(&w, 0, root);
}

static bool keep_first(void *user, const struct json *node)
{
    *(const struct json **)user = node;
    return false;
}

const struct json *jsonpath_first(const struct jsonpath *path, const struct json *root)
{
    const struct json *first = NULL;

    jsonpath_each(path, root, keep_first, &first);
    return first;
}

void jsonpath_write_text(struct buf *out, const struct json *node)
{
    if (json_is(node, JSON_STRING))
        buf_append_bytes(out, node->text);
    else
        json_write(out, node, false);
}
