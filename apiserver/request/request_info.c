#include "apiserver/request/request_info.h"

#include "base/buf.h"

const char *verb_name(enum verb verb)
{
    static const char *const names[VERB_COUNT] = {
        "", "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"};

    return names[verb];
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX (and `+` as a blank in a query); false: a broken escape. */
static bool percent_decode(struct arena *arena, struct bytes text, bool plus, struct bytes *ret)
{
    char *out;
    size_t len = 0;

    if (bytes_find(text, '%') == text.len && (!plus || bytes_find(text, '+') == text.len)) {
        *ret = text;
        return true;
    }
    out = arena_alloc(arena, text.len);
    if (out == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            if (text.len - i < 3 || hex_digit(text.ptr[i + 1]) < 0 ||
                hex_digit(text.ptr[i + 2]) < 0)
                return false;
            c = (char)(hex_digit(text.ptr[i + 1]) << 4 | hex_digit(text.ptr[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[len++] = c;
    }
    *ret = bytes_of(out, len);
    return true;
}

static void parse_query(struct arena *arena, struct bytes text, struct query *ret_query)
{
    size_t count = text.len != 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '&';
    *ret_query = (struct query){0};
    if (count == 0)
        return;
    ret_query->params = arena_alloc(arena, count * sizeof(struct query_param));
    if (ret_query->params == NULL)
        return;
    while (text.len != 0) {
        struct bytes value = bytes_cut(&text, '&'), name = bytes_cut(&value, '=');
        struct query_param *param = &ret_query->params[ret_query->count];

        /* As Go's url.ParseQuery: what does not decode is left out. */
        if (name.len != 0 && percent_decode(arena, name, true, &param->name) &&
            percent_decode(arena, value, true, &param->value)) {
            if (param->value.ptr == NULL)
                param->value.ptr = "";
            ret_query->count++;
        }
    }
}

enum { SEGMENTS_MAX = 12 };

static bool is_no_name(struct bytes segment)
{
    return segment.len == 0 || bytes_eq_str(segment, ".") || bytes_eq_str(segment, "..");
}

/* A decoded segment may become a name and so a storage key: nothing in it may look like a path. */
bool request_segment_is_plain(struct bytes segment)
{
    if (is_no_name(segment))
        return false;
    for (size_t i = 0; i < segment.len; i++)
        if (segment.ptr[i] == '/' || (unsigned char)segment.ptr[i] < 0x20 ||
            (unsigned char)segment.ptr[i] >= 0x7f)
            return false;
    return true;
}

/* The decoded segments of a path; -1: too many, or one that is not plain. A trailing slash is fine.
 */
static int split_path(struct arena *arena, struct bytes path, bool encoded, struct bytes *segments)
{
    bool plain = !encoded && bytes_are_plain(path, ' ', 0x7f); /* all of them, then */
    int count = 0;

    if (path.len == 0 || path.ptr[0] != '/')
        return -1;
    path = bytes_from(path, 1);
    while (path.len != 0) {
        struct bytes segment = bytes_cut(&path, '/');

        if (count == SEGMENTS_MAX ||
            (encoded && !percent_decode(arena, segment, false, &segment)) ||
            (plain ? is_no_name(segment) : !request_segment_is_plain(segment)))
            return -1;
        segments[count++] = segment;
    }
    return count;
}

/* In one allocation. */
static struct bytes join_path(struct arena *arena, const struct bytes *segments, int count)
{
    size_t len = 0;
    char *path, *at;

    for (int i = 0; i < count; i++)
        len += 1 + segments[i].len;
    if (len == 0 || (path = at = arena_alloc(arena, len)) == NULL)
        return BYTES("/");
    for (int i = 0; i < count; i++) {
        *at++ = '/';
        memcpy(at, segments[i].ptr, segments[i].len);
        at += segments[i].len;
    }
    return bytes_of(path, len);
}

static struct bytes without_last_slash(struct bytes path)
{
    return bytes_of(path.ptr, path.len - (path.len > 1 && path.ptr[path.len - 1] == '/'));
}

/* HTTP alone cannot tell list from watch, so a rule looks at three things. First match wins. */
static const struct verb_rule {
    const char *method;
    bool has_name, wants_watch;
    enum verb verb;
} verb_rules[] = {
    {"GET", false, true, VERB_WATCH},     {"GET", true, true, VERB_WATCH},
    {"GET", true, false, VERB_GET},       {"GET", false, false, VERB_LIST},
    {"POST", false, false, VERB_CREATE},  {"POST", true, false, VERB_CREATE},
    {"PUT", true, false, VERB_UPDATE},    {"PATCH", true, false, VERB_PATCH},
    {"DELETE", true, false, VERB_DELETE}, {"DELETE", false, false, VERB_DELETE_COLLECTION},
};

static enum verb verb_of(struct bytes method, bool has_name, bool wants_watch)
{
    bool get = bytes_eq_str(method, "GET");

    for (size_t i = 0; i < ARRAY_LEN(verb_rules); i++)
        if (bytes_eq_str(method, verb_rules[i].method) && verb_rules[i].has_name == has_name &&
            (!get || verb_rules[i].wants_watch == wants_watch))
            return verb_rules[i].verb;
    return VERB_NONE;
}

/* What stands behind /api/v1 or /apis/g/v. */
static void parse_resource(struct request_info *info, const struct bytes *segments, int count)
{
    if (count > 1 && bytes_eq_str(segments[0], "watch")) {
        info->is_watch_path = true;
        segments++;
        count--;
    }
    if (count == 0)
        return;
    /* namespaces/{ns}/{resource}..., but namespaces/{name}[/status|/finalize] is the namespace. */
    if (count > 2 && bytes_eq_str(segments[0], "namespaces") &&
        !bytes_eq_str(segments[2], "status") && !bytes_eq_str(segments[2], "finalize")) {
        info->namespace = segments[1];
        segments += 2;
        count -= 2;
    }
    info->is_resource = count <= 3;
    info->resource = segments[0];
    info->name = count > 1 ? segments[1] : bytes_of(NULL, 0);
    info->subresource = count > 2 ? segments[2] : bytes_of(NULL, 0);
}

void request_info_parse(struct arena *arena, struct bytes method, struct bytes target,
                        struct request_info *ret_info)
{
    struct bytes segments[SEGMENTS_MAX], query = target, path = bytes_cut(&query, '?');
    struct request_info *info = ret_info;
    bool encoded = bytes_find(path, '%') != path.len;
    int count, skip = 0;

    *info = (struct request_info){.head = bytes_eq_str(method, "HEAD")};
    if (info->head)
        method = BYTES("GET");
    parse_query(arena, query, &info->query);
    count = split_path(arena, path, encoded, segments);
    if (count < 0)
        return;
    info->path = encoded ? join_path(arena, segments, count) : without_last_slash(path);
    if (count >= 3 && bytes_eq_str(segments[0], "api")) {
        info->group = BYTES("");
        info->version = segments[1];
        skip = 2;
    } else if (count >= 4 && bytes_eq_str(segments[0], "apis")) {
        info->group = segments[1];
        info->version = segments[2];
        skip = 3;
    }
    if (skip != 0)
        parse_resource(info, segments + skip, count - skip);
    if (info->is_resource)
        info->verb = request_info_verb(info, method);
}

enum verb request_info_verb(const struct request_info *info, struct bytes method)
{
    bool has_name = info->name.len != 0;

    return verb_of(method, has_name,
                   info->is_watch_path || (!has_name && query_bool(&info->query, "watch")));
}

struct bytes query_get(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++)
        if (bytes_eq_str(query->params[i].name, name))
            return query->params[i].value;
    return bytes_of(NULL, 0);
}

bool query_has(const struct query *query, const char *name)
{
    return query_get(query, name).ptr != NULL;
}

bool query_bool(const struct query *query, const char *name)
{
    struct bytes value = query_get(query, name);

    return value.ptr != NULL && !bytes_eq_str(value, "0") && !bytes_ieq(value, BYTES("false"));
}

/* ---- for a log ---- */

static bool contains_word(struct bytes text, struct bytes word)
{
    for (size_t i = 0; i + word.len <= text.len; i++)
        if (bytes_ieq(bytes_of(text.ptr + i, word.len), word))
            return true;
    return false;
}

/* What does not decode could be anything. */
static bool is_credential(struct arena *arena, struct bytes name)
{
    static const struct bytes words[] = {BYTES_INIT("token"), BYTES_INIT("secret"),
                                         BYTES_INIT("passw")};

    if (!percent_decode(arena, name, true, &name))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (contains_word(name, words[i]))
            return true;
    return false;
}

struct bytes request_target_for_log(struct arena *arena, struct bytes target)
{
    size_t path_len = bytes_find(target, '?');
    struct bytes rest = bytes_from(target, path_len), shown;
    struct buf out = {0};

    if (rest.len < 2)
        return target;
    buf_append(&out, target.ptr, path_len);
    for (char before = '?'; rest.len > 0; before = '&') {
        struct bytes value, name;

        rest = bytes_from(rest, 1);
        value = bytes_of(rest.ptr, bytes_find(rest, '&'));
        rest = bytes_from(rest, value.len);
        name = bytes_of(value.ptr, bytes_find(value, '='));
        buf_append_char(&out, before);
        if (name.len < value.len && is_credential(arena, name))
            buf_appendf(&out, "%.*s=-", BYTES_FMT(name));
        else
            buf_append_bytes(&out, value);
    }
    shown = out.failed ? bytes_of(target.ptr, path_len) : arena_dup(arena, buf_bytes(&out));
    buf_release(&out);
    return shown;
}
