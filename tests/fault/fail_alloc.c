/*
 * fail_alloc - one allocation of a server fails: the one that a test says, in a page that both map.
 *
 *   TIDEWATCH_FAIL_ALLOC=FILE    three longs: `left` until one fails, all that were asked for,
 * failed TIDEWATCH_FAIL_TRACE=1       and say on stderr who asked for it, for addr2line
 *
 * Builds   plain: a shared library for LD_PRELOAD, so that those of every library count. With a
 *          sanitizer, which has an allocator of its own: linked into a server of the tests, and
 * those of our code count, by the linker's --wrap.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef WRAPPED
#define OURS(name) __wrap_##name
#define REAL(name) __real_##name
#else
#define OURS(name) name
#define REAL(name) __libc_##name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *old, size_t size);
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t count, size_t size);
void *OURS(realloc)(void *old, size_t size);
char *OURS(strdup)(const char *text);

static struct page {
    atomic_long left, asked, failed;
} * page;
static bool trace;

__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("TIDEWATCH_FAIL_ALLOC");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at;

    if (fd < 0)
        return;
    at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        page = at;
    trace = getenv("TIDEWATCH_FAIL_TRACE") != NULL;
    if (trace)
        backtrace((void *[1]){0}, 1); /* the first one allocates */
}

static void say_who(void)
{
    void *frames[24];

    backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
}

static bool fails(void)
{
    if (page == NULL)
        return false;
    atomic_fetch_add(&page->asked, 1);
    if (atomic_load(&page->left) <= 0 || atomic_fetch_sub(&page->left, 1) != 1)
        return false;
    atomic_fetch_add(&page->failed, 1);
    if (trace)
        say_who();
    return true;
}

void *OURS(malloc)(size_t size)
{
    return fails() ? NULL : REAL(malloc)(size);
}

void *OURS(calloc)(size_t count, size_t size)
{
    return fails() ? NULL : REAL(calloc)(count, size);
}

void *OURS(realloc)(void *old, size_t size)
{
    return fails() ? NULL : REAL(realloc)(old, size);
}

char *OURS(strdup)(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = OURS(malloc)(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}
