#include "apiserver/registry/kube_version.h"

enum stage { OTHER, ALPHA, BETA, STABLE };

struct version {
    enum stage stage;
    uint64_t major, minor;
};

static size_t digits(struct bytes text)
{
    size_t len = 0;

    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        len++;
    return len;
}

/* v<major>, v<major>alpha<minor>, v<major>beta<minor>; OTHER for anything else. */
static struct version parse(struct bytes text)
{
    struct version version = {STABLE, 0, 0};
    struct bytes rest = bytes_from(text, 1);
    size_t len = digits(rest);

    if (text.len == 0 || text.ptr[0] != 'v' ||
        !bytes_to_u64(bytes_of(rest.ptr, len), &version.major))
        return (struct version){OTHER, 0, 0};
    rest = bytes_from(rest, len);
    if (rest.len == 0)
        return version;
    version.stage = bytes_starts_with(rest, BYTES("alpha"))  ? ALPHA
                    : bytes_starts_with(rest, BYTES("beta")) ? BETA
                                                             : OTHER;
    rest = bytes_from(rest, version.stage == ALPHA ? 5 : 4);
    if (version.stage == OTHER || !bytes_to_u64(rest, &version.minor))
        return (struct version){OTHER, 0, 0};
    return version;
}

static int descending(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

int kube_version_compare(struct bytes a, struct bytes b)
{
    struct version x = parse(a), y = parse(b);

    if (x.stage == OTHER && y.stage == OTHER)
        return bytes_cmp(a, b);
    if (x.stage != y.stage)
        return descending(x.stage, y.stage);
    if (x.major != y.major)
        return descending(x.major, y.major);
    return descending(x.minor, y.minor);
}
