#include "apiserver/transport/http1_head.h"

#include "apiserver/transport/server.h"

/* Headers that decide where a message ends and whom it is for. */
struct framing {
    struct bytes content_length, transfer_encoding;
    size_t hosts;
    bool close, keep_alive; /* Connection says so */
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

/* A bare line feed ends a line, too: such a head is whole, and then refused. Empty lines before the
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

/* RFC 9110, section 5.6.2: the byte in lower case, or 0 for one that no token has. */
static char token_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return c;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL ? c : '\0';
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (token_char(text.ptr[i]) == '\0')
            return false;
    return text.len != 0;
}

/* Whoever speaks TLS to us, or nothing we know, need not wait for an answer. */
bool http1_head_may_begin(struct bytes input)
{
    return input.len == 0 || input.ptr[0] == '\r' || input.ptr[0] == '\n' ||
           token_char(input.ptr[0]) != '\0';
}

/* In place. False: it is no token. */
static bool make_lower_case(char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        name[i] = token_char(name[i]);
        if (name[i] == '\0')
            return false;
    }
    return len != 0;
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

static bool is_target(struct bytes text)
{
    return text.len != 0 && http_value_is_sendable(text) && bytes_find(text, '\t') == text.len;
}

/* Any 1.x is 1.1 to us (RFC 9110, section 2.5). */
static int read_request_line(struct bytes line, struct http1_head *head)
{
    struct bytes version = line;
    char minor;

    head->method = bytes_cut(&version, ' ');
    head->target = bytes_cut(&version, ' ');
    if (!is_token(head->method) || !is_target(head->target) || version.len != strlen("HTTP/1.1") ||
        !bytes_starts_with(version, BYTES("HTTP/1.")))
        return refuse(head, "malformed request line");
    minor = version.ptr[version.len - 1];
    if (minor < '0' || minor > '9')
        return refuse(head, "malformed request line");
    head->version = minor == '0' ? HTTP_1_0 : HTTP_1_1;
    return 0;
}

static int read_content_length(struct http1_head *head, struct framing *framing, struct bytes value)
{
    if (framing->content_length.ptr != NULL && !bytes_eq(framing->content_length, value))
        return refuse(head, "differing Content-Length headers");
    framing->content_length = value;
    return bytes_to_u64(value, &head->body_len) ? 0 : refuse(head, "malformed Content-Length");
}

/* The one coding that is ours; what stands in front of it would be the body's. */
static int read_transfer_encoding(struct http1_head *head, struct framing *framing,
                                  struct bytes value)
{
    if (framing->transfer_encoding.ptr != NULL)
        return refuse(head, "more than one Transfer-Encoding header");
    framing->transfer_encoding = value;
    head->chunked = bytes_ieq(value, BYTES("chunked"));
    return head->chunked ? 0 : refuse(head, "the only Transfer-Encoding is chunked");
}

static int read_connection(struct framing *framing, struct bytes value)
{
    while (value.ptr != NULL) {
        struct bytes option = bytes_trim(bytes_cut(&value, ','));

        framing->close |= bytes_ieq(option, BYTES("close"));
        framing->keep_alive |= bytes_ieq(option, BYTES("keep-alive"));
    }
    return 0;
}

static int read_expect(struct http1_head *head, struct bytes value)
{
    head->wants_continue = bytes_ieq(value, BYTES("100-continue"));
    if (head->wants_continue)
        return 0;
    head->why = "the only expectation is 100-continue";
    return 417;
}

/* What a header means to us, besides being one. */
static int read_meaning(struct http1_head *head, struct framing *framing,
                        const struct http_header *header)
{
    struct bytes name = header->name, value = header->value;

    if (bytes_eq_str(name, "host")) {
        head->authority = value;
        framing->hosts++;
    } else if (bytes_eq_str(name, "content-length")) {
        return read_content_length(head, framing, value);
    } else if (bytes_eq_str(name, "transfer-encoding")) {
        return read_transfer_encoding(head, framing, value);
    } else if (bytes_eq_str(name, "connection")) {
        return read_connection(framing, value);
    } else if (bytes_eq_str(name, "expect")) {
        return read_expect(head, value);
    }
    return 0;
}

static int read_header(char *line, size_t len, struct http1_head *head, struct framing *framing)
{
    struct http_header *header = &head->headers[head->header_count];
    struct bytes text = bytes_of(line, len);
    size_t colon = bytes_find(text, ':');

    if (line[0] == ' ' || line[0] == '\t')
        return refuse(head, "folded header line");
    if (colon == len)
        return refuse(head, "malformed header line");
    header->name = bytes_of(line, colon);
    header->value = bytes_trim(bytes_from(text, colon + 1));
    if (!make_lower_case(line, colon) || !http_value_is_sendable(header->value))
        return refuse(head, "forbidden character in a header");
    head->header_count++;
    return read_meaning(head, framing, header);
}

/* RFC 9112: section 3.2 for Host, 6.1 and 6.3 for the length, 9.3 for the connection. */
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
    head->keep_alive = !framing->close && (head->version == HTTP_1_1 || framing->keep_alive);
    head->wants_continue &= head->version == HTTP_1_1; /* RFC 9110, section 10.1.1 */
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

int http1_head_read(char *input, size_t len, struct arena *arena, struct http1_head *ret_head)
{
    struct bytes rest = bytes_of(input, len), line;
    struct framing framing = {0};
    size_t lines;
    int status;

    *ret_head = (struct http1_head){0};
    if (bytes_starts_with(rest, BYTES("\r\n"))) /* RFC 9112, 2.2: one empty line before is fine */
        rest = bytes_from(rest, 2);
    lines = count_lines(rest);
    if (lines > 1 + HTTP1_HEADERS_MAX) {
        ret_head->why = "too many headers";
        return 431;
    }
    ret_head->headers = arena_alloc(arena, lines * sizeof(struct http_header));
    if (ret_head->headers == NULL)
        return 0;
    if (!next_line(&rest, &line))
        return refuse(ret_head, "malformed request line");
    status = read_request_line(line, ret_head);
    while (status == 0) {
        if (!next_line(&rest, &line))
            return refuse(ret_head, "header line without CR LF");
        if (line.len == 0)
            break;
        status = read_header(input + (line.ptr - input), line.len, ret_head, &framing);
    }
    ret_head->len = len - rest.len;
    if (status == 0)
        status = check_framing(ret_head, &framing);
    return status == 0 ? check_target(ret_head, arena) : status;
}
