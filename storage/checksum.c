#include "storage/checksum.h"

#include <endian.h>

uint64_t checksum_bytes(uint64_t sum, struct bytes bytes)
{
    uint64_t word;
    size_t at = 0;

    sum = checksum_word(sum, bytes.len);
    for (; at + sizeof(word) <= bytes.len; at += sizeof(word)) {
        memcpy(&word, bytes.ptr + at, sizeof(word));
        sum = checksum_word(sum, le64toh(word));
    }
    if (at < bytes.len) {
        word = 0;
        memcpy(&word, bytes.ptr + at, bytes.len - at);
        sum = checksum_word(sum, le64toh(word));
    }
    return sum;
}
