#include "apiserver/transport/http1_head.h"

#include "apiserver/transport/server.h"

/* Headers that decide where a message ends and whom it is for. */
struct framing {
    struct bytes content_length, transfer_encoding;
    size_t hosts;
};

static int refuse(struct http1_head *head, const char *why)
{
    head->why = why;
    return 400;
}

static bool is_blank(struct bytes line)
{
    return line.len == 0 || bytes_eq_str(line, "\r");
}

/* A bare line feed ends a line for libh2o, so it may end the head, too. Empty lines before the
 * request line are not its end. */
bool http1_head_is_complete(struct bytes input, uint32_t *scanned)
{
    size_t at = *scanned;

    while (at < input.len) {
        const char *lf = memchr(input.ptr + at, '\n', input.len - at);
        size_t next;

        if (lf == NULL)
            break;
        next = (size_t)(lf - input.ptr) + 1;
        if (next < input.len && input.ptr[next] == '\r')
            next++;
        if (next == input.len) { /* this line feed again, when more is here */
            *scanned = (uint32_t)(lf - input.ptr);
            return false;
        }
        if (input.ptr[next] == '\n' && !is_blank(bytes_of(input.ptr, (size_t)(lf - input.ptr)))) {
            *scanned = (uint32_t)next + 1;
            return true;
        }
        at = (size_t)(lf - input.ptr) + 1;
    }
    *scanned = (uint32_t)input.len;
    return false;
}

bool http1_head_has_too_many(struct bytes head)
{
    size_t lines = 0;

    for (struct bytes rest = head; rest.len > 0; lines++)
        rest = bytes_from(rest, bytes_find(rest, '\n') + 1);
    return lines > 1 + HTTP1_HEADERS_MAX + 1; /* the request, and the empty one */
}

bool http1_head_is_chunked(struct bytes head)
{
    struct bytes name = BYTES("transfer-encoding");

    for (struct bytes rest = head; rest.len > name.len;
         rest = bytes_from(rest, bytes_find(rest, '\n') + 1))
        if (bytes_ieq(bytes_of(rest.ptr, name.len), name))
            return true;
    return false;
}

/* Cuts a line off; false when it does not end in CR LF. */
static bool next_line(struct bytes *rest, struct bytes *ret_line)
{
    size_t lf = bytes_find(*rest, '\n');

    if (lf == rest->len || lf == 0 || rest->ptr[lf - 1] != '\r')
        return false;
    *ret_line = bytes_of(rest->ptr, lf - 1);
    *rest = bytes_from(*rest, lf + 1);
    return true;
}

static bool is_authority(struct bytes authority)
{
    static const bool forbidden[0x7f] = {
        [','] = true, ['/'] = true, ['\\'] = true, ['@'] = true, ['?'] = true,
        ['#'] = true, ['<'] = true, ['>'] = true,  ['"'] = true, ['{'] = true,
        ['}'] = true, ['|'] = true, ['^'] = true,  ['`'] = true};

    for (size_t i = 0; i < authority.len; i++) {
        unsigned char c = (unsigned char)authority.ptr[i];

        if (c <= ' ' || c >= sizeof(forbidden) || forbidden[c])
            return false;
    }
    return true;
}

/* http://host/path as a proxy would get it: the host counts, Host does not (RFC 9112, 3.2.2). */
static bool reduce_absolute_form(struct http1_head *head, struct arena *arena)
{
    struct bytes scheme = bytes_of(head->target.ptr, bytes_find(head->target, ':'));
    struct bytes rest = bytes_from(head->target, scheme.len);
    size_t end = 0;

    if (!(bytes_ieq(scheme, BYTES("http")) || bytes_ieq(scheme, BYTES("https"))) ||
        !bytes_starts_with(rest, BYTES("://")))
        return false;
    rest = bytes_from(rest, 3);
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    head->authority = bytes_of(rest.ptr, end);
    head->target = bytes_from(rest, end);
    if (head->target.len == 0)
        head->target = BYTES("/");
    else if (head->target.ptr[0] == '?')
        head->target = arena_printf(arena, "/%.*s", BYTES_FMT(head->target));
    return end > 0 && is_authority(head->authority);
}

