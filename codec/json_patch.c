/*
 * JSON patch (RFC 6902) by JSON pointers (RFC 6901). Messages are near those of evanphx/json-patch,
 * which kube-apiserver hands on.
 *
 * What an attacker may choose is bounded: operations and copied bytes by the apiserver's limits,
 * walked children by STEPS_MAX (ten thousand operations at the far end of a long list), the depth
 * of the result by what the reader takes. Nothing here recurses deeper than that.
 */
#include "codec/patch.h"
#include "codec/json_depth.h"

enum { STEPS_MAX = 30 * 1000 * 1000 }; /* a tenth of a second */

struct patcher {
    struct arena *arena;
    struct json *root;
    size_t index;  /* of the current operation */
    size_t copied; /* bytes, by all `copy` so far */
    size_t steps;
    struct error *reterr;
};

struct operation {
    const char *name;
    struct bytes path, from;
    const struct json *value;
};

/* ---- pointers ---- */

/* Empty, or `/token/token`, where `~` stands only in `~0` and `~1`. */
static bool is_pointer(struct bytes path)
{
    if (path.len != 0 && path.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '~' &&
            (i + 1 == path.len || (path.ptr[i + 1] != '0' && path.ptr[i + 1] != '1')))
            return false;
    return true;
}

/* A token as written becomes a member name: `~1` is `/`, `~0` is `~`. */
static struct bytes unescape(struct arena *arena, struct bytes token)
{
    char *text;
    size_t len = 0;

    if (bytes_find(token, '~') == token.len)
        return token;
    text = arena_alloc(arena, token.len);
    if (text == NULL)
        return bytes_of("", 0);
    for (size_t i = 0; i < token.len; i++)
        text[len++] = token.ptr[i] != '~' ? token.ptr[i] : token.ptr[++i] == '0' ? '~' : '/';
    return bytes_of(text, len);
}

/* Where a path ends: its parent's path, and the last token. Not for the path of the root. */
static struct bytes split_last(struct arena *arena, struct bytes path, struct bytes *ret_token)
{
    size_t at = path.len - 1;

    while (path.ptr[at] != '/')
        at--;
    *ret_token = unescape(arena, bytes_of(path.ptr + at + 1, path.len - at - 1));
    return bytes_of(path.ptr, at);
}

/* Decimal without leading zeros (RFC 6901 section 4); `-` is not an index here. */
static bool parse_index(struct bytes token, size_t *ret_index)
{
    uint64_t index;

    if (!bytes_to_u64(token, &index) || (token.len > 1 && token.ptr[0] == '0'))
        return false;
    *ret_index = index;
    return true;
}

/* Counts a walk over `count` children; false when there were too many. */
static bool may_walk(struct patcher *p, size_t count)
{
    p->steps += count;
    return p->steps <= STEPS_MAX;
}

static struct json *find_child(struct patcher *p, const struct json *parent, struct bytes token)
{
    size_t index;

    if (json_is(parent, JSON_OBJECT))
        return may_walk(p, parent->count) ? json_get(parent, token) : NULL;
    if (!json_is(parent, JSON_ARRAY) || !parse_index(token, &index) || index >= parent->count)
        return NULL;
    return may_walk(p, index) ? json_index(parent, index) : NULL;
}

/* The node at `path`, or NULL. */
static struct json *resolve(struct patcher *p, struct bytes path)
{
    struct json *node = p->root;
    struct bytes rest = bytes_from(path, 1);

    if (path.len == 0)
        return node;
    do
        node = find_child(p, node, unescape(p->arena, bytes_cut(&rest, '/')));
    while (rest.ptr != NULL && node != NULL);
    return node;
}

/* ---- errors ---- */

static enum status missing_path(struct patcher *p, const char *name, struct bytes path)
{
    return error_set(p->reterr, STATUS_INVALID,
                     "%s operation does not apply: doc is missing path: \"%.*s\": missing value",
                     name, BYTES_FMT(path));
}

static enum status bad_index(struct patcher *p, const struct operation *op, struct bytes token)
{
    size_t index;
    bool is_index = parse_index(token, &index);

