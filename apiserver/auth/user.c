#include "apiserver/auth/user.h"

#include "codec/json.h"

static const struct bytes unauthenticated[] = {BYTES_INIT(GROUP_UNAUTHENTICATED)};

const struct user user_anonymous = {
    .name = BYTES_INIT(USER_ANONYMOUS), .groups = unauthenticated, .group_count = 1};

bool user_is_in(const struct user *user, const char *group)
{
    for (size_t i = 0; i < user->group_count; i++)
        if (bytes_eq_str(user->groups[i], group))
            return true;
    return false;
}

/* With room for one more. */
static struct bytes *copy_texts(struct arena *arena, const struct bytes *texts, size_t count)
{
    struct bytes *copies = arena_zalloc(arena, (count + 1) * sizeof(*copies));

    for (size_t i = 0; i < count && copies != NULL; i++)
        copies[i] = arena_dup(arena, texts[i]);
    return copies;
}

struct user user_copy(struct arena *arena, const struct user *user)
{
    struct user_extra *extra = arena_zalloc(arena, (user->extra_count + 1) * sizeof(*extra));
    struct user copy = {.name = arena_dup(arena, user->name), .uid = arena_dup(arena, user->uid)};

    copy.groups = copy_texts(arena, user->groups, user->group_count);
    if (copy.groups != NULL)
        copy.group_count = user->group_count;
    if (extra == NULL)
        return copy;
    for (size_t i = 0; i < user->extra_count; i++) {
        extra[i].key = arena_dup(arena, user->extra[i].key);
        extra[i].values = copy_texts(arena, user->extra[i].values, user->extra[i].count);
        extra[i].count = extra[i].values != NULL ? user->extra[i].count : 0;
    }
    copy.extra = extra;
    copy.extra_count = user->extra_count;
    return copy;
}

void user_add_group(struct arena *arena, struct user *user, struct bytes group)
{
    struct bytes *groups;

    for (size_t i = 0; i < user->group_count; i++)
        if (bytes_eq(user->groups[i], group))
            return;
    groups = copy_texts(arena, user->groups, user->group_count);
    if (groups == NULL)
        return;
    groups[user->group_count] = group;
    user->groups = groups;
    user->group_count++;
}

static void write_list(struct buf *out, const struct bytes *texts, size_t count)
{
    buf_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i != 0)
            buf_append_char(out, ',');
        json_write_string(out, texts[i]);
    }
    buf_append_char(out, ']');
}

void user_write(struct buf *out, const struct user *user)
{
    buf_append_str(out, "{\"username\":");
    json_write_string(out, user->name);
    if (user->uid.len != 0) {
        buf_append_str(out, ",\"uid\":");
        json_write_string(out, user->uid);
    }
    if (user->group_count != 0) {
        buf_append_str(out, ",\"groups\":");
        write_list(out, user->groups, user->group_count);
    }
    for (size_t i = 0; i < user->extra_count; i++) {
        buf_append_str(out, i == 0 ? ",\"extra\":{" : ",");
        json_write_string(out, user->extra[i].key);
        buf_append_char(out, ':');
        write_list(out, user->extra[i].values, user->extra[i].count);
    }
    buf_append_str(out, user->extra_count != 0 ? "}}" : "}");
}
