/*
 * c_locale - numbers in text as JSON and YAML have them, whatever locale the program is in: the
 * client lives in programs of others, and some write 1,5.
 *
 * Threads  any. It is constant.
 * Errors   none: the C library has this one without making it.
 */
#ifndef TIDEWATCH_BASE_C_LOCALE_H
#define TIDEWATCH_BASE_C_LOCALE_H

#include <locale.h>

locale_t c_locale(void);
/* strtod() in it. */
double c_strtod(const char *text);
float c_strtof(const char *text);

#endif
