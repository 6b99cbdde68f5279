/*
 * keys - keys made for a test, and tokens made by hand. Include it once.
 */
#ifndef TIDEWATCH_TESTS_UNIT_APISERVER_AUTH_KEYS_H
#define TIDEWATCH_TESTS_UNIT_APISERVER_AUTH_KEYS_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <unistd.h>

#include "apiserver/auth/jwt.h"
#include "base/base64.h"
#include "unit/test.h"

/* PEM of a new key, private or public. */
static inline void append_pem(struct buf *out, EVP_PKEY *key, bool private_part)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    long len;

    if (private_part)
        CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    else
        CHECK(PEM_write_bio_PUBKEY(bio, key) == 1);
    len = BIO_get_mem_data(bio, &data);
    buf_append(out, data, (size_t)len);
    BIO_free(bio);
}

static inline EVP_PKEY *new_key(bool ec)
{
    EVP_PKEY *key = ec ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);

    CHECK(key != NULL);
    return key;
}

static inline struct signing_keys *keys_of(EVP_PKEY *key, bool private_part)
{
    struct signing_keys *keys = signing_keys_new();
    struct buf pem = {0};

    append_pem(&pem, key, private_part);
    CHECK(signing_keys_add(keys, "test", buf_bytes(&pem), NULL) == STATUS_OK);
    buf_release(&pem);
    return keys;
}

/* A file that holds it; the path is the caller's to unlink. */
static inline void write_key(char *path, EVP_PKEY *key)
{
    struct buf pem = {0};
    int fd = mkstemp(path);

    append_pem(&pem, key, true);
    CHECK(fd >= 0 && write(fd, pem.data, pem.len) == (ssize_t)pem.len);
    close(fd);
    buf_release(&pem);
}

#endif
