#include "codec/transcoder_times.h"

#include "base/clock.h"

enum { FRACTION_AT = 19, MICRO_DIGITS = 6 }; /* "2006-01-02T15:04:05" is 19 long */

bool time_in_range(int64_t seconds)
{
    return seconds >= -62135596800 && seconds <= 253402300799;
}

bool time_parse(struct bytes text, int64_t *ret_seconds, int32_t *ret_nanos)
{
    int64_t seconds;
    int32_t micros = 0;

    if (!rfc3339_parse(text, &seconds) || !time_in_range(seconds))
        return false;
    if (text.ptr[FRACTION_AT] == '.') { /* the parser has seen that digits follow */
        size_t at = FRACTION_AT + 1;

        for (int i = 0; i < MICRO_DIGITS; i++) {
            bool digit = text.ptr[at] >= '0' && text.ptr[at] <= '9';

            micros = micros * 10 + (digit ? text.ptr[at++] - '0' : 0);
        }
    }
    *ret_seconds = seconds;
    *ret_nanos = micros * 1000;
    return true;
}

/* ---- durations ---- */

static const struct unit {
    const char *name;
    uint64_t nanos;
} units[] = {
    {"ns", 1},       {"us", 1000},      {"\u00b5s", 1000},  {"\u03bcs", 1000},
    {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000},
};

/* `n` units of `unit` nanoseconds, the rest as decimals without trailing zeros. */
static struct bytes with_fraction(struct arena *arena, uint64_t n, uint64_t unit, const char *name)
{
    uint64_t rest = n % unit;
    int digits = 0;

    for (uint64_t u = unit; u > 1; u /= 10)
        digits++;
    for (; digits > 0 && rest % 10 == 0; digits--)
        rest /= 10;
    if (digits == 0)
        return arena_printf(arena, "%llu%s", (unsigned long long)(n / unit), name);
    return arena_printf(arena, "%llu.%0*llu%s", (unsigned long long)(n / unit), digits,
                        (unsigned long long)rest, name);
}

struct bytes duration_format(struct arena *arena, int64_t nanos)
{
    const char *sign = nanos < 0 ? "-" : "";
    uint64_t n = nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos;
    unsigned long long minutes = n / 60000000000;
    struct bytes seconds;

    if (n == 0)
        return BYTES("0s");
    if (n < 1000)
        return arena_printf(arena, "%s%uns", sign, (unsigned)n);
    if (n < 1000000000) {
        seconds = n < 1000000 ? with_fraction(arena, n, 1000, "\u00b5s")
                              : with_fraction(arena, n, 1000000, "ms");
        return arena_printf(arena, "%s%.*s", sign, BYTES_FMT(seconds));
    }
    seconds = with_fraction(arena, n % 60000000000, 1000000000, "s");
    if (minutes == 0)
        return arena_printf(arena, "%s%.*s", sign, BYTES_FMT(seconds));
    if (minutes < 60)
        return arena_printf(arena, "%s%llum%.*s", sign, minutes, BYTES_FMT(seconds));
    return arena_printf(arena, "%s%lluh%llum%.*s", sign, minutes / 60, minutes % 60,
                        BYTES_FMT(seconds));
}

static bool is_digit(struct bytes text)
{
    return text.len != 0 && text.ptr[0] >= '0' && text.ptr[0] <= '9';
}

/* The longest name that `text` begins with: "ms" before "m". */
static const struct unit *find_unit(struct bytes text)
{
    const struct unit *best = NULL;

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (bytes_starts_with(text, bytes_str(units[i].name)) &&
            (best == NULL || strlen(units[i].name) > strlen(best->name)))
            best = &units[i];
    return best;
}

/* One number with its unit off the front of *rest. */
static bool parse_part(struct bytes *rest, uint64_t *ret_nanos)
{
    uint64_t whole = 0, fraction = 0, scale = 1;
    bool digits = is_digit(*rest);
    const struct unit *unit;

    for (; is_digit(*rest); *rest = bytes_from(*rest, 1))
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(rest->ptr[0] - '0'), &whole))
            return false;
    if (rest->len != 0 && rest->ptr[0] == '.') {
        *rest = bytes_from(*rest, 1);
        digits = digits || is_digit(*rest);
        for (; is_digit(*rest); *rest = bytes_from(*rest, 1)) {
            if (scale < 10000000000000000) { /* finer than a nanosecond of an hour is lost */
                fraction = fraction * 10 + (uint64_t)(rest->ptr[0] - '0');
                scale *= 10;
            }
        }
    }
    unit = find_unit(*rest);
    if (!digits || unit == NULL || __builtin_mul_overflow(whole, unit->nanos, &whole))
        return false;
    *rest = bytes_from(*rest, strlen(unit->name));
    fraction = (uint64_t)((double)fraction * ((double)unit->nanos / (double)scale));
    return !__builtin_add_overflow(whole, fraction, ret_nanos);
}

bool duration_parse(struct bytes text, int64_t *ret_nanos)
{
    bool negative = text.len != 0 && text.ptr[0] == '-';
    uint64_t sum = 0, part;

    if (text.len != 0 && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        text = bytes_from(text, 1);
    if (text.len == 0)
        return false;
    if (bytes_eq_str(text, "0")) {
        *ret_nanos = 0;
        return true;
    }
    while (text.len != 0)
        if (!parse_part(&text, &part) || __builtin_add_overflow(sum, part, &sum))
            return false;
    if (sum > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *ret_nanos = (int64_t)(negative ? 0 - sum : sum);
    return true;
}
