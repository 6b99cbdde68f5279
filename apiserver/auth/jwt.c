#include "apiserver/auth/jwt.h"

#include "base/base64.h"

bool jwt_looks_like(struct bytes token)
{
    int dots = 0;

    for (size_t i = 0; i < token.len; i++)
        dots += token.ptr[i] == '.';
    return dots == 2;
}

static enum status refuse(struct error *reterr, const char *why)
{
    return error_set(reterr, STATUS_UNAUTHORIZED, "%s", why);
}

/* A part that is an object, each member of which stands once. */
static enum status open_part(struct arena *arena, struct bytes part, struct json **ret_tree,
                             struct error *reterr)
{
    struct json_report report = {0};
    struct buf raw = {0};
    struct bytes text = {0};

    if (base64_decode(&raw, part, BASE64_URL_UNPADDED))
        text = arena_dup(arena, buf_bytes(&raw));
    buf_release(&raw);
    if (text.ptr == NULL || json_parse(arena, text, ret_tree, &report, NULL) != STATUS_OK ||
        !json_is(*ret_tree, JSON_OBJECT) || report.duplicate_count != 0)
        return refuse(reterr, "a token's part is no JSON object in base64url");
    return STATUS_OK;
}

enum status jwt_open(const struct signing_keys *keys, struct bytes token, struct arena *arena,
                     struct json **ret_claims, struct error *reterr)
{
    struct bytes rest = token, head_part = bytes_cut(&rest, '.'), claims_part;
    struct buf signature = {0};
    struct json *head;
    struct bytes text;
    bool valid;

    if (token.len > JWT_LEN_MAX)
        return refuse(reterr, "a token is too long");
    claims_part = bytes_cut(&rest, '.');
    if (open_part(arena, head_part, &head, reterr) != STATUS_OK)
        return STATUS_UNAUTHORIZED;
    if (json_get(head, BYTES("crit")) != NULL)
        return refuse(reterr, "a token has critical extensions"); /* RFC 7515, 4.1.11 */
    text = bytes_of(token.ptr, head_part.len + 1 + claims_part.len);
    valid = base64_decode(&signature, rest, BASE64_URL_UNPADDED) &&
            signing_keys_verify(keys, json_get_text(head, "alg"), json_get_text(head, "kid"), text,
                                buf_bytes(&signature));
    buf_release(&signature);
    if (!valid)
        return refuse(reterr, "no key has signed the token");
    return open_part(arena, claims_part, ret_claims, reterr);
}

enum status jwt_make(const struct signing_keys *keys, struct bytes claims, struct buf *ret_token,
                     struct error *reterr)
{
    struct buf head = {0}, signature = {0};
    enum status st;

    buf_appendf(&head, "{\"alg\":\"%s\",\"kid\":\"%.*s\"}", signing_keys_alg(keys),
                BYTES_FMT(signing_keys_id(keys)));
    base64_encode(ret_token, buf_bytes(&head), BASE64_URL_UNPADDED);
    buf_append_char(ret_token, '.');
    base64_encode(ret_token, claims, BASE64_URL_UNPADDED);
    st = signing_keys_sign(keys, buf_bytes(ret_token), &signature, reterr);
    buf_append_char(ret_token, '.');
    base64_encode(ret_token, buf_bytes(&signature), BASE64_URL_UNPADDED);
    if (st == STATUS_OK && (ret_token->failed || head.failed))
        st = error_set(reterr, STATUS_NO_MEMORY, "no memory for a token");
    buf_release(&head);
    buf_release(&signature);
    return st;
}
