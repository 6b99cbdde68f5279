/*
 * test - what a unit test file needs: TEST() registers itself, CHECK() names what did not hold.
 * The runner is cmocka; include this once, in the one .c file of a test program.
 */
#ifndef TIDEWATCH_TESTS_UNIT_TEST_H
#define TIDEWATCH_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static struct CMUnitTest test_list[512];
static size_t test_count;

#define TEST(module, sentence)                                                                     \
    static void test_##module##_##sentence(void **state);                                          \
    __attribute__((constructor)) static void register_##module##_##sentence(void)                  \
    {                                                                                              \
        test_list[test_count++] = (struct CMUnitTest){                                             \
            #module ": " #sentence, test_##module##_##sentence, NULL, NULL, NULL};                 \
    }                                                                                              \
    static void test_##module##_##sentence(void **state __attribute__((unused)))

#define CHECK(holds) _assert_true((uintmax_t)((holds) ? 1 : 0), #holds, __FILE__, __LINE__)
#define CHECK_INT(got, expected)                                                                   \
    _assert_int_equal((uintmax_t)(got), (uintmax_t)(expected), __FILE__, __LINE__)
/* Compares bytes with a C string, and shows both when they differ. */
#define CHECK_TEXT(got, expected) check_text((got), (expected), __FILE__, __LINE__)

static inline void check_text(struct bytes got, const char *expected, const char *file, int line)
{
    if (!bytes_eq_str(got, expected)) {
        fprintf(stderr, "got:      %.*s\nexpected: %s\n", BYTES_FMT(got), expected);
        _assert_true(0, "texts are equal", file, line);
    }
}

int main(void)
{
    return _cmocka_run_group_tests(test_list[0].name, test_list, test_count, NULL, NULL);
}

#endif
