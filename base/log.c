#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

/* They can be set again while others log. */
static atomic_int least_level = LOG_LEVEL_INFO;
static atomic_int line_format = LOG_FORMAT_TEXT;

void log_setup(enum log_level least, enum log_format format)
{
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
    atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

/* As a JSON string, which is also how logfmt quotes. */
static void append_quoted(struct buf *line, struct bytes text)
{
    buf_append_char(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c == '"' || c == '\\')
            buf_appendf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_appendf(line, "\\u%04x", c);
        else
            buf_append_char(line, (char)c);
    }
    buf_append_char(line, '"');
}

static void append_pair(struct buf *line, bool json, const char *key, struct bytes text)
{
    if (line->len > (json ? 1u : 0u))
        buf_append_char(line, json ? ',' : ' ');
    if (json)
        buf_appendf(line, "\"%s\":", key);
    else
        buf_appendf(line, "%s=", key);
    append_quoted(line, text);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    bool json = atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_FORMAT_JSON;
    char now[RFC3339_MICRO_LEN + 1], number[24];
    struct buf line = {0};
    ssize_t written;

    rfc3339_micro_format(clock_wall_us(), now);
    if (json)
        buf_append_char(&line, '{');
    append_pair(&line, json, "time", bytes_str(now));
    append_pair(&line, json, "level", bytes_str(names[level]));
    append_pair(&line, json, "msg", bytes_str(message));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].is_text) {
            append_pair(&line, json, fields[i].key, fields[i].text);
            continue;
        }
        buf_appendf(&line, json ? ",\"%s\":" : " %s=", fields[i].key);
        buf_append(&line, number,
                   (size_t)snprintf(number, sizeof(number), "%lld", (long long)fields[i].number));
    }
    buf_append_str(&line, json ? "}\n" : "\n");
    written = line.failed ? 0 : write(STDERR_FILENO, line.data, line.len);
    (void)written; /* a log that cannot be written has nowhere to say so */
    buf_release(&line);
}
