/*
 * log - structured lines on stderr: logfmt text or one JSON object a line.
 *
 *   log_info("request done", "code=%d path=%.*s", ...)  is wrong: values are fields, not prose.
 *   LOG_INFO("request done", LOG_INT("code", 200), LOG_BYTES("path", path));
 *
 * Threads  from any thread; a line is one write(2), so lines never mix.
 * Escapes  values are quoted and control characters escaped: what a client sends cannot forge a
 * line.
 */
#ifndef TIDEWATCH_BASE_LOG_H
#define TIDEWATCH_BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    bool is_text;
    struct bytes text;
    int64_t number;
};

#define LOG_STR(key, str) ((struct log_field){(key), true, bytes_str(str), 0})
#define LOG_BYTES(key, bytes) ((struct log_field){(key), true, (bytes), 0})
#define LOG_INT(key, n) ((struct log_field){(key), false, {NULL, 0}, (int64_t)(n)})

/* From any thread, at any time. */
void log_setup(enum log_level least, enum log_format format);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);

#define LOG_AT(level, message, ...)                                                                \
    do {                                                                                           \
        if (log_enabled(level)) {                                                                  \
            const struct log_field log_fields_[] = {LOG_STR("", ""), ##__VA_ARGS__};               \
            log_write(level, message, log_fields_ + 1, ARRAY_LEN(log_fields_) - 1);                \
        }                                                                                          \
    } while (0)
#define LOG_DEBUG(message, ...) LOG_AT(LOG_LEVEL_DEBUG, message, ##__VA_ARGS__)
#define LOG_INFO(message, ...) LOG_AT(LOG_LEVEL_INFO, message, ##__VA_ARGS__)
#define LOG_WARN(message, ...) LOG_AT(LOG_LEVEL_WARN, message, ##__VA_ARGS__)
#define LOG_ERROR(message, ...) LOG_AT(LOG_LEVEL_ERROR, message, ##__VA_ARGS__)

#endif
