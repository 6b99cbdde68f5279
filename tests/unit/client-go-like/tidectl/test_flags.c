#include "unit/test.h"

#include "client-go-like/tidectl/flags.h"
#include "client-go-like/tidectl/printed.h"

static bool parse(struct flags *flags, char **argv, struct buf *error)
{
    static const char *words[16];
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    return flags_parse(flags, FLAGS_GET | FLAGS_FILE | FLAGS_DELETE | FLAGS_NAMESPACES, argc, argv,
                       words, error);
}
#define ARGS(...) ((char *[]){__VA_ARGS__, NULL})

TEST(flags, values_come_in_every_form_kubectl_takes)
{
    struct flags f;
    struct buf error = {0};

    CHECK(parse(&f, ARGS("get", "-n", "a", "-owide", "--selector=x=y", "-l=z", "cm"), &error));
    CHECK(strcmp(f.ns, "a") == 0 && strcmp(f.output, "wide") == 0 && strcmp(f.selector, "z") == 0);
    CHECK(f.word_count == 2 && strcmp(f.words[1], "cm") == 0);
    CHECK(parse(&f, ARGS("--selector", "x=y", "-wA", "--wait=false", "-f", "-", "-ff"), &error));
    CHECK(strcmp(f.selector, "x=y") == 0 && f.watch && f.all_namespaces && !f.wait);
    CHECK(f.files.count == 2 && strcmp(f.files.items[0], "-") == 0 &&
          strcmp(f.files.items[1], "f") == 0);
    CHECK(parse(&f, ARGS("a", "--", "-w", "--b"), &error));
    CHECK(f.word_count == 3 && !f.watch && strcmp(f.words[2], "--b") == 0);
    CHECK_INT(error.len, 0);
}

TEST(flags, that_are_unknown_or_incomplete_are_named)
{
    struct flags f;
    struct buf error = {0};

    CHECK(!parse(&f, ARGS("--frob=1"), &error));
    CHECK_TEXT(buf_bytes(&error), "unknown flag: --frob");
    error.len = 0;
    CHECK(!parse(&f, ARGS("-wx"), &error));
    CHECK_TEXT(buf_bytes(&error), "unknown shorthand flag: 'x' in -wx");
    error.len = 0;
    CHECK(!parse(&f, ARGS("-n"), &error));
    CHECK_TEXT(buf_bytes(&error), "flag needs an argument: --namespace");
    buf_release(&error);
}

static char missing[64];

static void on_missing(void *user, const char *key)
{
    (void)user;
    strcat(missing, key);
    strcat(missing, ";");
}

TEST(printed, knows_what_is_new_changed_the_same_and_gone)
{
    struct printed p = {.round = 0};

    printed_begin_list(&p);
    CHECK(printed_note(&p, BYTES("n/a"), BYTES("1")) == PRINTED_NEW);
    CHECK(printed_note(&p, BYTES("n/b"), BYTES("1")) == PRINTED_NEW);
    printed_end_list(&p, on_missing, NULL);
    CHECK(printed_note(&p, BYTES("n/a"), BYTES("2")) == PRINTED_CHANGED);
    CHECK(printed_note(&p, BYTES("n/c"), BYTES("3")) == PRINTED_NEW);
    printed_forget(&p, BYTES("n/c"));
    printed_begin_list(&p);
    CHECK(printed_note(&p, BYTES("n/a"), BYTES("2")) == PRINTED_SAME);
    CHECK(printed_note(&p, BYTES("n/c"), BYTES("4")) == PRINTED_NEW);
    CHECK_TEXT(bytes_str(missing), "");
    printed_end_list(&p, on_missing, NULL);
    CHECK_TEXT(bytes_str(missing), "n/b;");
    printed_release(&p);
}
