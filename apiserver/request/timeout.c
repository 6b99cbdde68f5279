#include "apiserver/request/timeout.h"

static bool is_digit(struct bytes text, size_t i)
{
    return i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9';
}

/* Cuts the digits off the front of `*rest`; false: there are none. */
static bool cut_digits(struct bytes *rest)
{
    size_t len = 0;

    while (is_digit(*rest, len))
        len++;
    *rest = bytes_from(*rest, len);
    return len != 0;
}

static bool is_unit(struct bytes text)
{
    static const char *const units[] = {"ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h"};

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (bytes_eq_str(text, units[i]))
            return true;
    return false;
}

static struct bytes cut_unit(struct bytes *rest)
{
    struct bytes unit = bytes_of(rest->ptr, 0);

    while (unit.len < rest->len && rest->ptr[unit.len] != '.' && !is_digit(*rest, unit.len))
        unit.len++;
    *rest = bytes_from(*rest, unit.len);
    return unit;
}

static enum status invalid(struct error *reterr, const char *why, struct bytes text)
{
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "invalid timeout specified in the request URL - time: %s \"%.*s\"", why,
                     BYTES_FMT(text));
}

/* time.ParseDuration: a sign, then numbers with a unit each; a lone "0" needs none. */
static enum status check_duration(struct bytes text, struct error *reterr)
{
    struct bytes rest = bytes_from(text, text.ptr[0] == '-' || text.ptr[0] == '+');

    if (bytes_eq_str(rest, "0"))
        return STATUS_OK;
    if (rest.len == 0)
        return invalid(reterr, "invalid duration", text);
    while (rest.len != 0) {
        bool number = cut_digits(&rest);
        struct bytes unit;

        if (rest.len != 0 && rest.ptr[0] == '.') {
            rest = bytes_from(rest, 1);
            number = cut_digits(&rest) || number;
        }
        if (!number)
            return invalid(reterr, "invalid duration", text);
        unit = cut_unit(&rest);
        if (unit.len == 0)
            return invalid(reterr, "missing unit in duration", text);
        if (!is_unit(unit))
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "invalid timeout specified in the request URL - time: unknown unit "
                             "\"%.*s\" in duration \"%.*s\"",
                             BYTES_FMT(unit), BYTES_FMT(text));
    }
    return STATUS_OK;
}

enum status request_timeout_check(const struct query *query, struct error *reterr)
{
    struct bytes text = query_get(query, "timeout");

    return text.len != 0 ? check_duration(text, reterr) : STATUS_OK;
}
