/*
 * storm - writers and watchers of Leases that outlast their server, and record what they were told.
 *
 *   storm PORT SEED WRITERS WATCHERS FOLDER
 *   stdin "N"  -->  stdout, once so many writes more were acknowledged: how many there were in all
 *   end of input: the writers end, the watchers come to the last write, and the records are whole
 *
 * Writers  one write on its way each. A key is one writer's own, each write has a token of its own:
 *          what may stand in a key follows from what that writer was told.
 * Watchers begin with the state, resume where they were, and let go now and then.
 * Records  a file for each client in FOLDER, of struct record; tests/fault/storm.py judges them.
 *          Times are of CLOCK_MONOTONIC, as in history.py.
 * A connection that ends in the middle of a write leaves it unknown: code 0.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    KEYS = 64, /* of a writer */
    CLIENTS_MAX = 64,
    TOKENS_EACH = 1 << 24,
    PATH_MAX_LEN = 256,
    BODY_MAX = 512,
    RETRY_MS = 1, /* between two tries to connect */
    PATIENCE_MS = 60 * 1000,
};

enum verb { CREATE, UPDATE, DELETE, GET, ADDED, MODIFIED, DELETED, BOOKMARK, SYNCED, BEGIN, END };

struct record { /* of storm.py's RECORD */
    uint64_t call, ret, rv, expected;
    uint32_t key, token; /* token 0: none */
    uint16_t verb, code;
    uint32_t padding;
};

struct connection {
    int fd; /* -1: none */
    size_t at, len;
    uint64_t chunk; /* bytes of it that are left */
    char data[256 * 1024];
};

struct answer {
    unsigned code;
    size_t length;
    bool chunked;
    const char *body; /* until the next read */
};

enum presence { UNKNOWN, ABSENT, PRESENT };

struct client {
    unsigned number;
    pthread_t thread;
    FILE *records;
    uint64_t dice;
    struct connection connection;
    /* a writer's */
    uint32_t tokens;
    struct {
        enum presence presence;
        uint64_t rv;
    } keys[KEYS];
    /* a watcher's */
    const char *path, *selector;
    uint64_t told; /* 0: begins with the state */
};

static struct {
    int port;
    const char *folder;
    uint64_t seed;
    atomic_bool stopping;
    atomic_uint_fast64_t goal; /* revision the watchers end at, 0: not yet */
    pthread_mutex_t lock;
    pthread_cond_t acked;
    uint64_t acks, wanted;
} storm = {.lock = PTHREAD_MUTEX_INITIALIZER, .acked = PTHREAD_COND_INITIALIZER};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static unsigned roll(struct client *client, unsigned sides)
{
    client->dice ^= client->dice << 13;
    client->dice ^= client->dice >> 7;
    client->dice ^= client->dice << 17;
    return (unsigned)(client->dice >> 20) % sides;
}

static void note(struct client *client, struct record record)
{
    if (fwrite(&record, sizeof(record), 1, client->records) != 1) {
        perror("storm: a record");
        exit(1);
    }
}

/* ---- a connection ---- */

static void hang_up(struct connection *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    c->at = c->len = 0;
    c->chunk = 0;
}

/* False: the server is not there. */
static bool connect_once(struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)storm.port)};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        hang_up(c);
        return false;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return true;
}

static void connect_to(struct connection *c)
{
    uint64_t until = now_ns() + (uint64_t)PATIENCE_MS * 1000000;

    while (c->fd < 0 && !connect_once(c)) {
        if (now_ns() > until) {
            fprintf(stderr, "storm: the server does not come back\n");
            exit(1);
        }
        poll(NULL, 0, RETRY_MS);
    }
}

