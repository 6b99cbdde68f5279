#include "storage/sealing.h"

#include <stdlib.h>

#include "base/rand.h"
#include "storage/cipher.h"

#define MARK "sealed:v1:"

enum { FRAME_LEN = CIPHER_NONCE_LEN + CIPHER_TAG_LEN, BOUND_MAX = 8192, BOUND_KEY_MAX = 8000 };

struct seal_key {
    struct cipher *cipher;
    char id[SEALING_ID_MAX + 1];
};

struct seal_rule {
    char *prefix;
    const char *id; /* of a key; "": nothing seals */
    bool takes_unsealed;
};

struct sealing {
    struct seal_key **keys;
    struct seal_rule *rules;
    size_t key_count, rule_count;
};

/* ---- building ---- */

struct sealing *sealing_new(void)
{
    return calloc(1, sizeof(struct sealing));
}

static void key_free(struct seal_key *key)
{
    cipher_free(key->cipher);
    free(key);
}

void sealing_free(struct sealing *sealing)
{
    if (sealing == NULL)
        return;
    for (size_t i = 0; i < sealing->key_count; i++)
        key_free(sealing->keys[i]);
    for (size_t i = 0; i < sealing->rule_count; i++)
        free(sealing->rules[i].prefix);
    free(sealing->keys);
    free(sealing->rules);
    free(sealing);
}

static const struct seal_key *find_key(const struct sealing *sealing, struct bytes id)
{
    for (size_t i = 0; sealing != NULL && i < sealing->key_count; i++)
        if (bytes_eq_str(id, sealing->keys[i]->id))
            return sealing->keys[i];
    return NULL;
}

static bool is_id(struct bytes id)
{
    size_t i = 0;

    while (i < id.len &&
           ((id.ptr[i] >= 'a' && id.ptr[i] <= 'z') || (id.ptr[i] >= 'A' && id.ptr[i] <= 'Z') ||
            (id.ptr[i] >= '0' && id.ptr[i] <= '9') || id.ptr[i] == '.' || id.ptr[i] == '_' ||
            id.ptr[i] == '-'))
        i++;
    return i == id.len && id.len != 0 && id.len <= SEALING_ID_MAX;
}

static enum status no_memory(struct error *reterr)
{
    return error_set(reterr, STATUS_NO_MEMORY, "out of memory");
}

static enum status other_secret(struct bytes id, struct error *reterr)
{
    return error_set(reterr, STATUS_CONFLICT,
                     "key \"%.*s\" has two secrets: a new secret needs a new name", BYTES_FMT(id));
}

enum status sealing_add_key(struct sealing *sealing, struct bytes id,
                            const uint8_t secret[SEALING_SECRET_LEN], struct error *reterr)
{
    const struct seal_key *known = find_key(sealing, id);
    struct seal_key **keys;
    struct seal_key *key;

    static_assert((int)SEALING_SECRET_LEN == CIPHER_KEY_LEN, "a secret is a key");
    if (!is_id(id))
        return error_set(reterr, STATUS_BAD_REQUEST,
                         "\"%.*s\" is no name for a key: 1 to %d letters, digits, '.', '_' or '-'",
                         BYTES_FMT(id), SEALING_ID_MAX);
    if (sealing->key_count == SEALING_KEYS_MAX)
        return error_set(reterr, STATUS_BAD_REQUEST, "more than %d keys", SEALING_KEYS_MAX);
    keys = realloc(sealing->keys, (sealing->key_count + 1) * sizeof(struct seal_key *));
    if (keys == NULL)
        return no_memory(reterr);
    sealing->keys = keys;
    key = calloc(1, sizeof(*key));
    if (key == NULL || (key->cipher = cipher_new(secret)) == NULL) {
        free(key);
        return no_memory(reterr);
    }
    if (known != NULL) {
        bool same = cipher_is_same(known->cipher, key->cipher);

        key_free(key);
        return same ? STATUS_OK : other_secret(id, reterr);
    }
    memcpy(key->id, id.ptr, id.len);
    sealing->keys[sealing->key_count++] = key;
    return STATUS_OK;
}

enum status sealing_add_rule(struct sealing *sealing, struct bytes prefix, struct bytes id,
                             bool takes_unsealed, struct error *reterr)
{
    const struct seal_key *key = find_key(sealing, id);
    struct seal_rule *rules = realloc(sealing->rules, (sealing->rule_count + 1) * sizeof(*rules));
    char *copy = bytes_dup(prefix);

    assert(key != NULL || id.len == 0);
    if (rules != NULL)
        sealing->rules = rules;
    if (rules == NULL || copy == NULL) {
        free(copy);
        return no_memory(reterr);
    }
    rules[sealing->rule_count++] =
        (struct seal_rule){copy, key != NULL ? key->id : "", takes_unsealed};
    return STATUS_OK;
}

/* ---- what seals what ---- */

struct bytes sealed_id(struct bytes stored)
{
    struct bytes mark = BYTES(MARK), rest = bytes_from(stored, mark.len), id;

