#include "target.h"

#define MARK "@at="
enum { STAMP_DIGITS = 16, PATH_MAX_LEN = 2048 };

struct target_ops {
    const char *name;
    bool http2; /* always */
    bool nats;
    const char *watch, *write, *watch_headers;
    void (*prepare)(struct target *target, unsigned objects);
    void (*watch_body)(struct target *target, struct request *request);
    void (*write_request)(struct target *target, unsigned number, uint64_t stamp_us,
                          struct request *request);
};

static char *scratch(size_t need)
{
    static char *text;
    static size_t room;

    if (need > room)
        text = realloc(text, room = need * 2);
    return text;
}

/* ---- kube ---- */

#define JSON_TYPE "content-type: application/json\r\n"

static int write_object(const struct target *t, char *out, const char *name, uint64_t stamp_us)
{
    int len = sprintf(out,
                      "{\"apiVersion\":\"v1\",\"kind\":\"%s\",\"metadata\":{%s,\"annotations\":{"
                      "\"at\":\"" MARK "%016llu\"}},",
                      t->object != NULL ? "Pod" : "ConfigMap", name, (unsigned long long)stamp_us);

    if (t->object != NULL)
        return len + sprintf(out + len, "%s}", t->object);
    len += sprintf(out + len, "\"data\":{\"k\":\"");
    memset(out + len, 'x', t->size);
    return len + (int)t->size + sprintf(out + len + t->size, "\"}}");
}

static void kube_write(struct target *t, unsigned number, uint64_t stamp_us, struct request *r)
{
    static char path[PATH_MAX_LEN];
    char *body = scratch(t->size + 4096), name[64];

    snprintf(path, sizeof(path), "%s/bench-%u", t->write, number);
    *r = (struct request){.method = "PUT", .path = path, .headers = JSON_TYPE, .body = body};
    snprintf(name, sizeof(name), "\"name\":\"bench-%u\"", number);
    if (strcmp(t->op, "create") == 0) {
        r->method = "POST";
        r->path = t->write;
        snprintf(name, sizeof(name), "\"generateName\":\"bench-\"");
    } else if (strcmp(t->op, "patch") == 0) {
        r->method = "PATCH";
        r->headers = "content-type: application/merge-patch+json\r\n";
        r->body_len =
            (size_t)sprintf(body, "{\"metadata\":{\"annotations\":{\"at\":\"" MARK "%016llu\"}}}",
                            (unsigned long long)stamp_us);
        return;
    }
    r->body_len = (size_t)write_object(t, body, name, stamp_us);
}

struct answer {
    struct call call;
    bool done;
    char text[4096];
    size_t len;
};

static void keep_text(struct call *call, const char *data, size_t len)
{
    struct answer *answer = call->user;
    size_t room = sizeof(answer->text) - 1 - answer->len, take = len < room ? len : room;

    memcpy(answer->text + answer->len, data, take);
    answer->text[answer->len += take] = '\0';
}

static void note_done(struct call *call)
{
    ((struct answer *)call->user)->done = true;
}

static void ask(struct client *client, int poller, struct answer *answer, const struct request *r)
{
    *answer = (struct answer){.call = {.on_data = keep_text, .on_done = note_done}};
    answer->call.user = answer;
    client_send(client, &answer->call, r);
    while (!answer->done)
        if (!clients_poll(poller, 30000))
            die("no answer for 30 s");
}

static void kube_prepare(struct target *t, unsigned objects)
{
    static struct answer answer;
    int poller = epoll_create1(0);
    struct client *client = client_new(t->write_protocol, t->write_port, t->tls, 0, poller);
    const char *op = t->op, *rev;
    struct request r;
    char path[PATH_MAX_LEN];

    t->op = "update";
    for (unsigned i = 0; i < objects; i++) {
        target_write(t, i, 0, &r);
        r.method = "POST";
        r.path = t->write;
        ask(client, poller, &answer, &r); /* 409: it is there */
    }
    t->op = op;
    snprintf(path, sizeof(path), "%s?limit=1", t->write);
    ask(client, poller, &answer, &(struct request){.method = "GET", .path = path, .headers = ""});
    rev = strstr(answer.text, "\"resourceVersion\":\"");
    snprintf(t->rev, sizeof(t->rev), "%lu", rev != NULL ? strtoul(rev + 19, NULL, 10) : 0);
}

