#include "codec/projection.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The paths that begin alike share their beginning. */
struct path {
    struct bytes name;
    struct path *children, *next;
    bool whole; /* a path ends here: it means all that is below */
};

struct projection {
    atomic_uint refs;
    struct arena arena;
    struct bytes text;
    struct path *fields; /* NULL: all of them */
    struct path *drop;   /* NULL: none */
    struct path *identity;
};

static const char *const identity[] = {"apiVersion",    "kind",
                                       "metadata.name", "metadata.namespace",
                                       "metadata.uid",  "metadata.resourceVersion"};

/* ---- reading paths ---- */

/* Cuts `*rest` at the first `sep` that no backslash stands before. */
static struct bytes cut_unescaped(struct bytes *rest, char sep)
{
    struct bytes all = *rest;
    size_t at = 0;

    while (at < all.len && all.ptr[at] != sep)
        at += all.ptr[at] == '\\' ? 2 : 1;
    at = at < all.len ? at : all.len;
    *rest = at < all.len ? bytes_of(all.ptr + at + 1, all.len - at - 1) : bytes_of(NULL, 0);
    return bytes_of(all.ptr, at);
}

/* The name without its backslashes, in the arena. */
static struct bytes unescape(struct arena *arena, struct bytes name)
{
    char *copy = arena_alloc(arena, name.len + 1);
    size_t len = 0;

    for (size_t i = 0; copy != NULL && i < name.len; i++) {
        i += name.ptr[i] == '\\' && i + 1 < name.len;
        copy[len++] = name.ptr[i];
    }
    return bytes_of(copy, len);
}

static struct path *find(const struct path *parent, struct bytes name)
{
    for (struct path *it = parent->children; it != NULL; it = it->next)
        if (bytes_eq(it->name, name))
            return it;
    return NULL;
}

static struct path *find_or_add(struct arena *arena, struct path *parent, struct bytes name)
{
    struct path *child = find(parent, name);

    if (child != NULL)
        return child;
    child = arena_new(arena, struct path);
    if (child == NULL)
        return NULL;
    child->name = name;
    child->next = parent->children;
    parent->children = child;
    return child;
}

static enum status add_path(struct arena *arena, struct path *root, struct bytes text,
                            struct error *reterr)
{
    struct path *at = root;
    struct bytes rest = text;

    for (int count = 0; at != NULL && (count == 0 || rest.ptr != NULL); count++) {
        struct bytes name = cut_unescaped(&rest, '.');

        if (name.len == 0 || count == PROJECTION_NAMES_MAX)
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "\"%.*s\" is no path of member names: at most %d, joined by dots",
                             BYTES_FMT(text), PROJECTION_NAMES_MAX);
        at = find_or_add(arena, at, unescape(arena, name));
    }
    if (at == NULL || arena->failed)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    at->whole = true;
    return STATUS_OK;
}

/* NULL for an empty text. */
static enum status parse_paths(struct arena *arena, struct bytes text, struct path **ret_root,
                               struct error *reterr)
{
    enum status st = STATUS_OK;
    struct bytes rest = text;

    if (text.len == 0)
        return STATUS_OK;
    if (text.len > PROJECTION_TEXT_MAX)
        return error_set(reterr, STATUS_BAD_REQUEST, "the paths of a projection are too long");
    *ret_root = arena_new(arena, struct path);
    if (*ret_root == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    for (int count = 0; rest.ptr != NULL && st == STATUS_OK; count++) {
        if (count == PROJECTION_PATHS_MAX)
            return error_set(reterr, STATUS_BAD_REQUEST, "a projection has at most %d paths",
                             PROJECTION_PATHS_MAX);
        st = add_path(arena, *ret_root, cut_unescaped(&rest, '|'), reterr);
    }
    return st;
}

static enum status add_identity(struct arena *arena, struct path *root, struct error *reterr)
{
    enum status st = STATUS_OK;

    for (size_t i = 0; i < ARRAY_LEN(identity) && st == STATUS_OK; i++)
        st = add_path(arena, root, bytes_str(identity[i]), reterr);
    return st;
}

static enum status fill(struct projection *projection, struct bytes drop, struct bytes fields,
                        struct error *reterr)
{
    struct arena *arena = &projection->arena;
    enum status st = parse_paths(arena, drop, &projection->drop, reterr);

