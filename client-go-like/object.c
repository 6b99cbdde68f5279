#include "client-go-like/object.h"

#include <stdlib.h>

enum { TYPE_TEXT_ROOM = 64 }; /* for most apiVersions and kinds */

/* The reader's arena has room to spare, which a cache would hold a hundred thousand times: the tree
 * moves into memory of exactly its size. Both walks recurse at most JSON_DEPTH_MAX deep: the reader
 * has seen to that. */
static size_t padded(size_t len)
{
    return (len + 15) & ~(size_t)15;
}

/* Does it stand in the object's own text (or message), as what was not escaped does? */
static bool is_in_text(const tw_object *object, struct bytes text)
{
    return text.len != 0 && (uintptr_t)text.ptr - (uintptr_t)object->text < object->text_len;
}

static size_t text_size(const tw_object *object, struct bytes text)
{
    return text.len == 0 || is_in_text(object, text) ? 0 : padded(text.len + 1);
}

static size_t tree_size(const tw_object *object, const struct json *node)
{
    size_t size = padded(sizeof(*node)) + text_size(object, node->key);

    if (node->type == JSON_STRING || node->type == JSON_NUMBER)
        size += text_size(object, node->text);
    json_each(node, child) {
        size += tree_size(object, child);
    }
    return size;
}

/* Ends it in NUL: where it stands the closing quote (or the next field's tag) is overwritten. */
static void keep_text(tw_object *object, struct bytes *text)
{
    if (text->len == 0)
        text->ptr = "";
    else if (is_in_text(object, *text))
        object->text[(uintptr_t)text->ptr - (uintptr_t)object->text + text->len] = '\0';
    else
        *text = arena_dup(&object->arena, *text);
}

static struct json *keep_tree(tw_object *object, const struct json *from)
{
    struct json *node = arena_new(&object->arena, struct json);

    if (node == NULL)
        return NULL;
    *node = *from;
    node->next = NULL;
    if (node->type == JSON_STRING || (node->type == JSON_NUMBER && !is_in_text(object, node->text)))
        keep_text(object, &node->text);
    if (node->type < JSON_ARRAY)
        return node;
    node->first = node->last = NULL;
    json_each(from, child) {
        struct json *kept = keep_tree(object, child);

        if (kept == NULL)
            return NULL;
        if (node->type == JSON_OBJECT)
            keep_text(object, &kept->key);
        if (node->last != NULL)
            node->last->next = kept;
        else
            node->first = kept;
        node->last = kept;
    }
    return node;
}

static void make_key(tw_object *object)
{
    const struct json *metadata = json_get(object->tree, BYTES("metadata"));
    struct bytes ns = json_get_text(metadata, "namespace"), name = json_get_text(metadata, "name");

    object->key = ns.len == 0
                      ? name
                      : arena_printf(&object->arena, "%.*s/%.*s", BYTES_FMT(ns), BYTES_FMT(name));
}

/* What is kept with the tree: the key, and a type that its list will name. */
static size_t extra_size(const struct json *tree)
{
    const struct json *metadata = json_get(tree, BYTES("metadata"));
    struct bytes ns = json_get_text(metadata, "namespace"), name = json_get_text(metadata, "name");
    size_t size = ns.len != 0 ? padded(ns.len + name.len + 2) : 0;

    if (json_get(tree, BYTES("kind")) == NULL)
        size += 2 * padded(sizeof(*tree)) + TYPE_TEXT_ROOM;
    return size;
}

tw_status object_finish(tw_object *object, struct json **root, const char *member,
                        tw_error **reterr)
{
    const struct json *tree = member != NULL ? json_get(*root, bytes_str(member)) : *root;
    struct arena scratch = object->arena;

    object->arena = (struct arena){0};
    arena_reserve(&object->arena, tree_size(object, *root) + extra_size(tree));
    *root = object->arena.failed ? NULL : keep_tree(object, *root);
    arena_release(&scratch);
    if (*root == NULL || object->arena.failed)
        return tw_fail_no_memory(reterr);
    object->tree = member != NULL ? json_get(*root, bytes_str(member)) : *root;
    if (!json_is(object->tree, JSON_OBJECT))
        return tw_fail(reterr, TW_ERR_PROTOCOL, "expected a JSON object%s%s",
                       member != NULL ? " as member " : "", member != NULL ? member : "");
    make_key(object);
    return object->arena.failed ? tw_fail_no_memory(reterr) : TW_OK;
}

static tw_status object_parse(tw_object *object, const char *member,
                              const struct json **ret_envelope, tw_error **reterr)
{
    struct error detail = {0};
    struct json *root = NULL;
    enum status read =
        json_parse(&object->arena, bytes_of(object->text, object->text_len), &root, NULL, &detail);
    tw_status st;

    if (read != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read JSON", &detail);
    st = object_finish(object, &root, member, reterr);
    if (ret_envelope != NULL)
        *ret_envelope = root;
    return st;
}

tw_object *object_new(struct bytes text)
{
    tw_object *object = NULL;

    if (text.len > SIZE_MAX / 2 || (object = calloc(1, sizeof(*object) + text.len + 1)) == NULL)
        return NULL;
    atomic_init(&object->refs, 1);
    if (text.len != 0)
        memcpy(object->text, text.ptr, text.len);
    object->text_len = text.len;
    return object;
}

tw_status object_read(struct bytes text, const char *member, tw_object **ret_object,
                      const struct json **ret_envelope, tw_error **reterr)
{
    tw_object *object = object_new(text);
    tw_status st;

    if (object == NULL)
        return tw_fail_no_memory(reterr);
    st = object_parse(object, member, ret_envelope, reterr);
    if (st != TW_OK) {
        tw_object_unref(object);
        return st;
    }
    *ret_object = object;
    return TW_OK;
}

tw_status tw_object_from_json(const char *text, size_t len, tw_object **ret_object,
                              tw_error **reterr)
{
    return object_read(bytes_of(text, len), NULL, ret_object, NULL, reterr);
}

tw_object *tw_object_ref(tw_object *object)
{
    atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);
    return object;
}

