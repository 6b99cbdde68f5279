/*
 * api - what every handler works with: the worker of its loop, and the request in its hands.
 *
 *   on_request -> api_request -> (waits until its loop has applied what was committed when it came)
 *      -> request_info -> kind -> handler by verb -> respond_*() -> gone
 *
 * Owner    an api_request owns its arena and frees itself when it is answered. While a write is in
 *          flight it outlives the HTTP request: `http` is NULL once the client has left, and then
 *          nothing borrowed from the request (target, headers, body) may be touched.
 * Threads  one worker a loop; everything here runs on that loop.
 */
#ifndef TIDEWATCH_APISERVER_HANDLERS_API_H
#define TIDEWATCH_APISERVER_HANDLERS_API_H

#include "apiserver/auth/rbac_rule.h"
#include "apiserver/auth/user.h"
#include "apiserver/handlers/fair.h"
#include "apiserver/registry/discovery.h"
#include "apiserver/registry/registry.h"
#include "apiserver/registry/view.h"
#include "apiserver/request/list_options.h"
#include "apiserver/request/negotiate.h"
#include "apiserver/request/request_info.h"
#include "apiserver/watch/history.h"
#include "apiserver/watch/watch_cache.h"
#include "apiserver/watch/watcher.h"
#include "base/list.h"
#include "base/rand.h"

struct access_control;
struct audit_stream;
struct audit_trail;
struct flight;
struct identity;
struct list_stream;
struct metrics;
struct permit;
struct server_info;

/* All that one loop needs, and nothing that another loop writes. */
struct worker {
    unsigned index; /* worker 0 also runs the lifecycles (namespaces, CRDs) */
    struct loop *loop;
    struct http_server *http;
    struct storage *storage;
    struct registry *registry;
    struct watch_cache *cache;
    struct history *history;
    struct metrics *metrics;        /* this worker's own counters */
    const struct server_info *info; /* shared, read only */
    uint64_t loaded_rev;            /* the state the cache began with: older lists need the disk */
    struct list waiting;            /* api_requests that wait for watch_cache_rev() */
    uint64_t waiting_least;         /* the least revision one of them waits for; 0: none */
    struct lifecycle *lifecycle;    /* worker 0 only */
    struct access_control *access;  /* NULL: everybody may do everything */
    struct permit *last_permit;     /* of a watch, while one has it: the next may share it */
    struct flight *flight;          /* NULL: any number of requests, for any time */
    struct write *submitted, **submitted_end; /* in this turn of the loop */
    struct loop_task submitting;              /* them */
};

/* A write on its way to storage and back to the loop that sent it. */
struct pending_write {
    struct write write; /* key and value stay the owner's, as storage.h says */
    struct worker *worker;
    void (*on_done)(struct pending_write *pending); /* after the loop has applied the write */
};
/* Those of a turn of the loop go to storage at its end, all at once: they share a commit, and the
 * writer is woken and locked out once. */
void worker_submit(struct worker *worker, struct pending_write *pending);
/* What waits for that goes now: for a loop that runs no more. */
void worker_submit_all(struct worker *worker);

enum { API_WARNINGS_MAX = 16, API_EXTRA_HEADERS_MAX = 8 };

