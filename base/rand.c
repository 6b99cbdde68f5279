#include "base/rand.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void rand_bytes(void *ret, size_t len)
{
    /* Each thread keeps a stock, so that a uuid is not a system call. */
    static _Thread_local struct {
        unsigned char bytes[256];
        size_t left;
    } stock;
    unsigned char *out = ret;

    while (len != 0) {
        size_t take;

        if (stock.left == 0) {
            ssize_t got = getrandom(stock.bytes, sizeof(stock.bytes), 0);

            if (got < 0)
                continue; /* EINTR; nothing else can happen to up to 256 bytes (getrandom(2)) */
            stock.left = (size_t)got;
        }
        take = len < stock.left ? len : stock.left;
        stock.left -= take;
        memcpy(out, stock.bytes + stock.left, take);
        out += take;
        len -= take;
    }
}

uint64_t rand_below(uint64_t bound)
{
    uint64_t n;

    assert(bound > 0);
    rand_bytes(&n, sizeof(n));
    return n % bound;
}

void uuid_new(char ret_uuid[UUID_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[16];
    char *out = ret_uuid;

    rand_bytes(raw, sizeof(raw));
    raw[6] = (unsigned char)((raw[6] & 0x0f) | 0x40);
    raw[8] = (unsigned char)((raw[8] & 0x3f) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[raw[i] >> 4];
        *out++ = hex[raw[i] & 15];
    }
    *out = '\0';
}
