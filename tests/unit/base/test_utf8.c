#include "base/utf8.h"

#include "unit/test.h"

TEST(utf8, what_rfc_3629_allows_and_nothing_else)
{
    static const struct {
        struct bytes text;
        bool valid;
    } cases[] = {
        {BYTES_INIT(""), true},
        {BYTES_INIT("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8a"), true},
        {BYTES_INIT("\xf4\x8f\xbf\xbf"), true},
        {BYTES_INIT("\xf4\x90\x80\x80"), false},
        {BYTES_INIT("\xed\xa0\x80"), false},
        {BYTES_INIT("\xc0\xaf"), false},
        {BYTES_INIT("\xe0\x80\xaf"), false},
        {BYTES_INIT("\x80"), false},
        {BYTES_INIT("a\xc3"), false},
        {BYTES_INIT("\xff"), false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_INT(utf8_is_valid(cases[i].text), cases[i].valid);
}
