#include "apiserver/handlers/live_page.h"

/* Where the page names its script and style, for the one answer they are in. */
static const struct bytes placeholder = BYTES_INIT("{nonce}");

static void write_page(struct buf *out, struct bytes nonce)
{
    struct bytes rest = bytes_of((const char *)live_page, live_page_len);
    const char *at;

    while ((at = memmem(rest.ptr, rest.len, placeholder.ptr, placeholder.len)) != NULL) {
        size_t len = (size_t)(at - rest.ptr);

        buf_append(out, rest.ptr, len);
        buf_append_bytes(out, nonce);
        rest = bytes_from(rest, len + placeholder.len);
    }
    buf_append_bytes(out, rest);
}

/* Nothing but its own script and style runs in it, it talks to nobody but this server, and no other
 * page can frame it (Content Security Policy Level 3). */
void handle_live_page(struct api_request *api)
{
    char nonce[UUID_LEN + 1];
    struct buf page = {0};

    uuid_new(nonce);
    write_page(&page, bytes_str(nonce));
    api_add_header(
        api, "content-security-policy",
        arena_printf(&api->arena,
                     "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; "
                     "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                     "frame-ancestors 'none'",
                     nonce, nonce));
    api_add_header(api, "referrer-policy", BYTES("no-referrer"));
    respond_blob(api, 200, BYTES("text/html; charset=utf-8"), buf_to_blob(&page));
}
