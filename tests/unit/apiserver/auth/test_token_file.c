#include "apiserver/auth/token_file.h"
#include "unit/test.h"

static const struct user *find(const struct token_file *file, const char *token)
{
    uint8_t digest[DIGEST_LEN];

    CHECK(digest_of(bytes_str(token), digest));
    return token_file_find(file, digest);
}

TEST(token_file, a_line_makes_a_user_with_groups)
{
    struct token_file *file;

    CHECK(token_file_parse("t",
                           BYTES("aaa,ann,1,\"dev,ops\"\r\nbbb, \"b \"\"o\"\" b\" ,2\n"
                                 "ccc,\"cy, jr\",3,solo,more\n\n"),
                           &file, NULL) != STATUS_OK); /* blanks behind a quote */
    CHECK(token_file_parse("t",
                           BYTES("aaa,ann,1,\"dev,ops\"\r\nbbb, \"b \"\"o\"\" b\",2\nccc,\"cy, "
                                 "jr\",3,solo,more\n\n"),
                           &file, NULL) == STATUS_OK);
    CHECK_TEXT(find(file, "aaa")->name, "ann");
    CHECK_TEXT(find(file, "aaa")->uid, "1");
    CHECK_INT(find(file, "aaa")->group_count, 3);
    CHECK_TEXT(find(file, "aaa")->groups[1], "ops");
    CHECK(user_is_in(find(file, "aaa"), GROUP_AUTHENTICATED));
    CHECK_TEXT(find(file, "bbb")->name, "b \"o\" b");
    CHECK_TEXT(find(file, "ccc")->name, "cy, jr");
    CHECK(user_is_in(find(file, "ccc"), "solo"));
    CHECK(find(file, "aa") == NULL && find(file, "") == NULL && find(file, "aaaa") == NULL);
    token_file_free(file);
}

TEST(token_file, what_is_wrong_is_named_by_its_line_and_no_token_is_told)
{
    static const char *const wrong[] = {"ok,a,1\nsecret-token,b\n", "ok,a,1\nsecret-token,\"b,c\n",
                                        "ok,a,1\nsecret-token,b\"c,2\n",
                                        "ok,a,1\nsecret-token,\"b\"c,2\n"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct token_file *file;
        struct error err = {0};

        CHECK(token_file_parse("tokens.csv", bytes_str(wrong[i]), &file, &err) ==
              STATUS_BAD_REQUEST);
        CHECK(strstr(err.message, "tokens.csv line 2") != NULL);
        CHECK(strstr(err.message, "secret") == NULL);
        error_release(&err);
    }
}

TEST(token_file, an_empty_token_lets_nobody_in_and_the_last_of_two_counts)
{
    struct token_file *file;

    CHECK(token_file_parse("t", BYTES(",root,1,system:masters\nx,ann,1\nx,bob,2\n"), &file, NULL) ==
          STATUS_OK);
    CHECK(find(file, "") == NULL);
    CHECK_TEXT(find(file, "x")->name, "bob");
    token_file_free(file);
}
