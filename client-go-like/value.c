#include "client-go-like/object.h"

/* A tw_value is a struct json by another name. */
static const struct json *node_of(const tw_value *value)
{
    return (const struct json *)value;
}

static const tw_value *value_of(const struct json *node)
{
    return (const tw_value *)node;
}

static const char *metadata_entry(const tw_object *object, const char *map, const char *key)
{
    const struct json *metadata = object != NULL ? json_get(object->tree, BYTES("metadata")) : NULL;

    return json_get_text(json_get(metadata, bytes_str(map)), key).ptr;
}

const char *tw_object_label(const tw_object *object, const char *key)
{
    return metadata_entry(object, "labels", key);
}

const char *tw_object_annotation(const tw_object *object, const char *key)
{
    return metadata_entry(object, "annotations", key);
}

const tw_value *tw_object_at(const tw_object *object, const char *path)
{
    return value_of(object_at(object, path));
}

const tw_value *tw_value_at(const tw_value *value, const char *path)
{
    const struct json *node = node_of(value);
    struct path_step step;

    while (node != NULL && path_next(&path, &step))
        node = path_child(node, &step);
    return path != NULL ? value_of(node) : NULL;
}

tw_value_type tw_value_get_type(const tw_value *value)
{
    static const tw_value_type types[] = {
        [JSON_NULL] = TW_VALUE_NULL,     [JSON_BOOL] = TW_VALUE_BOOL,
        [JSON_NUMBER] = TW_VALUE_NUMBER, [JSON_STRING] = TW_VALUE_STRING,
        [JSON_ARRAY] = TW_VALUE_ARRAY,   [JSON_OBJECT] = TW_VALUE_OBJECT,
    };

    return value != NULL ? types[node_of(value)->type] : TW_VALUE_NULL;
}

const char *tw_value_string(const tw_value *value)
{
    return json_text(node_of(value)).ptr;
}

bool tw_value_int(const tw_value *value, int64_t *ret)
{
    return json_to_i64(node_of(value), ret);
}

bool tw_value_double(const tw_value *value, double *ret)
{
    return json_to_double(node_of(value), ret);
}

bool tw_value_bool(const tw_value *value, bool *ret)
{
    if (!json_is(node_of(value), JSON_BOOL))
        return false;
    *ret = node_of(value)->boolean;
    return true;
}

size_t tw_value_count(const tw_value *value)
{
    return value != NULL && node_of(value)->type >= JSON_ARRAY ? node_of(value)->count : 0;
}

bool tw_value_next(const tw_value *parent, tw_iter *iter)
{
    const struct json *node = iter->started ? node_of(iter->value) : NULL;

    if (iter->started && node == NULL)
        return false;
    iter->index += iter->started;
    node = iter->started ? node->next : json_first(node_of(parent));
    iter->started = true;
    iter->value = value_of(node);
    iter->key = node != NULL && node->key.ptr != NULL ? node->key.ptr : "";
    return node != NULL;
}
