/*
 * user - who makes a request: a name, groups, and what else is known.
 *
 * Owner    texts belong to whoever made the user; user_copy() makes one that lives in an arena.
 * Threads  plain data.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_USER_H
#define TIDEWATCH_APISERVER_AUTH_USER_H

#include "base/arena.h"
#include "base/buf.h"

struct user_extra {
    struct bytes key;
    const struct bytes *values;
    size_t count;
};

struct user {
    struct bytes name, uid;
    const struct bytes *groups;
    size_t group_count;
    const struct user_extra *extra;
    size_t extra_count;
};

#define GROUP_MASTERS "system:masters"
#define GROUP_AUTHENTICATED "system:authenticated"
#define GROUP_UNAUTHENTICATED "system:unauthenticated"
#define USER_ANONYMOUS "system:anonymous"

/* system:anonymous, of system:unauthenticated. */
extern const struct user user_anonymous;

bool user_is_in(const struct user *user, const char *group);
/* Deep; texts are empty when the arena has failed. */
struct user user_copy(struct arena *arena, const struct user *user);
/* `user` with one more group, unless it is in it. */
void user_add_group(struct arena *arena, struct user *user, struct bytes group);
/* {"username":..,"uid":..,"groups":[..],"extra":{..}} as authentication/v1 UserInfo. */
void user_write(struct buf *out, const struct user *user);

#endif
