#include "storage/sealing.h"

#include <stdlib.h>

#include "unit/test.h"

#include "unit/storage/seals.h"

#define KEY BYTES("s/a")
#define VALUE BYTES("the canary")

static enum status open_at(const struct sealing *sealing, struct bytes key, uint64_t rev,
                           struct bytes stored)
{
    struct buf scratch = {0};
    struct bytes value;
    enum status st = sealing_open(sealing, key, rev, stored, &scratch, &value, NULL);

    if (st == STATUS_OK)
        CHECK_TEXT(value, "the canary");
    buf_release(&scratch);
    return st;
}

static void seal(const struct sealing *sealing, struct buf *out)
{
    CHECK_INT(sealing_seal(sealing, KEY, 7, VALUE, out, NULL), STATUS_OK);
}

TEST(sealing, what_a_rule_fits_is_sealed_and_opens_again)
{
    struct sealing *sealing = seals_with("s/", "k", false);
    struct buf stored = {0}, again = {0}, other = {0};

    seal(sealing, &stored);
    CHECK_TEXT(sealed_id(buf_bytes(&stored)), "k");
    CHECK(memmem(stored.data, stored.len, "canary", 6) == NULL);
    CHECK_INT(open_at(sealing, KEY, 7, buf_bytes(&stored)), STATUS_OK);
    seal(sealing, &again); /* never twice the same */
    CHECK(!bytes_eq(buf_bytes(&stored), buf_bytes(&again)));
    CHECK_INT(sealing_seal(sealing, BYTES("c/a"), 7, VALUE, &other, NULL), STATUS_OK);
    CHECK_TEXT(buf_bytes(&other), "the canary");
    CHECK_INT(sealed_id(buf_bytes(&other)).len, 0);
    CHECK_INT(open_at(sealing, BYTES("c/a"), 7, buf_bytes(&other)), STATUS_OK);
    buf_release(&stored);
    buf_release(&again);
    buf_release(&other);
    sealing_free(sealing);
}