static bool send_all(struct connection *c, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* False: it has ended, or there is more than fits. */
static bool receive(struct connection *c)
{
    ssize_t n;

    if (c->at > 0) {
        memmove(c->data, c->data + c->at, c->len - c->at);
        c->len -= c->at;
        c->at = 0;
    }
    if (c->len == sizeof(c->data) - 1)
        return false;
    n = recv(c->fd, c->data + c->len, sizeof(c->data) - 1 - c->len, 0);
    if (n <= 0)
        return false;
    c->len += (size_t)n;
    c->data[c->len] = '\0';
    return true;
}

/* What ends with `end`, taken out of what came; NULL: the connection ended before. It is the
 * caller's until the next call. */
static char *receive_until(struct connection *c, const char *end)
{
    char *found, *from;

    while (c->len == c->at || (found = strstr(c->data + c->at, end)) == NULL)
        if (!receive(c))
            return NULL;
    from = c->data + c->at;
    *found = '\0';
    c->at = (size_t)(found + strlen(end) - c->data);
    return from;
}

static bool receive_head(struct connection *c, struct answer *ret_answer)
{
    const char *head = receive_until(c, "\r\n\r\n"), *length;

    if (head == NULL || sscanf(head, "HTTP/1.1 %u", &ret_answer->code) != 1)
        return false;
    length = strcasestr(head, "\r\ncontent-length:");
    ret_answer->chunked = length == NULL;
    ret_answer->length = length != NULL ? strtoul(strchr(length, ':') + 1, NULL, 10) : 0;
    return true;
}

/* Asks, and has the whole answer; false: the connection ended before, and is closed. */
static bool ask(struct connection *c, const char *method, const char *path, const char *body,
                struct answer *ret_answer)
{
    const char *form = strcmp(method, "PATCH") == 0 ? "merge-patch+json" : "json";
    char request[PATH_MAX_LEN + BODY_MAX + 128];
    int len = snprintf(request, sizeof(request),
                       "%s %s HTTP/1.1\r\nHost: storm\r\nContent-Type: application/%s\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       method, path, form, strlen(body), body);

    if (send_all(c, request, (size_t)len) && receive_head(c, ret_answer) && !ret_answer->chunked) {
        while (c->len - c->at < ret_answer->length)
            if (!receive(c))
                goto ended;
        ret_answer->body = c->data + c->at;
        c->at += ret_answer->length;
        return true;
    }
ended:
    hang_up(c);
    return false;
}

/* A number behind `name`, which ends with its quote; 0: there is none. */
static uint64_t number_of(const char *text, const char *name)
{
    const char *found = strstr(text, name);

    return found != NULL ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static uint64_t rv_of(const char *text)
{
    return number_of(text, "\"resourceVersion\":\"");
}

static uint32_t token_of(const char *text)
{
    return (uint32_t)number_of(text, "\"holderIdentity\":\"");
}

/* ---- writers ---- */

static const char *space_of(unsigned key)
{
    return key % 2 == 0 ? "default" : "east";
}

static void body_of(unsigned key, uint32_t token, uint64_t expected, char body[BODY_MAX])
{
    char version[64] = "";

    if (expected != 0)
        snprintf(version, sizeof(version), ",\"resourceVersion\":\"%llu\"",
                 (unsigned long long)expected);
    snprintf(body, BODY_MAX,
             "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
             "\"k%u\",\"labels\":{\"on\":\"%s\"}%s},\"spec\":{\"holderIdentity\":\"%u\"}}",
             key, token % 2 == 0 ? "yes" : "no", version, token);
}

static void count_ack(void)
{
    pthread_mutex_lock(&storm.lock);
    if (++storm.acks == storm.wanted)
        pthread_cond_signal(&storm.acked);
    pthread_mutex_unlock(&storm.lock);
}

/* Does it, whatever comes of it, and records that: an update of what is `expected`, or a patch. */
static struct record act(struct client *client, enum verb verb, unsigned slot, uint64_t expected)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "GET"};
    struct record record = {
        .verb = (uint16_t)verb, .key = (client->number << 16) | slot, .expected = expected};
    struct answer answer = {0};
    const char *method = methods[verb];
    char path[PATH_MAX_LEN], body[BODY_MAX] = "";
    int len = snprintf(path, sizeof(path), "/apis/coordination.k8s.io/v1/namespaces/%s/leases",
                       space_of(record.key));

    if (verb == UPDATE && expected == 0)
        method = "PATCH";
    if (verb != CREATE)
        snprintf(path + len, sizeof(path) - (size_t)len, "/k%u", record.key);
    if (verb == CREATE || verb == UPDATE) {
        record.token = client->number * TOKENS_EACH + ++client->tokens;
        body_of(record.key, record.token, expected, body);
    }
    connect_to(&client->connection);
    record.call = now_ns();
    if (ask(&client->connection, method, path, body, &answer)) {
        record.code = (uint16_t)answer.code;
        if (answer.code / 100 == 2 && verb != DELETE)
            record.rv = rv_of(answer.body);
        if (answer.code / 100 == 2 && verb == GET)
            record.token = token_of(answer.body);
    }
    record.ret = now_ns();
    note(client, record);
    if (record.code / 100 == 2 && verb != GET)
        count_ack();
    return record;
}

static void step(struct client *client)
{
    unsigned slot = roll(client, KEYS), what = roll(client, 100);
    enum presence *presence = &client->keys[slot].presence;
    uint64_t *rv = &client->keys[slot].rv;
    struct record done;

    if (*presence == UNKNOWN || (*presence == PRESENT && what < 10))
        done = act(client, GET, slot, 0);
    else if (*presence == ABSENT)
        done = act(client, CREATE, slot, 0);
    else if (what < 25)
        done = act(client, DELETE, slot, 0);
    else
        done = act(client, UPDATE, slot, what < 60 ? *rv : 0);
    *rv = done.rv;
    if (done.code / 100 == 2)
        *presence = done.verb == DELETE ? ABSENT : PRESENT;
    else
        *presence = done.code == 404 ? ABSENT : UNKNOWN;
}

static void *write_on(void *arg)
{
    struct client *client = arg;

    while (!storm.stopping)
        step(client);
    hang_up(&client->connection);
    return NULL;
}

/* ---- watchers ---- */

/* Moves what is left of a chunked stream's line together: a chunk may end anywhere. NULL: it ended.
 */
static const char *next_line(struct connection *c, char *line, size_t size)
{
    size_t len = 0;

    for (;;) {
        if (c->chunk == 0) {
            const char *head = receive_until(c, "\r\n");

            c->chunk = head != NULL ? strtoull(head, NULL, 16) : 0;
            if (c->chunk == 0)
                return NULL;
            c->chunk += 2; /* its end of line */
        }
        if (c->at == c->len && !receive(c))
            return NULL;
        while (c->at < c->len && c->chunk > 0) {
            char byte = c->data[c->at++];

            if (--c->chunk < 2)
                continue;
            if (byte == '\n') {
                line[len] = '\0';
                return line;
            }
            if (len + 1 == size)
                return NULL;
            line[len++] = byte;
        }
    }
}

static enum verb type_of(const char *line)
{
    static const struct {
        const char *text;
        enum verb verb;
    } types[] = {{"{\"type\":\"ADDED\"", ADDED},
                 {"{\"type\":\"MODIFIED\"", MODIFIED},
                 {"{\"type\":\"DELETED\"", DELETED}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strncmp(line, types[i].text, strlen(types[i].text)) == 0)
            return types[i].verb;
    if (strncmp(line, "{\"type\":\"BOOKMARK\"", 18) != 0)
        return END;
    return strstr(line, "\"k8s.io/initial-events-end\":\"true\"") != NULL ? SYNCED : BOOKMARK;
}

/* The code it ended with: 0 cut, 1 let go, or the server's. */
static unsigned read_events(struct client *client, bool synced)
{
    char line[8192];
    unsigned patience = 20 + roll(client, 5000);

    while (next_line(&client->connection, line, sizeof(line)) != NULL) {
        struct record record = {
            .ret = now_ns(), .verb = (uint16_t)type_of(line), .rv = rv_of(line)};
        uint64_t goal = storm.goal;

        if (record.verb == END)
            return (unsigned)number_of(line, "\"code\":");
        if (record.verb < BOOKMARK) {
            record.key = (uint32_t)number_of(line, "\"name\":\"k");
            record.token = token_of(line);
        }
        note(client, record);
        synced = synced || record.verb == SYNCED;
        client->told = synced ? record.rv : 0;
        if (synced && ((goal != 0 && client->told >= goal) || (goal == 0 && --patience == 0)))
            return 1;
    }
    return 0;
}

static void watch_once(struct client *client)
{
    char path[PATH_MAX_LEN], request[PATH_MAX_LEN + 64];
    struct answer answer = {0};
    struct record end = {.verb = END};
    int len = snprintf(path, sizeof(path), "%s?watch=1&allowWatchBookmarks=true%s", client->path,
                       client->selector);

    if (client->told == 0)
        snprintf(path + len, sizeof(path) - (size_t)len,
                 "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    else
        snprintf(path + len, sizeof(path) - (size_t)len, "&resourceVersion=%llu",
                 (unsigned long long)client->told);
    connect_to(&client->connection);
    note(client, (struct record){.verb = BEGIN, .call = now_ns(), .rv = client->told});
    len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: storm\r\n\r\n", path);
    if (send_all(&client->connection, request, (size_t)len) &&
        receive_head(&client->connection, &answer)) {
        bool resumed = client->told != 0;

        end.code = (uint16_t)(answer.code == 200 ? read_events(client, resumed) : answer.code);
    }
    end.ret = now_ns();
    note(client, end);
    if (end.code == 410)
        client->told = 0;
    hang_up(&client->connection);
}

static void *watch_on(void *arg)
{
    struct client *client = arg;

    while (storm.goal == 0 || client->told < storm.goal)
        watch_once(client);
    return NULL;
}

/* ---- all of them ---- */

static const struct {
    const char *path, *selector;
} scopes[] = {
    /* as in storm.py's SCOPES */
    {"/apis/coordination.k8s.io/v1/leases", ""},
    {"/apis/coordination.k8s.io/v1/leases", "&labelSelector=on%3Dyes"},
    {"/apis/coordination.k8s.io/v1/namespaces/east/leases", ""},
    {"/apis/coordination.k8s.io/v1/namespaces/default/leases", "&labelSelector=on%3Dyes"},
};

static struct client *client_new(unsigned number, const char *kind)
{
    struct client *client = calloc(1, sizeof(*client));
    char path[PATH_MAX_LEN];

    snprintf(path, sizeof(path), "%s/%s%u", storm.folder, kind, number);
    if (client == NULL || (client->records = fopen(path, "wb")) == NULL) {
        perror("storm: its records");
        exit(1);
    }
    client->number = number;
    client->connection.fd = -1;
    client->dice = (storm.seed << 8) + number + (kind[0] == 'w' ? 1 : 101);
    return client;
}

static void client_free(struct client *client)
{
    if (fclose(client->records) != 0)
        exit(1);
    free(client);
}

static void start(struct client *client, void *(*run)(void *))
{
    if (pthread_create(&client->thread, NULL, run, client) != 0)
        exit(1);
}

static void answer_questions(void)
{
    char line[32];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        pthread_mutex_lock(&storm.lock);
        storm.wanted = storm.acks + strtoull(line, NULL, 10);
        while (storm.acks < storm.wanted)
            pthread_cond_wait(&storm.acked, &storm.lock);
        printf("%llu\n", (unsigned long long)storm.acks);
        pthread_mutex_unlock(&storm.lock);
        fflush(stdout);
    }
}

/* The last write of all, in sight of all watchers: of a key that each of them would be told of. */
static void end_with(struct client *last)
{
    uint64_t goal = 0;

    for (unsigned slot = 0; slot < 2; slot++) {
        do
            last->tokens |= 1; /* the next one is even: on=yes */
        while ((goal = act(last, CREATE, slot, 0).rv) == 0);
    }
    storm.goal = goal;
    hang_up(&last->connection);
}

int main(int argc, char **argv)
{
    struct client *writers[CLIENTS_MAX], *watchers[CLIENTS_MAX], *last;
    unsigned writer_count, watcher_count;

    if (argc != 6 || atoi(argv[3]) >= CLIENTS_MAX || atoi(argv[4]) >= CLIENTS_MAX) {
        fprintf(stderr, "usage: storm PORT SEED WRITERS WATCHERS FOLDER\n");
        return 2;
    }
    storm.port = atoi(argv[1]);
    storm.seed = strtoull(argv[2], NULL, 10) + 1;
    writer_count = (unsigned)atoi(argv[3]);
    watcher_count = (unsigned)atoi(argv[4]);
    storm.folder = argv[5];
    for (unsigned i = 0; i < watcher_count; i++) {
        watchers[i] = client_new(i, "f");
        watchers[i]->path = scopes[i % 4].path;
        watchers[i]->selector = scopes[i % 4].selector;
        start(watchers[i], watch_on);
    }
    for (unsigned i = 0; i < writer_count; i++) {
        writers[i] = client_new(i, "w");
        start(writers[i], write_on);
    }
    last = client_new(writer_count, "w");
    answer_questions();
    storm.stopping = true;
    for (unsigned i = 0; i < writer_count; i++) {
        pthread_join(writers[i]->thread, NULL);
        client_free(writers[i]);
    }
    end_with(last);
    client_free(last);
    for (unsigned i = 0; i < watcher_count; i++) {
        pthread_join(watchers[i]->thread, NULL);
        client_free(watchers[i]);
    }
    return 0;
}
