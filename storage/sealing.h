/*
 * sealing - which values lie on the disk encrypted, and under which key.
 *
 *   value --sealing_seal()--> "sealed:v1:" id ":" nonce ciphertext tag --sealing_open()--> value
 *
 * Shape    keys with ids, any of which opens; and rules by prefixes of the store's keys, the first
 *          that fits of which says what seals, and whether an unsealed value may stand there. What
 *          no rule fits is not sealed. No value of a store begins as a sealed one does: that of
 *          an object begins with a brace.
 * Bound    a sealed value opens at its key and revision alone: moved to another row it is refused.
 *          Keys (names of objects) and sizes are not hidden. See cipher.h for nonces.
 * Owner    sealing_free() wipes the keys.
 * Threads  immutable once it is built.
 * Errors   SEALED: its key is not among these, or has another secret, or it was changed, or it must
 *          not stand there unsealed; with words that name the id and the revision, not the object:
 *          a client may read them. NO_MEMORY.
 */
#ifndef TIDEWATCH_STORAGE_SEALING_H
#define TIDEWATCH_STORAGE_SEALING_H

#include "base/buf.h"
#include "base/error.h"

enum {
    SEALING_SECRET_LEN = 32,
    SEALING_ID_MAX = 63, /* letters, digits, '.', '_' and '-' */
    SEALING_KEYS_MAX = 100,
};

struct sealing;

/* NULL without memory. */
struct sealing *sealing_new(void);
void sealing_free(struct sealing *sealing);
/* BAD_REQUEST: not an id, or too many. CONFLICT: the id has another secret already. */
MUST_CHECK enum status sealing_add_key(struct sealing *sealing, struct bytes id,
                                       const uint8_t secret[SEALING_SECRET_LEN],
                                       struct error *reterr);
/* What begins with `prefix` is sealed with the key `id`, which was added; or not, if it is empty.
 */
MUST_CHECK enum status sealing_add_rule(struct sealing *sealing, struct bytes prefix,
                                        struct bytes id, bool takes_unsealed, struct error *reterr);

/* The id of the key that opens a stored value; empty: it is not sealed. "?": it cannot be read. */
struct bytes sealed_id(struct bytes stored);
/* The id of the key that values at `key` are sealed with; empty: they are not. */
struct bytes sealing_id_for(const struct sealing *sealing, struct bytes key);
size_t sealing_key_count(const struct sealing *sealing);
struct bytes sealing_key_id(const struct sealing *sealing, size_t index);
bool sealing_has(const struct sealing *sealing, struct bytes id);
/* May what is stored at `key` with that key (empty: unsealed) stay there? */
bool sealing_takes(const struct sealing *sealing, struct bytes key, struct bytes id);
/* CONFLICT: an id of both has not the same secret in both. */
MUST_CHECK enum status sealing_check_same(const struct sealing *a, const struct sealing *b,
                                          struct error *reterr);

/* Appends what is to be stored, which is `value` where nothing seals. */
MUST_CHECK enum status sealing_seal(const struct sealing *sealing, struct bytes key, uint64_t rev,
                                    struct bytes value, struct buf *out, struct error *reterr);
/* Gives the value: `stored` itself if it is not sealed, or bytes in `scratch`, which is emptied
 * first. `sealing` NULL: there are no keys. */
MUST_CHECK enum status sealing_open(const struct sealing *sealing, struct bytes key, uint64_t rev,
                                    struct bytes stored, struct buf *scratch,
                                    struct bytes *ret_value, struct error *reterr);

#endif
