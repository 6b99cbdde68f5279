#include "apiserver/transport/conn.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* its tcp_info is longer than that of <netinet/tcp.h> */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "apiserver/transport/tls_conn.h"
#include "base/log.h"

enum { LINGER_MS = 2000, LINGER_BYTES = 16 << 20 };

static const char h2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static const struct conn_ops sniff_ops, linger_ops;

static void on_wait(struct loop_timer *timer)
{
    struct conn *conn = container_of(timer, struct conn, wait);

    conn->ops->on_wait(conn);
}

/* ---- life ---- */

/* The end of a turn: what the phase has put off, or the end of `conn` itself. */
static void on_turn_end(struct loop_task *task)
{
    struct conn *conn = container_of(task, struct conn, turn);

    if (conn->sock == NULL)
        free(conn);
    else if (conn->ops->on_turn_end != NULL)
        conn->ops->on_turn_end(conn);
}

/* What a connection kept open: TLS has said good-bye, and libh2o closed; the socket goes on. */
static void linger_on(struct conn *conn)
{
    h2o_socket_t *sock = h2o_evloop_socket_create(loop_h2o(conn->server->loop), conn->linger_fd, 0);
    struct conn *rest = conn_new(conn->server, sock);

    conn->linger_fd = -1;
    if (rest != NULL)
        conn_linger(rest);
}

/* Every close ends here, once. The memory stays until the end of the turn, for whoever is up the
 * stack and holds the pointer. */
static void conn_on_close(void *data)
{
    struct conn *conn = data;

    if (conn->ops != &http1_stream_conn_ops)
        loop_timer_stop(conn->server->loop, &conn->wait);
    conn_count_sent(conn);
    conn->sock = NULL;
    conn->ssl = NULL; /* libh2o has freed it */
    conn_let_go(conn, 0);
    tally_return(conn->place, 1);
    conn->place = NULL;
    conn->ops->on_closed(conn);
    list_remove(&conn->link);
    if (conn->linger_fd >= 0)
        linger_on(conn);
    http_server_on_conn_gone(conn->server);
    loop_defer(conn->server->loop, &conn->turn);
}

/* h2o has set TCP_NODELAY. A peer that has vanished without a FIN is found by the kernel: by
 * keep-alive probes when nothing is being sent, by TCP_USER_TIMEOUT when something is. */
static void tune(int fd, uint32_t user_timeout_ms)
{
    const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, 15},
        {IPPROTO_TCP, TCP_KEEPINTVL, 5},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, (int)user_timeout_ms},
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof(options[i].value));
}

static void sweep_later(struct http_server *server)
{
    if (server->sweep.heap_at == 0)
        loop_timer_start(server->loop, &server->sweep, server->limits.write_stall_ms / 4 + 1);
}

struct conn *conn_new(struct http_server *server, h2o_socket_t *sock)
{
    struct conn *conn = calloc(1, sizeof(*conn));

    if (conn == NULL) {
        h2o_socket_close(sock);
        return NULL;
    }
    conn->server = server;
    conn->sock = sock;
    conn->ops = &sniff_ops;
    conn->turn.run = on_turn_end;
    conn->wait.on_fire = on_wait;
    conn->linger_fd = -1;
    /* Not by h2o, which keeps a copy on the heap for ever. */
    conn->peer = peer_of(h2o_socket_get_fd(sock));
    if (peer_is_remote(&conn->peer))
        tune(h2o_socket_get_fd(sock), server->limits.user_timeout_ms);
    sock->data = conn;
    sock->on_close.cb = conn_on_close;
    sock->on_close.data = conn;
    list_append(&server->conns, &conn->link);
    sweep_later(server);
    count_own(&server->counters.connections, 1);
    return conn;
}

void conn_close(struct conn *conn)
{
    h2o_socket_close(conn->sock);
}

void conn_reset(struct conn *conn)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(h2o_socket_get_fd(conn->sock), SOL_SOCKET, SO_LINGER, &at_once,
                     sizeof(at_once));
    if (conn->ssl != NULL)
        SSL_set_quiet_shutdown(conn->ssl, 1); /* a good-bye would make it look whole */
    conn->ops->cut(conn);
}

void conn_wait(struct conn *conn, uint32_t ms)
{
    conn->seen = (uint32_t)conn->sock->input->size;
    loop_timer_start(conn->server->loop, &conn->wait, ms);
}