    if (!bytes_starts_with(stored, mark))
        return BYTES("");
    id = bytes_cut(&rest, ':');
    return is_id(id) ? id : BYTES("?"); /* which no key has */
}

static const struct seal_rule *find_rule(const struct sealing *sealing, struct bytes key)
{
    for (size_t i = 0; sealing != NULL && i < sealing->rule_count; i++)
        if (bytes_starts_with(key, bytes_str(sealing->rules[i].prefix)))
            return &sealing->rules[i];
    return NULL;
}

struct bytes sealing_id_for(const struct sealing *sealing, struct bytes key)
{
    const struct seal_rule *rule = find_rule(sealing, key);

    return rule != NULL ? bytes_str(rule->id) : BYTES("");
}

size_t sealing_key_count(const struct sealing *sealing)
{
    return sealing->key_count;
}

struct bytes sealing_key_id(const struct sealing *sealing, size_t index)
{
    return bytes_str(sealing->keys[index]->id);
}

bool sealing_has(const struct sealing *sealing, struct bytes id)
{
    return find_key(sealing, id) != NULL;
}

bool sealing_takes(const struct sealing *sealing, struct bytes key, struct bytes id)
{
    const struct seal_rule *rule = find_rule(sealing, key);

    return id.len != 0 ? sealing_has(sealing, id) : rule == NULL || rule->takes_unsealed;
}

enum status sealing_check_same(const struct sealing *a, const struct sealing *b,
                               struct error *reterr)
{
    for (size_t i = 0; a != NULL && i < a->key_count; i++) {
        const struct seal_key *key = a->keys[i], *other = find_key(b, bytes_str(key->id));

        if (other != NULL && !cipher_is_same(key->cipher, other->cipher))
            return other_secret(bytes_str(key->id), reterr);
    }
    return STATUS_OK;
}

/* ---- sealing, opening ---- */

/* What a sealed value is bound to: its place. */
static struct bytes place_of(char ret[BOUND_MAX], struct bytes key, uint64_t rev)
{
    static const char what[] = "tidewatch value";
    size_t len = sizeof(what);

    assert(key.len <= BOUND_KEY_MAX);
    memcpy(ret, what, len);
    for (int shift = 56; shift >= 0; shift -= 8)
        ret[len++] = (char)(rev >> shift);
    memcpy(ret + len, key.ptr, key.len);
    return bytes_of(ret, len + key.len);
}

enum status sealing_seal(const struct sealing *sealing, struct bytes key, uint64_t rev,
                         struct bytes value, struct buf *out, struct error *reterr)
{
    struct bytes id = sealing_id_for(sealing, key);
    const struct seal_key *with = find_key(sealing, id);
    uint8_t nonce[CIPHER_NONCE_LEN];
    char bound[BOUND_MAX];

    if (id.len == 0) {
        buf_append_bytes(out, value);
        return out->failed ? no_memory(reterr) : STATUS_OK;
    }
    assert(with != NULL); /* a rule's */
    rand_bytes(nonce, sizeof(nonce));
    buf_append_str(out, MARK);
    buf_append_bytes(out, id);
    buf_append_char(out, ':');
    buf_append(out, nonce, sizeof(nonce));
    return !out->failed && cipher_seal(with->cipher, nonce, place_of(bound, key, rev), value, out)
               ? STATUS_OK
               : no_memory(reterr);
}

enum status sealing_open(const struct sealing *sealing, struct bytes key, uint64_t rev,
                         struct bytes stored, struct buf *scratch, struct bytes *ret_value,
                         struct error *reterr)
{
    struct bytes id = sealed_id(stored);
    struct bytes frame = bytes_from(stored, sizeof(MARK) + id.len);
    const struct seal_key *with = find_key(sealing, id);
    enum status st = STATUS_SEALED;
    char bound[BOUND_MAX];

    if (id.len == 0 && !sealing_takes(sealing, key, id))
        return error_set(reterr, STATUS_SEALED,
                         "revision %llu is not sealed, and no identity provider takes that",
                         (unsigned long long)rev);
    if (id.len == 0) {
        *ret_value = stored;
        return STATUS_OK;
    }
    if (with == NULL)
        return error_set(reterr, STATUS_SEALED,
                         "revision %llu is sealed with key \"%.*s\", which is not among the keys "
                         "given",
                         (unsigned long long)rev, BYTES_FMT(id));
    scratch->len = 0;
    if (frame.len >= FRAME_LEN && key.len <= BOUND_KEY_MAX)
        st = cipher_open(with->cipher, (const uint8_t *)frame.ptr, place_of(bound, key, rev),
                         bytes_from(frame, CIPHER_NONCE_LEN), scratch);
    if (st == STATUS_NO_MEMORY)
        return no_memory(reterr);
    if (st != STATUS_OK)
        return error_set(reterr, st,
                         "revision %llu does not open with key \"%.*s\": the key has another "
                         "secret, or what is stored was changed",
                         (unsigned long long)rev, BYTES_FMT(id));
    *ret_value = buf_bytes(scratch);
    return STATUS_OK;
}