struct api_request {
    struct worker *worker;
    struct http_request *http; /* NULL: the client has left */
    struct arena arena;        /* own, lives as long as this struct */
    struct request_info info;
    struct negotiated negotiated;
    const struct kind *kind; /* of a resource request; referenced */
    char audit_id[UUID_LEN + 1];
    bool pretty;
    bool overdue; /* answered while it is being worked on: goes on as if its client had left */
    struct bytes warnings[API_WARNINGS_MAX];
    struct http_header extra[API_EXTRA_HEADERS_MAX]; /* see api_add_header() */
    uint64_t min_rev; /* what the loop must have applied before the handler may look */
    struct list waiting_link;
    void (*resume)(struct api_request *);   /* what runs once `min_rev` is applied */
    struct loop_timer timer;                /* of api_wait_for_rv() */
    void (*too_late)(struct api_request *); /* the same */
    void *state;                            /* the handler's own, in `arena` */
    void (*release)(struct api_request *); /* the handler's: before the request is freed; or NULL */
    const char *route; /* of a path that is no resource, as registered; NULL: of none */
    void (*left)(struct api_request *); /* the handler's: its client has left; it ends the
                                           request. NULL: what is under way does, or dispatch */
    struct bytes bearer;                /* a WebSocket's token; ptr NULL: none */
    const struct identity *identity;    /* who the credentials say it is */
    const struct user *user;            /* on whose behalf: the same, unless it impersonates */
    struct bytes allow;                 /* of a 405: the methods that are fine */
    int code;                           /* of the answer, for metrics and the log */
    uint8_t warning_count, extra_count;
    struct audit_trail *audit;         /* NULL: not yet noted (audit.h) */
    struct audit_stream *audit_stream; /* the request's own reference; NULL: none */
    struct list flight_link;           /* flight.h, and what follows */
    uint8_t flight_class, flight_place;
    uint32_t parked_room;
    uint64_t begun_ms, parked_us;
    struct fair_turn turn; /* waits for a place, or for its turn */
    void (*handle)(struct api_request *);
    struct list_stream *stream; /* list_stream.h: the long list that it became, or NULL */
};

/* Runs `resume` when this loop has applied `rev` (at once if it has). If the client leaves
 * meanwhile the request is dropped. */
void api_wait_for(struct api_request *api, uint64_t rev, void (*resume)(struct api_request *));

/* ---- answers; each ends the request ---- */
/* As a Status. `err` is released. */
void respond_error(struct api_request *api, struct error *err);
/* 404 of a path that nothing is registered for: a Status below the groups of built-in kinds, else
 * plain text. */
void respond_no_such_path(struct api_request *api);
/* The answer as it stands, counted and logged. Every other way ends here. */
void respond(struct api_request *api, const struct http_response *response);
/* A body of any type; takes the blob's reference (NULL: answers 500). */
void respond_blob(struct api_request *api, int code, struct bytes content_type, struct blob *body);
void respond_text(struct api_request *api, int code, const char *text);
/* Headers alone. */
void respond_empty(struct api_request *api, int code);
/* An object in the negotiated view (`rev` 0: its own). */
void respond_object(struct api_request *api, int code, const struct object *object, uint64_t rev);
/* Drops a request whose client has left, or that became a stream. */
void api_free(struct api_request *api);
/* The client has left: the request goes, now or when what is under way ends. */
void api_leave(struct api_request *api);

/* Adds a `Warning: 299 - "text"` header (text is copied). */
void api_warn(struct api_request *api, struct bytes text);
/* Adds a header to the answer, whichever it will be. `value` lives as long as the request. */
void api_add_header(struct api_request *api, const char *name, struct bytes value);
/* The headers every answer carries, into ret_headers (at most API_HEADERS_MAX). */
enum { API_HEADERS_MAX = 8 + API_EXTRA_HEADERS_MAX + API_WARNINGS_MAX };
size_t api_headers(struct api_request *api, struct bytes content_type,
                   struct http_header *ret_headers);

/* NotFound, AlreadyExists, Conflict as the real server words them: `configmaps "x" not found`. */
enum status error_not_found(struct error *reterr, const struct kind *kind, struct bytes name);
enum status error_already_exists(struct error *reterr, const struct kind *kind, struct bytes name);
enum status error_conflict(struct error *reterr, const struct kind *kind, struct bytes name,
                           const char *why); /* NULL: "the object has been modified; ..." */

