/*
 * Impersonation: acting as somebody else, by headers, with the right to
 * (k8s.io/apiserver/pkg/endpoints/filters/impersonation.go).
 */
#include "apiserver/handlers/access_parts.h"

enum { ITEMS_MAX = 64 };

static const struct bytes user_header = BYTES_INIT("impersonate-user");
static const struct bytes uid_header = BYTES_INIT("impersonate-uid");
static const struct bytes group_header = BYTES_INIT("impersonate-group");
static const struct bytes extra_prefix = BYTES_INIT("impersonate-extra-");
static const struct bytes account_prefix = BYTES_INIT("system:serviceaccount:");

/* "system:serviceaccount:NS:NAME". */
static bool split_account(struct bytes user, struct bytes *ret_namespace, struct bytes *ret_name)
{
    struct bytes rest;

    if (!bytes_starts_with(user, account_prefix))
        return false;
    rest = bytes_from(user, account_prefix.len);
    *ret_namespace = bytes_cut(&rest, ':');
    *ret_name = rest;
    return ret_namespace->len != 0 && rest.len != 0 && bytes_find(rest, ':') == rest.len;
}

/* ---- what the headers say ---- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %2f in the name of a header: it could not stand there otherwise. */
static struct bytes unescape(struct arena *arena, struct bytes text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len && out != NULL; i++) {
        int high = text.ptr[i] == '%' && i + 2 < text.len ? hex_of(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_of(text.ptr[i + 2]) : -1;

        out[len++] = low >= 0 ? (char)(high * 16 + low) : text.ptr[i];
        i += low >= 0 ? 2 : 0;
    }
    return bytes_of(out, len);
}

static void add_extra(struct arena *arena, struct user_extra *extra, size_t *count,
                      struct bytes key, struct bytes value)
{
    struct bytes *values;
    size_t i = 0;

    while (i < *count && !bytes_eq(extra[i].key, key))
        i++;
    values = arena_alloc(arena, (extra[i].count + 1) * sizeof(*values));
    if (values == NULL)
        return;
    if (extra[i].count != 0)
        memcpy(values, extra[i].values, extra[i].count * sizeof(*values));
    values[extra[i].count] = value;
    extra[i].key = key;
    extra[i].values = values;
    extra[i].count++;
    if (i == *count)
        ++*count;
}

/* False: there are none. Values are copied: they outlive the request for a watch. */
static bool read_headers(struct api_request *api, struct user *ret_user)
{
    const struct http_request *req = api->http;
    struct arena *arena = &api->arena;
    struct bytes *groups = NULL;
    struct user_extra *extra = NULL;
    bool any = false;

    for (size_t i = 0; i < req->header_count; i++) {
        struct bytes name = req->headers[i].name, value = req->headers[i].value;

        if (name.len < user_header.len - 1 || name.ptr[0] != 'i' || name.ptr[1] != 'm')
            continue;
        if (bytes_eq(name, user_header)) {
            ret_user->name = arena_dup(arena, value);
        } else if (bytes_eq(name, uid_header)) {
            ret_user->uid = arena_dup(arena, value);
        } else if (bytes_eq(name, group_header) && ret_user->group_count < ITEMS_MAX) {
            if (groups == NULL)
                groups = arena_zalloc(arena, (ITEMS_MAX + 1) * sizeof(*groups));
            if (groups != NULL)
                groups[ret_user->group_count++] = arena_dup(arena, value);
        } else if (bytes_starts_with(name, extra_prefix) && ret_user->extra_count < ITEMS_MAX) {
            if (extra == NULL)
                extra = arena_zalloc(arena, (ITEMS_MAX + 1) * sizeof(*extra));
            if (extra != NULL)
                add_extra(arena, extra, &ret_user->extra_count,
                          unescape(arena, bytes_from(name, extra_prefix.len)),
                          arena_dup(arena, value));
        } else {
            continue;
        }
        any = true;
    }
    ret_user->groups = groups;
    ret_user->extra = extra;
    return any;
}

