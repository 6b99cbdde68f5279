#include "apiserver/request/origin.h"

/* What follows "scheme://", or ptr NULL. */
static struct bytes host_of(struct bytes origin)
{
    size_t colon = bytes_find(origin, ':');
    struct bytes rest = bytes_from(origin, colon);

    if (colon == 0 || !bytes_starts_with(rest, BYTES("://")))
        return bytes_of(NULL, 0);
    return bytes_from(rest, 3);
}

static bool is_origin(struct bytes text)
{
    struct bytes host = host_of(text);

    if (host.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f || text.ptr[i] == '*')
            return false;
    return bytes_find(host, '/') == host.len;
}

enum status origin_list_check(struct bytes list, struct error *reterr)
{
    while (list.len != 0) {
        struct bytes entry = bytes_trim(bytes_cut(&list, ','));

        if (!bytes_eq_str(entry, "*") && !is_origin(entry))
            return error_set(reterr, STATUS_BAD_REQUEST,
                             "\"%.*s\" is no origin: scheme://host[:port], or *", BYTES_FMT(entry));
    }
    return STATUS_OK;
}

bool origin_is_listed(struct bytes list, struct bytes origin)
{
    while (list.len != 0) {
        struct bytes entry = bytes_trim(bytes_cut(&list, ','));

        if (bytes_eq_str(entry, "*") || bytes_eq(entry, origin))
            return true;
    }
    return false;
}

bool origin_is_any(struct bytes list)
{
    return origin_is_listed(list, BYTES("*"));
}

static bool is_own(struct bytes origin, struct bytes authority)
{
    return authority.len != 0 && bytes_ieq(host_of(origin), authority);
}

bool origin_is_allowed(struct bytes list, struct bytes origin, struct bytes authority)
{
    return origin.len == 0 || is_own(origin, authority) || origin_is_listed(list, origin);
}
