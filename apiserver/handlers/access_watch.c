/*
 * Watches go on being judged. What many watches of one user have in common they share.
 */
#include "apiserver/handlers/access_parts.h"

#include <stdlib.h>

#include "apiserver/handlers/audit.h"
#include "apiserver/handlers/server_info.h"
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

/* Of one watch, or of several that begin one behind the other and have all of it in common. */
struct permit {
    struct watch_permit base; /* first */
    struct worker *worker;
    size_t refs;                 /* one a watch */
    struct audit_stream *stream; /* what is recorded of its only watch; or NULL */
    struct tally_entry *place;   /* each watch has some, among those of its user; or NULL */
    uint32_t weight;             /* so many */
    struct session *session;     /* NULL: nothing can take its right away */
    struct access *what;         /* behind the struct, with its texts; NULL without a session */
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

    tally_return(permit->place, permit->weight);
    if (--permit->refs != 0)
        return;
    if (permit->worker->last_permit == permit)
        permit->worker->last_permit = NULL;
    audit_stream_unref(permit->stream);
    api_session_unref(permit->session);
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

/* `what` NULL: for ever. */
static struct permit *permit_new(struct worker *worker, const struct access *what)
{
    size_t len = what == NULL ? 0
                              : sizeof(*what) + what->verb.len + what->group.len +
                                    what->version.len + what->resource.len + what->subresource.len +
                                    what->namespace.len + what->name.len;
    struct permit *permit = calloc(1, sizeof(*permit) + len);
    char *at;

    if (permit == NULL)
        return NULL;
    permit->base.release = release;
    permit->worker = worker;
    permit->refs = 1;
    if (what == NULL)
        return permit;
    permit->what = (struct access *)(permit + 1);
    at = (char *)(permit->what + 1);
    *permit->what = (struct access){.is_resource = true,
                                    .verb = keep(&at, what->verb),
                                    .group = keep(&at, what->group),
                                    .version = keep(&at, what->version),
                                    .resource = keep(&at, what->resource),
                                    .subresource = keep(&at, what->subresource),
                                    .namespace = keep(&at, what->namespace),
                                    .name = keep(&at, what->name)};
    return permit;
}

static bool is_same_access(const struct access *a, const struct access *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return bytes_eq(a->verb, b->verb) && bytes_eq(a->group, b->group) &&
           bytes_eq(a->version, b->version) && bytes_eq(a->resource, b->resource) &&
           bytes_eq(a->subresource, b->subresource) && bytes_eq(a->namespace, b->namespace) &&
           bytes_eq(a->name, b->name);
}

static bool is_same(const struct permit *a, const struct permit *b)
{
    return a->stream == NULL && b->stream == NULL && a->place == b->place &&
           a->weight == b->weight && a->session == b->session && is_same_access(a->what, b->what);
}

/* Takes the permit, and gives the last one if that says the same. */
static struct permit *share(struct permit *permit)
{
    struct permit *last = permit->worker->last_permit;

    if (last == NULL || !is_same(last, permit)) {
        permit->worker->last_permit = permit;
        return permit;
    }
    last->refs++;
    permit->place = NULL; /* it goes back with the watch */
    release(&permit->base);
    return last;
}

/* Nothing can take the right away: everything is allowed, to somebody who showed nothing. */
static bool is_for_ever(const struct api_request *api)
{
    return api->worker->access == NULL || api->identity == NULL ||
           (!access_uses_rbac(api->worker) && api->identity->proof == PROOF_NONE);
}

struct bytes access_write_holder(struct buf *out, const struct api_request *api)
{
    if (api->identity == NULL || api->identity->proof == PROOF_NONE) {
        buf_append_bytes(out, http_peer_address(api->http->peer));
        return buf_bytes(out);
    }
    buf_append_str(out, "user \"");
    buf_append_bytes(out, api->user->name);
    buf_append_char(out, '"');
    return buf_bytes(out);
}

static enum status take_place(struct api_request *api, uint32_t weight,
                              struct tally_entry **ret_place, struct error *reterr)
{
    uint64_t max = api->worker->info->user_watches_max;
    struct buf holder = {0};
    struct bytes name = access_write_holder(&holder, api);
    enum status st = tally_take(api->worker->info->watches, name, weight, max, ret_place);

    if (st == STATUS_TOO_MANY_REQUESTS) {
        error_set(reterr, st, "too many watches: %.*s has %llu already", BYTES_FMT(name),
                  (unsigned long long)max);
        reterr->retry_after_s = 1;
    } else if (st != STATUS_OK) {
        error_set(reterr, st, "out of memory");
    }
    buf_release(&holder);
    return st;
}

/* Subscriptions of nobody's stream have a bound of their own, and no request that tells whose. */
static bool is_counted(const struct api_request *api)
{
    return api->worker->info->user_watches_max != 0 &&
           (api->http != NULL || (api->identity != NULL && api->identity->proof != PROOF_NONE));
}

enum status api_permit_watch(struct api_request *api, const struct access *what, uint32_t weight,
                             struct watch_permit **ret_permit, struct error *reterr)
{
    struct audit_stream *stream = audit_stream_of(api);
    bool for_ever = is_for_ever(api);
    struct permit *permit;
    enum status st = STATUS_OK;

    *ret_permit = NULL;
    if (for_ever && stream == NULL && !is_counted(api))
        return STATUS_OK;
    permit = permit_new(api->worker, for_ever ? NULL : what);
    if (permit == NULL) {
        audit_stream_unref(stream);
        return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    }
    permit->stream = stream;
    permit->weight = weight;
    if (is_counted(api))
        st = take_place(api, weight, &permit->place, reterr);
    if (st == STATUS_OK && !for_ever && (permit->session = session_of(api)) == NULL)
        st = error_set(reterr, STATUS_NO_MEMORY, "out of memory");
    if (st == STATUS_OK)
        *ret_permit = &share(permit)->base;
    else
        release(&permit->base);
    return st;
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

    if (session == NULL)
        return true;
    if (!authenticator_still_holds(control->authenticator, &session->identity, &world,
                                   clock_wall_s())) {
        error_set(reterr, STATUS_UNAUTHORIZED, "Unauthorized");
    } else if (session->impersonated &&
               impersonation_check(control->worker, &session->identity.user, &session->user,
                                   reterr) != STATUS_OK) {
        /* said already */
    } else if (!access_allows(control->worker, &session->user, permit->what, NULL)) {
        access_error_forbidden(reterr, &session->user, permit->what, BYTES(""));
    } else {
        return true;
    }
    access_count(&control->watches_ended);
    LOG_INFO("a watch ends: its right has", LOG_BYTES("user", session->user.name),
             LOG_BYTES("resource", permit->what->resource));
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
