#include <tidewatch/edit.h>

#include <stdlib.h>

#include "client-go-like/object.h"

struct tw_edit {
    struct arena arena;
    struct json *tree;
    tw_status status;
    tw_error *error;
};

tw_edit *tw_edit_new(const tw_object *from)
{
    tw_edit *e = calloc(1, sizeof(*e));
    const char *text = from != NULL ? tw_object_json(from) : "{}";
    struct bytes kept;

    if (e == NULL || text == NULL) {
        free(e);
        return NULL;
    }
    kept = arena_dup(&e->arena, bytes_str(text));
    if (e->arena.failed || json_parse(&e->arena, kept, &e->tree, NULL, NULL) != STATUS_OK) {
        tw_edit_free(e); /* we wrote that JSON: only memory can be missing */
        return NULL;
    }
    return e;
}

tw_edit *tw_edit_new_object(const char *api_version, const char *kind, const char *ns,
                            const char *name)
{
    tw_edit *e = tw_edit_new(NULL);

    tw_edit_set_string(e, "apiVersion", api_version);
    tw_edit_set_string(e, "kind", kind);
    tw_edit_set_string(e, "metadata.name", name);
    if (ns != NULL)
        tw_edit_set_string(e, "metadata.namespace", ns);
    return e;
}

void tw_edit_free(tw_edit *e)
{
    if (e == NULL)
        return;
    tw_error_free(e->error);
    arena_release(&e->arena);
    free(e);
}

static bool is_open(const tw_edit *e)
{
    return e != NULL && e->status == TW_OK;
}

/* ---- by path ---- */

/* The name a step means: its text without `\`. */
static struct bytes step_name(tw_edit *e, const struct path_step *step)
{
    struct bytes raw = bytes_of(step->at, (size_t)(step->end - step->at));
    char *name;
    size_t len = 0;

    if (memchr(raw.ptr, '\\', raw.len) == NULL)
        return arena_dup(&e->arena, raw);
    name = arena_alloc(&e->arena, raw.len);
    for (const char *at = step->at; name != NULL && at < step->end; at++) {
        at += *at == '\\' && at + 1 < step->end;
        name[len++] = *at;
    }
    return bytes_of(name, name != NULL ? len : 0);
}

static void fail_path(tw_edit *e, const char *path, const char *rest, const struct json *node)
{
    size_t len = rest != NULL ? (size_t)(rest - path) : strlen(path);

    if (rest == NULL)
        e->status = tw_fail(&e->error, TW_ERR_ARGUMENT, "%s is not a path", path);
    else if (json_is(node, JSON_ARRAY))
        e->status = tw_fail(&e->error, TW_ERR_ARGUMENT, "cannot set %s: the array has %u items",
                            path, node->count);
    else
        e->status = tw_fail(&e->error, TW_ERR_ARGUMENT, "cannot set %s: at %.*s is of type %s",
                            path, (int)len, path, json_type_name(node->type));
}

/* Puts `child` where the step leads to, in place of what is there. */
static bool put(tw_edit *e, struct json *node, const struct path_step *step, struct json *child)
{
    if (!step->is_index) {
        if (node->type != JSON_OBJECT)
            return false;
        json_set(node, step_name(e, step), child);
        return true;
    }
    if (node->type != JSON_ARRAY || step->index > node->count)
        return false;
    if (step->index < node->count)
        json_remove_index(node, step->index);
    json_insert(node, step->index, child);
    return true;
}

static void set(tw_edit *e, const char *path, struct json *value)
{
    const char *rest = path, *at = path;
    struct json *node = e->tree;
    struct path_step step, next;
    bool more = path_next(&rest, &step);

    if (!more) {
        fail_path(e, path, NULL, node);
        return;
    }
    while (more && value != NULL) {
        struct json *child = path_child(node, &step);
        const char *after = rest;

        more = path_next(&rest, &next);
        if (rest == NULL) {
            fail_path(e, path, NULL, node);
            return;
        }
        if (!more || child == NULL || child->type == JSON_NULL) {
            child = !more           ? value
                    : next.is_index ? json_new_array(&e->arena)
                                    : json_new_object(&e->arena);
            if (child == NULL)
                return;
            if (!put(e, node, &step, child)) {
                fail_path(e, path, at, node);
                return;
            }
        }
        node = child;
        step = next;
        at = after;
    }
}

