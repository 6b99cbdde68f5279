/*
 * Who somebody is, and what is to be recorded of him: a bearer token against a key of the server's,
 * a file of static tokens, an audit policy. The first byte says which; no made-up token is valid.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "apiserver/auth/audit_policy.h"
#include "apiserver/auth/jwt.h"
#include "apiserver/auth/token_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct signing_keys *keys;

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    long len;

    (void)argc;
    (void)argv;
    must(key != NULL && PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) == 1);
    len = BIO_get_mem_data(pem, &text);
    keys = signing_keys_new();
    must(signing_keys_add(keys, "test", bytes_of(text, (size_t)len), NULL) == STATUS_OK);
    BIO_free(pem);
    EVP_PKEY_free(key);
    return 0;
}

static void check_jwt(struct bytes text)
{
    struct arena arena = {0};
    struct json *claims = NULL;
    struct error err = {0};

    must(jwt_open(keys, text, &arena, &claims, &err) != STATUS_OK && err.message != NULL);
    error_release(&err);
    arena_release(&arena);
}

/* Claims that were signed are opened as they were, or refused for what JSON may be and claims not.
 */
static void check_claims(struct bytes text)
{
    struct arena arena = {0};
    struct json *claims = NULL, *opened = NULL;
    struct buf token = {0}, before = {0}, after = {0};

    if (text.len < JWT_LEN_MAX / 2 && json_parse(&arena, text, &claims, NULL, NULL) == STATUS_OK &&
        json_is(claims, JSON_OBJECT)) {
        must(jwt_make(keys, text, &token, NULL) == STATUS_OK);
        if (jwt_open(keys, buf_bytes(&token), &arena, &opened, NULL) == STATUS_OK) {
            json_write(&before, claims, false);
            json_write(&after, opened, false);
            must(bytes_eq(buf_bytes(&before), buf_bytes(&after)));
        }
    }
    buf_release(&token);
    buf_release(&before);
    buf_release(&after);
    arena_release(&arena);
}

static void check_token_file(struct bytes text)
{
    struct token_file *file = NULL;
    struct error err = {0};

    must((token_file_parse("tokens", text, &file, &err) == STATUS_OK) == (err.message == NULL));
    error_release(&err);
    token_file_free(file);
}

static void check_policy(struct bytes text)
{
    static const struct user user = {.name = BYTES_INIT("somebody")};
    static const struct access what = {.is_resource = true,
                                       .verb = BYTES_INIT("get"),
                                       .resource = BYTES_INIT("secrets"),
                                       .namespace = BYTES_INIT("default")};
    struct audit_policy *policy = NULL;
    struct error err = {0};
    unsigned stages;

    if (audit_policy_parse(text, &policy, &err) == STATUS_OK)
        must(audit_policy_level(policy, &user, &what, &stages) <= AUDIT_METADATA);
    else
        must(err.message != NULL);
    error_release(&err);
    audit_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(struct bytes text) = {check_jwt, check_claims, check_token_file,
                                                        check_policy};

    if (size > 0)
        checks[data[0] % ARRAY_LEN(checks)](bytes_of((const char *)data + 1, size - 1));
    return 0;
}