/* ---- raw, nats: a body of so many bytes ---- */

static void raw_write(struct target *t, unsigned number, uint64_t stamp_us, struct request *r)
{
    char *body = scratch(t->size + 64);
    int len = sprintf(body, "{\"at\":\"" MARK "%016llu\",\"k\":\"", (unsigned long long)stamp_us);

    (void)number;
    if ((size_t)len + 3 < t->size)
        memset(body + len, 'x', t->size - (size_t)len - 3);
    memcpy(body + t->size - 3, "\"}\n", 3);
    *r = (struct request){"POST", t->write, "", body, t->size, false};
}

/* ---- etcd: messages of etcdserverpb (api/etcdserverpb/rpc.proto), five bytes of gRPC in front
 * ----
 */

#define GRPC_HEADERS "content-type: application/grpc\r\nte: trailers\r\n"

static size_t put_length(char *out, size_t n)
{
    size_t len = 0;

    for (; n > 127; n >>= 7)
        out[len++] = (char)((n & 127) | 128);
    out[len++] = (char)n;
    return len;
}

static size_t put_field(char *out, int field, const void *data, size_t size)
{
    size_t len = 0;

    out[len++] = (char)(field << 3 | 2);
    len += put_length(out + len, size);
    memcpy(out + len, data, size);
    return len + size;
}

static void put_grpc_head(char *out, size_t len)
{
    out[0] = 0;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (char)(len >> (24 - 8 * i));
}

static void etcd_write(struct target *t, unsigned number, uint64_t stamp_us, struct request *r)
{
    static uint64_t made;
    char *body = scratch(2 * t->size + 256), *value = body + t->size + 128, key[48];
    int key_len = strcmp(t->op, "create") == 0
                      ? sprintf(key, "bench-%016llx",
                                (unsigned long long)(++made * 0x9e3779b97f4a7c15ULL ^ stamp_us))
                      : sprintf(key, "bench-%u", number);
    int head = sprintf(value, MARK "%016llu", (unsigned long long)stamp_us);
    size_t len;

    memset(value + head, 'x', t->size - (size_t)head);
    len = put_field(body + 5, 1, key, (size_t)key_len);
    len += put_field(body + 5 + len, 2, value, t->size);
    put_grpc_head(body, len);
    *r = (struct request){"POST", t->write, GRPC_HEADERS, body, len + 5, false};
}

static void etcd_watch_body(struct target *t, struct request *r)
{
    char *body = scratch(256), create[64];
    size_t len = put_field(create, 1, "bench-", 6);

    (void)t;
    len += put_field(create + len, 2, "bench~", 6);
    len = put_field(body + 5, 1, create, len);
    put_grpc_head(body, len);
    r->method = "POST";
    r->body = body;
    r->body_len = len + 5;
    r->open_ended = true;
}

/* ---- all ---- */

static const struct target_ops targets[] = {
    {.name = "kube",
     .watch =
         "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=%r&timeoutSeconds=3600",
     .write = "/api/v1/namespaces/default/configmaps",
     .watch_headers = "",
     .prepare = kube_prepare,
     .write_request = kube_write},
    {.name = "raw",
     .watch = "/sub",
     .write = "/pub",
     .watch_headers = "",
     .write_request = raw_write},
    {.name = "etcd",
     .http2 = true,
     .watch = "/etcdserverpb.Watch/Watch",
     .write = "/etcdserverpb.KV/Put",
     .watch_headers = GRPC_HEADERS,
     .watch_body = etcd_watch_body,
     .write_request = etcd_write},
    {.name = "nats",
     .nats = true,
     .watch = "bench",
     .write = "bench",
     .watch_headers = "",
     .write_request = raw_write},
};