TEST(sealing, a_change_of_any_bit_is_refused)
{
    struct sealing *sealing = seals_with("s/", "k", false);
    struct buf stored = {0};

    seal(sealing, &stored);
    for (size_t bit = 0; bit < stored.len * 8; bit++) {
        stored.data[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(open_at(sealing, KEY, 7, buf_bytes(&stored)) != STATUS_OK);
        stored.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 1; len < stored.len; len++)
        CHECK(open_at(sealing, KEY, 7, bytes_of(stored.data, len)) != STATUS_OK);
    buf_append_char(&stored, '\0');
    CHECK_INT(open_at(sealing, KEY, 7, buf_bytes(&stored)), STATUS_SEALED);
    buf_release(&stored);
    sealing_free(sealing);
}

TEST(sealing, a_value_opens_in_its_own_row_alone)
{
    struct sealing *sealing = seals_with("s/", "k", false);
    struct buf stored = {0};

    seal(sealing, &stored);
    CHECK_INT(open_at(sealing, BYTES("s/b"), 7, buf_bytes(&stored)), STATUS_SEALED);
    CHECK_INT(open_at(sealing, BYTES("s/"), 7, buf_bytes(&stored)), STATUS_SEALED);
    CHECK_INT(open_at(sealing, KEY, 8, buf_bytes(&stored)), STATUS_SEALED);
    buf_release(&stored);
    sealing_free(sealing);
}

TEST(sealing, a_missing_key_and_another_secret_are_told_by_the_id)
{
    struct sealing *sealing = seals_with("s/", "k", false), *other = seals_with("s/", "l", true);
    struct buf stored = {0}, scratch = {0};
    struct error err = {0};
    struct bytes value;

    seal(sealing, &stored);
    CHECK_INT(sealing_open(other, KEY, 7, buf_bytes(&stored), &scratch, &value, &err),
              STATUS_SEALED);
    CHECK_TEXT(bytes_str(error_message(&err)),
               "revision 7 is sealed with key \"k\", which is not among the keys given");
    CHECK_INT(open_at(NULL, KEY, 7, buf_bytes(&stored)), STATUS_SEALED);
    seals_add_key(other, "k", 'x');
    CHECK_INT(sealing_open(other, KEY, 7, buf_bytes(&stored), &scratch, &value, &err),
              STATUS_SEALED);
    CHECK_TEXT(bytes_str(error_message(&err)),
               "revision 7 does not open with key \"k\": the key has another secret, or what is "
               "stored was changed");
    error_release(&err);
    buf_release(&stored);
    buf_release(&scratch);
    sealing_free(sealing);
    sealing_free(other);
}

TEST(sealing, unsealed_values_are_taken_only_where_a_rule_says_so)
{
    struct sealing *strict = seals_with("s/", "k", false), *lax = seals_with("s/", "k", true);

    CHECK_INT(open_at(strict, KEY, 7, VALUE), STATUS_SEALED);
    CHECK_INT(open_at(strict, BYTES("c/a"), 7, VALUE), STATUS_OK);
    CHECK_INT(open_at(lax, KEY, 7, VALUE), STATUS_OK);
    CHECK_INT(open_at(NULL, KEY, 7, VALUE), STATUS_OK);
    CHECK(!sealing_takes(strict, KEY, BYTES("")) && sealing_takes(strict, KEY, BYTES("k")));
    CHECK(!sealing_takes(lax, KEY, BYTES("l")));
    sealing_free(strict);
    sealing_free(lax);
}

TEST(sealing, after_a_rotation_both_keys_open_and_the_first_seals)
{
    struct sealing *before = seals_with("s/", "k", false), *after = seals_with("s/", "lk", false);
    struct buf stored = {0};

    seal(before, &stored);
    CHECK_INT(open_at(after, KEY, 7, buf_bytes(&stored)), STATUS_OK);
    stored.len = 0;
    seal(after, &stored);
    CHECK_TEXT(sealed_id(buf_bytes(&stored)), "l");
    CHECK_INT(open_at(after, KEY, 7, buf_bytes(&stored)), STATUS_OK);
    CHECK_INT(open_at(before, KEY, 7, buf_bytes(&stored)), STATUS_SEALED);
    buf_release(&stored);
    sealing_free(before);
    sealing_free(after);
}

TEST(sealing, the_first_rule_that_fits_counts)
{
    struct sealing *sealing = seals_with("s/", "k", false);

    seals_add_key(sealing, "rest", 'r');
    CHECK_INT(sealing_add_rule(sealing, BYTES("c/"), BYTES(""), true, NULL), STATUS_OK);
    CHECK_INT(sealing_add_rule(sealing, BYTES(""), BYTES("rest"), true, NULL), STATUS_OK);
    CHECK_TEXT(sealing_id_for(sealing, BYTES("s/a")), "k");
    CHECK_INT(sealing_id_for(sealing, BYTES("c/a")).len, 0);
    CHECK_TEXT(sealing_id_for(sealing, BYTES("x/a")), "rest");
    sealing_free(sealing);
}

TEST(sealing, a_name_has_one_secret)
{
    struct sealing *sealing = seals_with("s/", "k", false), *other = seals_with("s/", "l", false);
    uint8_t secret[SEALING_SECRET_LEN] = {0};

    CHECK_INT(sealing_add_key(sealing, BYTES("k"), secret, NULL), STATUS_CONFLICT);
    CHECK_INT(sealing_add_key(sealing, BYTES(""), secret, NULL), STATUS_BAD_REQUEST);
    CHECK_INT(sealing_add_key(sealing, BYTES("a:b"), secret, NULL), STATUS_BAD_REQUEST);
    CHECK_INT(sealing_key_count(sealing), 1);
    seals_add_key(sealing, "k", 'k'); /* the same again is no second one */
    CHECK_INT(sealing_key_count(sealing), 1);
    CHECK_INT(sealing_check_same(sealing, other, NULL), STATUS_OK);
    seals_add_key(other, "k", 'x');
    CHECK_INT(sealing_check_same(sealing, other, NULL), STATUS_CONFLICT);
    sealing_free(sealing);
    sealing_free(other);
}
