/* A watch over a WebSocket against a server that plays bytes. What the client's frames look like is
 * checked by reading them here, by hand. */
#include "unit/test.h"

#include <tidewatch/tidewatch.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit/client-go-like/upgrade.h"

enum { WAIT_MS = 20000 };

/* One connection; then it reads to the end, and keeps what came behind the request. */
struct peer {
    int listener;
    char url[64];
    pthread_t thread;
    struct bytes answer; /* instead of 101 .., if set */
    struct bytes frames;
    bool wrong_key, hang_up; /* hang_up: closes once it has sent */
    struct buf request, said;
};

static void send_all(int fd, struct bytes data)
{
    CHECK(send(fd, data.ptr, data.len, MSG_NOSIGNAL) == (ssize_t)data.len);
}

static void read_to(int fd, struct buf *in, const char *end)
{
    while (in->len == 0 || (end != NULL && memmem(in->data, in->len, end, strlen(end)) == NULL) ||
           end == NULL) {
        ssize_t got;

        CHECK(buf_reserve(in, 4096));
        got = recv(fd, in->data + in->len, 4096, 0);
        if (got <= 0)
            return;
        in->len += (size_t)got;
    }
}

static void accept_handshake(struct peer *p, int fd)
{
    struct buf out = {0};

    append_upgrade(&out, buf_bytes(&p->request), p->wrong_key);
    buf_append_bytes(&out, p->frames); /* in one piece with the head */
    send_all(fd, buf_bytes(&out));
    buf_release(&out);
}

static void *serve(void *user)
{
    struct peer *p = user;
    int fd = accept(p->listener, NULL, NULL);

    read_to(fd, &p->request, "\r\n\r\n");
    if (p->answer.len != 0)
        send_all(fd, p->answer);
    else
        accept_handshake(p, fd);
    if (p->hang_up)
        shutdown(fd, SHUT_WR);
    read_to(fd, &p->said, NULL);
    close(fd);
    return NULL;
}

static void peer_start(struct peer *p)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);

    signal(SIGPIPE, SIG_IGN);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(p->listener, (struct sockaddr *)&addr, len) == 0 && listen(p->listener, 1) == 0);
    getsockname(p->listener, (struct sockaddr *)&addr, &len);
    snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%u", ntohs(addr.sin_port));
    pthread_create(&p->thread, NULL, serve, p);
}

/* A frame of the client: unmasked in place; ptr NULL if there is none. */
static struct bytes take_frame(struct buf *said, uint8_t *ret_opcode)
{
    struct bytes frame = {0};
    size_t len = said->len >= 6 ? (size_t)(said->data[1] & 0x7f) : 0;

    if (said->len < 6 + len)
        return frame;
    CHECK((said->data[0] & 0xf0) == 0x80 && (said->data[1] & 0x80) != 0); /* whole, and masked */
    *ret_opcode = said->data[0] & 0x0f;
    for (size_t i = 0; i < len; i++)
        said->data[6 + i] = (char)(said->data[6 + i] ^ said->data[2 + i % 4]);
    frame = bytes_of(bytes_dup(bytes_of(said->data + 6, len)), len);
    buf_consume(said, 6 + len);
    return frame;
}

static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};

static tw_status open_watch(struct peer *p, unsigned idle_ms, tw_watch **ret_watch,
                            tw_error **reterr)
{
    tw_watch_options options = {.bookmarks = true, .idle_ms = idle_ms};
    tw_config *config = NULL;
    tw_client *client = NULL;
    tw_status st;

    options.framing = TW_FRAMING_PROTOBUF;
    options.transport = TW_TRANSPORT_WEBSOCKET;
    peer_start(p);
    CHECK(tw_config_from_url(p->url, &config, NULL) == TW_OK);
    CHECK(tw_config_set_token(config, "secret", NULL) == TW_OK);
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    st = tw_watch_open(client, &configmaps, "n", &options, ret_watch, reterr);
    tw_config_free(config);
    tw_client_unref(client); /* the watch has its own reference */
    return st;
}

/* Once the client has closed. */
static void peer_end(struct peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->listener);
}

