/*
 * Finds where values end in a stream, looking at each byte once, however the bytes trickle in.
 * Only brackets and strings are looked at; whether the value is JSON is for the reader to say.
 */
#include "codec/json.h"
#include "codec/json_text.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* A byte of a number or of true, false, null. */
static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '+' || c == '-' ||
           c == '.';
}

/* Goes behind the closing quote; false if it is not there yet. */
static bool scan_string(struct json_scan *scan, struct bytes text)
{
    const char *end = text.ptr + text.len;

    while (scan->at < text.len) {
        char c;

        if (scan->escaped) {
            scan->escaped = false;
            scan->at++;
            continue;
        }
        scan->at = (size_t)(json_skip_plain(text.ptr + scan->at, end) - text.ptr);
        if (scan->at == text.len)
            break;
        c = text.ptr[scan->at++];
        scan->escaped = c == '\\';
        if (c == '"') {
            scan->in_string = false;
            return true;
        }
    }
    return false;
}

/* A number or word ends only where something else begins: until then it may go on. */
static enum status scan_word(struct json_scan *scan, struct bytes text, size_t *ret_len)
{
    while (scan->at < text.len && is_word(text.ptr[scan->at]))
        scan->at++;
    if (scan->at == text.len)
        return STATUS_END;
    *ret_len = scan->at;
    return STATUS_OK;
}

/* One byte before the value, or its first. False: no value begins so. */
static bool scan_start(struct json_scan *scan, char c)
{
    scan->in_string = c == '"';
    scan->depth = c == '{' || c == '[';
    scan->started = scan->in_string || scan->depth != 0 || is_word(c);
    if (!scan->started && !is_blank(c))
        return false;
    scan->at++;
    return true;
}

/* One byte in a container, outside of strings. False: too deep. */
static bool scan_structure(struct json_scan *scan, char c)
{
    if ((c == '{' || c == '[') && scan->depth == JSON_DEPTH_MAX)
        return false;
    scan->in_string = c == '"';
    scan->depth += c == '{' || c == '[';
    scan->depth -= c == '}' || c == ']';
    scan->at++;
    return true;
}

enum status json_scan_value(struct json_scan *scan, struct bytes text, size_t *ret_len)
{
    while (scan->at < text.len) {
        char c = text.ptr[scan->at];

        if (!scan->started) {
            if (!scan_start(scan, c))
                return STATUS_BAD_REQUEST;
            continue;
        }
        if (scan->in_string) {
            if (!scan_string(scan, text))
                break;
        } else if (scan->depth == 0) {
            return scan_word(scan, text, ret_len);
        } else if (!scan_structure(scan, c)) {
            return STATUS_BAD_REQUEST;
        }
        if (scan->depth == 0 && !scan->in_string) {
            *ret_len = scan->at;
            return STATUS_OK;
        }
    }
    return STATUS_END;
}
