/*
 * seals - sealings for the tests of this folder: keys of one letter, rules by prefixes.
 */
#ifndef TIDEWATCH_TESTS_UNIT_STORAGE_SEALS_H
#define TIDEWATCH_TESTS_UNIT_STORAGE_SEALS_H

#include "storage/sealing.h"

/* The key `id`, whose secret is so many times its first letter, or another one. */
static inline void seals_add_key(struct sealing *sealing, const char *id, char letter)
{
    uint8_t secret[SEALING_SECRET_LEN];

    memset(secret, letter, sizeof(secret));
    CHECK_INT(sealing_add_key(sealing, bytes_str(id), secret, NULL), STATUS_OK);
}

/* `keys` are ids of one letter, any of which opens; the first of them seals what begins with
 * `prefix`. Behind a '-' none does. */
static inline struct sealing *seals_with(const char *prefix, const char *keys, bool takes_unsealed)
{
    struct sealing *sealing = sealing_new();
    bool seals = *keys != '-';

    keys += !seals;
    CHECK(sealing != NULL);
    for (const char *key = keys; *key != '\0'; key++)
        seals_add_key(sealing, (const char[]){*key, '\0'}, *key);
    CHECK_INT(
        sealing_add_rule(sealing, bytes_str(prefix), bytes_of(keys, seals), takes_unsealed, NULL),
        STATUS_OK);
    return sealing;
}

#endif
