#include "apiserver/request/subscribe.h"

#include "codec/json.h"

static bool is_id(struct bytes text)
{
    if (text.len == 0 || text.len > SUBSCRIPTION_ID_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], lower = (char)(c | 0x20);

        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' &&
            c != '-' && c != '/')
            return false;
    }
    return true;
}

static enum status bad_id(struct error *reterr)
{
    return error_set(reterr, STATUS_BAD_REQUEST,
                     "a subscription's id is 1 to %d of letters, digits and ._-/",
                     SUBSCRIPTION_ID_MAX);
}

static enum status too_many(struct error *reterr)
{
    return error_set(reterr, STATUS_BAD_REQUEST, "at most %d subscriptions are taken at once",
                     SUBSCRIPTIONS_MAX);
}

/* False without memory. */
static bool make_room(struct arena *arena, size_t count, struct subscribe *ret)
{
    ret->add = arena_zalloc(arena, count * sizeof(*ret->add) + 1);
    return ret->add != NULL;
}

static enum status no_memory(struct error *reterr)
{
    return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

void subscribe_release(struct subscribe *subscribe)
{
    for (size_t i = 0; i < subscribe->add_count; i++)
        error_release(&subscribe->add[i].why);
}

/* ---- in a message ---- */

/* Those that a path would hold come first, the others are parameters of a query. */
static const char *const members[] = {"group",
                                      "version",
                                      "resource",
                                      "namespace",
                                      "name",
                                      "labelSelector",
                                      "fieldSelector",
                                      "resourceVersion",
                                      "resourceVersionMatch",
                                      "format",
                                      "drop",
                                      "fields",
                                      "includeObject",
                                      "sendInitialEvents"};
enum { IN_PATH = 5 };

static struct bytes *part_of_path(struct request_info *info, size_t member)
{
    struct bytes *const parts[IN_PATH] = {&info->group, &info->version, &info->resource,
                                          &info->namespace, &info->name};

    return parts[member];
}

static size_t find_member(struct bytes name)
{
    size_t i = 0;

    while (i < ARRAY_LEN(members) && !bytes_eq_str(name, members[i]))
        i++;
    return i;
}

/* A revision may be written as a number, and sendInitialEvents is a boolean. */
static bool as_text(const struct json *value, struct bytes *ret)
{
    if (value->type == JSON_BOOL)
        *ret = value->boolean ? BYTES("true") : BYTES("false");
    else if (value->type == JSON_STRING || value->type == JSON_NUMBER)
        *ret = value->text;
    else
        return false;
    return true;
}

static enum status read_member(struct subscription *s, const struct json *value,
                               struct error *reterr)
{
    size_t member = find_member(value->key);
    struct bytes text;

    if (bytes_eq_str(value->key, "id") || value->type == JSON_NULL)
        return STATUS_OK;
    if (member == ARRAY_LEN(members))
        return error_set(reterr, STATUS_BAD_REQUEST, "a subscription has no member \"%.*s\"",
                         BYTES_FMT(value->key));
    if (!as_text(value, &text))
        return error_set(reterr, STATUS_BAD_REQUEST, "%s of a subscription is a text, not %s",
                         members[member], json_type_name(value->type));
    if (member >= IN_PATH) {
        s->info.query.params[s->info.query.count++] = (struct query_param){value->key, text};
    } else if (text.len > 0 && !request_segment_is_plain(text)) {
        return error_set(reterr, STATUS_BAD_REQUEST, "%s of a subscription: \"%.*s\" is none",
                         members[member], BYTES_FMT(text));
    } else {
        *part_of_path(&s->info, member) = text;
    }
    return STATUS_OK;
}

static enum status read_members(struct subscription *s, const struct json *item,
                                struct error *reterr)
{
    enum status st = STATUS_OK;