/* What the first tw_watch_next() that is not an event says; *ret_names has the events' names. */
static tw_status play(struct peer *p, char *ret_names, tw_error **reterr)
{
    tw_watch *watch = NULL;
    tw_event event;
    tw_status st = open_watch(p, 2000, &watch, reterr);

    ret_names[0] = '\0';
    while (st == TW_OK && (st = tw_watch_next(watch, WAIT_MS, &event, reterr)) == TW_OK) {
        strcat(strcat(ret_names, tw_object_name(event.object)), " ");
        tw_event_release(&event);
    }
    tw_watch_close(watch);
    peer_end(p);
    return st;
}

static void peer_release(struct peer *p)
{
    buf_release(&p->request);
    buf_release(&p->said);
}

static bool asked(const struct peer *p, const char *text)
{
    return memmem(p->request.data, p->request.len, text, strlen(text)) != NULL;
}

#define EVENT_A "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}" /* 51 bytes */
#define EVENT_B "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"b\"}}}"
#define TEXT "\x81"
#define BINARY "\x82"
#define CLOSE(code) "\x88\x02" code
#define NORMAL "\x03\xe8"
#define LEN "\x33"

TEST(websocket, a_watch_asks_politely_and_reads_messages_until_the_close)
{
    struct peer p = {.frames = BYTES(TEXT LEN EVENT_A TEXT LEN EVENT_B CLOSE(NORMAL))};
    char names[64];
    uint8_t opcode = 0;
    struct bytes close;

    CHECK_INT(strlen(EVENT_A), 51);
    CHECK_INT(play(&p, names, NULL), TW_END);
    CHECK_TEXT(bytes_str(names), "a b ");
    CHECK(asked(
        &p,
        "GET /api/v1/namespaces/n/configmaps?allowWatchBookmarks=true&watch=true HTTP/1.1\r\n"));
    CHECK(asked(&p,
                "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"));
    CHECK(asked(&p, "\r\nAuthorization: Bearer secret\r\n") &&
          asked(&p, "\r\nOrigin: http://127.0.0.1:"));
    CHECK(asked(&p, "\r\nAccept: application/vnd.kubernetes.protobuf,application/json\r\n"));
    close = take_frame(&p.said, &opcode);
    CHECK_INT(opcode, 8);
    CHECK_TEXT(close, NORMAL);
    free((char *)(uintptr_t)close.ptr);
    peer_release(&p);
}

TEST(websocket, a_message_in_pieces_around_a_ping_is_one_event_and_the_ping_is_answered)
{
    struct peer p = {.frames =
                         BYTES("\x01\x0a{\"type\":\"A"
                               "\x89\x02hi"
                               "\x80\x29"
                               "DDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}" CLOSE(NORMAL))};
    char names[64];
    uint8_t opcode = 0;
    struct bytes pong;

    CHECK_INT(play(&p, names, NULL), TW_END);
    CHECK_TEXT(bytes_str(names), "a ");
    pong = take_frame(&p.said, &opcode);
    CHECK_INT(opcode, 10);
    CHECK_TEXT(pong, "hi");
    free((char *)(uintptr_t)pong.ptr);
    peer_release(&p);
}