/* How a body is finished, apart from its request: what takes long is done on another thread. */
struct body_form {
    enum negotiated_form form;
    bool pretty, gzip;
};
struct finished_body {
    struct bytes type;
    struct blob *body; /* owned; NULL: no memory */
    bool packed;
};
struct body_form api_body_form(const struct api_request *api);
/* Takes a built answer, JSON or protobuf, out of `body`. On any thread. */
struct finished_body body_finish(struct body_form form, struct buf *body);
/* Takes the body. */
void respond_body(struct api_request *api, int code, struct finished_body finished);
/* Two more than API_HEADERS_MAX. */
void api_add_gzip_headers(struct http_header *headers, size_t *count);
/* Has the client asked for gzip? */
bool respond_wants_gzip(const struct api_request *api);
/* The view that was negotiated; BAD_REQUEST: a bad includeObject. */
MUST_CHECK enum status api_view(const struct api_request *api, struct view *ret_view,
                                struct error *reterr);
/* Takes a built answer, JSON, out of `body` (which is released), and sends it in the negotiated
 * form: 500 if it has failed. */
void respond_json(struct api_request *api, int code, struct buf *body);
/* Waits up to 3 s for `rv` (blockTimeout in k8s.io/apiserver/pkg/storage/cacher/watch_cache.go),
 * then answers 504 "Too large resource version", or calls `too_late` if that is given. */
void api_wait_for_rv(struct api_request *api, uint64_t rv, void (*resume)(struct api_request *),
                     void (*too_late)(struct api_request *));
enum status error_rv_too_large(struct error *reterr, uint64_t rv, uint64_t current);

/* ---- what the user may do (access.h) ---- */
/* What the request as a whole does. */
void api_access_of(struct api_request *api, struct access *ret_what);
/* May the request's user do this, too? The request as a whole was judged before it got here.
 * FORBIDDEN, in the words of the real server. */
MUST_CHECK enum status api_authorize(struct api_request *api, const struct access *what,
                                     struct error *reterr);
/* The right to watch `what`, which was authorized, for watch_spec.permit: the watch ends with it.
 * NULL: it has no end. `what` is copied. `weight`: list_options_weight(). NO_MEMORY. */
MUST_CHECK enum status api_permit_watch(struct api_request *api, const struct access *what,
                                        uint32_t weight, struct watch_permit **ret_permit,
                                        struct error *reterr);
/* On whose behalf a stream goes on asking, when its request is gone. */
struct session;
/* A reference, for api_session_unref(); NULL: nothing can take its rights away. NO_MEMORY. */
MUST_CHECK enum status api_session(struct api_request *api, struct session **ret_session,
                                   struct error *reterr);
void api_session_unref(struct session *session);
/* The request acts for the session's user (NULL: everybody). UNAUTHORIZED: what he showed does not
 * hold any more. */
MUST_CHECK enum status api_use_session(struct api_request *api, const struct session *session,
                                       struct error *reterr);
/* The time a watch may last, at most until its credentials expire. */
uint64_t api_watch_timeout_ms(const struct api_request *api, uint64_t timeout_ms);

/* ---- handlers by verb ---- */
typedef void handler(struct api_request *api);
handler handle_get, handle_list, handle_watch; /* read side */
handler handle_non_resource;                   /* discovery, OpenAPI, health, version, metrics */
handler handle_review;                         /* of a kind that is only asked, never stored */
handler handle_token_request;                  /* serviceaccounts/token */
handler handle_openid;                         /* the keys that its tokens are signed with */
handler handle_create, handle_update, handle_patch, handle_delete, handle_delete_collection;

/* Entry for the transport. `user` is the worker. */
void api_on_request(void *user, struct http_request *req);
/* After a batch has been applied to the worker's cache: those who waited go on. */
void worker_resume_waiting(struct worker *worker);

/* ---- lifecycles (worker 0): what happens by itself ---- */
/* Follows namespaces and CRDs that are being deleted and empties them; makes the four namespaces at
 * the start of an empty store (on_ready is called when they are durable). */
struct lifecycle *lifecycle_new(struct worker *worker, void (*on_ready)(void *user), void *user);
void lifecycle_free(struct lifecycle *lifecycle);

#endif