static const struct {
    const char *kind, *headers;
} kinds[] = {
    {"lines", ""},
    {"events", "accept: text/event-stream\r\n"},
    {"chunked", "te: chunked\r\n"}, /* nchan's */
    {"websocket", "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
                  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"},
};

static enum protocol protocol_of(const struct target_ops *ops, long http)
{
    if (ops->nats)
        return NATS;
    return ops->http2 || http == 2 ? HTTP2 : HTTP1;
}

void target_from_flags(struct target *t, int argc, char **argv)
{
    const char *name = flag(argc, argv, "target", "kube"), *accept = flag(argc, argv, "accept", "");
    const char *token = flag(argc, argv, "token", "");
    const char *kind = flag(argc, argv, "kind", "lines");
    size_t len;

    *t = (struct target){.port = flag_port(argc, argv)};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        if (strcmp(name, targets[i].name) == 0)
            t->ops = &targets[i];
    if (t->ops == NULL)
        die("--target");
    t->write_port = (int)flag_int(argc, argv, "write-port", t->port);
    t->tls = flag_int(argc, argv, "tls", 0) != 0;
    t->protocol = protocol_of(t->ops, flag_int(argc, argv, "http", 1));
    t->write_protocol = protocol_of(t->ops, flag_int(argc, argv, "write-http", 1));
    t->watch = flag(argc, argv, "watch", t->ops->watch);
    t->write = flag(argc, argv, "write", t->ops->write);
    t->op = flag(argc, argv, "op", "update");
    t->object = flag(argc, argv, "object", NULL);
    t->size = (size_t)flag_int(argc, argv, "size", 700);
    len = (size_t)snprintf(t->headers, sizeof(t->headers), "%s", t->ops->watch_headers);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            len += (size_t)snprintf(t->headers + len, sizeof(t->headers) - len, "%s",
                                    kinds[i].headers);
    if (token[0] != '\0')
        len += (size_t)snprintf(t->headers + len, sizeof(t->headers) - len,
                                "authorization: Bearer %s\r\n", token);
    if (accept[0] != '\0')
        snprintf(t->headers + len, sizeof(t->headers) - len, "accept: %s\r\n", accept);
}

void target_prepare(struct target *target, unsigned objects)
{
    if (target->ops->prepare != NULL)
        target->ops->prepare(target, objects);
}

void target_watch(struct target *t, unsigned number, struct request *ret_request)
{
    static char path[PATH_MAX_LEN];
    size_t len = 0;

    for (const char *at = t->watch; *at != '\0' && len < sizeof(path) - 64; at++) {
        if (at[0] == '%' && at[1] == 'd')
            len += (size_t)sprintf(path + len, "%u", number);
        else if (at[0] == '%' && at[1] == 'r')
            len += (size_t)sprintf(path + len, "%s", t->rev);
        else
            path[len++] = *at;
        at += at[0] == '%' && (at[1] == 'd' || at[1] == 'r');
    }
    path[len] = '\0';
    *ret_request = (struct request){.method = "GET", .path = path, .headers = t->headers};
    if (t->ops->watch_body != NULL)
        t->ops->watch_body(t, ret_request);
}

void target_write(struct target *target, unsigned number, uint64_t stamp_us,
                  struct request *ret_request)
{
    target->ops->write_request(target, number, stamp_us, ret_request);
}

bool target_is_ok(const struct target *target, int status)
{
    return target->ops->http2 ? status == 0 : status >= 200 && status < 300;
}

void stamp_scan(struct stamp_scan *scan, const char *data, size_t len,
                void (*on_stamp)(void *user, uint64_t stamp_us), void *user)
{
    for (const char *end = data + len; data < end; data++) {
        if (scan->matched == sizeof(MARK) - 1) {
            scan->us = scan->us * 10 + (uint64_t)(*data - '0');
            if (++scan->digits < STAMP_DIGITS)
                continue;
            on_stamp(user, scan->us);
            *scan = (struct stamp_scan){0};
        } else if (*data == MARK[scan->matched]) {
            scan->matched++;
        } else if (scan->matched != 0 || (data = memchr(data, MARK[0], (size_t)(end - data)))) {
            scan->matched = *data == MARK[0];
        } else {
            return;
        }
    }
}
