/*
 * What the reader has to say: why it failed and where, and which members were there twice.
 *
 * Messages are worded as encoding/json's scanner words them (Go src/encoding/json/scanner.go), for
 * kube-apiserver's clients have seen these.
 */
#include <stdio.h>

#include "codec/json_reader.h"

enum {
    DUPLICATES_MAX = 100, /* kept in a report */
    DUPLICATE_PATH_MAX = 1024,
};

/* ---- failing ---- */

bool json_fail_memory(struct json_reader *r)
{
    r->status = error_set(r->reterr, STATUS_NO_MEMORY, "out of memory while reading JSON");
    return false;
}

static unsigned long long line_of(const struct json_reader *r)
{
    unsigned long long line = 1;

    for (const char *at = r->start; at < r->at; at++)
        line += *at == '\n';
    return line;
}

bool json_fail(struct json_reader *r, const char *what)
{
    r->status = error_set(r->reterr, STATUS_BAD_REQUEST, "%s (line %llu, offset %zu)", what,
                          line_of(r), (size_t)(r->at - r->start));
    return false;
}

/* The byte at the reader's place cannot stand `where`, or there is none. */
bool json_fail_char(struct json_reader *r, const char *where)
{
    char what[128];
    unsigned char c;

    if (r->at == r->end)
        return json_fail(r, "unexpected end of JSON input");
    c = (unsigned char)*r->at;
    if (c == '\'' || c == '\\')
        snprintf(what, sizeof(what), "invalid character '\\%c' %s", c, where);
    else if (c == '\n' || c == '\t' || c == '\r')
        snprintf(what, sizeof(what), "invalid character '\\%c' %s",
                 c == '\n' ? 'n' : (c == '\t' ? 't' : 'r'), where);
    else if (c >= 0x20 && c < 0x7f)
        snprintf(what, sizeof(what), "invalid character '%c' %s", c, where);
    else
        snprintf(what, sizeof(what), "invalid character '\\x%02x' %s", c, where);
    return json_fail(r, what);
}

/* The way to member `key` of the innermost open object, as the apiserver words it. Cut when long:
 * a hostile body could make a hundred paths of a megabyte each. */
static struct bytes path_of(struct json_reader *r, struct bytes key)
{
    struct buf path = {0};
    struct bytes cut;

    for (struct json_frame *it = r->frames + 1; it < r->top && path.len <= DUPLICATE_PATH_MAX;
         it++) {
        const struct json *parent = it[0].node, *child = it[1].node;

        if (parent->type == JSON_ARRAY) {
            buf_appendf(&path, "[%u]", parent->count - 1);
        } else {
            buf_append_str(&path, path.len != 0 ? "." : "");
            buf_append_bytes(&path, child->key);
        }
    }
    buf_append_str(&path, path.len != 0 ? "." : "");
    buf_append_bytes(&path, key);
    cut = buf_bytes(&path);
    if (cut.len > DUPLICATE_PATH_MAX) {
        cut.len = DUPLICATE_PATH_MAX;
        while (cut.len != 0 && ((unsigned char)cut.ptr[cut.len] & 0xc0) == 0x80)
            cut.len--;
    }
    cut = arena_dup(r->arena, cut);
    buf_release(&path);
    return cut;
}

void json_report_duplicate(struct json_reader *r, struct bytes key)
{
    struct json_report *report = r->report;

    if (report == NULL || report->duplicate_count == DUPLICATES_MAX)
        return;
    if (report->duplicates == NULL)
        report->duplicates = arena_alloc(r->arena, DUPLICATES_MAX * sizeof(*report->duplicates));
    if (report->duplicates != NULL)
        report->duplicates[report->duplicate_count++] = path_of(r, key);
}