/* Groups that come with a name, unless they were given. */
static void add_groups(struct arena *arena, struct user *user)
{
    struct bytes namespace, name;

    if (user->group_count == 0 && split_account(user->name, &namespace, &name)) {
        user_add_group(arena, user, BYTES("system:serviceaccounts"));
        user_add_group(arena, user,
                       arena_printf(arena, "system:serviceaccounts:%.*s", BYTES_FMT(namespace)));
    }
    if (bytes_eq_str(user->name, USER_ANONYMOUS))
        user_add_group(arena, user, BYTES(GROUP_UNAUTHENTICATED));
    else if (!user_is_in(user, GROUP_UNAUTHENTICATED))
        user_add_group(arena, user, BYTES(GROUP_AUTHENTICATED));
}

/* ---- may he ---- */

static enum status may(const struct worker *worker, const struct user *real, struct access what,
                       struct error *reterr)
{
    what.is_resource = true;
    what.verb = BYTES("impersonate");
    if (access_allows(worker, real, &what, NULL))
        return STATUS_OK;
    return access_error_forbidden(reterr, real, &what, BYTES(""));
}

/* Needs no right: it comes with the name. */
static bool is_implied(const struct user *acting, struct bytes group)
{
    const struct bytes accounts = BYTES("system:serviceaccounts");
    struct bytes namespace, name, rest;

    if (bytes_eq_str(acting->name, USER_ANONYMOUS))
        return bytes_eq_str(group, GROUP_UNAUTHENTICATED);
    if (!split_account(acting->name, &namespace, &name) || !bytes_starts_with(group, accounts))
        return bytes_eq_str(group, GROUP_AUTHENTICATED);
    rest = bytes_from(group, accounts.len);
    return rest.len == 0 || (rest.ptr[0] == ':' && bytes_eq(bytes_from(rest, 1), namespace));
}

static enum status may_be_in(const struct worker *worker, const struct user *real,
                             const struct user *acting, struct error *reterr)
{
    enum status st = STATUS_OK;

    for (size_t i = 0; i < acting->group_count && st == STATUS_OK; i++) {
        struct bytes group = acting->groups[i];

        if (is_implied(acting, group))
            continue;
        st =
            may(worker, real,
                (struct access){.version = BYTES("v1"), .resource = BYTES("groups"), .name = group},
                reterr);
    }
    return st;
}

enum status impersonation_check(const struct worker *worker, const struct user *real,
                                const struct user *acting, struct error *reterr)
{
    const struct bytes own_group = BYTES("authentication.k8s.io");
    struct access what = {.version = BYTES("v1"), .resource = BYTES("users"), .name = acting->name};
    struct bytes namespace, name;
    enum status st;

    if (split_account(acting->name, &namespace, &name)) {
        what.resource = BYTES("serviceaccounts");
        what.namespace = namespace;
        what.name = name;
    }
    st = may(worker, real, what, reterr);
    if (st == STATUS_OK)
        st = may_be_in(worker, real, acting, reterr);
    if (st == STATUS_OK && acting->uid.len != 0)
        st = may(worker, real,
                 (struct access){.group = own_group,
                                 .version = BYTES("v1"),
                                 .resource = BYTES("uids"),
                                 .name = acting->uid},
                 reterr);
    for (size_t i = 0; i < acting->extra_count; i++)
        for (size_t v = 0; v < acting->extra[i].count && st == STATUS_OK; v++)
            st = may(worker, real,
                     (struct access){.group = own_group,
                                     .version = BYTES("v1"),
                                     .resource = BYTES("userextras"),
                                     .subresource = acting->extra[i].key,
                                     .name = acting->extra[i].values[v]},
                     reterr);
    return st;
}

enum status impersonation_begin(struct api_request *api, struct error *reterr)
{
    struct user asked = {0}, *acting;
    enum status st;

    if (!read_headers(api, &asked))
        return STATUS_OK;
    if (asked.name.len == 0)
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "requested groups, uid or extra without impersonating a user");
    /* Asked with the groups that were given; those that come with the name need no right. */
    st = impersonation_check(api->worker, api->user, &asked, reterr);
    if (st != STATUS_OK)
        return st;
    acting = arena_new(&api->arena, struct user);
    if (acting == NULL || api->arena.failed)
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    *acting = asked;
    add_groups(&api->arena, acting);
    api->user = acting;
    return STATUS_OK;
}
