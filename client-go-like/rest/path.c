#include "client-go-like/rest/path.h"

#include <string.h>

/* Unreserved bytes stand as they are (RFC 3986 section 2.3). */
static void append_escaped(struct buf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != NULL) {
            buf_append_char(out, *text);
        } else {
            buf_append_char(out, '%');
            buf_append_char(out, hex[c >> 4]);
            buf_append_char(out, hex[c & 15]);
        }
    }
}

static void append_segment(struct buf *out, const char *text)
{
    buf_append_char(out, '/');
    append_escaped(out, text);
}

static bool is_set(const char *text)
{
    return text != NULL && *text != '\0';
}

void path_begin(struct buf *path, const tw_resource *resource, const char *ns, const char *name)
{
    if (is_set(resource->group)) {
        buf_append_str(path, "/apis");
        append_segment(path, resource->group);
    } else {
        buf_append_str(path, "/api");
    }
    append_segment(path, resource->version);
    if (resource->namespaced && is_set(ns)) {
        buf_append_str(path, "/namespaces");
        append_segment(path, ns);
    }
    append_segment(path, resource->resource);
    if (is_set(name))
        append_segment(path, name);
}

void path_subresource(struct buf *path, const char *subresource)
{
    if (is_set(subresource))
        append_segment(path, subresource);
}

void path_query(struct buf *path, const char *key, const char *value)
{
    if (!is_set(value))
        return;
    if (path->len != 0 && !path->failed)
        buf_append_char(path, memchr(path->data, '?', path->len) == NULL ? '?' : '&');
    buf_append_str(path, key);
    buf_append_char(path, '=');
    append_escaped(path, value);
}

void path_query_u64(struct buf *path, const char *key, uint64_t value)
{
    struct buf digits = {0};

    buf_append_u64(&digits, value);
    buf_append_char(&digits, '\0');
    if (digits.failed)
        path->failed = true;
    else
        path_query(path, key, digits.data);
    buf_release(&digits);
}

void path_list_options(struct buf *path, const tw_list_options *o)
{
    path_query(path, "labelSelector", o->label_selector);
    path_query(path, "fieldSelector", o->field_selector);
    path_query(path, "resourceVersion", o->resource_version);
    path_query(path, "resourceVersionMatch", o->resource_version_match);
    path_query(path, "continue", o->continue_token);
    if (o->limit != 0)
        path_query_u64(path, "limit", o->limit);
}

const char *path_end(struct buf *path)
{
    buf_append_char(path, '\0');
    return path->failed ? NULL : path->data;
}

void path_api_version(struct buf *out, const tw_resource *resource)
{
    if (is_set(resource->group))
        buf_appendf(out, "%s/", resource->group);
    buf_append_str(out, resource->version);
}
