#include "apiserver/auth/signing_key.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "apiserver/auth/read_file.h"
#include "apiserver/auth/token_file.h"
#include "base/base64.h"

enum { KEYS_MAX = 64, P256_LEN = 32, RSA_BITS_MIN = 2048 };

struct signing_key {
    EVP_PKEY *key;
    bool private_part, ec;
    char id[48]; /* base64url of 32 bytes */
    size_t id_len;
};

struct signing_keys {
    struct signing_key keys[KEYS_MAX];
    size_t count;
};

struct signing_keys *signing_keys_new(void)
{
    return calloc(1, sizeof(struct signing_keys));
}

void signing_keys_free(struct signing_keys *keys)
{
    for (size_t i = 0; keys != NULL && i < keys->count; i++)
        EVP_PKEY_free(keys->keys[i].key);
    free(keys);
}

/* ---- reading ---- */

static void set_id(struct signing_key *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key->key, &der);
    uint8_t digest[DIGEST_LEN];
    struct buf id = {0};

    if (len <= 0)
        return;
    if (digest_of(bytes_of((const char *)der, (size_t)len), digest))
        base64_encode(&id, bytes_of((const char *)digest, DIGEST_LEN), BASE64_URL_UNPADDED);
    if (!id.failed && id.len != 0 && id.len < sizeof(key->id)) {
        memcpy(key->id, id.data, id.len);
        key->id_len = id.len;
    }
    buf_release(&id);
    OPENSSL_free(der);
}

static bool is_usable(EVP_PKEY *key, bool *ret_ec)
{
    char group[32] = "";

    *ret_ec = EVP_PKEY_is_a(key, "EC") == 1;
    if (EVP_PKEY_is_a(key, "RSA") == 1)
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
    return *ret_ec && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* One block of a PEM file; NULL: it holds no key. */
static EVP_PKEY *read_block(const char *name, const unsigned char *der, long len, bool *ret_private)
{
    const unsigned char *at = der;
    EVP_PKEY *key = NULL;
    X509 *certificate;

    *ret_private = false;
    if (strcmp(name, "CERTIFICATE") == 0) {
        certificate = d2i_X509(NULL, &at, len);
        key = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    } else if (strcmp(name, "PUBLIC KEY") == 0) {
        key = d2i_PUBKEY(NULL, &at, len);
    } else if (strcmp(name, "RSA PUBLIC KEY") == 0) {
        key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, len);
    } else if (strstr(name, "PRIVATE KEY") != NULL) {
        key = d2i_AutoPrivateKey(NULL, &at, len);
        *ret_private = true;
    }
    return key;
}

static enum status add_key(struct signing_keys *keys, const char *name, EVP_PKEY *key,
                           bool private_part, struct error *reterr)
{
    struct signing_key *place = &keys->keys[keys->count];
    bool ec;

    if (keys->count == KEYS_MAX || !is_usable(key, &ec)) {
        EVP_PKEY_free(key);
        return error_set(reterr, STATUS_BAD_REQUEST,
                         keys->count == KEYS_MAX
                             ? "%s: too many keys"
                             : "%s: a key is neither RSA of 2048 bits or more, nor EC P-256",
                         name);
    }
    *place = (struct signing_key){.key = key, .private_part = private_part, .ec = ec};
    set_id(place);
    keys->count++;
    return STATUS_OK;
}

enum status signing_keys_add(struct signing_keys *keys, const char *name, struct bytes pem,
                             struct error *reterr)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    char *block = NULL, *header = NULL;
    unsigned char *der = NULL;
    enum status st = STATUS_OK;
    size_t before = keys->count;
    long len;

    while (bio != NULL && st == STATUS_OK && PEM_read_bio(bio, &block, &header, &der, &len) == 1) {
        bool private_part;
        EVP_PKEY *key = read_block(block, der, len, &private_part);

        if (key != NULL)
            st = add_key(keys, name, key, private_part, reterr);
        OPENSSL_free(block);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (st == STATUS_OK && keys->count == before)
        st = error_set(reterr, STATUS_BAD_REQUEST, "%s holds no key in PEM form", name);
    return st;
}

enum status signing_keys_add_file(struct signing_keys *keys, const char *path, struct error *reterr)
{
    struct buf pem = {0};
    enum status st = read_whole_file(path, &pem, reterr);

    if (st == STATUS_OK)
        st = signing_keys_add(keys, path, buf_bytes(&pem), reterr);
    if (pem.data != NULL)
        OPENSSL_cleanse(pem.data, pem.len);
    buf_release(&pem);
    return st;
}

/* ---- what the first one is ---- */

bool signing_keys_can_sign(const struct signing_keys *keys)
{
    return keys->count != 0 && keys->keys[0].private_part;
}

static const char *alg_of(const struct signing_key *key)
{
    return key->ec ? "ES256" : "RS256";
}

const char *signing_keys_alg(const struct signing_keys *keys)
{
    return alg_of(&keys->keys[0]);
}

static struct bytes id_of(const struct signing_key *key)
{
    return bytes_of(key->id, key->id_len);
}

struct bytes signing_keys_id(const struct signing_keys *keys)
{
    return id_of(&keys->keys[0]);
}

/* ---- signatures ---- */

