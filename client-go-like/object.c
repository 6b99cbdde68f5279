#include "client-go-like/object.h"

#include <stdlib.h>

enum {
    ALIGNMENT = 16,
    TYPE_TEXT_ROOM = 64, /* for most apiVersions and kinds */
};

static size_t padded(size_t len)
{
    return (len + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/* ---- from a reader's tree to an object; both walks recurse at most JSON_DEPTH_MAX deep: the
 * reader has seen to that ---- */

/* Does it stand in the text that was read, as what was not escaped does? */
static inline bool is_in(struct bytes text, const char *at)
{
    return (uintptr_t)at - (uintptr_t)text.ptr < text.len;
}

/* What a tree takes. */
struct size {
    size_t nodes, texts;
};

static inline void add_text(struct size *size, struct bytes from, struct bytes text)
{
    if (text.len != 0 && !is_in(from, text.ptr))
        size->texts += text.len + 1;
}

static void add_children(struct size *size, struct bytes from, const struct json *parent)
{
    size->nodes += parent->count;
    json_each(parent, it) {
        add_text(size, from, it->key);
        if (it->type >= JSON_ARRAY)
            add_children(size, from, it);
        else
            add_text(size, from, it->text); /* empty, where it has none */
    }
}

/* Where a copy stands. */
struct copy {
    struct bytes from;
    char *text;         /* the copy of `from` */
    struct json *nodes; /* the next one is free, as the next byte of `texts` */
    char *texts;
};

static struct bytes copy_other_text(struct copy *c, struct bytes text)
{
    char *at = c->texts;

    if (text.len == 0)
        return bytes_of("", 0);
    memcpy(at, text.ptr, text.len);
    at[text.len] = '\0';
    c->texts += text.len + 1;
    return bytes_of(at, text.len);
}

static inline struct bytes copy_text(struct copy *c, struct bytes text)
{
    char *at = c->text + (text.ptr - c->from.ptr);

    if (text.len == 0 || !is_in(c->from, text.ptr))
        return copy_other_text(c, text);
    at[text.len] = '\0'; /* there was the closing quote, or the next field's tag */
    return bytes_of(at, text.len);
}

/* A number stays without NUL where it stands: the byte behind it may begin another text. */
static struct bytes copy_number(struct copy *c, struct bytes text)
{
    return is_in(c->from, text.ptr) ? bytes_of(c->text + (text.ptr - c->from.ptr), text.len)
                                    : copy_other_text(c, text);
}

/* Of a node that was copied and whose children were not. */
static void copy_children(struct copy *c, struct json *parent)
{
    const struct json *from = parent->first;
    struct json **next = &parent->first, *copied = NULL;

    for (; from != NULL; from = from->next) {
        copied = c->nodes++;
        *copied = *from;
        if (parent->type == JSON_OBJECT)
            copied->key = copy_text(c, from->key);
        if (from->type == JSON_STRING)
            copied->text = copy_text(c, from->text);
        else if (from->type >= JSON_ARRAY)
            copy_children(c, copied);
        else if (from->type == JSON_NUMBER)
            copied->text = copy_number(c, from->text);
        *next = copied;
        next = &copied->next;
    }
    parent->last = copied;
}

static struct json *copy_tree(struct copy *c, const struct json *from)
{
    struct json *root = c->nodes++;

    *root = *from;
    root->key = bytes_of(NULL, 0);
    root->next = NULL;
    copy_children(c, root);
    return root;
}

struct names {
    struct bytes ns, name, resource_version;
};

static struct names names_in(const struct json *tree)
{
    struct names names = {{0}, {0}, {0}};

    json_each(json_get(tree, BYTES("metadata")), it) {
        if (bytes_eq(it->key, BYTES("namespace")))
            names.ns = json_text(it);
        else if (bytes_eq(it->key, BYTES("name")))
            names.name = json_text(it);
        else if (bytes_eq(it->key, BYTES("resourceVersion")))
            names.resource_version = json_text(it);
    }
    return names;
}

static struct bytes copy_key(struct copy *c, const struct names *names)
{
    char *key = c->texts, *at = key;

    if (names->ns.len == 0)
        return names->name;
    memcpy(at, names->ns.ptr, names->ns.len);
    at += names->ns.len;
    *at++ = '/';
    if (names->name.len != 0)
        memcpy(at, names->name.ptr, names->name.len);
    at += names->name.len;
    *at = '\0';
    c->texts = at + 1;
    return bytes_of(key, (size_t)(at - key));
}

static void fill(tw_object *object, struct copy *c, const struct json *tree)
{
    struct names names;

    atomic_init(&object->refs, 1);
    if (c->from.len != 0)
        memcpy(c->text, c->from.ptr, c->from.len);
    object->tree = copy_tree(c, tree);
    names = names_in(object->tree);
    object->key = copy_key(c, &names);
    object->resource_version = names.resource_version.len != 0 ? names.resource_version.ptr : "";
}

static tw_object *make(struct bytes text, const struct json *tree)
{
    bool is_untyped = json_get(tree, BYTES("kind")) == NULL; /* a list will say it */
    size_t type_room = is_untyped ? 2 * sizeof(*tree) + TYPE_TEXT_ROOM : 0;
    struct names names = names_in(tree);
    struct size size = {1, names.ns.len + names.name.len + 2};
    struct copy copy = {.from = text};
    tw_object *object;

    add_children(&size, text, tree);
    object = malloc(padded(sizeof(*object)) + size.nodes * sizeof(*tree) + type_room + size.texts +
                    text.len + 1);
    if (object == NULL)
        return NULL;
    *object = (tw_object){.tree = NULL};
    copy.nodes = (struct json *)((char *)object + padded(sizeof(*object)));
    copy.texts = (char *)(copy.nodes + size.nodes) + type_room;
    copy.text = copy.texts + size.texts;
    arena_lend(&object->arena, copy.nodes + size.nodes, type_room);
    fill(object, &copy, tree);
    return object;
}

static bool drop_noise(struct json *object)
{
    struct json *metadata = json_get(object, BYTES("metadata"));
    struct json *annotations = json_get(metadata, BYTES("annotations"));
    bool had = metadata != NULL && json_remove(metadata, BYTES("managedFields")) != NULL;

    return (annotations != NULL &&
            json_remove(annotations, BYTES("kubectl.kubernetes.io/last-applied-configuration")) !=
                NULL) ||
           had;
}

tw_status object_from_tree(struct bytes text, struct json *tree, bool strip, tw_object **ret_object,
                           tw_error **reterr)
{
    size_t text_len = text.len;
    tw_object *object;

    if (!json_is(tree, JSON_OBJECT))
        return tw_fail(reterr, TW_ERR_PROTOCOL, "expected a JSON object");
    if (strip && drop_noise(tree))
        text = bytes_of(NULL, 0); /* what is left of it is copied one by one */
    object = make(text, tree);
    if (object == NULL)
        return tw_fail_no_memory(reterr);
    object->text_len = text_len;
    *ret_object = object;
    return TW_OK;
}

tw_status object_parse_event(struct arena *arena, struct bytes text, struct json **ret_root,
                             tw_error **reterr)
{
    struct error detail = {0};

    if (json_parse(arena, text, ret_root, NULL, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read JSON", &detail);
    return TW_OK;
}

tw_status object_read(struct bytes text, tw_object **ret_object, tw_error **reterr)
{
    struct arena arena = {0};
    struct json *tree = NULL;
    tw_status st = object_parse_event(&arena, text, &tree, reterr);

    if (st == TW_OK)
        st = object_from_tree(text, tree, false, ret_object, reterr);
    arena_release(&arena);
    return st;
}

tw_status tw_object_from_json(const char *text, size_t len, tw_object **ret_object,
                              tw_error **reterr)
{
    return object_read(bytes_of(text, len), ret_object, reterr);
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
    return object != NULL ? object->resource_version : "";
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