    return error_set(p->reterr, STATUS_INVALID, "error in %s for path: '%.*s': %s%.*s%s", op->name,
                     BYTES_FMT(op->path),
                     is_index ? "Unable to access invalid index: "
                              : "value was not a proper array index: '",
                     BYTES_FMT(token), is_index ? ": invalid index referenced" : "'");
}

static enum status malformed(struct patcher *p, const char *what)
{
    return error_set(p->reterr, STATUS_BAD_REQUEST, "invalid JSON patch: operation %zu: %s",
                     p->index, what);
}

/* ---- operations ---- */

/* Puts `value`, which no tree holds, at `op->path`. */
static enum status put(struct patcher *p, const struct operation *op, struct json *value)
{
    struct bytes token, parent_path;
    struct json *parent;
    size_t index;

    if (op->path.len == 0) {
        if (value != NULL)
            p->root = value;
        return STATUS_OK;
    }
    parent_path = split_last(p->arena, op->path, &token);
    parent = resolve(p, parent_path);
    if (parent == NULL || parent->type < JSON_ARRAY)
        return missing_path(p, op->name, op->path);
    if (parent->type == JSON_OBJECT) {
        if (may_walk(p, parent->count))
            json_set(parent, token, value);
        return STATUS_OK;
    }
    if (bytes_eq_str(token, "-"))
        index = parent->count;
    else if (!parse_index(token, &index) || index > parent->count)
        return bad_index(p, op, token);
    if (index == parent->count || may_walk(p, index))
        json_insert(parent, index, value);
    return STATUS_OK;
}

/* Takes the node at `path` out of the tree. */
static enum status take(struct patcher *p, const struct operation *op, struct bytes path,
                        struct json **ret_node)
{
    struct bytes token, parent_path;
    struct json *parent, *node = NULL;
    size_t index;

    if (path.len == 0)
        return error_set(p->reterr, STATUS_INVALID,
                         "%s operation does not apply: the whole document cannot be removed",
                         op->name);
    parent_path = split_last(p->arena, path, &token);
    parent = resolve(p, parent_path);
    if (parent == NULL || parent->type < JSON_ARRAY)
        return missing_path(p, op->name, path);
    if (parent->type == JSON_OBJECT && may_walk(p, parent->count))
        node = json_remove(parent, token);
    else if (parent->type == JSON_ARRAY && parse_index(token, &index) && may_walk(p, index))
        node = json_remove_index(parent, index);
    if (node == NULL && parent->type == JSON_ARRAY)
        return bad_index(p, op, token);
    if (node == NULL)
        return error_set(p->reterr, STATUS_INVALID,
                         "error in %s for path: '%.*s': Unable to remove nonexistent key: %.*s: "
                         "missing value",
                         op->name, BYTES_FMT(path), BYTES_FMT(token));
    *ret_node = node;
    return STATUS_OK;
}

static enum status apply_add(struct patcher *p, const struct operation *op)
{
    return put(p, op, json_copy(p->arena, op->value));
}

static enum status apply_remove(struct patcher *p, const struct operation *op)
{
    struct json *node;

    return take(p, op, op->path, &node);
}

static enum status apply_replace(struct patcher *p, const struct operation *op)
{
    struct json *node = resolve(p, op->path);

    if (node == NULL)
        return missing_path(p, op->name, op->path);
    json_replace(node, json_copy(p->arena, op->value));
    return STATUS_OK;
}

static enum status apply_move(struct patcher *p, const struct operation *op)
{
    struct json *node;
    enum status st;

    if (bytes_eq(op->from, op->path))
        return resolve(p, op->path) != NULL ? STATUS_OK : missing_path(p, op->name, op->from);
    if (bytes_starts_with(op->path, op->from) && op->path.ptr[op->from.len] == '/')
        return error_set(p->reterr, STATUS_INVALID,
                         "move operation does not apply: \"%.*s\" cannot move into itself",
                         BYTES_FMT(op->from));
    st = take(p, op, op->from, &node);
    return st == STATUS_OK ? put(p, op, node) : st;
}

/* What a copy adds is counted as the bytes it will be written as. */
static enum status apply_copy(struct patcher *p, const struct operation *op)
{
    const struct json *node = resolve(p, op->from);
    struct buf text = {0};

