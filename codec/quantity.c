#include "codec/quantity.h"

static struct bytes skip_digits(struct bytes text, bool *ret_any)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        len++;
    *ret_any = *ret_any || len != 0;
    return bytes_from(text, len);
}

static struct bytes skip_sign(struct bytes text)
{
    return bytes_from(text, text.len != 0 && (text.ptr[0] == '+' || text.ptr[0] == '-'));
}

static bool is_exponent(struct bytes text)
{
    bool any = false;

    if (text.len == 0 || (text.ptr[0] != 'e' && text.ptr[0] != 'E'))
        return false;
    return skip_digits(skip_sign(bytes_from(text, 1)), &any).len == 0 && any;
}

bool quantity_is(struct bytes text)
{
    static const char *const suffixes[] = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "n", "u",
                                           "m",  "k",  "M",  "G",  "T",  "P",  "E", ""};
    bool any = false;

    text = skip_digits(skip_sign(text), &any);
    if (text.len != 0 && text.ptr[0] == '.')
        text = skip_digits(bytes_from(text, 1), &any);
    for (size_t i = 0; any && i < ARRAY_LEN(suffixes); i++)
        if (bytes_eq_str(text, suffixes[i]))
            return true;
    return any && is_exponent(text);
}
