/*
 * json - exact JSON: what was read is what is written back.
 *
 *   text --json_parse--> tree of nodes in an arena --json_write--> text
 *
 * Exact    a number keeps its text (2^53+1, 1.0 and 1e400 survive), members keep their order,
 *          strings are valid UTF-8 and may hold NUL. A duplicate member: the last one wins, in the
 *          place of the first, and the reader reports it. Deeper than JSON_DEPTH_MAX is refused;
 *          nothing recurses on input, nor on a deeper tree that was built.
 * Owner    nodes live in the arena. They borrow spans of the input where nothing was escaped, so
 *          the input must outlive the tree (arena_dup() it otherwise).
 * Errors   makers return NULL when the arena has failed; every setter takes a NULL child or parent
 *          as "do nothing", so builders look at arena->failed once, at the end.
 *          Readers of a node take NULL as "absent".
 * Threads  one at a time for a tree; a tree nobody changes may be read by many.
 */
#ifndef TIDEWATCH_CODEC_JSON_H
#define TIDEWATCH_CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum { JSON_DEPTH_MAX = 512 };

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json {
    uint8_t type; /* enum json_type */
    bool boolean;
    uint32_t count;    /* of children */
    struct bytes key;  /* decoded; of a member of an object only */
    struct json *next; /* the next sibling */
    union {
        struct bytes text; /* a string, decoded; or the text of a number */
        struct {
            struct json *first, *last; /* the children of an array or object */
        };
    };
};

/* What the reader saw besides the value. Zeroed before; texts live in the arena. */
struct json_report {
    struct bytes
        *duplicates;        /* paths as the apiserver words them: `metadata.name`, `spec.a[0].b` */
    size_t duplicate_count; /* at most 100 are kept */
};

/* Reads exactly one value; blanks around it are fine. BAD_REQUEST with the offset and what was
 * expected; NO_MEMORY. `report` may be NULL. */
MUST_CHECK enum status json_parse(struct arena *arena, struct bytes text, struct json **ret_json,
                                  struct json_report *report, struct error *reterr);

/* The same of what `text` begins with; `*ret_len` bytes of it, with blanks around, are the value.
 */
MUST_CHECK enum status json_parse_first(struct arena *arena, struct bytes text,
                                        struct json **ret_json, size_t *ret_len,
                                        struct error *reterr);

/* Finds the end of the first complete JSON value in a stream of them (newline or nothing between).
 * OK: `*ret_len` bytes from the start hold leading blanks and the value. END: not complete yet
 * (`*scan` remembers how far it looked: zero it for each new value, pass the same growing text).
 * BAD_REQUEST: this can never become a value. */
struct json_scan {
    size_t at;
    uint32_t depth;
    bool in_string, escaped, started;
};
MUST_CHECK enum status json_scan_value(struct json_scan *scan, struct bytes text, size_t *ret_len);

/* ---- reading ---- */
static inline bool json_is(const struct json *node, enum json_type type)
{
    return node != NULL && node->type == type;
}
/* The member, or NULL (also when `object` is NULL or no object). */
struct json *json_get(const struct json *object, struct bytes key);
/* Follows member names: json_at(pod, "spec", "nodeName", NULL). */
struct json *json_at(const struct json *object, ...) __attribute__((sentinel));
struct json *json_index(const struct json *array, size_t index);
/* The decoded text; empty (ptr NULL) if it is no string. */
struct bytes json_text(const struct json *node);
struct bytes json_get_text(const struct json *object, const char *key);
/* False if it is no number, has a fraction (1.0 and 1e3 count as whole) or does not fit. */
bool json_to_i64(const struct json *node, int64_t *ret);
bool json_to_double(const struct json *node, double *ret);
bool json_is_true(const struct json *node);
/* Objects without order, numbers by value (1 equals 1.0), strings by bytes. */
bool json_equal(const struct json *a, const struct json *b);
const char *json_type_name(enum json_type type); /* "null", "boolean", "number", ... */

/* NULL if it has none, or cannot have any. */
static inline struct json *json_first(const struct json *parent)
{
    return parent != NULL && parent->type >= JSON_ARRAY ? parent->first : NULL;
}

#define json_each(parent, it) for (struct json *it = json_first(parent); it != NULL; it = it->next)

/* ---- building; bytes are borrowed, not copied ---- */
struct json *json_new_null(struct arena *arena);
struct json *json_new_bool(struct arena *arena, bool boolean);
struct json *json_new_int(struct arena *arena, int64_t n);
struct json *json_new_number(struct arena *arena, struct bytes text);
struct json *json_new_string(struct arena *arena, struct bytes text);
struct json *json_new_array(struct arena *arena);
struct json *json_new_object(struct arena *arena);
/* A deep copy with its own place in a parent; texts stay borrowed. */
struct json *json_copy(struct arena *arena, const struct json *node);

/* ---- changing; a node has one parent ---- */
/* Sets a member: an old one keeps its place and is replaced, a new one goes last. Returns child. */
struct json *json_set(struct json *object, struct bytes key, struct json *child);
struct json *json_set_text(struct arena *arena, struct json *object, const char *key,
                           struct bytes text);
/* Appends a member whose key the object is known not to have: json_set() without its search. */
struct json *json_add(struct json *object, struct bytes key, struct json *child);
/* The member `key` if it is an object, else a new object that replaces it. */
struct json *json_ensure_object(struct arena *arena, struct json *object, const char *key);
/* The node taken out, or NULL. */
struct json *json_remove(struct json *object, struct bytes key);
struct json *json_append(struct json *array, struct json *child);
/* index <= count. */
struct json *json_insert(struct json *array, size_t index, struct json *child);
struct json *json_remove_index(struct json *array, size_t index);
/* Puts `with`'s value where `node` stands, keeping node's key and place. */
void json_replace(struct json *node, const struct json *with);
/* Sorts members by key bytes, here and below. */
void json_sort(struct json *node);

/* ---- writing ---- */
/* Compact, or indented by two blanks with `pretty`, as encoding/json's MarshalIndent. */
void json_write(struct buf *out, const struct json *node, bool pretty);
/* A JSON string with its quotes. */
void json_write_string(struct buf *out, struct bytes text);

#endif