    if (node == NULL)
        return missing_path(p, op->name, op->from);
    json_write(&text, node, false);
    p->copied += text.len;
    p->arena->failed |= text.failed;
    buf_release(&text);
    if (p->copied > JSON_PATCH_COPY_MAX)
        return error_set(p->reterr, STATUS_TOO_LARGE,
                         "Unable to complete the copy, the accumulated size increase of copy is "
                         "%zu, exceeding the limit %d",
                         p->copied, JSON_PATCH_COPY_MAX);
    return put(p, op, json_copy(p->arena, node));
}

static enum status apply_test(struct patcher *p, const struct operation *op)
{
    const struct json *node = resolve(p, op->path);

    if (node != NULL && json_equal(node, op->value))
        return STATUS_OK;
    return error_set(p->reterr, STATUS_INVALID, "testing value %.*s failed: test failed",
                     BYTES_FMT(op->path));
}

static const struct operation_rule {
    const char *name;
    enum status (*apply)(struct patcher *p, const struct operation *op);
    bool needs_value, needs_from;
} operation_rules[] = {
    {"add", apply_add, true, false},         {"remove", apply_remove, false, false},
    {"replace", apply_replace, true, false}, {"move", apply_move, false, true},
    {"copy", apply_copy, false, true},       {"test", apply_test, true, false},
};

static const struct operation_rule *find_rule(struct bytes name)
{
    for (size_t i = 0; i < ARRAY_LEN(operation_rules); i++)
        if (bytes_eq_str(name, operation_rules[i].name))
            return &operation_rules[i];
    return NULL;
}

/* ---- the patch ---- */

static enum status apply(struct patcher *p, const struct json *node)
{
    const struct json *path = json_get(node, BYTES("path")), *from = json_get(node, BYTES("from"));
    const struct operation_rule *rule = find_rule(json_get_text(node, "op"));
    struct operation op = {
        .path = json_text(path), .from = json_text(from), .value = json_get(node, BYTES("value"))};

    if (!json_is(node, JSON_OBJECT))
        return malformed(p, "is not an object");
    if (rule == NULL)
        return malformed(p, "\"op\" must be one of add, remove, replace, move, copy, test");
    if (!json_is(path, JSON_STRING) || !is_pointer(op.path))
        return malformed(p, "\"path\" must be a JSON pointer");
    if (rule->needs_from && (!json_is(from, JSON_STRING) || !is_pointer(op.from)))
        return malformed(p, "\"from\" must be a JSON pointer");
    if (rule->needs_value && op.value == NULL)
        return malformed(p, "\"value\" is missing");
    op.name = rule->name;
    return rule->apply(p, &op);
}

static enum status apply_all(struct patcher *p, const struct json *patch)
{
    json_each(patch, it) {
        enum status st = apply(p, it);

        if (p->steps > STEPS_MAX)
            return error_set(p->reterr, STATUS_TOO_LARGE,
                             "the JSON patch has to walk over more than %d values", STEPS_MAX);
        if (p->arena->failed)
            return error_set(p->reterr, STATUS_NO_MEMORY, "out of memory");
        if (st != STATUS_OK)
            return st;
        p->index++;
    }
    if (patch->count != 0 && json_is_deeper(p->root, JSON_DEPTH_MAX))
        return error_set(p->reterr, STATUS_INVALID,
                         "the JSON patch nests values deeper than %d levels", JSON_DEPTH_MAX);
    return STATUS_OK;
}

enum status json_patch_apply(struct arena *arena, struct json **target, const struct json *patch,
                             struct error *reterr)
{
    struct patcher p = {.arena = arena, .root = *target, .reterr = reterr};
    enum status st;

    if (!json_is(patch, JSON_ARRAY))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "invalid JSON patch: expected an array of operations, got %s",
                         json_type_name(patch != NULL ? patch->type : JSON_NULL));
    if (patch->count > JSON_PATCH_OPS_MAX)
        return error_set(reterr, STATUS_TOO_LARGE,
                         "The allowed maximum operations in a JSON patch is %d, got %u",
                         JSON_PATCH_OPS_MAX, patch->count);
    st = apply_all(&p, patch);
    if (st == STATUS_OK)
        *target = p.root;
    return st;
}
