/* Listening descriptors from a URL: "http[s]://HOST:PORT", "unix:///path", "[https+]fd://N". */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "apiserver/transport/http.h"
#include "base/buf.h"

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* ---- TCP ---- */

struct tcp_address {
    struct sockaddr_storage addr;
    socklen_t len;
    struct bytes host; /* as it was written, with the brackets of IPv6 */
};

/* HOST:PORT or [IPv6]:PORT, and perhaps a slash. */
static bool split_host_port(struct bytes text, struct bytes *ret_host, struct bytes *ret_port)
{
    uint64_t port;
    size_t colon;

    if (bytes_ends_with(text, BYTES("/")))
        text.len--;
    colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon <= 1)
        return false;
    *ret_host = bytes_of(text.ptr, colon - 1);
    *ret_port = bytes_from(text, colon);
    if (ret_host->ptr[0] != '[' && bytes_find(*ret_host, ':') != ret_host->len)
        return false;
    return bytes_to_u64(*ret_port, &port) && port <= 65535;
}

static enum status resolve(const char *scheme, struct bytes rest, struct tcp_address *ret_address,
                           struct error *reterr)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    struct bytes host, port;
    char host_str[256], port_str[8];
    int failed;

    if (!split_host_port(rest, &host, &port) || host.len >= sizeof(host_str))
        return error_set(reterr, STATUS_BAD_REQUEST, "\"%s://%.*s\" is not %s://HOST:PORT", scheme,
                         BYTES_FMT(rest), scheme);
    ret_address->host = host;
    if (host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = bytes_of(host.ptr + 1, host.len - 2);
    snprintf(host_str, sizeof(host_str), "%.*s", BYTES_FMT(host));
    snprintf(port_str, sizeof(port_str), "%.*s", BYTES_FMT(port));
    failed = getaddrinfo(host_str, port_str, &hints, &found);
    if (failed != 0)
        return error_set(reterr, STATUS_IO, "cannot resolve \"%s\": %s", host_str,
                         gai_strerror(failed));
    memcpy(&ret_address->addr, found->ai_addr, found->ai_addrlen);
    ret_address->len = found->ai_addrlen;
    freeaddrinfo(found);
    return STATUS_OK;
}

static int bind_tcp(const struct tcp_address *address, int reuse_port)
{
    const int on = 1;
    int fd = socket(address->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuse_port, sizeof(reuse_port)) == 0 &&
        bind(fd, (const struct sockaddr *)&address->addr, address->len) == 0)
        return fd;
    close(fd);
    return -1;
}