/* OpenSSL writes r and s in DER, a JWT as two numbers of 32 bytes. */
static bool append_plain(struct buf *out, const unsigned char *der, size_t len)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    unsigned char plain[2 * P256_LEN];
    bool fine = sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), plain, P256_LEN) == P256_LEN &&
                BN_bn2binpad(ECDSA_SIG_get0_s(sig), plain + P256_LEN, P256_LEN) == P256_LEN;

    if (fine)
        buf_append(out, plain, sizeof(plain));
    ECDSA_SIG_free(sig);
    return fine;
}

enum status signing_keys_sign(const struct signing_keys *keys, struct bytes text,
                              struct buf *ret_signature, struct error *reterr)
{
    const struct signing_key *key = &keys->keys[0];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char raw[1024];
    size_t len = sizeof(raw);
    bool fine = ctx != NULL && EVP_PKEY_get_size(key->key) <= (int)sizeof(raw) &&
                EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->key) == 1 &&
                EVP_DigestSign(ctx, raw, &len, (const unsigned char *)text.ptr, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    if (fine && key->ec)
        fine = append_plain(ret_signature, raw, len);
    else if (fine)
        buf_append(ret_signature, raw, len);
    ERR_clear_error();
    return fine && !ret_signature->failed ? STATUS_OK
                                          : error_set(reterr, STATUS_INTERNAL, "cannot sign");
}

/* The DER form of r and s; 0: it is not 64 bytes. */
static int der_of(struct bytes plain, unsigned char **ret_der)
{
    ECDSA_SIG *sig = plain.len == 2 * P256_LEN ? ECDSA_SIG_new() : NULL;
    const unsigned char *at = (const unsigned char *)plain.ptr;
    BIGNUM *r, *s;
    int len = 0;

    if (sig == NULL)
        return 0;
    r = BN_bin2bn(at, P256_LEN, NULL);
    s = BN_bin2bn(at + P256_LEN, P256_LEN, NULL);
    if (r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, ret_der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len;
}

static bool verify_raw(EVP_PKEY *key, struct bytes text, const unsigned char *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool fine = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(ctx, sig, len, (const unsigned char *)text.ptr, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return fine;
}

static bool verify(const struct signing_key *key, struct bytes text, struct bytes signature)
{
    unsigned char *der = NULL;
    bool fine;
    int len;

    if (!key->ec)
        return verify_raw(key->key, text, (const unsigned char *)signature.ptr, signature.len);
    len = der_of(signature, &der);
    fine = len > 0 && verify_raw(key->key, text, der, (size_t)len);
    OPENSSL_free(der);
    return fine;
}

bool signing_keys_verify(const struct signing_keys *keys, struct bytes alg, struct bytes id,
                         struct bytes text, struct bytes signature)
{
    bool known = false;

    for (size_t i = 0; i < keys->count; i++)
        known = known || bytes_eq(id_of(&keys->keys[i]), id);
    for (size_t i = 0; i < keys->count; i++) {
        const struct signing_key *key = &keys->keys[i];

        if (known && !bytes_eq(id_of(key), id))
            continue;
        /* The key says which algorithm it is of, never the token alone. */
        if (bytes_eq_str(alg, alg_of(key)) && verify(key, text, signature))
            return true;
    }
    return false;
}

/* ---- JWKS ---- */

static void write_number(struct buf *out, const char *name, EVP_PKEY *key, const char *param,
                         int least)
{
    BIGNUM *number = NULL;
    unsigned char raw[1024];
    int len;

    if (EVP_PKEY_get_bn_param(key, param, &number) != 1)
        return;
    len = BN_num_bytes(number) > least ? BN_num_bytes(number) : least;
    if (len <= (int)sizeof(raw) && BN_bn2binpad(number, raw, len) == len) {
        buf_appendf(out, ",\"%s\":\"", name);
        base64_encode(out, bytes_of((const char *)raw, (size_t)len), BASE64_URL_UNPADDED);
        buf_append_char(out, '"');
    }
    BN_free(number);
}

void signing_keys_write_jwks(const struct signing_keys *keys, struct buf *out)
{
    buf_append_str(out, "{\"keys\":[");
    for (size_t i = 0; i < keys->count; i++) {
        const struct signing_key *key = &keys->keys[i];

        buf_appendf(out, "%s{\"use\":\"sig\",\"kty\":\"%s\",\"kid\":\"%.*s\"", i != 0 ? "," : "",
                    key->ec ? "EC" : "RSA", BYTES_FMT(id_of(key)));
        if (key->ec) {
            buf_append_str(out, ",\"crv\":\"P-256\",\"alg\":\"ES256\"");
            write_number(out, "x", key->key, OSSL_PKEY_PARAM_EC_PUB_X, P256_LEN);
            write_number(out, "y", key->key, OSSL_PKEY_PARAM_EC_PUB_Y, P256_LEN);
        } else {
            buf_append_str(out, ",\"alg\":\"RS256\"");
            write_number(out, "n", key->key, OSSL_PKEY_PARAM_RSA_N, 0);
            write_number(out, "e", key->key, OSSL_PKEY_PARAM_RSA_E, 0);
        }
        buf_append_char(out, '}');
    }
    buf_append_str(out, "]}");
}
