#include "client-go-like/object.h"

#include "codec/protobuf_list.h"
#include "codec/transcoder.h"

/* A message is kept as a JSON text is, and its tree borrows from that copy: a string's end is
 * overwritten by NUL where the next field's tag stood, which nobody reads again. */

#define META "k8s.io.apimachinery.pkg.apis.meta.v1."

static const struct bytes list_meta = BYTES_INIT(META "ListMeta");

bool object_has_message(const char *api_version, const char *kind)
{
    return *kind != '\0' && transcoder_find(bytes_str(api_version), bytes_str(kind)) != NULL;
}

static tw_status parse(struct arena *arena, const struct message_type *type, struct bytes message,
                       struct json **ret_tree, tw_error **reterr)
{
    struct error detail = {0};

    if (transcoder_to_json(arena, type, message, ret_tree, NULL, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read protobuf", &detail);
    return TW_OK;
}

tw_status object_parse_event_protobuf(struct arena *arena, struct bytes message,
                                      struct json **ret_root, tw_error **reterr)
{
    /* As a kind: they are fewer than all messages, and found without their full names. */
    return parse(arena, transcoder_find(BYTES(""), BYTES("WatchEvent")), message, ret_root, reterr);
}

/* ---- lists ---- */

static tw_status malformed(tw_error **reterr)
{
    return tw_fail(reterr, TW_ERR_PROTOCOL, "cannot read the list: it is no such message");
}

static tw_status read_metadata(tw_list *list, struct bytes message, tw_error **reterr)
{
    struct arena arena = {0};
    struct error detail = {0};
    struct json *metadata = NULL;
    tw_status st = TW_OK;

    if (transcoder_to_json(&arena, transcoder_find_message(list_meta), message, &metadata, NULL,
                           &detail) != STATUS_OK)
        st = tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read the list", &detail);
    else if (!list_set_text(&list->resource_version, json_get_text(metadata, "resourceVersion")) ||
             !list_set_text(&list->continue_token, json_get_text(metadata, "continue")))
        st = tw_fail_no_memory(reterr);
    arena_release(&arena);
    return st;
}

static tw_status read_item(tw_list *list, struct arena *scratch, const struct message_type *type,
                           struct bytes kind, struct bytes message, tw_error **reterr)
{
    tw_object *object = NULL;
    struct json *tree = NULL;
    tw_status st;

    arena_reset(scratch);
    st = parse(scratch, type, message, &tree, reterr);
    if (st == TW_OK)
        st = object_from_tree(message, tree, list->strip, &object, reterr);
    if (st != TW_OK)
        return st;
    if (object_set_type(object, bytes_str(list->api_version), kind) != TW_OK ||
        !list_add(list, object))
        st = tw_fail_no_memory(reterr);
    tw_object_unref(object);
    return st;
}

tw_status list_read_page_protobuf(tw_list *list, struct bytes body, tw_error **reterr)
{
    struct protobuf_envelope env;
    struct error detail = {0};
    const struct message_type *type;
    struct arena scratch = {0};
    struct bytes kind, message;
    enum status next;
    bool is_item;
    tw_status st = TW_OK;

    if (protobuf_envelope_read(body, &env, &detail) != STATUS_OK)
        return tw_fail_detail(reterr, TW_ERR_PROTOCOL, "cannot read the list", &detail);
    kind = bytes_of(env.kind.ptr, env.kind.len >= 4 ? env.kind.len - 4 : 0);
    type = transcoder_find(env.api_version, kind);
    if (!bytes_ends_with(env.kind, BYTES("List")) || type == NULL)
        return tw_fail(reterr, TW_ERR_PROTOCOL, "expected a list, got %.*s", BYTES_FMT(env.kind));
    if (!list_set_text(&list->kind, env.kind) ||
        !list_set_text(&list->api_version, env.api_version) ||
        !list_set_text(&list->resource_version, BYTES("")) ||
        !list_set_text(&list->continue_token, BYTES("")))
        return tw_fail_no_memory(reterr);
    while (st == TW_OK && (next = protobuf_list_next(&env.raw, &message, &is_item)) != STATUS_END) {
        if (next != STATUS_OK)
            st = malformed(reterr);
        else
            st = is_item ? read_item(list, &scratch, type, kind, message, reterr)
                         : read_metadata(list, message, reterr);
    }
    arena_release(&scratch);
    return st;
}
