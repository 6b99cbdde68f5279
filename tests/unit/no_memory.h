/*
 * no_memory - runs a story again and again, each time with another allocation failing: every
 * cleanup path is taken once, nothing may leak, and what is reported is that memory was short.
 *
 *   fail_each(story, user, 0):  1st allocation fails, 2nd, 3rd .. until a run has no more of them;
 *                               with FAIL_SOME each seventh, for stories of thousands
 *
 * Counted  allocations of the story's thread, or with FAIL_ALL_THREADS of all threads; who includes
 *          this may define NO_MEMORY_SPARES, which is true in a thread that is never to fail.
 * Builds   plain: those of every library count, and what was not freed is seen at once. With a
 *          sanitizer, which has an allocator of its own: those of our code, by the linker's --wrap,
 *          and leaks are found at the end. With TIDEWATCH_ARENA_EXACT (base/arena.c) each piece of
 *          an arena is an allocation.
 * Use      in the one .c file of a test_no_memory*.c, which tests/CMakeLists.txt links for it. A
 *          story says STORY_OK, or STORY_NO_MEMORY when something failed.
 */
#ifndef TIDEWATCH_TESTS_UNIT_NO_MEMORY_H
#define TIDEWATCH_TESTS_UNIT_NO_MEMORY_H

#include "unit/test.h"

#include "base/status.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#ifndef NO_MEMORY_SPARES
#define NO_MEMORY_SPARES false
#endif
#ifndef STORY_STATUS
#define STORY_STATUS enum status
#define STORY_OK STATUS_OK
#define STORY_NO_MEMORY STATUS_NO_MEMORY
#endif

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
    HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define WRAPPED 1
#define OURS(name) __wrap_##name
#define REAL(name) __real_##name
#else
#define WRAPPED 0
#define OURS(name) name
#define REAL(name) __libc_##name
#endif

enum { FAIL_ALL_THREADS = 1, FAIL_SOME = 4 };

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *ptr, size_t size);
void REAL(free)(void *ptr);

#pragma GCC visibility push(default) /* libc's own strdup() and vasprintf() must find them too */
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t count, size_t size);
void *OURS(realloc)(void *old, size_t size);
void OURS(free)(void *ptr);
#pragma GCC visibility pop

static atomic_bool armed, everywhere, failed;
static atomic_long countdown, live;
static atomic_int calm;
static _Thread_local bool story_thread, spared;

static bool counts(bool spare)
{
    return atomic_load(&armed) && !NO_MEMORY_SPARES && !spared && !spare &&
           (story_thread || atomic_load(&everywhere));
}

static bool fails_now(bool spare)
{
    if (!counts(spare) || atomic_load(&calm) != 0 || atomic_fetch_sub(&countdown, 1) != 1)
        return false;
    atomic_store(&failed, true);
    errno = ENOMEM;
    return true;
}

static void *count_live(void *ptr, bool spare)
{
    if (ptr != NULL && counts(spare))
        atomic_fetch_add(&live, 1);
    return ptr;
}

/* Not in terms of each other: a compiler knows malloc() and calloc(), and what they do not do. */
#define DEFINE_ALLOCATOR(storage, spare, malloc_, calloc_, realloc_, free_)                        \
    storage void *malloc_(size_t size)                                                             \
    {                                                                                              \
        return fails_now(spare) ? NULL : count_live(REAL(malloc)(size), spare);                    \
    }                                                                                              \
    storage void *calloc_(size_t count, size_t size)                                               \
    {                                                                                              \
        return fails_now(spare) ? NULL : count_live(REAL(calloc)(count, size), spare);             \
    }                                                                                              \
    storage void *realloc_(void *old, size_t size)                                                 \
    {                                                                                              \
        void *ptr = fails_now(spare) ? NULL : REAL(realloc)(old, size);                            \
                                                                                                   \
        return old == NULL ? count_live(ptr, spare) : ptr;                                         \
    }                                                                                              \
    storage void free_(void *ptr)                                                                  \
    {                                                                                              \
        if (ptr != NULL && counts(spare))                                                          \
            atomic_fetch_sub(&live, 1);                                                            \
        REAL(free)(ptr);                                                                           \
    }

DEFINE_ALLOCATOR(, false, OURS(malloc), OURS(calloc), OURS(realloc), OURS(free))

#if WRAPPED /* libc's own allocate behind our back */
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __real_vasprintf(char **ret_text, const char *format, va_list args) PRINTF_LIKE(2, 0);
int __wrap_vasprintf(char **ret_text, const char *format, va_list args) PRINTF_LIKE(2, 0);

char *__wrap_strdup(const char *text)
{
    return fails_now(false) ? NULL : count_live(__real_strdup(text), false);
}

int __wrap_vasprintf(char **ret_text, const char *format, va_list args)
{
    int len = fails_now(false) ? -1 : __real_vasprintf(ret_text, format, args);

    if (len >= 0)
        count_live(*ret_text, false);
    return len;
}
#endif

/* ---- */

typedef STORY_STATUS story_fn(void *user);

static STORY_STATUS run_story(story_fn *story, void *user, long fails_at)
{
    STORY_STATUS st;

    atomic_store(&countdown, fails_at);
    atomic_store(&live, 0);
    atomic_store(&failed, false);
    story_thread = true;
    atomic_store(&armed, true);
    st = story(user);
    atomic_store(&armed, false);
    story_thread = false;
    return st;
}

/* Not under test: what any thread does while it is calm, such as preparing. */
static inline void story_calm(bool is_calm)
{
    atomic_fetch_add(&calm, is_calm ? 1 : -1);
}

/* Not under test, nor looked at for leaks: what the story's thread does between these two. */
static inline void story_pause(void)
{
    spared = true;
}

static inline void story_go_on(void)
{
    spared = false;
}

/* Each allocation of `story` in turn. It has run once, so what is made once is there. */
static inline void fail_in_turn(story_fn *story, void *user, long step)
{
    long n = 1 - step;

    do {
        STORY_STATUS st = run_story(story, user, n += step);
        bool honest = st == STORY_OK || (st == STORY_NO_MEMORY && atomic_load(&failed));
        long left = WRAPPED ? 0 : atomic_load(&live); /* what a library frees for us is not seen */

        if (!honest || left != 0)
            fprintf(stderr, "allocation %ld: status %d, %ld not freed\n", n, (int)st, left);
        CHECK(honest);
        CHECK_INT(left, 0);
        CHECK(n < 20000);
    } while (atomic_load(&failed));
    CHECK(n > 1);
}

static inline void fail_each(story_fn *story, void *user, unsigned flags)
{
    struct tm tm;

    gmtime_r(&(time_t){0}, &tm); /* a log line's, which keeps what it allocates the first time */
    atomic_store(&everywhere, (flags & FAIL_ALL_THREADS) != 0);
    CHECK_INT(story(user), STORY_OK);
    fail_in_turn(story, user, (flags & FAIL_SOME) != 0 && !WRAPPED ? 7 : 1);
}

#endif
