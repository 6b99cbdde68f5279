#include "apiserver/auth/jwt.h"

#include "keys.h"

static enum status open_text(const struct signing_keys *keys, struct bytes token)
{
    struct arena arena = {0};
    struct json *claims;
    enum status st = jwt_open(keys, token, &arena, &claims, NULL);

    if (st == STATUS_OK)
        CHECK_TEXT(json_get_text(claims, "sub"), "me");
    arena_release(&arena);
    return st;
}

/* head, claims and signature as they are. */
static void join(struct buf *out, const char *head, const char *claims, struct bytes signature)
{
    out->len = 0;
    base64_encode(out, bytes_str(head), BASE64_URL_UNPADDED);
    buf_append_char(out, '.');
    base64_encode(out, bytes_str(claims), BASE64_URL_UNPADDED);
    buf_append_char(out, '.');
    base64_encode(out, signature, BASE64_URL_UNPADDED);
}

TEST(jwt, what_is_signed_is_read_back_with_the_public_part)
{
    for (int ec = 0; ec < 2; ec++) {
        EVP_PKEY *key = new_key(ec != 0);
        struct signing_keys *private = keys_of(key, true), *public = keys_of(key, false);
        struct buf token = {0};

        CHECK(strcmp(signing_keys_alg(private), ec != 0 ? "ES256" : "RS256") == 0);
        CHECK(signing_keys_can_sign(private) && !signing_keys_can_sign(public));
        CHECK(bytes_eq(signing_keys_id(private), signing_keys_id(public)));
        CHECK(jwt_make(private, BYTES("{\"sub\":\"me\"}"), &token, NULL) == STATUS_OK);
        CHECK(jwt_looks_like(buf_bytes(&token)));
        CHECK(open_text(public, buf_bytes(&token)) == STATUS_OK);
        buf_release(&token);
        signing_keys_free(private);
        signing_keys_free(public);
        EVP_PKEY_free(key);
    }
}

TEST(jwt, one_changed_letter_anywhere_is_refused)
{
    EVP_PKEY *key = new_key(true);
    struct signing_keys *keys = keys_of(key, true);
    struct buf token = {0};

    CHECK(jwt_make(keys, BYTES("{\"sub\":\"me\"}"), &token, NULL) == STATUS_OK);
    for (size_t i = 0; i < token.len; i++) {
        char was = token.data[i];

        token.data[i] = was == 'A' ? 'B' : 'A';
        CHECK(open_text(keys, buf_bytes(&token)) == STATUS_UNAUTHORIZED);
        token.data[i] = was;
    }
    CHECK(open_text(keys, buf_bytes(&token)) == STATUS_OK);
    for (size_t len = 0; len < token.len; len++)
        CHECK(open_text(keys, bytes_of(token.data, len)) == STATUS_UNAUTHORIZED);
    buf_release(&token);
    signing_keys_free(keys);
    EVP_PKEY_free(key);
}

TEST(jwt, another_key_and_another_algorithm_are_refused)
{
    EVP_PKEY *ours = new_key(false), *other = new_key(false);
    struct signing_keys *keys = keys_of(ours, false), *stranger = keys_of(other, true);
    struct buf token = {0}, pem = {0};

    CHECK(jwt_make(stranger, BYTES("{\"sub\":\"me\"}"), &token, NULL) == STATUS_OK);
    CHECK(open_text(keys, buf_bytes(&token)) == STATUS_UNAUTHORIZED);
    join(&token, "{\"alg\":\"none\"}", "{\"sub\":\"me\"}", BYTES(""));
    CHECK(open_text(keys, buf_bytes(&token)) == STATUS_UNAUTHORIZED);
    /* HS256 with the public key as the secret. */
    append_pem(&pem, ours, false);
    join(&token, "{\"alg\":\"HS256\"}", "{\"sub\":\"me\"}", buf_bytes(&pem));
    CHECK(open_text(keys, buf_bytes(&token)) == STATUS_UNAUTHORIZED);
    buf_release(&token);
    buf_release(&pem);
    signing_keys_free(keys);
    signing_keys_free(stranger);
    EVP_PKEY_free(ours);
    EVP_PKEY_free(other);
}

TEST(jwt, claims_that_stand_twice_and_endless_tokens_are_refused)
{
    EVP_PKEY *key = new_key(true);
    struct signing_keys *keys = keys_of(key, true);
    struct buf token = {0};

    CHECK(jwt_make(keys, BYTES("{\"sub\":\"you\",\"sub\":\"me\"}"), &token, NULL) == STATUS_OK);
    CHECK(open_text(keys, buf_bytes(&token)) == STATUS_UNAUTHORIZED);
    token.len = 0;
    for (int i = 0; i <= JWT_LEN_MAX; i++)
        buf_append_char(&token, i == 3 || i == 9 ? '.' : 'e');
    CHECK(open_text(keys, buf_bytes(&token)) == STATUS_UNAUTHORIZED);
    CHECK(open_text(keys, BYTES("..")) == STATUS_UNAUTHORIZED);
    CHECK(open_text(keys, BYTES("")) == STATUS_UNAUTHORIZED);
    buf_release(&token);
    signing_keys_free(keys);
    EVP_PKEY_free(key);
}

TEST(jwt, a_weak_key_or_no_key_is_refused_by_name)
{
    struct signing_keys *keys = signing_keys_new();
    EVP_PKEY *weak = EVP_RSA_gen(1024), *other = EVP_EC_gen("P-384");
    struct buf pem = {0};
    struct error err = {0};

    append_pem(&pem, weak, true);
    CHECK(signing_keys_add(keys, "sa.key", buf_bytes(&pem), &err) == STATUS_BAD_REQUEST);
    CHECK(strstr(err.message, "sa.key") != NULL);
    pem.len = 0;
    append_pem(&pem, other, true);
    CHECK(signing_keys_add(keys, "sa.key", buf_bytes(&pem), &err) == STATUS_BAD_REQUEST);
    CHECK(signing_keys_add(keys, "sa.key", BYTES("hello"), &err) == STATUS_BAD_REQUEST);
    pem.len = 0;
    signing_keys_write_jwks(keys, &pem);
    CHECK_TEXT(buf_bytes(&pem), "{\"keys\":[]}");
    buf_release(&pem);
    error_release(&err);
    signing_keys_free(keys);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(other);
}
