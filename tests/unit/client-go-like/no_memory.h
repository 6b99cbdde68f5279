/*
 * no_memory - runs a story again and again, each time with another allocation failing: every
 * cleanup path is taken once, nothing may leak, and what is reported is that memory was short.
 *
 *   fail_each(story, user, 0):  1st allocation fails, 2nd, 3rd .. until a run has no more of them
 *
 * Counted  allocations of the story's thread, or with FAIL_ALL_THREADS of all threads but the fake
 *          server's; libcurl's own with FAIL_CURL_TOO; libcrypto's never.
 * Builds   plain: those of every library count, and what was not freed is seen at once. With a
 *          sanitizer, which has an allocator of its own: those of our code, by the linker's --wrap,
 *          and leaks are found at the end.
 * Use      in the one .c file of a test_no_memory*.c, which tests/CMakeLists.txt links for it.
 */
#ifndef TIDEWATCH_TESTS_NO_MEMORY_H
#define TIDEWATCH_TESTS_NO_MEMORY_H

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>

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

enum { FAIL_ALL_THREADS = 1, FAIL_CURL_TOO = 2 };

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
static _Thread_local bool story_thread, spared;
static bool curl_counts;

static bool counts(bool by_curl)
{
    return atomic_load(&armed) && !fake_is_thread && !spared &&
           (story_thread || atomic_load(&everywhere)) && (!by_curl || curl_counts);
}

static bool fails_now(bool by_curl)
{
    if (!counts(by_curl) || atomic_fetch_sub(&countdown, 1) != 1)
        return false;
    atomic_store(&failed, true);
    errno = ENOMEM;
    return true;
}

static void *count_live(void *ptr, bool by_curl)
{
    if (ptr != NULL && counts(by_curl))
        atomic_fetch_add(&live, 1);
    return ptr;
}

/* Not in terms of each other: a compiler knows malloc() and calloc(), and what they do not do. */
#define DEFINE_ALLOCATOR(storage, by_curl, malloc_, calloc_, realloc_, free_)                      \
    storage void *malloc_(size_t size)                                                             \
    {                                                                                              \
        return fails_now(by_curl) ? NULL : count_live(REAL(malloc)(size), by_curl);                \
    }                                                                                              \
    storage void *calloc_(size_t count, size_t size)                                               \
    {                                                                                              \
        return fails_now(by_curl) ? NULL : count_live(REAL(calloc)(count, size), by_curl);         \
    }                                                                                              \
    storage void *realloc_(void *old, size_t size)                                                 \
    {                                                                                              \
        void *ptr = fails_now(by_curl) ? NULL : REAL(realloc)(old, size);                          \
                                                                                                   \
        return old == NULL ? count_live(ptr, by_curl) : ptr;                                       \
    }                                                                                              \
    storage void free_(void *ptr)                                                                  \
    {                                                                                              \
        if (ptr != NULL && counts(by_curl))                                                        \
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

/* ---- libcurl's, which may be spared: its mistakes are not ours ---- */

DEFINE_ALLOCATOR(static, true, curl_malloc, curl_calloc, curl_realloc, curl_free_)

static char *curl_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = curl_malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* ---- libcrypto's, in peace: it keeps what describes an error, for each thread ---- */

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return REAL(malloc)(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return REAL(realloc)(old, size);
}

static void crypto_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    REAL(free)(ptr);
}

/* ---- */

typedef tw_status story_fn(void *user);

static tw_status run_story(story_fn *story, void *user, long fails_at)
{
    tw_status st;

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

/* Not under test: what a story does between these two. */
static inline void story_pause(void)
{
    spared = true;
}

static inline void story_go_on(void)
{
    spared = false;
}

/* `flags` as above. A story says TW_OK, or TW_ERR_NO_MEMORY when something failed. */
static void fail_each(story_fn *story, void *user, unsigned flags)
{
    long n = 0;

    CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free); /* the first time */
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, curl_free_, curl_realloc, curl_strdup,
                         curl_calloc);
    atomic_store(&everywhere, (flags & FAIL_ALL_THREADS) != 0);
    curl_counts = (flags & FAIL_CURL_TOO) != 0;
    CHECK(story(user) == TW_OK); /* warms up what is made once, and shows that it can go well */
    do {
        tw_status st = run_story(story, user, ++n);
        bool honest = st == TW_OK || (st == TW_ERR_NO_MEMORY && atomic_load(&failed));
        long left = WRAPPED ? 0 : atomic_load(&live); /* what a library frees for us is not seen */

        if (!honest || left != 0)
            fprintf(stderr, "allocation %ld: %s, %ld not freed\n", n, tw_status_name(st), left);
        CHECK(honest);
        CHECK_INT(left, 0);
        CHECK(n < 20000);
    } while (atomic_load(&failed));
    CHECK(n > 1);
}

#endif
