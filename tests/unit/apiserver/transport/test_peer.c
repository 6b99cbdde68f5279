#include "unit/test.h"

#include "apiserver/transport/peer.h"
#include "base/rand.h"

#include <arpa/inet.h>

TEST(peer, is_told_as_the_system_writes_it)
{
    struct peer peer = {.family = AF_INET};
    char host[INET_ADDRSTRLEN], expected[PEER_TEXT_MAX], text[PEER_TEXT_MAX];

    for (int i = 0; i < 1000; i++) {
        for (size_t at = 0; at < sizeof(peer.v4); at++)
            ((uint8_t *)&peer.v4)[at] = (uint8_t)rand_below(256);
        peer.port = (in_port_t)rand_below(i < 500 ? 65536 : 20);
        inet_ntop(AF_INET, &peer.v4, host, sizeof(host));
        snprintf(expected, sizeof(expected), "%s:%u", host, peer.port);
        CHECK_TEXT(peer_text(&peer, text), expected);
    }
    peer.family = AF_INET6;
    peer.port = 65535;
    memset(&peer.v6, 0xfe, sizeof(peer.v6));
    CHECK_TEXT(peer_text(&peer, text), "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:65535");
    CHECK_TEXT(peer_text(&(struct peer){.family = AF_UNIX}, text), "unix");
}
