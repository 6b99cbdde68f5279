#include "apiserver/auth/rbac_rule.h"

/* ---- reading ---- */

static struct text_list read_texts(struct arena *arena, const struct json *list)
{
    size_t room = json_is(list, JSON_ARRAY) ? list->count : 0;
    struct bytes *texts = room != 0 ? arena_zalloc(arena, room * sizeof(*texts)) : NULL;
    struct text_list all = {.texts = texts};

    if (texts == NULL)
        return all;
    json_each(list, it)
        if (json_is(it, JSON_STRING))
            texts[all.count++] = arena_dup(arena, it->text);
    return all;
}

struct rbac_rules rbac_rules_read(struct arena *arena, const struct json *list)
{
    size_t room = json_is(list, JSON_ARRAY) ? list->count : 0;
    struct rbac_rule *rules = room != 0 ? arena_zalloc(arena, room * sizeof(*rules)) : NULL;
    struct rbac_rules all = {.rules = rules};

    if (rules == NULL)
        return all;
    json_each(list, it)
        rules[all.count++] = (struct rbac_rule){
            .verbs = read_texts(arena, json_get(it, BYTES("verbs"))),
            .groups = read_texts(arena, json_get(it, BYTES("apiGroups"))),
            .resources = read_texts(arena, json_get(it, BYTES("resources"))),
            .names = read_texts(arena, json_get(it, BYTES("resourceNames"))),
            .urls = read_texts(arena, json_get(it, BYTES("nonResourceURLs"))),
        };
    return all;
}

/* ---- matching ---- */

bool text_list_has(struct text_list list, struct bytes text)
{
    for (size_t i = 0; i < list.count; i++)
        if (bytes_eq(list.texts[i], text))
            return true;
    return false;
}

static bool has_or_any(struct text_list list, struct bytes text)
{
    return text_list_has(list, BYTES("*")) || text_list_has(list, text);
}

/* "RESOURCE/SUBRESOURCE" without putting it together. */
static bool is_path_of(struct bytes pattern, struct bytes resource, struct bytes subresource)
{
    struct bytes rest = pattern, head = bytes_cut(&rest, '/');

    return bytes_eq(head, resource) && bytes_eq(rest, subresource) &&
           (rest.ptr != NULL) == (subresource.len != 0);
}

static bool matches_resource(struct text_list resources, struct bytes resource,
                             struct bytes subresource)
{
    for (size_t i = 0; i < resources.count; i++) {
        struct bytes pattern = resources.texts[i];

        if (bytes_eq_str(pattern, "*") || is_path_of(pattern, resource, subresource) ||
            (subresource.len != 0 && is_path_of(pattern, BYTES("*"), subresource)))
            return true;
    }
    return false;
}

static bool matches_path(struct text_list urls, struct bytes path)
{
    for (size_t i = 0; i < urls.count; i++) {
        struct bytes url = urls.texts[i];

        if (bytes_eq(url, path))
            return true;
        if (bytes_ends_with(url, BYTES("*")) &&
            bytes_starts_with(path, bytes_of(url.ptr, url.len - 1)))
            return true;
    }
    return false;
}

bool rbac_rule_allows(const struct rbac_rule *rule, const struct access *what)
{
    if (!has_or_any(rule->verbs, what->verb))
        return false;
    if (!what->is_resource)
        return matches_path(rule->urls, what->path);
    return has_or_any(rule->groups, what->group) &&
           matches_resource(rule->resources, what->resource, what->subresource) &&
           (rule->names.count == 0 || text_list_has(rule->names, what->name));
}

/* ---- covering ---- */

static bool covers_texts(struct text_list whole, struct text_list part)
{
    return text_list_has(whole, BYTES("*")) || part.count == 0 ||
           text_list_has(whole, part.texts[0]);
}

static bool covers_resource(struct text_list whole, struct text_list part)
{
    struct bytes rest;

    if (covers_texts(whole, part))
        return true;
    rest = part.texts[0];
    (void)bytes_cut(&rest, '/');
    for (size_t i = 0; i < whole.count && rest.ptr != NULL; i++)
        if (is_path_of(whole.texts[i], BYTES("*"), rest))
            return true;
    return false;
}

bool rbac_rule_covers(const struct rbac_rule *whole, const struct rbac_rule *part)
{
    if (!covers_texts(whole->verbs, part->verbs))
        return false;
    if (part->urls.count != 0)
        return matches_path(whole->urls, part->urls.texts[0]);
    return covers_texts(whole->groups, part->groups) &&
           covers_resource(whole->resources, part->resources) &&
           (whole->names.count == 0 ||
            (part->names.count != 0 && text_list_has(whole->names, part->names.texts[0])));
}

/* ---- writing ---- */

void append_quoted(struct buf *out, struct bytes text)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '"' || c == '\\')
            buf_appendf(out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            buf_appendf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || c == 0x7f)
            buf_appendf(out, "\\x%02x", c);
        else
            buf_append_char(out, (char)c);
    }
    buf_append_char(out, '"');
}

void rbac_rule_describe(struct buf *out, const struct rbac_rule *rule)
{
    const struct {
        const char *name;
        struct text_list list;
    } parts[] = {{"APIGroups", rule->groups},
                 {"Resources", rule->resources},
                 {"NonResourceURLs", rule->urls},
                 {"ResourceNames", rule->names},
                 {"Verbs", rule->verbs}};
    bool first = true;

    buf_append_char(out, '{');
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].list.count == 0)
            continue;
        buf_appendf(out, "%s%s:[", first ? "" : ", ", parts[i].name);
        for (size_t n = 0; n < parts[i].list.count; n++) {
            if (n != 0)
                buf_append_char(out, ' ');
            append_quoted(out, parts[i].list.texts[n]);
        }
        buf_append_char(out, ']');
        first = false;
    }
    buf_append_char(out, '}');
}

static void write_list(struct buf *out, const char *name, struct text_list list)
{
    buf_appendf(out, "\"%s\":[", name);
    for (size_t i = 0; i < list.count; i++) {
        if (i != 0)
            buf_append_char(out, ',');
        json_write_string(out, list.texts[i]);
    }
    buf_append_char(out, ']');
}

void rbac_rule_write(struct buf *out, const struct rbac_rule *rule)
{
    buf_append_char(out, '{');
    write_list(out, "verbs", rule->verbs);
    if (rule->urls.count != 0) {
        buf_append_char(out, ',');
        write_list(out, "nonResourceURLs", rule->urls);
    } else {
        buf_append_char(out, ',');
        write_list(out, "apiGroups", rule->groups);
        buf_append_char(out, ',');
        write_list(out, "resources", rule->resources);
        if (rule->names.count != 0) {
            buf_append_char(out, ',');
            write_list(out, "resourceNames", rule->names);
        }
    }
    buf_append_char(out, '}');
}