static int open_tcp(const struct tcp_address *address)
{
    int fd = bind_tcp(address, 1);

    if (fd >= 0 && listen(fd, SOMAXCONN) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* SO_REUSEPORT would also share with another server that was started by mistake. */
static bool is_free(const struct tcp_address *address)
{
    int fd = bind_tcp(address, 0);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static in_port_t *port_of(struct tcp_address *address)
{
    return address->addr.ss_family == AF_INET6 ? &((struct sockaddr_in6 *)&address->addr)->sin6_port
                                               : &((struct sockaddr_in *)&address->addr)->sin_port;
}

/* The first socket picks the port, if there is one to pick; the others bind to the same. */
static enum status listen_tcp(const char *scheme, struct bytes rest, int *ret_fds, size_t count,
                              struct buf *url, struct error *reterr)
{
    struct tcp_address address = {0};
    enum status st = resolve(scheme, rest, &address, reterr);

    if (st != STATUS_OK)
        return st;
    for (size_t i = 0; i < count; i++) {
        socklen_t len = sizeof(address.addr);

        ret_fds[i] = i > 0 || is_free(&address) ? open_tcp(&address) : -1;
        if (ret_fds[i] < 0) {
            st = error_set(reterr, STATUS_IO, "cannot listen on %s://%.*s: %s", scheme,
                           BYTES_FMT(rest), strerror(errno));
            close_all(ret_fds, i);
            return st;
        }
        if (i == 0)
            (void)getsockname(ret_fds[0], (struct sockaddr *)&address.addr, &len);
    }
    buf_appendf(url, "%s://%.*s:%u", scheme, BYTES_FMT(address.host), ntohs(*port_of(&address)));
    return STATUS_OK;
}

/* ---- unix ---- */

/* A socket file that nobody listens on is what a crash left behind. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat info;
    int fd;

    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED)
        (void)unlink(address->sun_path);
    close(fd);
}

static int open_unix(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    close(fd);
    return -1;
}

static enum status listen_unix(struct bytes path, int *ret_fds, size_t count, struct buf *url,
                               struct error *reterr)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    enum status st = STATUS_OK;
    size_t opened = 0;

    if (path.len < 2 || path.len >= sizeof(address.sun_path) || path.ptr[0] != '/')
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "\"unix://%.*s\" is not unix:///path, of at most %zu bytes",
                         BYTES_FMT(path), sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path.ptr, path.len);
    remove_stale(&address);
    for (; opened < count; opened++) {
        ret_fds[opened] = opened == 0 ? open_unix(&address) : fcntl(ret_fds[0], F_DUPFD_CLOEXEC, 0);
        if (ret_fds[opened] < 0)
            break;
    }
    if (opened < count) {
        st = error_set(reterr, STATUS_IO, "cannot listen on unix://%.*s: %s", BYTES_FMT(path),
                       strerror(errno));
        close_all(ret_fds, opened);
        return st;
    }
    buf_appendf(url, "unix://%.*s", BYTES_FMT(path));
    return STATUS_OK;
}

/* ---- inherited: sd_listen_fds(3) ---- */

static bool is_listener(int fd)
{
    int listens = 0, type = 0;
    socklen_t len = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static bool append_own_url(struct buf *url, const char *scheme, int fd)
{
    struct sockaddr_storage address = {0};
    const struct sockaddr_un *local = (const struct sockaddr_un *)&address;
    socklen_t len = sizeof(address);
    char host[INET6_ADDRSTRLEN], port[8];

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    if (address.ss_family == AF_UNIX) { /* never with TLS, as our own */
        buf_appendf(url, "unix://%.*s", (int)sizeof(local->sun_path), local->sun_path);
        return strcmp(scheme, "http") == 0;
    }
    if (getnameinfo((const struct sockaddr *)&address, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return false;
    buf_appendf(url, address.ss_family == AF_INET6 ? "%s://[%s]:%s" : "%s://%s:%s", scheme, host,
                port);
    return true;
}

static enum status listen_inherited(const char *scheme, struct bytes rest, int *ret_fds,
                                    size_t count, struct buf *url, struct error *reterr)
{
    uint64_t fd;
    size_t opened = 0;

    if (!bytes_to_u64(rest, &fd) || fd < 3 || fd > INT_MAX || !is_listener((int)fd) ||
        !append_own_url(url, scheme, (int)fd))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "fd://%.*s: no listening socket was inherited by that number",
                         BYTES_FMT(rest));
    for (; opened < count; opened++) {
        ret_fds[opened] = fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
        if (ret_fds[opened] < 0 || fcntl(ret_fds[opened], F_SETFL, O_NONBLOCK) != 0)
            break;
    }
    if (opened == count) {
        close((int)fd);
        return STATUS_OK;
    }
    close_all(ret_fds, ret_fds[opened] < 0 ? opened : opened + 1);
    return error_set(reterr, STATUS_IO, "fd://%.*s: %s", BYTES_FMT(rest), strerror(errno));
}

enum status http_listen(struct bytes url, int *ret_fds, size_t count, char **ret_url,
                        struct error *reterr)
{
    struct bytes http = BYTES("http://"), https = BYTES("https://"), local = BYTES("unix://");
    struct bytes inherited = BYTES("fd://"), inherited_tls = BYTES("https+fd://");
    struct buf text = {0};
    enum status st;

    assert(count > 0);
    if (bytes_starts_with(url, http))
        st = listen_tcp("http", bytes_from(url, http.len), ret_fds, count, &text, reterr);
    else if (bytes_starts_with(url, https))
        st = listen_tcp("https", bytes_from(url, https.len), ret_fds, count, &text, reterr);
    else if (bytes_starts_with(url, local))
        st = listen_unix(bytes_from(url, local.len), ret_fds, count, &text, reterr);
    else if (bytes_starts_with(url, inherited))
        st =
            listen_inherited("http", bytes_from(url, inherited.len), ret_fds, count, &text, reterr);
    else if (bytes_starts_with(url, inherited_tls))
        st = listen_inherited("https", bytes_from(url, inherited_tls.len), ret_fds, count, &text,
                              reterr);
    else
        st = error_set(reterr, STATUS_BAD_REQUEST,
                       "\"%.*s\" is none of http://HOST:PORT, https://HOST:PORT, unix:///path and "
                       "[https+]fd://N",
                       BYTES_FMT(url));
    if (st == STATUS_OK) {
        *ret_url = bytes_dup(buf_bytes(&text));
        if (*ret_url == NULL) {
            close_all(ret_fds, count);
            st = error_set(reterr, STATUS_NO_MEMORY, "no memory for a URL");
        }
    }
    buf_release(&text);
    return st;
}

bool http_listener_is_local(int fd)
{
    struct sockaddr_storage address = {0};
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address;
    socklen_t len = sizeof(address);

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    if (address.ss_family == AF_INET)
        return (ntohl(in4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    return address.ss_family == AF_UNIX;
}
