#include "apiserver/request/subprotocol.h"

#include "base/base64.h"
#include "base/utf8.h"

static const struct bytes bearer = BYTES_INIT("base64url.bearer.authorization.k8s.io.");

static enum status decode_token(struct arena *arena, struct bytes encoded, struct bytes *ret_token,
                                struct error *reterr)
{
    struct buf raw = {0};
    enum status st = STATUS_OK;

    if (!base64_decode(&raw, encoded, BASE64_URL_UNPADDED))
        st = error_set(reterr, STATUS_BAD_REQUEST,
                       "invalid base64.bearer.authorization token encoding");
    else if (raw.len == 0 || !utf8_is_valid(buf_bytes(&raw)))
        st = error_set(reterr, STATUS_BAD_REQUEST, "invalid base64.bearer.authorization token");
    else
        *ret_token = arena_dup(arena, buf_bytes(&raw));
    buf_release(&raw);
    return st;
}

enum status subprotocol_choose(struct arena *arena, struct bytes offered, struct subprotocol *ret,
                               struct error *reterr)
{
    struct subprotocol found = {0};
    struct bytes token = {0};
    bool has_token = false;

    while (offered.ptr != NULL) {
        struct bytes protocol = bytes_trim(bytes_cut(&offered, ','));

        if (!bytes_starts_with(protocol, bearer)) {
            if (found.chosen.len == 0)
                found.chosen = protocol;
            continue;
        }
        if (has_token)
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "multiple base64.bearer.authorization tokens specified");
        token = bytes_from(protocol, bearer.len);
        has_token = true;
    }
    if (has_token && decode_token(arena, token, &found.token, reterr) != STATUS_OK)
        return STATUS_BAD_REQUEST;
    if (has_token && found.chosen.len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST, "missing additional subprotocol");
    *ret = found;
    return STATUS_OK;
}
