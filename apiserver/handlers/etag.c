#include "apiserver/handlers/etag.h"

#include "base/map.h"

static struct bytes without_weakness(struct bytes tag)
{
    return bytes_starts_with(tag, BYTES("W/")) ? bytes_from(tag, 2) : tag;
}

/* The weak comparison of RFC 9110, section 8.8.3.2. */
bool etag_matches(struct bytes if_none_match, struct bytes etag)
{
    etag = without_weakness(etag);
    while (if_none_match.len != 0) {
        struct bytes tag = bytes_trim(bytes_cut(&if_none_match, ','));

        if (bytes_eq_str(tag, "*") || bytes_eq(without_weakness(tag), etag))
            return true;
    }
    return false;
}

enum { ETAG_MAX = 64 };

/* The revision, and all that shapes the bytes besides it: kind, view, form and the URL. Every
 * answer has one, so none of it is printf's. Empty without memory. */
static struct bytes etag_of(struct api_request *api, struct view view, uint64_t rev)
{
    struct watch_format format = watch_format_of(api->kind, view, FRAMING_LINES);
    const char form[] = {(char)api->negotiated.form, api->pretty || api->negotiated.pretty};
    struct bytes etag = BYTES("");
    struct buf text = {0};
    uint64_t question;

    (void)buf_reserve(&text, api->http->target.len + ETAG_MAX);
    buf_append(&text, &format.id, sizeof(format.id));
    buf_append(&text, form, sizeof(form));
    buf_append_bytes(&text, api->http->target);
    question = bytes_hash(buf_bytes(&text));
    text.len = 0;
    buf_append_str(&text, "W/\"");
    buf_append_u64(&text, rev);
    buf_append_char(&text, '-');
    buf_append_u64(&text, question);
    buf_append_char(&text, '"');
    if (format.id != 0 && !text.failed)
        etag = arena_dup(&api->arena, buf_bytes(&text));
    buf_release(&text);
    return etag;
}

/* A Table has none: the ages in it change by themselves. */
bool etag_answers(struct api_request *api, struct view view, uint64_t rev)
{
    struct bytes etag;

    if (view.shape == VIEW_TABLE)
        return false;
    etag = etag_of(api, view, rev);
    if (etag.len == 0)
        return false;
    api_add_header(api, "etag", etag);
    if (!etag_matches(http_header(api->http, "if-none-match"), etag))
        return false;
    respond_empty(api, 304);
    return true;
}
