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

enum { ERA_YEARS = 400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468, DAY_S = 86400 };

/* The date of so many days since 1970-01-01: day_of() backwards (Howard Hinnant,
 * https://howardhinnant.github.io/date_algorithms.html), from the year 0 on. */
static void date_of(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t days = day + DAYS_TO_1970 + ERA_DAYS, of_era = days % ERA_DAYS;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = (int)(of_era - (years * 365 + years / 4 - years / 100));
    int from_march = (of_year * 5 + 2) / 153;

    *ret_day = of_year - (from_march * 153 + 2) / 5 + 1;
    *ret_month = from_march < 10 ? from_march + 3 : from_march - 9;
    *ret_year = (int)(years + days / ERA_DAYS * ERA_YEARS) - ERA_YEARS + (*ret_month <= 2);
}

static char *write_number(char *to, int n, int digits, char behind)
{
    for (int i = digits; i-- > 0; n /= 10)
        to[i] = (char)('0' + n % 10);
    to[digits] = behind;
    return to + digits + 1;
}

void rfc3339_format(int64_t wall_s, char ret_text[RFC3339_LEN + 1])
{
    int64_t first_s = -62167219200, last_s = 253402300799; /* of the years 0 and 9999 */
    int year, month, day, s;

    if (wall_s < first_s || wall_s > last_s)
        wall_s = 0;
    s = (int)((wall_s - first_s) % DAY_S);
    date_of((wall_s - s) / DAY_S, &year, &month, &day);
    ret_text = write_number(ret_text, year, 4, '-');
    ret_text = write_number(ret_text, month, 2, '-');
    ret_text = write_number(ret_text, day, 2, 'T');
    ret_text = write_number(ret_text, s / 3600, 2, ':');
    ret_text = write_number(ret_text, s / 60 % 60, 2, ':');
    ret_text = write_number(ret_text, s % 60, 2, 'Z');
    *ret_text = '\0';
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
    *ret_wall_s = day_of(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset_s;
    return true;
}
