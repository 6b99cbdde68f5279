/*
 * cipher - XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key of each message's own.
 *
 *   key, nonce[0..11] --CMAC as a KDF (NIST SP 800-108r1)--> message key
 *   message key, nonce[12..23] --AES-256-GCM--> ciphertext, tag
 *
 * Nonces   192 random bits a message. AES-GCM alone has 96, and a second use of one tells both
 *          texts and lets anybody forge; so NIST allows 2^32 messages a key, which a busy store
 *          writes in days. A counter would do while nobody copies the store or rolls it back: but
 *          backups are restored, machines are cloned, and a revision that was not committed is
 *          given again. With 192 random bits a key lasts for 2^80 messages, without any state.
 * Owner    cipher_free() wipes the key.
 * Threads  immutable once made.
 * Errors   NO_MEMORY; SEALED: not what was sealed.
 */
#ifndef TIDEWATCH_STORAGE_CIPHER_H
#define TIDEWATCH_STORAGE_CIPHER_H

#include "base/buf.h"
#include "base/status.h"

enum { CIPHER_KEY_LEN = 32, CIPHER_NONCE_LEN = 24, CIPHER_TAG_LEN = 16 };

struct cipher;

/* NULL without memory. */
struct cipher *cipher_new(const uint8_t key[CIPHER_KEY_LEN]);
void cipher_free(struct cipher *cipher);
/* In constant time. */
bool cipher_is_same(const struct cipher *a, const struct cipher *b);

/* Appends ciphertext and tag; false without memory. `bound` is not stored: whoever opens must know
 * it. A nonce is for one message alone. */
MUST_CHECK bool cipher_seal(const struct cipher *cipher, const uint8_t nonce[CIPHER_NONCE_LEN],
                            struct bytes bound, struct bytes text, struct buf *out);
/* Appends the text. Behind an error nothing of `out` is to be used. */
MUST_CHECK enum status cipher_open(const struct cipher *cipher,
                                   const uint8_t nonce[CIPHER_NONCE_LEN], struct bytes bound,
                                   struct bytes sealed, struct buf *out);

#endif
