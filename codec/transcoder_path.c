#include "codec/transcoder_path.h"

static void write_steps(struct buf *out, const struct path *path)
{
    if (path == NULL || path->up == NULL)
        return;
    write_steps(out, path->up);
    if (path->name.ptr == NULL) {
        buf_appendf(out, "[%zu]", path->index);
        return;
    }
    if (path->up->up != NULL)
        buf_append_char(out, '.');
    buf_append_bytes(out, path->name);
}

void path_write(struct buf *out, const struct path *path)
{
    size_t start = out->len;

    write_steps(out, path);
    if (out->len == start)
        buf_append_str(out, "object");
}

void path_report(struct transcoder_report *report, const struct path *path)
{
    struct buf text = {0};

    if (report == NULL)
        return;
    report->count++;
    if (report->path_count == ARRAY_LEN(report->paths))
        return;
    path_write(&text, path);
    report->paths[report->path_count++] = arena_dup(&report->arena, buf_bytes(&text));
    buf_release(&text);
}

void transcoder_report_release(struct transcoder_report *report)
{
    arena_release(&report->arena);
    *report = (struct transcoder_report){.lenient = report->lenient};
}

enum status path_error(struct error *reterr, enum status status, const struct path *path,
                       const char *format, ...)
{
    struct buf text = {0};
    va_list args;

    path_write(&text, path);
    buf_append_str(&text, ": ");
    va_start(args, format);
    buf_vappendf(&text, format, args);
    va_end(args);
    status = error_set(reterr, status, "%.*s", BYTES_FMT(buf_bytes(&text)));
    buf_release(&text);
    return status;
}
