/*
 *   WAITING --due--> SENT --headers of a watch--> STREAMING --end--> OVER
 *      ^              | `--whole answer--------------------------> OVER
 *      `--worth again-'                                any --cancel--> OVER
 *
 * A callback may do anything to any call, so nothing is freed while one runs: a call that is over
 * stays in the list until sweep().
 */
#include <tidewatch/loop.h>

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "client-go-like/rest/client.h"
#include "client-go-like/rest/path.h"
#include "client-go-like/watch/stream.h"
#include "client-go-like/watch/watch.h"

struct tw_loop {
    tw_client *client;
    struct http_hub *hub;
    struct list calls;
    bool in_process;
};

enum call_state { CALL_WAITING, CALL_SENT, CALL_STREAMING, CALL_OVER };

struct tw_call {
    struct list link; /* first */
    tw_loop *loop;
    enum call_state state;
    uint64_t due_ms; /* WAITING: until then; a refused watch: for the rest of its answer; 0: no */
    struct http *http;
    struct http_request request; /* its texts are in the arena */
    struct arena arena;
    struct attempt attempt;
    bool is_watch;
    tw_done_fn *on_done;
    tw_watch_callbacks watch;
    struct stream stream;
    void *user;
};

tw_status tw_loop_new(tw_client *client, tw_loop **ret_loop, tw_error **reterr)
{
    tw_loop *loop = calloc(1, sizeof(*loop));
    tw_status st;

    if (loop == NULL)
        return tw_fail_no_memory(reterr);
    list_init(&loop->calls);
    st = http_hub_new(&loop->hub, reterr);
    if (st != TW_OK) {
        free(loop);
        return st;
    }
    loop->client = tw_client_ref(client);
    *ret_loop = loop;
    return TW_OK;
}

int tw_loop_fd(const tw_loop *loop)
{
    return http_hub_fd(loop->hub);
}

/* ---- the life of a call ---- */

static void call_free(tw_call *call)
{
    list_remove(&call->link);
    stream_close(&call->stream);
    http_free(call->http);
    attempt_release(&call->attempt);
    arena_release(&call->arena);
    free(call);
}

static void sweep(tw_loop *loop, bool all)
{
    list_for_each(&loop->calls, it) {
        tw_call *call = (tw_call *)it;

        if (all || call->state == CALL_OVER)
            call_free(call);
    }
}

static void arm(tw_loop *loop)
{
    uint64_t first = 0;

    list_for_each(&loop->calls, it) {
        tw_call *call = (tw_call *)it;
        uint64_t due = call->state == CALL_WAITING ? call->due_ms : http_due_ms(call->http);

        if (call->state != CALL_WAITING && call->due_ms != 0 && call->due_ms < due)
            due = call->due_ms;
        if (due != 0 && (first == 0 || due < first))
            first = due;
    }
    http_hub_arm(loop->hub, first);
}

void tw_loop_free(tw_loop *loop)
{
    if (loop == NULL)
        return;
    assert(!loop->in_process);
    sweep(loop, true);
    http_hub_free(loop->hub);
    tw_client_unref(loop->client);
    free(loop);
}

size_t tw_loop_count(const tw_loop *loop)
{
    size_t count = 0;

    for (struct list *it = loop->calls.next; it != &loop->calls; it = it->next)
        count += ((tw_call *)it)->state != CALL_OVER;
    return count;
}

void tw_call_cancel(tw_call *call)
{
    tw_loop *loop = call->loop;

    call->state = CALL_OVER;
    if (loop->in_process)
        return;
    sweep(loop, false);
    arm(loop);
}

/* ---- what a call does when it can ---- */

static void finish(tw_call *call, tw_status status, const tw_response *response,
                   const tw_error *error)
{
    call->state = CALL_OVER;
    if (call->is_watch)
        call->watch.on_end(call->watch.user, status, error);
    else
        call->on_done(call->user, status, response, error);
}

static void finish_request(tw_call *call)
{
    tw_response *response = NULL;
    tw_error *error = NULL;
    tw_status st = client_take_response(call->http, &response, &error);

    finish(call, st, response, error);
    tw_response_free(response);
    tw_error_free(error);
}

/* The whole answer is here, and it is bad. */
static void retry_or_fail(tw_call *call, tw_status status, const tw_error *error)
{
    unsigned pause_ms = 0, wait_ms = 0;
    bool may = status == TW_ERR_SERVER && (!call->is_watch || http_code(call->http) == 401);

    if (!may ||
        !client_again(call->loop->client, call->http, &call->request, &call->attempt, &pause_ms)) {
        finish(call, status, NULL, error);
        return;
    }
    http_finish(call->http);
    if (!call->is_watch) /* late is late: the deadline will say so */
        (void)client_throttle(call->loop->client, &call->request, &wait_ms, NULL);
    call->state = CALL_WAITING;
    call->due_ms = clock_monotonic_ms() + (pause_ms > wait_ms ? pause_ms : wait_ms);
}

static void send_now(tw_call *call)
{
    tw_error *error = NULL;
    tw_status st =
        client_start(call->loop->client, call->http, &call->request, &call->attempt, &error);

    call->state = CALL_SENT;
    call->due_ms = 0;
    if (st != TW_OK)
        finish(call, st, NULL, error);
    tw_error_free(error);
}

static bool is_nothing_yet(tw_status st, const tw_error *error)
{
    return st == TW_OK || (st == TW_ERR_TIMEOUT && error == NULL);
}

