/*
 * no_memory - unit/no_memory.h for the client, and for the libraries that it brings.
 *
 * Counted  libcurl's own allocations with FAIL_CURL_TOO; libcrypto's never, nor what the threads of
 *          the fake server do.
 */
#ifndef TIDEWATCH_TESTS_CLIENT_NO_MEMORY_H
#define TIDEWATCH_TESTS_CLIENT_NO_MEMORY_H

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#define NO_MEMORY_SPARES fake_is_thread
#define STORY_STATUS tw_status
#define STORY_OK TW_OK
#define STORY_NO_MEMORY TW_ERR_NO_MEMORY
#include "unit/no_memory.h"

enum { FAIL_CURL_TOO = 2 };

static bool curl_is_spared;

/* ---- libcurl's, which may be spared: its mistakes are not ours ---- */

DEFINE_ALLOCATOR(static, curl_is_spared, curl_malloc, curl_calloc, curl_realloc, curl_free_)

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

static void fail_each_with_curl(story_fn *story, void *user, unsigned flags)
{
    CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free); /* the first time */
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, curl_free_, curl_realloc, curl_strdup,
                         curl_calloc);
    curl_is_spared = (flags & FAIL_CURL_TOO) == 0;
    fail_each(story, user, flags);
}

#endif
