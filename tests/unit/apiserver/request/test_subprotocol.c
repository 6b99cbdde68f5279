#include "apiserver/request/subprotocol.h"

#include "unit/test.h"

#define BEARER "base64url.bearer.authorization.k8s.io."

TEST(subprotocol, a_token_is_taken_out_and_the_first_of_the_others_is_chosen)
{
    static const struct {
        const char *offered, *chosen, *token; /* token NULL: none */
    } cases[] = {
        {NULL, "", NULL},
        {"", "", NULL},
        {"v1", "v1", NULL},
        {" v1 ,v2", "v1", NULL},
        {BEARER "dG9rZW4, base64.binary.k8s.io", "base64.binary.k8s.io", "token"},
        {"v1," BEARER "dG9rZW4", "v1", "token"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        struct subprotocol it;

        CHECK(subprotocol_choose(&arena, bytes_str(cases[i].offered), &it, NULL) == STATUS_OK);
        CHECK_TEXT(it.chosen, cases[i].chosen);
        CHECK((it.token.ptr != NULL) == (cases[i].token != NULL));
        if (cases[i].token != NULL)
            CHECK_TEXT(it.token, cases[i].token);
        arena_release(&arena);
    }
}

TEST(subprotocol, a_token_alone_or_two_or_a_bad_one_is_refused_with_the_reason)
{
    static const struct {
        const char *offered, *why;
    } cases[] = {
        {BEARER "dG9rZW4", "missing additional subprotocol"},
        {BEARER "dG9rZW4,", "missing additional subprotocol"},
        {BEARER "dG9rZW4, v1, " BEARER "dG9rZW4",
         "multiple base64.bearer.authorization tokens specified"},
        {BEARER "dG9rZW4=, v1", "invalid base64.bearer.authorization token encoding"},
        {BEARER "a+b/, v1", "invalid base64.bearer.authorization token encoding"},
        {BEARER "_w, v1", "invalid base64.bearer.authorization token"},
        {BEARER ", v1", "invalid base64.bearer.authorization token"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena = {0};
        struct subprotocol it;
        struct error err = {0};

        CHECK(subprotocol_choose(&arena, bytes_str(cases[i].offered), &it, &err) ==
              STATUS_BAD_REQUEST);
        CHECK_TEXT(bytes_str(error_message(&err)), cases[i].why);
        error_release(&err);
        arena_release(&arena);
    }
}
