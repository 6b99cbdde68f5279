/*
 * checksum - 64 bits over a run of words and bytes, the same on every machine.
 *
 * It finds accidents, not attacks: each step is a bijection of the word it takes in, so a change
 * within one word is always seen, and any other with a chance of 1 - 2^-64.
 */
#ifndef TIDEWATCH_STORAGE_CHECKSUM_H
#define TIDEWATCH_STORAGE_CHECKSUM_H

#include "base/bytes.h"

static inline uint64_t checksum_word(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL; /* odd: invertible modulo 2^64 */
    return sum ^ sum >> 32;
}

/* The length goes in too, so that neighbours cannot trade bytes. */
uint64_t checksum_bytes(uint64_t sum, struct bytes bytes);

#endif