TEST(websocket, close_codes_say_what_to_do_next)
{
    static const struct {
        struct bytes frames;
        tw_status expected;
    } rows[] = {
        {BYTES_INIT("\x88\x00"), TW_END},
        {BYTES_INIT(CLOSE("\x03\xe9")), TW_END},          /* 1001 going away */
        {BYTES_INIT(CLOSE("\x03\xeb")), TW_ERR_PROTOCOL}, /* 1003 unsupported */
        {BYTES_INIT(CLOSE("\x03\xf3")), TW_ERR_BROKEN},   /* 1011 internal error */
        {BYTES_INIT(CLOSE("\x03\xf5")), TW_ERR_BROKEN},   /* 1013 try again later */
        {BYTES_INIT("\x88\x01x"), TW_ERR_PROTOCOL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p = {.frames = rows[i].frames};
        tw_error *error = NULL;
        char names[64];

        CHECK_INT(play(&p, names, &error), rows[i].expected);
        CHECK((error == NULL) == (rows[i].expected == TW_END));
        tw_error_free(error);
        peer_release(&p);
    }
}

TEST(websocket, frames_that_break_the_protocol_end_the_watch)
{
    static const struct bytes rows[] = {
        BYTES_INIT("\x81\x81zzzzx"),                             /* masked */
        BYTES_INIT("\xc1\x01x"),                                 /* compressed */
        BYTES_INIT("\x80\x01x"),                                 /* continues nothing */
        BYTES_INIT("\x01\x01{\x81\x01{"),                        /* begins anew in the middle */
        BYTES_INIT("\x89\x7e\x00\x7e"),                          /* a long ping */
        BYTES_INIT("\x09\x00"),                                  /* a ping in pieces */
        BYTES_INIT("\x8b\x00"),                                  /* nobody's opcode */
        BYTES_INIT("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xffx"), /* 2^63 - 1 bytes */
        BYTES_INIT("\x81\x01x"),                                 /* no JSON */
        BYTES_INIT("\x82\x01x"),                                 /* no protobuf */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p = {.frames = rows[i]};
        char names[64];

        CHECK_INT(play(&p, names, NULL), TW_ERR_PROTOCOL);
        peer_release(&p);
    }
}

TEST(websocket, an_end_without_a_close_is_broken)
{
    struct peer p = {.frames = BYTES(TEXT LEN EVENT_A TEXT LEN "{\"type"), .hang_up = true};
    char names[64];

    CHECK_INT(play(&p, names, NULL), TW_ERR_BROKEN);
    CHECK_TEXT(bytes_str(names), "a ");
    peer_release(&p);
}

TEST(websocket, a_refused_handshake_is_the_servers_error)
{
    struct peer p = {.answer =
                         BYTES("HTTP/1.1 403 Forbidden\r\nContent-Length: 87\r\n\r\n"
                               "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"not you\","
                               "\"reason\":\"Forbidden\",\"code\":403}")};
    tw_error *error = NULL;
    char names[64];

    CHECK_INT(play(&p, names, &error), TW_ERR_SERVER);
    CHECK_INT(tw_error_code(error), 403);
    CHECK_TEXT(bytes_str(tw_error_message(error)), "not you");
    tw_error_free(error);
    peer_release(&p);
}

TEST(websocket, what_is_no_handshake_is_refused)
{
    static const struct {
        struct bytes answer;
        bool wrong_key;
    } rows[] = {
        {BYTES_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), false},
        {BYTES_INIT("garbage, garbage\r\n\r\n"), false},
        {{0}, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p = {.answer = rows[i].answer, .wrong_key = rows[i].wrong_key};
        char names[64];

        CHECK_INT(play(&p, names, NULL), TW_ERR_PROTOCOL);
        peer_release(&p);
    }
}

TEST(websocket, a_silent_server_is_pinged_and_then_given_up)
{
    struct peer p = {0};
    tw_watch *watch = NULL;
    tw_error *error = NULL;
    tw_event event;
    uint8_t opcode = 0;
    struct bytes ping;

    CHECK(open_watch(&p, 150, &watch, NULL) == TW_OK);
    CHECK_INT(tw_watch_next(watch, WAIT_MS, &event, &error), TW_ERR_TIMEOUT);
    CHECK(error != NULL); /* the bound, not our own patience */
    tw_error_free(error);
    tw_watch_close(watch);
    peer_end(&p);
    ping = take_frame(&p.said, &opcode);
    CHECK_INT(opcode, 9);
    free((char *)(uintptr_t)ping.ptr);
    peer_release(&p);
}

static void *stop_it(void *watch)
{
    tw_watch_stop(watch);
    return NULL;
}

TEST(websocket, a_wait_ends_when_someone_stops_it)
{
    struct peer p = {0};
    tw_watch *watch = NULL;
    tw_event event;
    pthread_t stopper;
    uint64_t began;

    CHECK(open_watch(&p, 0, &watch, NULL) == TW_OK);
    began = clock_monotonic_ms();
    pthread_create(&stopper, NULL, stop_it, watch);
    CHECK_INT(tw_watch_next(watch, WAIT_MS, &event, NULL), TW_ERR_STOPPED);
    CHECK(clock_monotonic_ms() - began < WAIT_MS / 2);
    pthread_join(stopper, NULL);
    tw_watch_close(watch);
    peer_end(&p);
    peer_release(&p);
}
