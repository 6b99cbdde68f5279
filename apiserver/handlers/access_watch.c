/*
 * Watches go on being judged. What many watches of one user have in common they share.
 */
#include "apiserver/handlers/access_parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

/* By whom a watch was begun. */
struct session {
    struct arena arena; /* which the session lives in */
    struct access_control *control;
    struct identity identity;
    struct user user; /* on whose behalf */
    bool impersonated;
    struct bytes key;
    size_t refs;
};

struct permit {
    struct watch_permit base; /* first */
    struct session *session;
    struct access what;
    char texts[];
};

/* ---- sessions ---- */

static void session_unref(struct session *session)
{
    struct arena arena = session->arena;

    if (--session->refs != 0)
        return;
    map_remove(&session->control->sessions, session->key);
    arena_release(&arena);
}

/* All that makes one differ from another. */
static void write_key(struct buf *key, const struct api_request *api)
{
    const struct identity *identity = api->identity;

    buf_appendf(key, "%d %lld ", identity->proof, (long long)identity->expires_s);
    buf_append(key, identity->digest, DIGEST_LEN);
    user_write(key, &identity->user);
    user_write(key, api->user);
    buf_appendf(key, "%.*s/%.*s", BYTES_FMT(identity->account.bound.kind),
                BYTES_FMT(identity->account.bound.uid));
}

static struct session *session_new(const struct api_request *api, struct bytes key)
{
    struct arena arena = {0};
    struct session *session = arena_new(&arena, struct session);

    if (session == NULL)
        return NULL;
    session->control = api->worker->access;
    session->identity = identity_copy(&arena, api->identity);
    session->user = user_copy(&arena, api->user);
    session->impersonated = api->user != &api->identity->user;
    session->key = arena_dup(&arena, key);
    session->arena = arena;
    if (!arena.failed && map_put(&session->control->sessions, session->key, session))
        return session;
    arena_release(&arena);
    return NULL;
}

/* A reference; NULL without memory. */
static struct session *session_of(const struct api_request *api)
{
    struct buf key = {0};
    struct session *session = NULL;

    write_key(&key, api);
    if (!key.failed) {
        session = map_get(&api->worker->access->sessions, buf_bytes(&key));
        if (session == NULL)
            session = session_new(api, buf_bytes(&key));
        if (session != NULL)
            session->refs++;
    }
    buf_release(&key);
    return session;
}

/* ---- permits ---- */

static void release(struct watch_permit *base)
{
    struct permit *permit = (struct permit *)base;

    session_unref(permit->session);
    free(permit);
}

static struct bytes keep(char **at, struct bytes text)
{
    struct bytes kept = bytes_of(*at, text.len);

    if (text.len != 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return kept;
}

static struct permit *permit_new(const struct access *what)
{
    size_t len = what->verb.len + what->group.len + what->version.len + what->resource.len +
                 what->subresource.len + what->namespace.len + what->name.len;
    struct permit *permit = calloc(1, sizeof(*permit) + len);
    char *at;

    if (permit == NULL)
        return NULL;
    at = permit->texts;
    permit->base.release = release;
    permit->what = (struct access){.is_resource = true,
                                   .verb = keep(&at, what->verb),
                                   .group = keep(&at, what->group),
                                   .version = keep(&at, what->version),
                                   .resource = keep(&at, what->resource),
                                   .subresource = keep(&at, what->subresource),
                                   .namespace = keep(&at, what->namespace),
                                   .name = keep(&at, what->name)};
    return permit;
}

/* Nothing can take the right away: everything is allowed, to somebody who showed nothing. */
static bool is_for_ever(const struct api_request *api)
{
    return api->worker->access == NULL || api->identity == NULL ||
           (!access_uses_rbac(api->worker) && api->identity->proof == PROOF_NONE);
}

enum status api_permit_watch(struct api_request *api, const struct access *what,
                             struct watch_permit **ret_permit, struct error *reterr)
{
    struct permit *permit;

    *ret_permit = NULL;
    if (is_for_ever(api))
        return STATUS_OK;
    permit = permit_new(what);
    if (permit != NULL)
        permit->session = session_of(api);
    if (permit == NULL || permit->session == NULL) {
        free(permit);
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    }
    *ret_permit = &permit->base;
    return STATUS_OK;
}

/* ---- streams that go on asking ---- */

enum status api_session(struct api_request *api, struct session **ret_session, struct error *reterr)
{
    *ret_session = is_for_ever(api) ? NULL : session_of(api);
    return *ret_session != NULL || is_for_ever(api)
               ? STATUS_OK
               : error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

void api_session_unref(struct session *session)
{
    if (session != NULL)
        session_unref(session);
}

enum status api_use_session(struct api_request *api, const struct session *session,
                            struct error *reterr)
{
    struct account_world world = access_world(api->worker);

    api->user = &user_anonymous;
    if (session == NULL)
        return STATUS_OK;
    if (!authenticator_still_holds(session->control->authenticator, &session->identity, &world,
                                   clock_wall_s()))
        return error_set(reterr, STATUS_UNAUTHORIZED, "Unauthorized");
    api->identity = &session->identity;
    api->user = session->impersonated ? &session->user : &session->identity.user;
    if (!session->impersonated)
        return STATUS_OK;
    return impersonation_check(api->worker, &session->identity.user, &session->user, reterr);
}

uint64_t api_watch_timeout_ms(const struct api_request *api, uint64_t timeout_ms)
{
    int64_t now = clock_wall_s(), expires = api->identity != NULL ? api->identity->expires_s : 0;
    uint64_t left;

    if (expires == 0)
        return timeout_ms;
    left = expires > now ? (uint64_t)(expires - now) * 1000 : 1;
    return timeout_ms == 0 || left < timeout_ms ? left : timeout_ms;
}

/* ---- asking again ---- */

static bool holds(void *user, struct watch_permit *base, struct error *reterr)
{
    struct access_control *control = user;
    struct permit *permit = (struct permit *)base;
    const struct session *session = permit->session;
    struct account_world world = access_world(control->worker);

    if (!authenticator_still_holds(control->authenticator, &session->identity, &world,
                                   clock_wall_s())) {
        error_set(reterr, STATUS_UNAUTHORIZED, "Unauthorized");
    } else if (session->impersonated &&
               impersonation_check(control->worker, &session->identity.user, &session->user,
                                   reterr) != STATUS_OK) {
        /* said already */
    } else if (!access_allows(control->worker, &session->user, &permit->what, NULL)) {
        access_error_forbidden(reterr, &session->user, &permit->what, BYTES(""));
    } else {
        return true;
    }
    access_count(&control->watches_ended);
    LOG_INFO("a watch ends: its right has", LOG_BYTES("user", session->user.name),
             LOG_BYTES("resource", permit->what.resource));
    return false;
}

void access_recheck_soon(struct access_control *control)
{
    if (control->recheck.heap_at == 0 && control->sessions.count != 0)
        loop_timer_start(control->worker->loop, &control->recheck, ACCESS_RECHECK_MS);
}

void access_on_recheck(struct loop_timer *timer)
{
    struct access_control *control = container_of(timer, struct access_control, recheck);

    watch_cache_recheck(control->worker->cache, holds, control);
}
