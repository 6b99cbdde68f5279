/*
 * loop - requests and watches inside the caller's own event loop, without a thread.
 *
 *   poll(tw_loop_fd()) --readable--> tw_loop_process() --> your callbacks
 *
 * Shape    one file descriptor stands for all sockets and timers: poll it for reading, by itself or
 *          in the epoll set of a bigger loop. Calls share connections; where the server speaks
 *          HTTP/2, one. Callbacks run inside tw_loop_process() only; they may start and cancel
 *          calls, and must not free the loop.
 * Owner    tw_loop_free() cancels what is left. A call is the loop's, and gone once its last
 *          callback has returned, or at tw_call_cancel(), after which no callback comes.
 * Threads  one at a time; the client beneath may be used by others meanwhile.
 * Errors   as of client.h and watch.h; bounds and retries too. Only a plugin (config.h) makes
 *          starting a call wait.
 */
#ifndef TIDEWATCH_LOOP_H
#define TIDEWATCH_LOOP_H

#include <tidewatch/watch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_loop tw_loop;
typedef struct tw_call tw_call;

/* Keeps a reference to the client. */
TW_API tw_status tw_loop_new(tw_client *client, tw_loop **ret_loop, tw_error **reterr);
TW_API void tw_loop_free(tw_loop *loop);
/* Stays the same, and stays readable until tw_loop_process(). */
TW_API int tw_loop_fd(const tw_loop *loop);
/* Does what can be done now, and never waits. After a failure call it again. */
TW_API tw_status tw_loop_process(tw_loop *loop, tw_error **reterr);
/* Calls that are not over. */
TW_API size_t tw_loop_count(const tw_loop *loop);

/* TW_OK: `response` is there, else `error`; both borrowed. */
typedef void tw_done_fn(void *user, tw_status status, const tw_response *response,
                        const tw_error *error);
/* All that `request` points to is copied. `ret_call` may be NULL here and below. */
TW_API tw_status tw_loop_request(tw_loop *loop, const tw_request *request, tw_done_fn *on_done,
                                 void *user, tw_call **ret_call, tw_error **reterr);

typedef struct tw_watch_callbacks {
    void (*on_open)(void *user);                         /* accepted; may be NULL */
    void (*on_event)(void *user, const tw_event *event); /* borrowed */
    /* TW_END: the server ended the watch. It is not asked again: that is a reflector's work. */
    void (*on_end)(void *user, tw_status status, const tw_error *error);
    void *user;
} tw_watch_callbacks;

/* Not over a WebSocket: TW_ERR_ARGUMENT. */
TW_API tw_status tw_loop_watch(tw_loop *loop, const tw_resource *resource, const char *ns,
                               const tw_watch_options *options, const tw_watch_callbacks *callbacks,
                               tw_call **ret_call, tw_error **reterr);

TW_API void tw_call_cancel(tw_call *call);

#ifdef __cplusplus
}
#endif
#endif
