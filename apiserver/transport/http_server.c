#include <errno.h>
#include <stdlib.h>

#include "apiserver/transport/tls_conn.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    ACCEPTS_A_TURN = 32,   /* so that a storm of new connections does not starve the old ones */
    ACCEPT_PAUSE_MS = 100, /* out of descriptors: the listener would stay readable, and spin */
};

struct listener {
    struct list link;
    struct http_server *server;
    h2o_socket_t *sock;
    struct loop_timer pause;
    bool tls, complained;
};

/* ---- accepting ---- */

static void on_accept(h2o_socket_t *sock, const char *err);

static void on_pause_over(struct loop_timer *timer)
{
    struct listener *listener = container_of(timer, struct listener, pause);

    h2o_socket_read_start(listener->sock, on_accept);
}

static void pause_listener(struct listener *listener, int error)
{
    if (!listener->complained)
        LOG_WARN("cannot accept connections", LOG_STR("error", strerror(error)));
    listener->complained = true;
    h2o_socket_read_stop(listener->sock);
    loop_timer_start(listener->server->loop, &listener->pause, ACCEPT_PAUSE_MS);
}

static bool is_out_of_something(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_accept(h2o_socket_t *sock, const char *err)
{
    struct listener *listener = sock->data;

    (void)err;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        h2o_socket_t *accepted = h2o_evloop_socket_accept(sock);
        struct conn *conn;

        if (accepted == NULL) {
            if (is_out_of_something(errno))
                pause_listener(listener, errno);
            return; /* EAGAIN; or a peer that has left the queue: poll says when there is more */
        }
        listener->complained = false;
        count_own(&listener->server->counters.connections_total, 1);
        conn = conn_new(listener->server, accepted);
        if (conn != NULL && conn_admit(conn, listener->tls))
            conn_start(conn, listener->tls);
    }
}

static enum status accept_on(struct http_server *server, int fd, bool tls, struct error *reterr)
{
    struct listener *listener = calloc(1, sizeof(*listener));

    if (listener == NULL) {
        close(fd);
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for a listener");
    }
    listener->server = server;
    listener->tls = tls;
    listener->pause.on_fire = on_pause_over;
    listener->sock =
        h2o_evloop_socket_create(loop_h2o(server->loop), fd, H2O_SOCKET_FLAG_DONT_READ);
    listener->sock->data = listener;
    list_append(&server->listeners, &listener->link);
    h2o_socket_read_start(listener->sock, on_accept);
    return STATUS_OK;
}

enum status http_server_accept_on(struct http_server *server, int fd, struct error *reterr)
{
    return accept_on(server, fd, false, reterr);
}

enum status http_server_accept_tls_on(struct http_server *server, int fd, struct error *reterr)
{
    assert(server->tls != NULL);
    return accept_on(server, fd, true, reterr);
}

static void close_listeners(struct http_server *server)
{
    list_for_each(&server->listeners, it) {
        struct listener *listener = list_entry(it, struct listener, link);

        loop_timer_stop(server->loop, &listener->pause);
        h2o_socket_close(listener->sock);
        list_remove(&listener->link);
        free(listener);
    }
}

/* ---- life ---- */

static void on_turn_end(struct loop_task *task)
{
    struct http_server *server = container_of(task, struct http_server, turn);
    void (*on_drained)(void *user) = server->on_drained;

    if (server->freed) {
        free(server);
    } else if (on_drained != NULL) {
        server->on_drained = NULL;
        loop_timer_stop(server->loop, &server->grace);
        on_drained(server->drained_user);
    }
}

static void on_grace_over(struct loop_timer *timer)
{
    struct http_server *server = container_of(timer, struct http_server, grace);

    loop_defer(server->loop, &server->turn);
}

enum status http_server_new(const struct http_server_options *options,
                            struct http_server **ret_server, struct error *reterr)
{
    struct http_server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for a server");
    server->loop = options->loop;
    server->limits = options->limits != NULL ? *options->limits : http_limits_default;
    server->peers = options->peers;
    server->on_request = options->on_request;
    server->user = options->user;
    server->turn.run = on_turn_end;
    server->grace.on_fire = on_grace_over;
    server->sweep.on_fire = conn_sweep;
    list_init(&server->conns);
    list_init(&server->listeners);
    if (http2_server_init(server) != STATUS_OK) {
        http2_server_release(server);
        free(server);
        return error_set(reterr, STATUS_NO_MEMORY, "no memory for a server");
    }
    *ret_server = server;
    return STATUS_OK;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    server->on_drained = NULL;
    server->draining = true;
    close_listeners(server);
    loop_timer_stop(server->loop, &server->grace);
    while (!list_empty(&server->conns)) {
        struct conn *conn = list_entry(server->conns.next, struct conn, link);

        conn->ops->cut(conn);
    }
    loop_timer_stop(server->loop, &server->sweep);
    http2_server_release(server);
    buf_release(&server->spare);
    buf_release(&server->gather);
    http_server_set_tls(server, NULL);
    server->freed = true; /* the memory goes behind that of the connections */
    loop_defer(server->loop, &server->turn);
}

/* ---- draining ---- */

void http_server_on_conn_gone(struct http_server *server)
{
    discount_own(&server->counters.connections, 1);
    if (server->draining && list_empty(&server->conns))
        loop_defer(server->loop, &server->turn);
}

void http_server_drain(struct http_server *server, uint32_t grace_ms,
                       void (*on_drained)(void *user), void *user)
{
    server->draining = true;
    server->on_drained = on_drained;
    server->drained_user = user;
    close_listeners(server);
    loop_timer_start(server->loop, &server->grace, grace_ms);
    list_for_each(&server->conns, it) {
        struct conn *conn = list_entry(it, struct conn, link);

        conn->ops->drain(conn);
    }
    if (list_empty(&server->conns))
        loop_defer(server->loop, &server->turn);
}

/* ---- what is told ---- */

void http_server_get_stats(const struct http_server *server, struct http_server_stats *ret_stats)
{
    const struct server_counters *from = &server->counters;

    *ret_stats = (struct http_server_stats){
        .connections_total = atomic_load_explicit(&from->connections_total, memory_order_relaxed),
        .connections_refused_total =
            atomic_load_explicit(&from->connections_refused_total, memory_order_relaxed),
        .requests_total = atomic_load_explicit(&from->requests_total, memory_order_relaxed),
        .bytes_sent_total = atomic_load_explicit(&from->bytes_sent_total, memory_order_relaxed),
        .connections = atomic_load_explicit(&from->connections, memory_order_relaxed),
        .streams = atomic_load_explicit(&from->streams, memory_order_relaxed),
    };
}

struct bytes http_server_date(struct http_server *server)
{
    int64_t now = clock_wall_s();

    if (now != server->date_s) {
        time_t seconds = (time_t)now;
        struct tm utc;

        gmtime_r(&seconds, &utc);
        h2o_time2str_rfc1123(server->date, &utc);
        server->date_s = now;
    }
    return bytes_of(server->date, H2O_TIMESTR_RFC1123_LEN);
}
