/*
 * bench_codec - bytes a second of one core: JSON into a tree and back, and to protobuf and back.
 *
 *   bench_codec FILE [SECONDS]      an object of a built-in kind in JSON; prints one line of JSON
 *
 * In MB of what is read, or written, a second of CPU; the best of many short runs, since whatever
 * else the machine does only ever makes one longer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "codec/json.h"
#include "codec/transcoder.h"

enum { TIMES_A_RUN = 1000, TEXT_MAX = 1 << 20 };

struct bench {
    struct bytes text;
    struct json *tree;
    struct buf out, envelope;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_codec: %s\n", what);
    exit(1);
}

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t json_read_once(struct bench *b)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    if (json_parse(&arena, b->text, &tree, NULL, NULL) != STATUS_OK)
        die("not JSON");
    arena_release(&arena);
    return b->text.len;
}

static size_t json_write_once(struct bench *b)
{
    b->out.len = 0;
    json_write(&b->out, b->tree, false);
    return b->out.len;
}

static size_t protobuf_write_once(struct bench *b)
{
    b->envelope.len = 0;
    if (transcoder_write(&b->envelope, b->tree, NULL, NULL) != STATUS_OK)
        die("no object of a built-in kind");
    return b->envelope.len;
}

static size_t protobuf_read_once(struct bench *b)
{
    struct arena arena = {0};
    struct json *tree = NULL;

    if (transcoder_read(&arena, buf_bytes(&b->envelope), json_get_text(b->tree, "apiVersion"),
                        json_get_text(b->tree, "kind"), &tree, NULL, NULL) != STATUS_OK)
        die("protobuf");
    arena_release(&arena);
    return b->envelope.len;
}

static double mb_per_s(struct bench *b, size_t (*once)(struct bench *b), double seconds)
{
    double best = 0, until = cpu_s() + seconds;

    while (cpu_s() < until) {
        double began = cpu_s();
        size_t bytes = 0;

        for (int i = 0; i < TIMES_A_RUN; i++)
            bytes += once(b);
        if ((double)bytes / (cpu_s() - began) > best)
            best = (double)bytes / (cpu_s() - began);
    }
    return best / 1e6;
}

int main(int argc, char **argv)
{
    static char text[TEXT_MAX];
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    struct arena arena = {0};
    struct bench b = {0};

    if (file == NULL)
        die("usage: bench_codec FILE [SECONDS]");
    b.text = bytes_of(text, fread(text, 1, sizeof(text), file));
    fclose(file);
    if (json_parse(&arena, b.text, &b.tree, NULL, NULL) != STATUS_OK)
        die("not JSON");
    printf("{\"bytes\":%zu,\"json_read_mb_per_s\":%.0f,", b.text.len,
           mb_per_s(&b, json_read_once, seconds));
    printf("\"json_write_mb_per_s\":%.0f,", mb_per_s(&b, json_write_once, seconds));
    printf("\"protobuf_write_mb_per_s\":%.0f,", mb_per_s(&b, protobuf_write_once, seconds));
    printf("\"protobuf_read_mb_per_s\":%.0f}\n", mb_per_s(&b, protobuf_read_once, seconds));
    buf_release(&b.out);
    buf_release(&b.envelope);
    arena_release(&arena);
    return 0;
}
