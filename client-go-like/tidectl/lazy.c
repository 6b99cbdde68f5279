/*
 * libcurl (and libcrypto, of which the WebSocket client wants one function), loaded when the first
 * of its functions is called. With what it needs it is 30 libraries, which take the loader several
 * milliseconds and megabytes: help, completion, `version --client` and `config` ask no server and
 * do not pay for them.
 *
 * The linker finds these functions before the library's own and --as-needed then leaves it out. One
 * that is missing here costs that advantage and nothing else: test_tidectl_commands.py tells.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Of "libcurl.so.4" and so on; one thread: tidectl has no more. */
static void *find(const char *library, const char *name)
{
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL); /* loaded once, whoever asks */
    void *function = handle != NULL ? dlsym(handle, name) : NULL;

    if (function == NULL) {
        fprintf(stderr, "error: %s cannot be used: %s\n", library, dlerror());
        exit(1);
    }
    return function;
}

#define LIBCURL "libcurl.so.4"

/* The return type, name, parameters and arguments of a function. */
#define LAZY(type, name, parameters, arguments)                                                    \
    type(name) parameters;                                                                         \
    type(name) parameters                                                                          \
    {                                                                                              \
        static type(*real) parameters;                                                             \
                                                                                                   \
        if (real == NULL)                                                                          \
            *(void **)&real = find(LIBCURL, #name);                                                \
        return real arguments;                                                                     \
    }

LAZY(CURLcode, curl_global_init, (long flags), (flags))
LAZY(CURL *, curl_easy_init, (void), ())
LAZY(const char *, curl_easy_strerror, (CURLcode code), (code))
LAZY(CURLM *, curl_multi_init, (void), ())
LAZY(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), (multi, easy))
LAZY(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL *easy), (multi, easy))
LAZY(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))
LAZY(CURLMcode, curl_multi_perform, (CURLM * multi, int *running), (multi, running))
LAZY(CURLMcode, curl_multi_wakeup, (CURLM * multi), (multi))
LAZY(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), (multi, left))
LAZY(CURLMcode, curl_multi_poll,
     (CURLM * multi, struct curl_waitfd extra[], unsigned count, int timeout_ms, int *ready),
     (multi, extra, count, timeout_ms, ready))
LAZY(CURLMcode, curl_multi_socket_action,
     (CURLM * multi, curl_socket_t socket, int events, int *running),
     (multi, socket, events, running))
LAZY(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text),
     (list, text))
LAZY(CURLcode, curl_easy_recv, (CURL * easy, void *buffer, size_t len, size_t *got),
     (easy, buffer, len, got))
LAZY(CURLcode, curl_easy_send, (CURL * easy, const void *buffer, size_t len, size_t *sent),
     (easy, buffer, len, sent))
LAZY(curl_version_info_data *, curl_version_info, (CURLversion age), (age))

#define LAZY_VOID(name, parameters, arguments)                                                     \
    void(name) parameters;                                                                         \
    void(name) parameters                                                                          \
    {                                                                                              \
        static void(*real) parameters;                                                             \
                                                                                                   \
        if (real == NULL)                                                                          \
            *(void **)&real = find(LIBCURL, #name);                                                \
        real arguments;                                                                            \
    }

LAZY_VOID(curl_easy_cleanup, (CURL * easy), (easy))
LAZY_VOID(curl_easy_reset, (CURL * easy), (easy))
LAZY_VOID(curl_slist_free_all, (struct curl_slist * list), (list))

/* The one argument behind these is a pointer, a long or a curl_off_t: all of one size and passed
 * alike where Linux has 64 bits. */
_Static_assert(sizeof(void *) == sizeof(curl_off_t) && sizeof(void *) == sizeof(long),
               "pass the argument by its type");
#define LAZY_OPTION(type, name, handle, option)                                                    \
    type(name)(handle * first, option which, ...)                                                  \
    {                                                                                              \
        static type (*real)(handle *, option, ...);                                                \
        void *value;                                                                               \
        va_list arguments;                                                                         \
                                                                                                   \
        va_start(arguments, which);                                                                \
        value = va_arg(arguments, void *);                                                         \
        va_end(arguments);                                                                         \
        if (real == NULL)                                                                          \
            *(void **)&real = find(LIBCURL, #name);                                                \
        return real(first, which, value);                                                          \
    }

LAZY_OPTION(CURLcode, curl_easy_setopt, CURL, CURLoption)
LAZY_OPTION(CURLcode, curl_easy_getinfo, CURL, CURLINFO)
LAZY_OPTION(CURLMcode, curl_multi_setopt, CURLM, CURLMoption)

/* Of libcrypto, which libcurl brings along anyway. */
unsigned char *SHA1(const unsigned char *text, size_t len, unsigned char *digest);
unsigned char *SHA1(const unsigned char *text, size_t len, unsigned char *digest)
{
    unsigned char *(*real)(const unsigned char *, size_t, unsigned char *);

    *(void **)&real = find("libcrypto.so.3", "SHA1");
    return real(text, len, digest);
}
