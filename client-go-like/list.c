#include "client-go-like/object.h"

#include <stdlib.h>

/* A list body is walked without building its tree: each item is cut out and becomes an object with
 * a memory of its own, in one pass over the bytes. */
struct cursor {
    const char *at, *end;
};

static char peek(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

static bool take(struct cursor *c, char expected)
{
    if (peek(c) != expected)
        return false;
    c->at++;
    return true;
}

static bool skip_string(struct cursor *c)
{
    if (!take(c, '"'))
        return false;
    for (; c->at < c->end && *c->at != '"'; c->at++)
        c->at += *c->at == '\\' && c->at + 1 < c->end;
    return c->at < c->end && *c->at++ == '"';
}

/* Passes one value; what is inside is checked by whoever reads it. */
static bool skip_value(struct cursor *c)
{
    size_t depth = 0;

    if (peek(c) == '\0')
        return false;
    do {
        char next = peek(c);

        if (next == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        if (next == '\0' || (depth == 0 && (next == ',' || next == ']' || next == '}')))
            return false;
        if (next == '{' || next == '[')
            depth++;
        else if (next == '}' || next == ']')
            depth--;
        c->at++;
        if (depth == 0 && next != '}' && next != ']') /* a number or a word: to its end */
            while (c->at < c->end && strchr(",]} \n\r\t", *c->at) == NULL)
                c->at++;
    } while (depth != 0);
    return true;
}

static bool cut_value(struct cursor *c, struct bytes *ret)
{
    peek(c);
    *ret = bytes_of(c->at, 0);
    if (!skip_value(c))
        return false;
    ret->len = (size_t)(c->at - ret->ptr);
    return true;
}

tw_list *list_new(void)
{
    return calloc(1, sizeof(tw_list));
}

bool list_add(tw_list *list, tw_object *object)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity != 0 ? list->capacity * 2 : 16;
        tw_object **items = realloc(list->items, capacity * sizeof(*items));

        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = tw_object_ref(object);
    return true;
}

static tw_status malformed(tw_error **reterr)
{
    return tw_fail(reterr, TW_ERR_PROTOCOL, "cannot read the list: it is not a JSON object");
}

static tw_status read_items(tw_list *list, struct cursor *c, tw_error **reterr)
{
    struct bytes item;

    if (peek(c) == 'n') /* null: some servers' empty list */
        return skip_value(c) ? TW_OK : malformed(reterr);
    if (!take(c, '['))
        return malformed(reterr);
    if (take(c, ']'))
        return TW_OK;
    do {
        tw_object *object = NULL;
        tw_status st;

        if (!cut_value(c, &item))
            return malformed(reterr);
        st = object_read(item, NULL, &object, NULL, reterr);
        if (st != TW_OK)
            return st;
        if (!list_add(list, object))
            st = tw_fail_no_memory(reterr);
        tw_object_unref(object);
        if (st != TW_OK)
            return st;
    } while (take(c, ','));
    return take(c, ']') ? TW_OK : malformed(reterr);
}

bool list_set_text(char **text, struct bytes with)
{
    char *copy = NULL;

    if (with.len != 0 && (copy = bytes_dup(with)) == NULL)
        return false;
    free(*text);
    *text = copy;
    return true;
}

/* The few members beside the items, read as one small tree. */
static tw_status read_envelope(tw_list *list, struct bytes metadata, struct bytes kind,
                               struct bytes api_version, tw_error **reterr)
{
    struct {
        struct bytes text, value;
        char **place;
        const char *member; /* of metadata; NULL: the text itself */
    } fields[] = {
        {metadata, {0}, &list->resource_version, "resourceVersion"},
        {metadata, {0}, &list->continue_token, "continue"},
        {kind, {0}, &list->kind, NULL},
        {api_version, {0}, &list->api_version, NULL},
    };
    struct arena arena = {0};
    struct error detail = {0};
    tw_status st = TW_OK;

    for (size_t i = 0; i < ARRAY_LEN(fields) && st == TW_OK; i++) {
        struct json *node = NULL;

        if (fields[i].text.len != 0 &&
            json_parse(&arena, fields[i].text, &node, NULL, &detail) != STATUS_OK)
            st = tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read the list", &detail);
        else if (!list_set_text(fields[i].place, fields[i].member != NULL
                                                     ? json_get_text(node, fields[i].member)
                                                     : json_text(node)))
            st = tw_fail_no_memory(reterr);
    }
    arena_release(&arena);
    return st;
}

/* Items of built-in kinds come without apiVersion and kind: they are the list's, less "List". */
static tw_status set_item_types(tw_list *list, size_t from, tw_error **reterr)
{
    struct bytes kind = bytes_str(list->kind);

    if (!bytes_ends_with(kind, BYTES("List")) || kind.len == 4)
        return TW_OK; /* a plain v1 List holds objects that name themselves */
    kind.len -= 4;
    for (size_t i = from; i < list->count; i++)
        if (object_set_type(list->items[i], bytes_str(list->api_version), kind) != TW_OK)
            return tw_fail_no_memory(reterr);
    return TW_OK;
}

tw_status list_read_page(tw_list *list, struct bytes body, tw_error **reterr)
{
    struct cursor c = {body.ptr, body.ptr + body.len};
    struct bytes metadata = {0}, kind = {0}, api_version = {0};
    size_t from = list->count;
    bool has_items = false;
    tw_status st = TW_OK;

    if (!take(&c, '{'))
        return malformed(reterr);
    do {
        struct bytes key, value = {0};

        if (peek(&c) != '"' || !cut_value(&c, &key) || !take(&c, ':'))
            return malformed(reterr);
        if (bytes_eq(key, BYTES("\"items\""))) {
            has_items = true;
            st = read_items(list, &c, reterr);
        } else if (!cut_value(&c, &value)) {
            st = malformed(reterr);
        } else if (bytes_eq(key, BYTES("\"metadata\""))) {
            metadata = value;
        } else if (bytes_eq(key, BYTES("\"kind\""))) {
            kind = value;
        } else if (bytes_eq(key, BYTES("\"apiVersion\""))) {
            api_version = value;
        }
        if (st != TW_OK)
            return st;
    } while (take(&c, ','));
    if (!take(&c, '}') || peek(&c) != '\0')
        return malformed(reterr);
    st = read_envelope(list, metadata, kind, api_version, reterr);
    if (st == TW_OK && !has_items)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "expected a list, got %s without items",
                       list->kind != NULL ? list->kind : "an object");
    return st == TW_OK ? set_item_types(list, from, reterr) : st;
}

size_t tw_list_count(const tw_list *list)
{
    return list != NULL ? list->count : 0;
}

tw_object *tw_list_at(const tw_list *list, size_t index)
{
    return list != NULL && index < list->count ? list->items[index] : NULL;
}

const char *tw_list_resource_version(const tw_list *list)
{
    return list != NULL && list->resource_version != NULL ? list->resource_version : "";
}

const char *tw_list_continue(const tw_list *list)
{
    return list != NULL && list->continue_token != NULL ? list->continue_token : "";
}

void tw_list_free(tw_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++)
        tw_object_unref(list->items[i]);
    free(list->items);
    free(list->resource_version);
    free(list->continue_token);
    free(list->kind);
    free(list->api_version);
    free(list);
}
