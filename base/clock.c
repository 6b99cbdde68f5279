#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_monotonic_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_thread_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

int64_t clock_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_s(void)
{
    return clock_wall_us() / 1000000;
}

void rfc3339_format(int64_t wall_s, char ret_text[RFC3339_LEN + 1])
{
    time_t t = (time_t)wall_s;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL ||
        strftime(ret_text, RFC3339_LEN + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        memcpy(ret_text, "1970-01-01T00:00:00Z", RFC3339_LEN + 1);
}

void rfc3339_micro_format(int64_t wall_us, char ret_text[RFC3339_MICRO_LEN + 1])
{
    int64_t s = wall_us / 1000000;

    rfc3339_format(s, ret_text);
    snprintf(ret_text + RFC3339_LEN - 1, 9, ".%06uZ", (unsigned)(wall_us - s * 1000000) % 1000000);
}

/* Reads exactly `digits` digits at *at. */
static bool read_number(struct bytes text, size_t *at, size_t digits, int *ret)
{
    int n = 0;

    if (text.len - *at < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        char c = text.ptr[(*at)++];

        if (c < '0' || c > '9')
            return false;
        n = n * 10 + (c - '0');
    }
    *ret = n;
    return true;
}

static bool read_char(struct bytes text, size_t *at, const char *allowed)
{
    if (*at >= text.len || text.ptr[*at] == '\0' || strchr(allowed, text.ptr[*at]) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool read_offset(struct bytes text, size_t *at, int64_t *ret_offset_s)
{
    int hours, minutes;
    bool minus;

    if (read_char(text, at, "Zz")) {
        *ret_offset_s = 0;
        return true;
    }
    minus = *at < text.len && text.ptr[*at] == '-';
    if (!read_char(text, at, "+-") || !read_number(text, at, 2, &hours) ||
        !read_char(text, at, ":") || !read_number(text, at, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *ret_offset_s = (minus ? -60 : 60) * (int64_t)(hours * 60 + minutes);
    return true;
}

/* Days since 1970-01-01. A year that begins in March has its leap day last; one more era of 400
 * years keeps all numbers positive. Every object has a time, and timegm() is 700 instructions of
 * time zone. */
static int64_t day_of(int year, int month, int day)
{
    enum { ERA_YEARS = 400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 };
    int64_t years = year + ERA_YEARS - (month <= 2);
    int from_march = (month + 9) % 12;

    return years * 365 + years / 4 - years / 100 + years / 400 + (from_march * 153 + 2) / 5 + day -
           1 - ERA_DAYS - DAYS_TO_1970;
}

bool rfc3339_parse(struct bytes text, int64_t *ret_wall_s)
{
    int year, month, day, hour, minute, second;
    int64_t offset_s;
    size_t at = 0;

    if (!read_number(text, &at, 4, &year) || !read_char(text, &at, "-") ||
        !read_number(text, &at, 2, &month) || !read_char(text, &at, "-") ||
        !read_number(text, &at, 2, &day) || !read_char(text, &at, "Tt ") ||
        !read_number(text, &at, 2, &hour) || !read_char(text, &at, ":") ||
        !read_number(text, &at, 2, &minute) || !read_char(text, &at, ":") ||
        !read_number(text, &at, 2, &second))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return false;
    if (read_char(text, &at, ".")) {
        size_t first = at;

        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
            at++;
        if (at == first)
            return false;
    }
    if (!read_offset(text, &at, &offset_s) || at != text.len)
        return false;
    *ret_wall_s = day_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
    return true;
}