    s->info.group = BYTES("");
    json_each(item, value) {
        if (st == STATUS_OK)
            st = read_member(s, value, reterr);
    }
    if (st == STATUS_OK && (s->info.version.len == 0 || s->info.resource.len == 0))
        st = error_set(reterr, STATUS_BAD_REQUEST, "a subscription needs version and resource");
    return st;
}

static enum status read_add(struct arena *arena, const struct json *list, struct subscribe *ret,
                            struct error *reterr)
{
    json_each(list, item) {
        struct subscription *s = &ret->add[ret->add_count];

        s->id = json_get_text(item, "id");
        if (!is_id(s->id))
            return bad_id(reterr);
        s->info.query.params =
            arena_alloc(arena, sizeof(members) / sizeof(members[0]) * sizeof(struct query_param));
        if (s->info.query.params == NULL)
            return no_memory(reterr);
        s->info.is_resource = true;
        ret->add_count++;
        (void)read_members(s, item, &s->why);
    }
    return STATUS_OK;
}

static enum status read_remove(const struct json *list, struct subscribe *ret, struct error *reterr)
{
    json_each(list, item) {
        struct bytes id = json_text(item);

        if (!is_id(id))
            return bad_id(reterr);
        ret->remove[ret->remove_count++] = id;
    }
    return STATUS_OK;
}

static enum status check_shape(const struct json *message, struct error *reterr)
{
    if (!json_is(message, JSON_OBJECT))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "a message is {\"add\":[..],\"remove\":[..]}, not %s",
                         json_type_name(message->type));
    json_each(message, list) {
        if (!bytes_eq_str(list->key, "add") && !bytes_eq_str(list->key, "remove"))
            return error_set(reterr, STATUS_BAD_REQUEST, "a message has no member \"%.*s\"",
                             BYTES_FMT(list->key));
        if (list->type != JSON_ARRAY)
            return error_set(reterr, STATUS_BAD_REQUEST, "%.*s of a message is a list, not %s",
                             BYTES_FMT(list->key), json_type_name(list->type));
        if (list->count > SUBSCRIPTIONS_MAX)
            return too_many(reterr);
    }
    return STATUS_OK;
}

enum status subscribe_parse(struct arena *arena, struct bytes message,
                            struct subscribe *ret_subscribe, struct error *reterr)
{
    struct subscribe it = {0};
    struct json *root;
    enum status st = json_parse(arena, message, &root, NULL, reterr);

    if (st == STATUS_OK)
        st = check_shape(root, reterr);
    if (st != STATUS_OK)
        return st;
    it.remove = arena_alloc(arena, SUBSCRIPTIONS_MAX * sizeof(*it.remove));
    if (it.remove == NULL || !make_room(arena, SUBSCRIPTIONS_MAX, &it))
        return no_memory(reterr);
    st = read_add(arena, json_get(root, BYTES("add")), &it, reterr);
    if (st == STATUS_OK)
        st = read_remove(json_get(root, BYTES("remove")), &it, reterr);
    if (st == STATUS_OK)
        *ret_subscribe = it;
    else
        subscribe_release(&it);
    return st;
}

/* ---- in a query ---- */

static void read_url(struct arena *arena, struct subscription *s, struct bytes url)
{
    request_info_parse(arena, BYTES("GET"), url, &s->info);
    if (s->info.path.ptr == NULL || !s->info.is_resource || s->info.subresource.len > 0)
        error_set(&s->why, STATUS_BAD_REQUEST,
                  "\"%.*s\" is not the URL of a collection: subscribe=ID=URL", BYTES_FMT(url));
}

static bool is_taken(const struct subscribe *subscribe, struct bytes id)
{
    for (size_t i = 0; i < subscribe->add_count; i++)
        if (bytes_eq(subscribe->add[i].id, id))
            return true;
    return false;
}

enum status subscribe_parse_query(struct arena *arena, const struct query *query,
                                  struct subscribe *ret_subscribe, struct error *reterr)
{
    struct subscribe it = {0};
    enum status st = STATUS_OK;

    if (!make_room(arena, SUBSCRIPTIONS_MAX, &it))
        return no_memory(reterr);
    for (size_t i = 0; i < query->count && st == STATUS_OK; i++) {
        struct bytes url = query->params[i].value, id;

        if (!bytes_eq_str(query->params[i].name, "subscribe"))
            continue;
        id = bytes_cut(&url, '=');
        if (it.add_count == SUBSCRIPTIONS_MAX)
            st = too_many(reterr);
        else if (!is_id(id))
            st = bad_id(reterr);
        else if (is_taken(&it, id))
            st = error_set(reterr, STATUS_BAD_REQUEST, "two subscriptions have the id \"%.*s\"",
                           BYTES_FMT(id));
        if (st != STATUS_OK)
            break;
        it.add[it.add_count].id = id;
        read_url(arena, &it.add[it.add_count++], url);
    }
    if (st == STATUS_OK)
        *ret_subscribe = it;
    else
        subscribe_release(&it);
    return st;
}

enum status resume_point_parse(struct bytes text, const struct subscribe *subscribe,
                               struct resume_point *ret_point, struct error *reterr)
{
    struct bytes id = text, rev = bytes_cut(&id, '.');
    struct resume_point point = {.told = subscribe->add_count};
    bool ok = bytes_to_u64(rev, &point.rev) && point.rev > 0;

    if (ok && rev.len < text.len) {
        size_t i = 0;

        while (i < subscribe->add_count && !bytes_eq(subscribe->add[i].id, id))
            i++;
        ok = i < subscribe->add_count;
        point.told = i + 1;
    }
    if (!ok)
        return error_set(reterr, STATUS_BAD_REQUEST, "invalid Last-Event-ID: \"%.*s\"",
                         BYTES_FMT(text));
    *ret_point = point;
    return STATUS_OK;
}
