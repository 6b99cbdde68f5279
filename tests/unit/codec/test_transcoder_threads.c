/* A program of its own: here nobody has used the transcoder before. */
#include "unit/codec/trees.h"

#include <pthread.h>

#include "codec/transcoder.h"

enum { THREADS = 4 };

static void *write_one(void *ret_len)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct json *pod = tree_of(&arena, "{'apiVersion':'v1','kind':'Pod','spec':{'volumes':[{"
                                       "'name':'a','emptyDir':{}}],'containers':[{'name':'c'}]}}");

    if (transcoder_write(&out, pod, NULL, NULL) == STATUS_OK)
        *(size_t *)ret_len = out.len;
    buf_release(&out);
    arena_release(&arena);
    return NULL;
}

TEST(transcoder, many_threads_may_come_first)
{
    pthread_t threads[THREADS];
    size_t lens[THREADS] = {0};

    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_one, &lens[i]) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(lens[0] != 0);
    for (size_t i = 1; i < THREADS; i++)
        CHECK_INT(lens[i], lens[0]);
}
