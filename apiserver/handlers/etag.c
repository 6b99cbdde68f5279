#include "apiserver/handlers/etag.h"

#include <inttypes.h>

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

/* All that shapes the bytes besides the revision: kind, view, form and the URL. */
static uint64_t hash_of_question(const struct api_request *api, struct view view)
{
    struct watch_format format = watch_format_of(api->kind, view, FRAMING_LINES);
    struct buf text = {0};
    uint64_t hash;

    buf_appendf(&text, "%" PRIx64 " %d %d ", format.id, api->negotiated.form,
                api->pretty || api->negotiated.pretty);
    buf_append_bytes(&text, api->http->target);
    hash = text.failed ? 0 : bytes_hash(buf_bytes(&text));
    buf_release(&text);
    return hash;
}

/* A Table has none: the ages in it change by themselves. */
bool etag_answers(struct api_request *api, struct view view, uint64_t rev)
{
    uint64_t question;
    struct bytes etag;

    if (view.shape == VIEW_TABLE || (question = hash_of_question(api, view)) == 0)
        return false;
    etag = arena_printf(&api->arena, "W/\"%" PRIu64 "-%016" PRIx64 "\"", rev, question);
    if (etag.len == 0)
        return false;
    api_add_header(api, "etag", etag);
    if (!etag_matches(http_header(api->http, "if-none-match"), etag))
        return false;
    respond_empty(api, 304);
    return true;
}
