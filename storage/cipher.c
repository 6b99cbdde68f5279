#include "storage/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum { BLOCK = 16, GCM_NONCE_LEN = 12 };

struct cipher {
    EVP_CIPHER *ecb, *gcm;
    uint8_t key[CIPHER_KEY_LEN];
    uint8_t subkey[BLOCK]; /* K1 of the CMAC (NIST SP 800-38B, 6.1) */
};

/* Encrypts whole blocks, each by itself. */
static bool encrypt_blocks(const struct cipher *cipher, EVP_CIPHER_CTX *context,
                           const uint8_t *blocks, int len, uint8_t *ret)
{
    int got = 0;

    return EVP_EncryptInit_ex2(context, cipher->ecb, cipher->key, NULL, NULL) == 1 &&
           EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
           EVP_EncryptUpdate(context, ret, &got, blocks, len) == 1 && got == len;
}

/* Doubles AES(0) in GF(2^128). */
static bool make_subkey(struct cipher *cipher)
{
    static const uint8_t zero[BLOCK];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t *k = cipher->subkey;
    bool fine = context != NULL && encrypt_blocks(cipher, context, zero, BLOCK, k);
    uint8_t carry = k[0] >> 7;

    EVP_CIPHER_CTX_free(context);
    for (size_t i = 0; i < BLOCK; i++)
        k[i] = (uint8_t)(k[i] << 1 | (i + 1 < BLOCK ? k[i + 1] >> 7 : 0));
    k[BLOCK - 1] ^= (uint8_t)(carry * 0x87);
    return fine;
}

struct cipher *cipher_new(const uint8_t key[CIPHER_KEY_LEN])
{
    struct cipher *cipher = calloc(1, sizeof(*cipher));

    if (cipher == NULL)
        return NULL;
    memcpy(cipher->key, key, CIPHER_KEY_LEN);
    cipher->ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    cipher->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (cipher->ecb == NULL || cipher->gcm == NULL || !make_subkey(cipher)) {
        cipher_free(cipher);
        return NULL;
    }
    return cipher;
}

void cipher_free(struct cipher *cipher)
{
    if (cipher == NULL)
        return;
    EVP_CIPHER_free(cipher->ecb);
    EVP_CIPHER_free(cipher->gcm);
    OPENSSL_cleanse(cipher, sizeof(*cipher));
    free(cipher);
}

bool cipher_is_same(const struct cipher *a, const struct cipher *b)
{
    return CRYPTO_memcmp(a->key, b->key, CIPHER_KEY_LEN) == 0;
}

/* Makes the context ready for one message. */
static bool begin(const struct cipher *cipher, const uint8_t nonce[CIPHER_NONCE_LEN], bool seals,
                  EVP_CIPHER_CTX *context)
{
    uint8_t blocks[2 * BLOCK], key[CIPHER_KEY_LEN];
    bool fine;

    for (size_t i = 0; i < 2; i++) {
        uint8_t *block = blocks + i * BLOCK;

        memcpy(block, (const uint8_t[]){0, (uint8_t)(i + 1), 'X', 0}, 4);
        memcpy(block + 4, nonce, CIPHER_NONCE_LEN - GCM_NONCE_LEN);
        for (size_t n = 0; n < BLOCK; n++)
            block[n] ^= cipher->subkey[n];
    }
    fine = encrypt_blocks(cipher, context, blocks, sizeof(blocks), key) &&
           EVP_CIPHER_CTX_reset(context) == 1 &&
           EVP_CipherInit_ex2(context, cipher->gcm, key, nonce + CIPHER_NONCE_LEN - GCM_NONCE_LEN,
                              seals, NULL) == 1;
    OPENSSL_cleanse(key, sizeof(key));
    return fine;
}

/* Lengths are those of stored values: an int holds them. */
static bool feed(EVP_CIPHER_CTX *context, struct bytes bound, struct bytes text, char *ret)
{
    int got = 0;

    return EVP_CipherUpdate(context, NULL, &got, (const uint8_t *)bound.ptr, (int)bound.len) == 1 &&
           (text.len == 0 || EVP_CipherUpdate(context, (uint8_t *)ret, &got,
                                              (const uint8_t *)text.ptr, (int)text.len) == 1);
}

bool cipher_seal(const struct cipher *cipher, const uint8_t nonce[CIPHER_NONCE_LEN],
                 struct bytes bound, struct bytes text, struct buf *out)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t none[BLOCK];
    char *to;
    int got = 0;
    bool fine = context != NULL && text.len <= INT32_MAX / 2 &&
                buf_reserve(out, text.len + CIPHER_TAG_LEN) && begin(cipher, nonce, true, context);

    if (fine) {
        to = out->data + out->len;
        fine =
            feed(context, bound, text, to) && EVP_EncryptFinal_ex(context, none, &got) == 1 &&
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG_LEN, to + text.len) == 1;
    }
    if (fine)
        out->len += text.len + CIPHER_TAG_LEN;
    EVP_CIPHER_CTX_free(context);
    return fine;
}

enum status cipher_open(const struct cipher *cipher, const uint8_t nonce[CIPHER_NONCE_LEN],
                        struct bytes bound, struct bytes sealed, struct buf *out)
{
    struct bytes text = bytes_of(sealed.ptr, sealed.len - CIPHER_TAG_LEN);
    uint8_t tag[CIPHER_TAG_LEN], none[BLOCK];
    enum status st = STATUS_NO_MEMORY;
    EVP_CIPHER_CTX *context;
    int got = 0;

    if (sealed.len < CIPHER_TAG_LEN || sealed.len > INT32_MAX / 2)
        return STATUS_SEALED;
    context = EVP_CIPHER_CTX_new();
    memcpy(tag, text.ptr + text.len, CIPHER_TAG_LEN);
    if (context != NULL && buf_reserve(out, text.len) && begin(cipher, nonce, false, context) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG_LEN, tag) == 1 &&
        feed(context, bound, text, out->data + out->len))
        st = EVP_DecryptFinal_ex(context, none, &got) == 1 ? STATUS_OK : STATUS_SEALED;
    if (st == STATUS_OK)
        out->len += text.len;
    EVP_CIPHER_CTX_free(context);
    return st;
}
