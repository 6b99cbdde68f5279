/*
 * ConfigMap and Secret (k8s.io/kubernetes/pkg/apis/core/validation ValidateConfigMap,
 * ValidateSecret and their updates): what data may hold, how much, and what `immutable` freezes.
 */
#include "apiserver/handlers/json_members.h"
#include "apiserver/handlers/kind_rules.h"

#include "base/base64.h"
#include "base/map.h"

enum { DATA_MAX = 1024 * 1024, KEY_MAX = 253 };

/* ---- base64 ---- */

/* What is stored has no line ends. */
static void join_lines(struct draft *draft, const char *name)
{
    json_each(json_get(draft->tree, bytes_str(name)), it) {
        if (it->type == JSON_STRING)
            it->text = base64_join_lines(draft->arena, it->text);
    }
}

void config_map_prepare(struct draft *draft)
{
    join_lines(draft, "binaryData");
}

/* ---- stringData ---- */

static void encode_text(struct arena *arena, struct json *node)
{
    struct buf text = {0};

    base64_encode(&text, json_text(node), BASE64_STANDARD);
    arena->failed |= text.failed;
    *node = (struct json){.type = JSON_STRING,
                          .key = node->key,
                          .next = node->next,
                          .text = arena_dup(arena, buf_bytes(&text))};
    buf_release(&text);
}

/* stringData is written, never read: it goes into data and wins there. */
void secret_prepare(struct draft *draft)
{
    struct json *texts = json_remove(draft->tree, BYTES("stringData"));
    struct json *data;
    struct map known = {0};

    join_lines(draft, "data");
    if (!json_is(texts, JSON_OBJECT) || texts->count == 0)
        return;
    data = json_ensure_object(draft->arena, draft->tree, "data");
    json_each(data, it) {
        if (!map_put(&known, it->key, it))
            draft->arena->failed = true;
    }
    json_each(texts, it) {
        struct json *there = map_get(&known, it->key);

        encode_text(draft->arena, it);
        if (there != NULL)
            json_replace(there, it);
        else
            json_link_member(data, json_new_member(draft->arena, it));
    }
    map_release(&known);
}

/* ---- keys and sizes ---- */

static struct bytes key_field(struct arena *arena, const char *map, struct bytes key)
{
    return arena_printf(arena, "%s[%.*s]", map, BYTES_FMT(key));
}

static bool is_config_key(struct bytes key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return key.len != 0;
}

/* IsConfigMapKey in k8s.io/apimachinery/pkg/util/validation. */
static void check_key(struct field_errors *errors, const char *map, struct bytes key)
{
    struct bytes field;

    if (key.len <= KEY_MAX && is_config_key(key) && !bytes_starts_with(key, BYTES("..")) &&
        !bytes_eq_str(key, "."))
        return;
    field = key_field(errors->arena, map, key);
    if (key.len > KEY_MAX)
        field_invalid_text(errors, field, key,
                           field_detail(errors, "must be no more than %d bytes", KEY_MAX));
    if (!is_config_key(key))
        field_invalid_text(
            errors, field, key,
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
            "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
            "'[-._a-zA-Z0-9]+')");
    if (bytes_eq_str(key, ".") || bytes_eq_str(key, ".."))
        field_invalid_text(errors, field, key,
                           field_detail(errors, "must not be '%.*s'", BYTES_FMT(key)));
    else if (bytes_starts_with(key, BYTES("..")))
        field_invalid_text(errors, field, key, "must not start with '..'");
}

static size_t decoded_len(struct bytes text)
{
    size_t len = text.len / 4 * 3;

    for (size_t i = 0; i < 2 && text.len > i && text.ptr[text.len - 1 - i] == '='; i++)
        len--;
    return len;
}

/* Checks the keys of a map and sums its values. */
static size_t check_entries(struct draft *draft, const char *name, bool base64)
{
    size_t size = 0;

    json_each(json_get(draft->tree, bytes_str(name)), it) {
        check_key(&draft->errors, name, it->key);
        size += base64 ? decoded_len(json_text(it)) : json_text(it).len;
    }
    return size;
}

static void check_size(struct field_errors *errors, struct bytes field, size_t size)
{
    if (size > DATA_MAX)
        field_too_long(errors, field, DATA_MAX);
}

static void check_no_key_twice(struct draft *draft)
{
    const struct json *data = json_get(draft->tree, BYTES("data")),
                      *binary = json_get(draft->tree, BYTES("binaryData"));
    struct map known = {0};

    if (!json_is(data, JSON_OBJECT) || !json_is(binary, JSON_OBJECT))
        return;
    json_each(binary, it) {
        if (!map_put(&known, it->key, it))
            draft->arena->failed = true;
    }
    json_each(data, it) {
        if (map_get(&known, it->key) != NULL)
            field_invalid_text(&draft->errors, key_field(draft->arena, "data", it->key), it->key,
                               "duplicate of key present in binaryData");
    }
    map_release(&known);
}

/* ---- immutable ---- */

static bool is_frozen(const struct json *old)
{
    return json_is_true(json_get(old, BYTES("immutable")));
}

static void check_frozen(struct draft *draft, const char *const *names, size_t count)
{
    if (draft->old == NULL || !is_frozen(draft->old))
        return;
    if (!is_frozen(draft->tree))
        field_forbidden(&draft->errors, BYTES("immutable"),
                        "field is immutable when `immutable` is set");
    for (size_t i = 0; i < count; i++) {
        struct bytes name = bytes_str(names[i]);

        if (!json_equal(json_get(draft->tree, name), json_get(draft->old, name)))
            field_forbidden(&draft->errors, name, "field is immutable when `immutable` is set");
    }
}

/* ---- the two kinds ---- */

void config_map_validate(struct draft *draft)
{
    static const char *const frozen[] = {"data", "binaryData"};
    size_t size = check_entries(draft, "data", false) + check_entries(draft, "binaryData", true);

    check_no_key_twice(draft);
    check_size(&draft->errors, BYTES("[]"), size);
    check_frozen(draft, frozen, ARRAY_LEN(frozen));
}

void secret_validate(struct draft *draft)
{
    static const char *const frozen[] = {"data"};
    struct bytes type = json_get_text(draft->tree, "type");

    check_size(&draft->errors, BYTES("data"), check_entries(draft, "data", true));
    if (draft->old != NULL && !bytes_eq(type, json_get_text(draft->old, "type")))
        field_invalid_text(&draft->errors, BYTES("type"), type, "field is immutable");
    check_frozen(draft, frozen, ARRAY_LEN(frozen));
}