    projection->identity = arena_new(arena, struct path);
    projection->text = arena_printf(arena, "%.*s %.*s", BYTES_FMT(drop), BYTES_FMT(fields));
    if (arena->failed)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (st == STATUS_OK)
        st = parse_paths(arena, fields, &projection->fields, reterr);
    if (st == STATUS_OK && projection->fields != NULL)
        st = add_identity(arena, projection->fields, reterr);
    return st == STATUS_OK ? add_identity(arena, projection->identity, reterr) : st;
}

enum status projection_parse(struct bytes drop, struct bytes fields,
                             struct projection **ret_projection, struct error *reterr)
{
    struct projection *projection;
    enum status st;

    *ret_projection = NULL;
    if (drop.len == 0 && fields.len == 0)
        return STATUS_OK;
    projection = calloc(1, sizeof(*projection));
    if (projection == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    atomic_init(&projection->refs, 1);
    st = fill(projection, drop, fields, reterr);
    if (st == STATUS_OK)
        *ret_projection = projection;
    else
        projection_unref(projection);
    return st;
}

struct projection *projection_ref(struct projection *projection)
{
    if (projection != NULL)
        atomic_fetch_add_explicit(&projection->refs, 1, memory_order_relaxed);
    return projection;
}

void projection_unref(struct projection *projection)
{
    if (projection == NULL ||
        atomic_fetch_sub_explicit(&projection->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_release(&projection->arena);
    free(projection);
}

struct bytes projection_text(const struct projection *projection)
{
    return projection != NULL ? projection->text : BYTES("");
}

/* ---- trimming: as deep as the paths are, whatever the tree is ---- */

static void keep_only(struct json *object, const struct path *wanted);

static void keep_below(struct json *node, const struct path *wanted)
{
    if (json_is(node, JSON_OBJECT))
        keep_only(node, wanted);
    else if (json_is(node, JSON_ARRAY))
        json_each(node, element)
            if (json_is(element, JSON_OBJECT))
                keep_only(element, wanted);
}

static void keep_only(struct json *object, const struct path *wanted)
{
    for (struct json *member = object->first, *next; member != NULL; member = next) {
        const struct path *path = find(wanted, member->key);

        next = member->next;
        if (path == NULL)
            json_remove(object, member->key);
        else if (!path->whole)
            keep_below(member, path);
    }
}

static void drop_from(struct json *object, const struct path *dropped, const struct path *kept);

static void drop_below(struct json *node, const struct path *dropped, const struct path *kept)
{
    if (json_is(node, JSON_OBJECT))
        drop_from(node, dropped, kept);
    else if (json_is(node, JSON_ARRAY))
        json_each(node, element)
            if (json_is(element, JSON_OBJECT))
                drop_from(element, dropped, kept);
}

/* `kept`: what may not go from here; NULL: nothing. It ends in texts, which keep_below() leaves. */
static void drop_from(struct json *object, const struct path *dropped, const struct path *kept)
{
    for (struct json *member = object->first, *next; member != NULL; member = next) {
        const struct path *path = find(dropped, member->key);
        const struct path *stays = kept != NULL ? find(kept, member->key) : NULL;

        next = member->next;
        if (path == NULL)
            continue;
        if (!path->whole)
            drop_below(member, path, stays);
        else if (stays != NULL)
            keep_below(member, stays);
        else
            json_remove(object, member->key);
    }
}

/* Takes out of a tree what is not to be seen. */
static void trim(const struct projection *projection, struct json *tree)
{
    if (projection == NULL || !json_is(tree, JSON_OBJECT))
        return;
    if (projection->fields != NULL)
        keep_only(tree, projection->fields);
    if (projection->drop != NULL)
        drop_from(tree, projection->drop, projection->identity);
}

void projection_write(struct buf *out, const struct projection *projection, struct bytes text)
{
    struct arena arena = {0};
    struct json *tree;

    if (json_parse(&arena, text, &tree, NULL, NULL) == STATUS_OK) {
        trim(projection, tree);
        json_write(out, tree, false);
    } else {
        out->failed = true;
    }
    arena_release(&arena);
}
