#include "codec/transcoder.h"

/* False: `out` has failed. */
static bool parse(struct arena *arena, struct bytes text, struct json **ret_tree, struct buf *out)
{
    bool parsed = json_parse(arena, text, ret_tree, NULL, NULL) == STATUS_OK;

    out->failed |= !parsed;
    return parsed;
}

void transcoder_write_text(struct buf *out, const struct message_type *type, struct bytes text)
{
    struct transcoder_report report = {.lenient = true};
    struct arena arena = {0};
    struct json *tree;
    enum status st = STATUS_OK;

    if (parse(&arena, text, &tree, out))
        st = type != NULL ? transcoder_write_as(out, type, tree, &report, NULL)
                          : transcoder_write(out, tree, &report, NULL);
    out->failed |= st != STATUS_OK;
    transcoder_report_release(&report);
    arena_release(&arena);
}

void transcoder_write_text_message(struct buf *out, const struct message_type *type,
                                   struct bytes text)
{
    struct transcoder_report report = {.lenient = true};
    struct arena arena = {0};
    struct json *tree;

    if (parse(&arena, text, &tree, out) &&
        transcoder_from_json(out, type, tree, &report, NULL) != STATUS_OK)
        out->failed = true;
    transcoder_report_release(&report);
    arena_release(&arena);
}