void conn_end_stream(struct conn *conn)
{
    conn->wait = (struct loop_timer){.on_fire = on_wait};
}

void conn_count_sent(struct conn *conn)
{
    uint32_t written = (uint32_t)conn->sock->bytes_written;

    count_own(&conn->server->counters.bytes_sent_total, (uint32_t)(written - conn->counted));
    conn->counted = written;
}

/* ---- too many of one address ---- */

/* Whatever it asks; TLS is not worth a handshake, and just ends. */
static void refuse(struct conn *conn, bool tls, struct bytes peer)
{
    struct blob *body = error_reply_body(429, "too many connections from this address");
    struct buf answer = {0};

    LOG_DEBUG("too many connections of one address", LOG_BYTES("peer", peer));
    count_own(&conn->server->counters.connections_refused_total, 1);
    if (tls || body == NULL) {
        blob_unref(body);
        conn_close(conn);
        return;
    }
    buf_appendf(&answer,
                "HTTP/1.1 429 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                "Retry-After: 1\r\nConnection: close\r\n\r\n%.*s",
                http_reason(429), body->len, BYTES_FMT(blob_bytes(body)));
    if (!answer.failed)
        (void)!send(h2o_socket_get_fd(conn->sock), answer.data, answer.len,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_release(&answer);
    blob_unref(body);
    conn_linger(conn);
}

bool conn_admit(struct conn *conn, bool tls)
{
    const struct http_server *server = conn->server;
    uint64_t max = server->limits.peer_conns_max;
    char text[PEER_TEXT_MAX];
    struct bytes peer = peer_text(&conn->peer, text);

    if (server->peers == NULL || tally_take(server->peers, http_peer_address(peer), 1,
                                            max != 0 ? max : UINT64_MAX, &conn->place) == STATUS_OK)
        return true;
    refuse(conn, tls, peer);
    return false;
}

/* ---- what it sends that nobody has dealt with yet ---- */

enum { HELD_FREE = 16 << 10 }; /* most requests are no longer, and cost no lock */

static size_t counted(size_t len)
{
    return len > HELD_FREE ? len : 0;
}

bool conn_hold(struct conn *conn, size_t len)
{
    size_t now = counted(len);

    if (now <= conn->held) {
        conn_let_go(conn, len);
        return true;
    }
    if (conn->place != NULL &&
        !tally_grow(conn->place, now - conn->held, conn->server->limits.buffered_max))
        return false;
    conn->held = (uint32_t)now;
    return true;
}

void conn_let_go(struct conn *conn, size_t len)
{
    size_t now = counted(len);

    if (now >= conn->held)
        return;
    if (conn->place != NULL)
        tally_shrink(conn->place, conn->held - now);
    conn->held = (uint32_t)now;
}

/* ---- the peer that does not read ---- */

/* Changes whenever the peer has taken something, even in the middle of one long write. */
static uint64_t bytes_acknowledged(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    int queued = 0;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
        return info.tcpi_bytes_acked;
    (void)ioctl(fd, SIOCOUTQ, &queued);
    return (uint64_t)queued;
}

size_t conn_send_now(struct conn *conn, struct bytes bytes)
{
    ssize_t sent = -1;

    if (conn->ssl == NULL)
        sent =
            send(h2o_socket_get_fd(conn->sock), bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent <= 0)
        return 0;
    conn->sock->bytes_written += (size_t)sent;
    return (size_t)sent;
}

void conn_write_started(struct conn *conn)
{
    conn->moved_ms = (uint32_t)loop_now_ms(conn->server->loop);
}

static bool is_stalled(struct conn *conn, uint32_t now)
{
    uint32_t acked;

    if (!h2o_socket_is_writing(conn->sock))
        return false;
    acked = (uint32_t)bytes_acknowledged(h2o_socket_get_fd(conn->sock));
    if (acked != conn->acked)
        conn->moved_ms = now;
    conn->acked = acked;
    return now - conn->moved_ms >= conn->server->limits.write_stall_ms;
}

/* One timer for all: a write costs none, nor does a connection keep one. */
void conn_sweep(struct loop_timer *timer)
{
    struct http_server *server = container_of(timer, struct http_server, sweep);
    uint32_t now = (uint32_t)loop_now_ms(server->loop);

    list_for_each(&server->conns, it) {
        struct conn *conn = list_entry(it, struct conn, link);

        if (is_stalled(conn, now))
            conn->ops->cut(conn);
    }
    if (!list_empty(&server->conns))
        sweep_later(server);
}

/* ---- the first bytes ---- */

static void on_first_bytes(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;
    size_t have = sock->input->size, want = sizeof(h2_preface) - 1;

    if (err != NULL) {
        conn_close(conn);
        return;
    }
    if (have == 0)
        return;
    if (memcmp(sock->input->bytes, h2_preface, have < want ? have : want) != 0) {
        h2o_socket_read_stop(sock);
        http1_start(conn);
    } else if (have >= want) {
        h2o_socket_read_stop(sock);
        http2_start(conn);
    }
}

static void on_handshake(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;
    char peer[PEER_TEXT_MAX];

    tls_handshake_over(conn);
    if (err != NULL) {
        LOG_DEBUG("TLS handshake failed", LOG_BYTES("peer", peer_text(&conn->peer, peer)),
                  LOG_STR("why", err));
        conn_close(conn);
        return;
    }
    conn_wait(conn, conn->server->limits.first_byte_ms);
    if (tls_chose_h2(conn)) {
        http2_start(conn);
        return;
    }
    h2o_socket_read_start(sock, on_first_bytes);
    on_first_bytes(sock, NULL); /* some may have come with the handshake */
}

void conn_start(struct conn *conn, bool tls)
{
    conn->ops = &sniff_ops;
    conn_wait(conn, conn->server->limits.first_byte_ms);
    if (tls)
        tls_handshake(conn, on_handshake);
    else
        h2o_socket_read_start(conn->sock, on_first_bytes);
}

static const struct conn_ops sniff_ops = {
    .cut = conn_close, .on_closed = tls_handshake_over, .on_wait = conn_close, .drain = conn_close};

/* ---- the last bytes ---- */

static void nothing(struct conn *conn)
{
    (void)conn;
}

static void on_leftover(h2o_socket_t *sock, const char *err)
{
    struct conn *conn = sock->data;

    conn->seen += (uint32_t)sock->input->size;
    h2o_buffer_consume(&sock->input, sock->input->size);
    if (err != NULL || conn->seen > LINGER_BYTES)
        conn_close(conn);
}

void conn_linger(struct conn *conn)
{
    conn->ops = &linger_ops;
    if (conn->ssl != NULL) { /* the good-bye of TLS goes ahead of that of TCP, which is ours then */
        conn->linger_fd = fcntl(h2o_socket_get_fd(conn->sock), F_DUPFD_CLOEXEC, 0);
        conn_close(conn);
        return;
    }
    shutdown(h2o_socket_get_fd(conn->sock), SHUT_WR);
    h2o_buffer_consume(&conn->sock->input, conn->sock->input->size);
    conn_wait(conn, LINGER_MS);
    conn->sock->data = conn;
    h2o_socket_read_start(conn->sock, on_leftover);
}

static const struct conn_ops linger_ops = {
    .cut = conn_close, .on_closed = nothing, .on_wait = conn_close, .drain = nothing};

/* ---- frames in flight ---- */

static struct frame **frames_of(struct frame_batch *batch, size_t count)
{
    return count <= ARRAY_LEN(batch->few) ? batch->few : batch->many;
}

bool frame_batch_set(struct frame_batch *batch, struct frame *const *frames, size_t count)
{
    if (count > ARRAY_LEN(batch->few)) {
        batch->many = malloc(count * sizeof(struct frame *));
        if (batch->many == NULL)
            return false;
    }
    for (size_t i = 0; i < count; i++)
        frames_of(batch, count)[i] = frame_ref(frames[i]);
    batch->count = (uint8_t)count;
    batch->at = 0;
    return true;
}

const struct frame *frame_batch_next(struct frame_batch *batch)
{
    return frames_of(batch, batch->count)[batch->at];
}

void frame_batch_release(struct frame_batch *batch)
{
    struct frame **frames = frames_of(batch, batch->count);

    for (size_t i = 0; i < batch->count; i++)
        frame_unref(frames[i]);
    if (frames != batch->few)
        free(frames);
    batch->count = batch->at = 0;
}
