#include "client-go-like/tidectl/age.h"

#include <time.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR, YEAR = 365 * DAY };

/* From which age on which units are told; the second only where it is not 0. */
static const struct {
    int64_t from, first;
    char first_unit;
    int64_t second;
    char second_unit;
} rules[] = {
    {8 * YEAR, YEAR, 'y', 0, 0},
    {2 * YEAR, YEAR, 'y', DAY, 'd'},
    {8 * DAY, DAY, 'd', 0, 0},
    {2 * DAY, DAY, 'd', HOUR, 'h'},
    {8 * HOUR, HOUR, 'h', 0, 0},
    {3 * HOUR, HOUR, 'h', MINUTE, 'm'},
    {10 * MINUTE, MINUTE, 'm', 0, 0},
    {2 * MINUTE, MINUTE, 'm', 1, 's'},
    {0, 1, 's', 0, 0},
};

void age_append(struct buf *out, int64_t seconds)
{
    if (seconds < 0) {
        buf_append_str(out, seconds >= -1 ? "0s" : "<invalid>");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        int64_t rest;

        if (seconds < rules[i].from)
            continue;
        buf_appendf(out, "%lld%c", (long long)(seconds / rules[i].first), rules[i].first_unit);
        rest = rules[i].second != 0 ? seconds % rules[i].first / rules[i].second : 0;
        if (rest != 0)
            buf_appendf(out, "%lld%c", (long long)rest, rules[i].second_unit);
        return;
    }
}

bool age_parse(struct bytes text, int64_t *ret_unix_s)
{
    char copy[20];
    struct tm utc = {0};
    const char *end;

    if (text.len < sizeof(copy) || text.ptr[text.len - 1] != 'Z')
        return false;
    memcpy(copy, text.ptr, sizeof(copy) - 1);
    copy[sizeof(copy) - 1] = '\0';
    end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &utc);
    if (end == NULL || *end != '\0')
        return false;
    *ret_unix_s = timegm(&utc);
    return true;
}

void age_append_since(struct buf *out, struct bytes timestamp)
{
    int64_t then;

    if (age_parse(timestamp, &then))
        age_append(out, (int64_t)time(NULL) - then);
    else
        buf_append_str(out, "<unknown>");
}
