/*
 * json_patch_suite - runs json_patch_apply() over the cases of json-patch-tests: `expected` is what
 * the patch makes of `doc`; `error` says that it must be refused; a case that is `disabled` is not
 * run, and neither is a comment without a patch.
 *
 *   json_patch_suite <file> ..       exit 0: all as the cases say; 1: not; 2: usage
 */
#include <stdio.h>

#include "codec/patch.h"

struct tally {
    unsigned passed, failed, skipped;
};

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[65536];
    size_t len;

    if (file == NULL)
        return false;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) != 0)
        buf_append(out, chunk, len);
    fclose(file);
    return !out->failed;
}

static void run_case(struct arena *arena, const char *path, size_t index, const struct json *test,
                     struct tally *tally)
{
    const struct json *patch = json_get(test, BYTES("patch"));
    const struct json *expected = json_get(test, BYTES("expected"));
    struct json *doc = json_copy(arena, json_get(test, BYTES("doc")));
    struct bytes comment = json_get_text(test, "comment");
    struct error err = {0};
    enum status st;
    bool good;

    if (patch == NULL || doc == NULL || json_is_true(json_get(test, BYTES("disabled")))) {
        tally->skipped++;
        return;
    }
    st = json_patch_apply(arena, &doc, patch, &err);
    if (json_get(test, BYTES("error")) != NULL)
        good = st == STATUS_BAD_REQUEST || st == STATUS_INVALID;
    else
        good = st == STATUS_OK && (expected == NULL || json_equal(doc, expected));
    *(good ? &tally->passed : &tally->failed) += 1;
    if (!good)
        printf("%s: case %zu (%.*s): %s\n", path, index, BYTES_FMT(comment),
               st == STATUS_OK ? "wrong result" : error_message(&err));
    error_release(&err);
}

static bool run_file(const char *path, struct tally *tally)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct json *tests;
    size_t index = 0;
    bool good = read_file(path, &text) &&
                json_parse(&arena, buf_bytes(&text), &tests, NULL, NULL) == STATUS_OK;

    if (good)
        json_each(tests, it)
            run_case(&arena, path, index++, it, tally);
    else
        printf("cannot read %s\n", path);
    buf_release(&text);
    arena_release(&arena);
    return good;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    bool good = true;

    if (argc < 2) {
        fprintf(stderr, "usage: json_patch_suite <file> ..\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        good = run_file(argv[i], &tally) && good;
    printf("%u passed, %u failed, %u skipped\n", tally.passed, tally.failed, tally.skipped);
    return good && tally.failed == 0 && tally.passed != 0 ? 0 : 1;
}