static int read_request_line(struct bytes line, struct http1_head *head)
{
    struct bytes rest = line;

    head->method = bytes_cut(&rest, ' ');
    head->target = bytes_cut(&rest, ' ');
    if (head->method.len == 0 || head->target.len == 0 || rest.len != strlen("HTTP/1.1") ||
        !bytes_starts_with(rest, BYTES("HTTP/1.")))
        return refuse(head, "malformed request line");
    head->version = rest.ptr[rest.len - 1] == '0' ? HTTP_1_0 : HTTP_1_1;
    return 0;
}

static int read_header(struct bytes line, struct http1_head *head, struct framing *framing)
{
    struct http_header *header = &head->headers[head->header_count];
    size_t colon = bytes_find(line, ':');

    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(head, "folded header line");
    if (colon == line.len)
        return refuse(head, "malformed header line");
    header->name = bytes_of(line.ptr, colon);
    header->value = bytes_trim(bytes_from(line, colon + 1));
    if (!http_header_is_sendable(header))
        return refuse(head, "forbidden character in a header");
    head->header_count++;
    if (bytes_eq_str(header->name, "host")) {
        head->authority = header->value;
        framing->hosts++;
    } else if (bytes_eq_str(header->name, "content-length")) {
        if (framing->content_length.ptr != NULL &&
            !bytes_eq(framing->content_length, header->value))
            return refuse(head, "differing Content-Length headers");
        framing->content_length = header->value;
    } else if (bytes_eq_str(header->name, "transfer-encoding")) {
        if (framing->transfer_encoding.ptr != NULL)
            return refuse(head, "more than one Transfer-Encoding header");
        framing->transfer_encoding = header->value;
    }
    return 0;
}

/* RFC 9112: section 3.2 for Host, 6.1 and 6.3 for the length. */
static int check_framing(struct http1_head *head, const struct framing *framing)
{
    if (framing->hosts > 1)
        return refuse(head, "more than one Host header");
    if (framing->hosts == 0 && head->version == HTTP_1_1)
        return refuse(head, "missing required Host header");
    if (!is_authority(head->authority))
        return refuse(head, "malformed Host header");
    if (framing->transfer_encoding.ptr != NULL && framing->content_length.ptr != NULL)
        return refuse(head, "Content-Length together with Transfer-Encoding");
    if (framing->transfer_encoding.ptr != NULL && head->version == HTTP_1_0)
        return refuse(head, "Transfer-Encoding in HTTP/1.0");
    return 0;
}

static int check_target(struct http1_head *head, struct arena *arena)
{
    if (head->target.ptr[0] == '/')
        return 0;
    if (bytes_eq_str(head->method, "CONNECT")) /* authority form; refused by whoever dispatches */
        return 0;
    if (bytes_eq_str(head->target, "*") && bytes_eq_str(head->method, "OPTIONS"))
        return 0;
    return reduce_absolute_form(head, arena) ? 0 : refuse(head, "malformed request target");
}

static size_t count_lines(struct bytes input)
{
    size_t count = 0;

    for (struct bytes rest = input; rest.len > 0; count++) {
        size_t lf = bytes_find(rest, '\n');

        if (lf <= 1 && count > 0)
            break;
        rest = bytes_from(rest, lf + 1);
    }
    return count;
}

int http1_head_read(struct bytes input, struct arena *arena, struct http1_head *ret_head)
{
    struct framing framing = {0};
    size_t before = input.len;
    struct bytes line;
    int status;

    *ret_head = (struct http1_head){0};
    if (bytes_starts_with(input, BYTES("\r\n"))) /* RFC 9112, 2.2: one empty line before is fine */
        input = bytes_from(input, 2);
    ret_head->headers = arena_alloc(arena, (count_lines(input) + 1) * sizeof(struct http_header));
    if (ret_head->headers == NULL)
        return 0;
    if (!next_line(&input, &line))
        return refuse(ret_head, "malformed request line");
    status = read_request_line(line, ret_head);
    while (status == 0) {
        if (!next_line(&input, &line))
            return refuse(ret_head, "header line without CR LF");
        if (line.len == 0)
            break;
        status = read_header(line, ret_head, &framing);
    }
    ret_head->len = before - input.len;
    if (status == 0)
        status = check_framing(ret_head, &framing);
    return status == 0 ? check_target(ret_head, arena) : status;
}
