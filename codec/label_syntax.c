#include "codec/label_syntax.h"

enum { NAME_MAX_LEN = 63, SUBDOMAIN_MAX_LEN = 253 };

#define NAME_REGEX "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define NAME_CONTENT                                                                               \
    "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "         \
    "alphanumeric character"
#define NAME_RULE                                                                                  \
    "must " NAME_CONTENT " (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "          \
    "validation is '" NAME_REGEX "')"
#define VALUE_RULE                                                                                 \
    "a valid label must be an empty string or " NAME_CONTENT " (e.g. 'MyValue',  or 'my_value',  " \
    "or '12345', regex used for validation is '(" NAME_REGEX ")?')"
#define SUBDOMAIN_RULE                                                                             \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "   \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "  \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_name(struct bytes b)
{
    if (b.len == 0 || !is_alnum(b.ptr[0]) || !is_alnum(b.ptr[b.len - 1]))
        return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.ptr[i];

        if (!is_alnum(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static bool is_dns_label(struct bytes b)
{
    if (b.len == 0 || b.ptr[0] == '-' || b.ptr[b.len - 1] == '-')
        return false;
    for (size_t i = 0; i < b.len; i++)
        if (!is_lower_alnum(b.ptr[i]) && b.ptr[i] != '-')
            return false;
    return true;
}

static bool is_dns_subdomain(struct bytes b)
{
    do {
        if (!is_dns_label(bytes_cut(&b, '.')))
            return false;
    } while (b.ptr != NULL);
    return true;
}

/* Adds one reason, and is false, for `ok = complain(..)`. */
static bool complain(struct buf *why, const char *prefix, const char *rule)
{
    if (why == NULL)
        return false;
    if (why->len != 0)
        buf_append_str(why, "; ");
    buf_append_str(why, prefix);
    buf_append_str(why, rule);
    return false;
}

bool dns_subdomain_check(struct bytes name, const char *prefix, struct buf *why)
{
    bool ok = true;

    if (name.len > SUBDOMAIN_MAX_LEN)
        ok = complain(why, prefix, "must be no more than 253 characters");
    if (!is_dns_subdomain(name))
        ok = complain(why, prefix, SUBDOMAIN_RULE);
    return ok;
}

static bool key_name_check(struct bytes name, struct buf *why)
{
    bool ok = true;

    if (name.len == 0)
        ok = complain(why, "name part ", "must be non-empty");
    else if (name.len > NAME_MAX_LEN)
        ok = complain(why, "name part ", "must be no more than 63 characters");
    if (!is_name(name))
        ok = complain(why, "name part ", NAME_RULE);
    return ok;
}

bool label_key_check(struct bytes key, struct buf *why)
{
    struct bytes name = key;
    struct bytes prefix = bytes_cut(&name, '/');
    bool ok = true;

    if (name.ptr == NULL)
        return key_name_check(key, why);
    if (bytes_find(name, '/') != name.len)
        return complain(why, "a qualified name ",
                        NAME_RULE " with an optional DNS subdomain prefix and '/' (e.g. "
                                  "'example.com/MyName')");
    if (prefix.len == 0)
        ok = complain(why, "prefix part ", "must be non-empty");
    else
        ok = dns_subdomain_check(prefix, "prefix part ", why);
    return key_name_check(name, why) && ok;
}

bool label_value_check(struct bytes value, struct buf *why)
{
    bool ok = true;

    if (value.len > NAME_MAX_LEN)
        ok = complain(why, "", "must be no more than 63 characters");
    if (value.len != 0 && !is_name(value))
        ok = complain(why, "", VALUE_RULE);
    return ok;
}
