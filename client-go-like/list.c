#include "client-go-like/object.h"

#include <stdlib.h>

#include "client-go-like/cut.h"

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

/* A list body is walked without building its tree: each item is read where it stands, and becomes
 * an object with a memory of its own. */
static tw_status read_item(tw_list *list, struct cut *c, struct arena *scratch, tw_error **reterr)
{
    struct bytes rest = bytes_of(c->at, (size_t)(c->end - c->at));
    struct error detail = {0};
    struct json *tree = NULL;
    tw_object *object = NULL;
    tw_status st;
    size_t len;

    arena_reset(scratch);
    if (json_parse_first(scratch, rest, &tree, &len, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read the list", &detail);
    st = object_from_tree(bytes_of(rest.ptr, len), tree, list->strip, &object, reterr);
    if (st == TW_OK && !list_add(list, object))
        st = tw_fail_no_memory(reterr);
    tw_object_unref(object);
    c->at += len;
    return st;
}

static tw_status read_items(tw_list *list, struct cut *c, tw_error **reterr)
{
    struct arena scratch = {0};
    struct bytes null;
    tw_status st = TW_OK;

    if (cut_peek(c) == 'n') /* null: some servers' empty list */
        return cut_value(c, &null) ? TW_OK : malformed(reterr);
    if (!cut_take(c, '['))
        return malformed(reterr);
    if (cut_take(c, ']'))
        return TW_OK;
    do {
        st = read_item(list, c, &scratch, reterr);
    } while (st == TW_OK && cut_take(c, ','));
    arena_release(&scratch);
    if (st != TW_OK)
        return st;
    return cut_take(c, ']') ? TW_OK : malformed(reterr);
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
    struct cut c = {body.ptr, body.ptr + body.len};
    struct bytes metadata = {0}, kind = {0}, api_version = {0};
    size_t from = list->count;
    bool has_items = false;
    tw_status st = TW_OK;

    if (!cut_take(&c, '{'))
        return malformed(reterr);
    do {
        struct bytes key, value = {0};

        if (cut_peek(&c) != '"' || !cut_value(&c, &key) || !cut_take(&c, ':'))
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
    } while (cut_take(&c, ','));
    if (!cut_take(&c, '}') || cut_peek(&c) != '\0')
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
