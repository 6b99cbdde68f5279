#include "apiserver/handlers/name_rules.h"

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253 };

static const char subdomain_rule[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
static const char label_rule[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
static const char label_1035_rule[] =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

static bool is_label(struct bytes b)
{
    if (b.len == 0 || b.ptr[0] == '-' || b.ptr[b.len - 1] == '-')
        return false;
    for (size_t i = 0; i < b.len; i++) {
        char c = b.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static bool is_label_1035(struct bytes b)
{
    return is_label(b) && b.ptr[0] >= 'a';
}

static bool is_subdomain(struct bytes b)
{
    do {
        if (!is_label(bytes_cut(&b, '.')))
            return false;
    } while (b.ptr != NULL);
    return true;
}

static void check_path_segment(struct field_errors *errors, struct bytes field, struct bytes name,
                               bool prefix)
{
    static const char forbidden[] = "/%";

    if (!prefix && (bytes_eq_str(name, ".") || bytes_eq_str(name, "..")))
        field_invalid_text(errors, field, name,
                           field_detail(errors, "may not be '%.*s'", BYTES_FMT(name)));
    for (const char *c = forbidden; *c != '\0'; c++)
        if (bytes_find(name, *c) != name.len)
            field_invalid_text(errors, field, name,
                               field_detail(errors, "may not contain '%c'", *c));
}

/* "app-" is fine as a prefix if "apa" would be a name (maskTrailingDash in
 * pkg/api/validation/generic.go). */
static struct bytes mask_trailing_dash(struct field_errors *errors, struct bytes name)
{
    struct bytes parts[] = {name, BYTES("a")};

    if (name.len < 2 || name.ptr[name.len - 1] != '-')
        return name;
    parts[0].len -= 2;
    return arena_join(errors->arena, parts, ARRAY_LEN(parts));
}

void name_check(struct field_errors *errors, enum name_rule rule, struct bytes field,
                struct bytes name, bool prefix)
{
    static const struct {
        bool (*is)(struct bytes name);
        const char *words;
        size_t max;
    } rules[] = {
        [NAME_SUBDOMAIN] = {is_subdomain, subdomain_rule, SUBDOMAIN_MAX},
        [NAME_LABEL] = {is_label, label_rule, LABEL_MAX},
        [NAME_LABEL_1035] = {is_label_1035, label_1035_rule, LABEL_MAX},
    };
    struct bytes checked = prefix ? mask_trailing_dash(errors, name) : name;

    if (rule == NAME_PATH_SEGMENT) {
        check_path_segment(errors, field, name, prefix);
        return;
    }
    if (checked.len > rules[rule].max)
        field_invalid_text(errors, field, name,
                           field_detail(errors, "must be no more than %zu bytes", rules[rule].max));
    if (!rules[rule].is(checked))
        field_invalid_text(errors, field, name, rules[rule].words);
}