static void pull_events(tw_call *call)
{
    while (call->state == CALL_STREAMING) {
        tw_error *error = NULL;
        tw_event event;
        tw_status st = stream_next(&call->stream, 0, &event, &error);

        if (st == TW_OK) {
            call->watch.on_event(call->watch.user, &event);
            tw_event_release(&event);
        } else if (!is_nothing_yet(st, error)) {
            finish(call, st, NULL, error);
        }
        tw_error_free(error);
        if (st != TW_OK)
            return;
    }
}

static void open_stream(tw_call *call)
{
    client_tell_warnings(call->loop->client, call->http);
    call->state = CALL_STREAMING;
    call->due_ms = 0;
    stream_begin(&call->stream, call->http);
    if (call->watch.on_open != NULL)
        call->watch.on_open(call->watch.user);
    pull_events(call);
}

static void advance(tw_call *call)
{
    tw_error *error = NULL;
    tw_status st;
    int code;

    if (call->state == CALL_STREAMING) {
        pull_events(call);
        return;
    }
    st = http_step(call->http, 0, &error);
    code = http_code(call->http);
    if (call->is_watch && code / 100 == 2) {
        tw_error_free(error); /* the stream will hear of it too */
        open_stream(call);
        return;
    }
    if (call->is_watch && code != 0 && call->due_ms == 0)
        call->due_ms = clock_monotonic_ms() + CLIENT_ERROR_BODY_MS;
    if (is_nothing_yet(st, error) &&
        (!call->is_watch || call->due_ms == 0 || clock_monotonic_ms() < call->due_ms))
        return;
    if (st == TW_END || (call->is_watch && code != 0))
        st = client_end(call->loop->client, call->http, &error);
    if (st == TW_OK)
        finish_request(call);
    else
        retry_or_fail(call, st, error);
    tw_error_free(error);
}

tw_status tw_loop_process(tw_loop *loop, tw_error **reterr)
{
    tw_status st = http_hub_turn(loop->hub, reterr);

    assert(!loop->in_process);
    loop->in_process = true;
    for (struct list *it = loop->calls.next; it != &loop->calls; it = it->next) {
        tw_call *call = (tw_call *)it; /* those that callbacks start come last: they have a turn */

        if (call->state == CALL_WAITING && clock_monotonic_ms() >= call->due_ms)
            send_now(call);
        if (call->state == CALL_SENT || call->state == CALL_STREAMING)
            advance(call);
    }
    loop->in_process = false;
    sweep(loop, false);
    arm(loop);
    return st;
}

/* ---- starting one ---- */

static struct bytes keep(tw_call *call, struct bytes text)
{
    return text.ptr != NULL ? arena_dup(&call->arena, text) : text;
}

static const char *keep_str(tw_call *call, const char *text)
{
    return text != NULL ? arena_str(&call->arena, bytes_str(text)) : NULL;
}

/* Takes the call over. It begins in tw_loop_process(): no callback runs before this returns. */
static tw_status begin(tw_call *call, const struct http_request *request, unsigned wait_ms,
                       tw_call **ret_call, tw_error **reterr)
{
    tw_loop *loop = call->loop;
    tw_status st = http_new_in(loop->hub, loop->client->config, &call->http, reterr);

    call->request = *request;
    call->request.method = keep_str(call, request->method);
    call->request.path = keep_str(call, request->path);
    call->request.accept = keep_str(call, request->accept);
    call->request.content_type = keep_str(call, request->content_type);
    call->request.body = keep(call, request->body);
    if (st == TW_OK && call->arena.failed)
        st = tw_fail_no_memory(reterr);
    if (st != TW_OK) {
        call_free(call);
        return st;
    }
    call->state = CALL_WAITING;
    call->due_ms = clock_monotonic_ms() + wait_ms;
    list_append(&loop->calls, &call->link);
    if (!loop->in_process)
        arm(loop);
    if (ret_call != NULL)
        *ret_call = call;
    return TW_OK;
}

static tw_call *call_new(tw_loop *loop)
{
    tw_call *call = calloc(1, sizeof(*call));

    if (call != NULL)
        call->loop = loop;
    return call;
}

tw_status tw_loop_request(tw_loop *loop, const tw_request *request, tw_done_fn *on_done, void *user,
                          tw_call **ret_call, tw_error **reterr)
{
    struct http_request prepared;
    unsigned wait_ms = 0;
    tw_call *call;
    tw_status st = client_prepare(loop->client, request, &prepared, reterr);

    if (st == TW_OK)
        st = client_throttle(loop->client, &prepared, &wait_ms, reterr);
    if (st != TW_OK)
        return st;
    if ((call = call_new(loop)) == NULL)
        return tw_fail_no_memory(reterr);
    call->on_done = on_done;
    call->user = user;
    return begin(call, &prepared, wait_ms, ret_call, reterr);
}

tw_status tw_loop_watch(tw_loop *loop, const tw_resource *resource, const char *ns,
                        const tw_watch_options *options, const tw_watch_callbacks *callbacks,
                        tw_call **ret_call, tw_error **reterr)
{
    static const tw_watch_options none;
    const tw_watch_options *o = options != NULL ? options : &none;
    struct http_request request;
    struct buf path = {0};
    tw_call *call;
    tw_status st;

    if (o->transport == TW_TRANSPORT_WEBSOCKET)
        return tw_fail(reterr, TW_ERR_ARGUMENT, "a loop watches over HTTP, not WebSockets");
    if ((call = call_new(loop)) == NULL)
        return tw_fail_no_memory(reterr);
    call->is_watch = true;
    call->watch = *callbacks;
    st = watch_request(&path, resource, ns, o, &request, reterr);
    if (st == TW_OK)
        st = begin(call, &request, 0, ret_call, reterr);
    else
        call_free(call);
    buf_release(&path);
    return st;
}
