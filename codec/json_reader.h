/*
 * json_reader - the state of json_parse(), shared by its files. Private to codec/json_read*.c.
 */
#ifndef TIDEWATCH_CODEC_JSON_READER_H
#define TIDEWATCH_CODEC_JSON_READER_H

#include "base/map.h"
#include "codec/json.h"

/* One open container. */
struct json_frame {
    struct json *node;
    uint64_t seen;    /* a bit per hashed key: a clear bit proves that a key is new */
    struct map index; /* of the members, once there are more than SMALL_OBJECT */
    char close;       /* the bracket that ends it */
};

struct json_reader {
    const char *at, *end, *start;
    struct arena *arena;
    struct json *spare, *spare_end; /* nodes not handed out yet */
    struct json_report *report;
    struct error *reterr;
    enum status status;                           /* why a false was returned */
    struct json_frame *top;                       /* the innermost; `frames` itself: none is open */
    struct json_frame frames[JSON_DEPTH_MAX + 1]; /* [1..top] */
};

static inline bool json_at_char(const struct json_reader *r, char c)
{
    return r->at < r->end && *r->at == c;
}

/* ---- json_read.c ---- */

/* At a byte of a string that is not plain, nor quote nor backslash: how long is the character? */
bool json_read_special(struct json_reader *r, size_t *ret_len);

/* ---- json_read_escape.c ---- */

/* From the first backslash of a string on, to its closing quote or the end of the text. `start` is
 * the string's first byte. */
bool json_read_escaped(struct json_reader *r, const char *start, struct bytes *ret_text);

/* ---- json_read_report.c: all return false ---- */

bool json_fail(struct json_reader *r, const char *what);
/* The byte at the reader's place cannot stand `where`, or there is none. */
bool json_fail_char(struct json_reader *r, const char *where);
bool json_fail_memory(struct json_reader *r);

void json_report_duplicate(struct json_reader *r, struct bytes key);

#endif