void tw_edit_set_string(tw_edit *e, const char *path, const char *text)
{
    if (is_open(e))
        set(e, path, json_new_string(&e->arena, arena_dup(&e->arena, bytes_str(text))));
}

void tw_edit_set_int(tw_edit *e, const char *path, int64_t number)
{
    if (is_open(e))
        set(e, path, json_new_int(&e->arena, number));
}

void tw_edit_set_bool(tw_edit *e, const char *path, bool boolean)
{
    if (is_open(e))
        set(e, path, json_new_bool(&e->arena, boolean));
}

void tw_edit_set_json(tw_edit *e, const char *path, const char *text, size_t len)
{
    struct error detail = {0};
    struct json *value = NULL;
    struct bytes kept;

    if (!is_open(e))
        return;
    kept = arena_dup(&e->arena, bytes_of(text, len));
    if (json_parse(&e->arena, kept, &value, NULL, &detail) == STATUS_OK)
        set(e, path, value);
    else
        e->status = tw_fail_detail(&e->error, TW_ERR_ARGUMENT, path, &detail);
}

void tw_edit_set_value(tw_edit *e, const char *path, const tw_value *value)
{
    struct buf text = {0};

    if (!is_open(e))
        return;
    if (value == NULL) {
        set(e, path, json_new_null(&e->arena));
        return;
    }
    json_write(&text, (const struct json *)value, false); /* its texts are another's */
    if (text.failed)
        e->arena.failed = true;
    else
        tw_edit_set_json(e, path, text.data, text.len);
    buf_release(&text);
}

void tw_edit_remove(tw_edit *e, const char *path)
{
    const char *rest = path;
    struct json *node, *parent = NULL;
    struct path_step step = {.at = NULL};

    if (!is_open(e))
        return;
    node = e->tree;
    while (node != NULL && path_next(&rest, &step)) {
        parent = node;
        node = path_child(node, &step);
    }
    if (rest == NULL || parent == NULL)
        fail_path(e, path, NULL, e->tree);
    else if (node != NULL && step.is_index)
        json_remove_index(parent, step.index);
    else if (node != NULL)
        json_remove(parent, node->key);
}

/* ---- labels and annotations ---- */

static void set_entry(tw_edit *e, const char *map, const char *key, const char *value)
{
    struct json *metadata, *entries;

    if (!is_open(e))
        return;
    metadata = json_get(e->tree, BYTES("metadata"));
    entries = json_get(metadata, bytes_str(map));
    if (value == NULL) {
        if (json_is(entries, JSON_OBJECT))
            json_remove(entries, bytes_str(key));
        return;
    }
    metadata = json_ensure_object(&e->arena, e->tree, "metadata");
    entries = json_ensure_object(&e->arena, metadata, map);
    json_set(entries, arena_dup(&e->arena, bytes_str(key)),
             json_new_string(&e->arena, arena_dup(&e->arena, bytes_str(value))));
}

void tw_edit_set_label(tw_edit *e, const char *key, const char *value)
{
    set_entry(e, "labels", key, value);
}

void tw_edit_set_annotation(tw_edit *e, const char *key, const char *value)
{
    set_entry(e, "annotations", key, value);
}

/* ---- the end ---- */

tw_status tw_edit_finish(tw_edit *e, tw_object **ret_object, tw_error **reterr)
{
    struct buf text = {0};
    tw_status st;

    if (e == NULL)
        return tw_fail_no_memory(reterr);
    st = e->status;
    if (e->arena.failed) { /* a step that failed may have had no memory */
        st = tw_fail_no_memory(reterr);
    } else if (st != TW_OK) {
        if (reterr != NULL) {
            tw_error_free(*reterr);
            *reterr = e->error;
            e->error = NULL;
        }
    } else {
        json_write(&text, e->tree, false);
        st = text.failed ? tw_fail_no_memory(reterr)
                         : object_read(buf_bytes(&text), ret_object, reterr);
    }
    buf_release(&text);
    tw_edit_free(e);
    return st;
}
