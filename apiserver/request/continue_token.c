#include "apiserver/request/list_options.h"

#include <inttypes.h>

#include "base/base64.h"
#include "codec/json.h"

struct bytes continue_encode(struct arena *arena, const struct continue_token *token)
{
    struct buf json = {0}, text = {0};
    struct bytes start, encoded;

    /* The token's start is the first key that may follow: the last one shown and a NUL. */
    start = arena_printf(arena, "%.*s%c", BYTES_FMT(token->start_after), '\0');
    buf_appendf(&json,
                "{\"v\":\"meta.k8s.io/v1\",\"rv\":%" PRId64 ",\"left\":%" PRId64 ",\"start\":",
                token->rv, token->left);
    json_write_string(&json, start);
    buf_append_char(&json, '}');
    base64_encode(&text, buf_bytes(&json), BASE64_URL_UNPADDED);
    encoded = text.failed || json.failed ? BYTES("") : arena_dup(arena, buf_bytes(&text));
    buf_release(&json);
    buf_release(&text);
    return encoded;
}

static enum status bad_token(struct error *reterr, const char *why)
{
    return error_set(reterr, STATUS_BAD_REQUEST, "continue key is not valid: %s", why);
}

/* A key below a resource's prefix: "ns/name" or "name", never a way out of it. */
static bool start_is_plain(struct bytes start)
{
    if (start.len == 0 || start.ptr[0] == '/')
        return false;
    while (start.len != 0) {
        struct bytes part = bytes_cut(&start, '/');

        if (bytes_eq_str(part, "..") || bytes_eq_str(part, "."))
            return false;
    }
    return true;
}

enum status continue_decode(struct arena *arena, struct bytes text,
                            struct continue_token *ret_token, struct error *reterr)
{
    struct buf raw = {0};
    struct json *json;
    struct bytes start;
    enum status st;

    if (!base64_decode(&raw, text, BASE64_URL_UNPADDED)) {
        buf_release(&raw);
        return bad_token(reterr, "illegal base64 data");
    }
    st = json_parse(arena, arena_dup(arena, buf_bytes(&raw)), &json, NULL, NULL);
    buf_release(&raw);
    if (st != STATUS_OK || !json_is(json, JSON_OBJECT))
        return bad_token(reterr, "it is no token of this server");
    if (!bytes_eq_str(json_get_text(json, "v"), "meta.k8s.io/v1"))
        return bad_token(reterr, "unknown version");
    start = json_get_text(json, "start");
    if (start.len != 0 && start.ptr[start.len - 1] == '\0')
        start.len--;
    if (!json_to_i64(json_get(json, BYTES("rv")), &ret_token->rv) || ret_token->rv == 0 ||
        ret_token->rv < -1)
        return bad_token(reterr, "incorrect resource version");
    if (!start_is_plain(start))
        return bad_token(reterr, "invalid start");
    if (!json_to_i64(json_get(json, BYTES("left")), &ret_token->left))
        ret_token->left = -1;
    ret_token->start_after = start;
    return STATUS_OK;
}
