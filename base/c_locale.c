#include "base/c_locale.h"

#include <stdlib.h>

locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc and musl: a pointer to a constant */
}

double c_strtod(const char *text)
{
    return strtod_l(text, NULL, c_locale());
}

float c_strtof(const char *text)
{
    return strtof_l(text, NULL, c_locale());
}
