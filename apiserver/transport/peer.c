#include "apiserver/transport/peer.h"

#include <arpa/inet.h>

struct peer peer_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof(address);
    struct peer peer = {.family = AF_UNSPEC};

    if (getpeername(fd, &address.any, &len) == 0)
        peer.family = address.any.sa_family;
    if (peer.family == AF_INET) {
        peer.v4 = address.v4.sin_addr;
        peer.port = ntohs(address.v4.sin_port);
    } else if (peer.family == AF_INET6) {
        peer.v6 = address.v6.sin6_addr;
        peer.port = ntohs(address.v6.sin6_port);
    }
    return peer;
}

/* Returns the end of what it writes. */
static char *write_number(char *to, unsigned n)
{
    char digits[5];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

/* Once a request, so without inet_ntop(), which prints by printf. */
static char *write_v4(char *to, const struct in_addr *address)
{
    const uint8_t *octets = (const uint8_t *)address;

    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        to = write_number(to, octets[i]);
    }
    return to;
}

static char *write_v6(char *to, const struct in6_addr *address)
{
    *to++ = '[';
    (void)inet_ntop(AF_INET6, address, to, INET6_ADDRSTRLEN);
    to += strlen(to);
    *to++ = ']';
    return to;
}

struct bytes peer_text(const struct peer *peer, char text[PEER_TEXT_MAX])
{
    char *end;

    if (!peer_is_remote(peer))
        return BYTES("unix");
    end = peer->family == AF_INET ? write_v4(text, &peer->v4) : write_v6(text, &peer->v6);
    *end++ = ':';
    end = write_number(end, peer->port);
    return bytes_of(text, (size_t)(end - text));
}
