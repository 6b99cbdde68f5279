/*
 * peer - where a connection comes from, in as few bytes as it takes: there is one a connection.
 *
 * Threads  any; a value.
 */
#ifndef TIDEWATCH_APISERVER_TRANSPORT_PEER_H
#define TIDEWATCH_APISERVER_TRANSPORT_PEER_H

#include "base/bytes.h"

#include <netinet/in.h>

struct peer {
    sa_family_t family; /* AF_INET, AF_INET6; else it is local */
    in_port_t port;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    };
};
enum { PEER_TEXT_MAX = INET6_ADDRSTRLEN + sizeof("[]:65535") };

/* Who is at the other end of the socket. */
struct peer peer_of(int fd);
/* "127.0.0.1:4711", "[::1]:4711" or "unix"; what it points to may be `text`. */
struct bytes peer_text(const struct peer *peer, char text[PEER_TEXT_MAX]);

static inline bool peer_is_remote(const struct peer *peer)
{
    return peer->family == AF_INET || peer->family == AF_INET6;
}

#endif