void tw_object_unref(tw_object *object)
{
    if (object == NULL || atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(atomic_load(&object->json));
    arena_release(&object->arena);
    free(object);
}

tw_status object_set_type(tw_object *object, struct bytes api_version, struct bytes kind)
{
    struct arena *arena = &object->arena;

    if (json_get(object->tree, BYTES("apiVersion")) == NULL)
        json_set_text(arena, object->tree, "apiVersion", bytes_str(arena_str(arena, api_version)));
    if (json_get(object->tree, BYTES("kind")) == NULL)
        json_set_text(arena, object->tree, "kind", bytes_str(arena_str(arena, kind)));
    return arena->failed ? TW_ERR_NO_MEMORY : TW_OK;
}

/* Does the member's name equal the path segment [at, end), in which `\` takes the next as it is? */
static bool segment_eq(struct bytes key, const char *at, const char *end)
{
    size_t i = 0;

    for (; at < end; at++, i++) {
        at += *at == '\\' && at + 1 < end;
        if (i >= key.len || key.ptr[i] != *at)
            return false;
    }
    return i == key.len;
}

static const char *segment_end(const char *at)
{
    while (*at != '\0' && *at != '.' && *at != '[')
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    return at;
}

bool path_next(const char **path, struct path_step *ret_step)
{
    const char *at = *path;
    char *end;

    if (at == NULL || *at == '\0')
        return false;
    if (*at != '[') {
        at += *at == '.';
        *ret_step = (struct path_step){.at = at, .end = segment_end(at)};
        *path = ret_step->end;
        return true;
    }
    *ret_step = (struct path_step){.is_index = true};
    ret_step->index = strtoul(at + 1, &end, 10);
    if (*end != ']' || at[1] < '0' || at[1] > '9') {
        *path = NULL;
        return false;
    }
    *path = end + 1;
    return true;
}

struct json *path_child(const struct json *node, const struct path_step *step)
{
    if (step->is_index)
        return json_is(node, JSON_ARRAY) ? json_index(node, step->index) : NULL;
    if (!json_is(node, JSON_OBJECT))
        return NULL;
    json_each(node, child) {
        if (segment_eq(child->key, step->at, step->end))
            return child;
    }
    return NULL;
}

static const struct json *node_at(const struct json *node, const char *path)
{
    struct path_step step;

    while (node != NULL && path_next(&path, &step))
        node = path_child(node, &step);
    return path != NULL ? node : NULL;
}

const struct json *object_at(const tw_object *object, const char *path)
{
    return object != NULL ? node_at(object->tree, path != NULL ? path : "") : NULL;
}

static const char *text_or_empty(const struct json *node)
{
    struct bytes text = json_text(node);

    return text.ptr != NULL ? text.ptr : "";
}

static const char *metadata_text(const tw_object *object, const char *name)
{
    return object != NULL
               ? text_or_empty(json_get(json_get(object->tree, BYTES("metadata")), bytes_str(name)))
               : "";
}

const char *tw_object_api_version(const tw_object *object)
{
    return object != NULL ? text_or_empty(json_get(object->tree, BYTES("apiVersion"))) : "";
}

const char *tw_object_kind(const tw_object *object)
{
    return object != NULL ? text_or_empty(json_get(object->tree, BYTES("kind"))) : "";
}

const char *tw_object_name(const tw_object *object)
{
    return metadata_text(object, "name");
}

const char *tw_object_namespace(const tw_object *object)
{
    return metadata_text(object, "namespace");
}

const char *tw_object_uid(const tw_object *object)
{
    return metadata_text(object, "uid");
}

const char *tw_object_resource_version(const tw_object *object)
{
    return metadata_text(object, "resourceVersion");
}

const char *tw_object_get_string(const tw_object *object, const char *path)
{
    return json_text(object_at(object, path)).ptr;
}

bool tw_object_get_int(const tw_object *object, const char *path, int64_t *ret)
{
    return json_to_i64(object_at(object, path), ret);
}

bool tw_object_get_bool(const tw_object *object, const char *path, bool *ret)
{
    const struct json *node = object_at(object, path);

    if (!json_is(node, JSON_BOOL))
        return false;
    *ret = node->boolean;
    return true;
}

bool tw_object_has(const tw_object *object, const char *path)
{
    return object_at(object, path) != NULL;
}

bool object_is_type(const tw_object *object, const char *api_version, const char *kind)
{
    return strcmp(tw_object_kind(object), kind) == 0 &&
           strcmp(tw_object_api_version(object), api_version) == 0;
}

/* Two threads may both write it; one text wins and the other is dropped. */
const char *tw_object_json(const tw_object *object)
{
    _Atomic(char *) *place;
    struct buf buf = {0};
    char *text = NULL;

    if (object == NULL)
        return NULL;
    place = (_Atomic(char *) *)&object->json; /* the one part that may change after sharing */
    if ((text = atomic_load(place)) != NULL)
        return text;
    json_write(&buf, object->tree, false);
    buf_append_char(&buf, '\0');
    if (buf.failed) {
        buf_release(&buf);
        return NULL;
    }
    if (atomic_compare_exchange_strong(place, &text, buf.data))
        return buf.data;
    buf_release(&buf);
    return text;
}
