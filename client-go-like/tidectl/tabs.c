#include "client-go-like/tidectl/tabs.h"

enum { WIDTH_MIN = 6, PADDING = 3 };

void tabs_release(struct tabs *tabs)
{
    buf_release(&tabs->text);
}

/* In characters, not bytes: continuation bytes of UTF-8 take no place, nor do colours, which only
 * we write: ESC [ .. m. */
static size_t text_width(struct bytes text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\x1b')
            i += bytes_find(bytes_from(text, i), 'm');
        else
            width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    }
    return width;
}

static void widen(struct tabs *tabs, struct bytes line)
{
    for (size_t column = 0; column < TABS_COLUMNS_MAX; column++) {
        struct bytes cell = bytes_cut(&line, '\t');
        size_t width = text_width(cell) + PADDING;

        if (line.ptr == NULL)
            return; /* the last cell of a line belongs to no column */
        if (width < WIDTH_MIN)
            width = WIDTH_MIN;
        if (width > tabs->widths[column])
            tabs->widths[column] = width;
    }
}

static void write_line(const struct tabs *tabs, struct bytes line, struct buf *out)
{
    for (size_t column = 0;; column++) {
        struct bytes cell = bytes_cut(&line, '\t');
        size_t width = text_width(cell);

        buf_append_bytes(out, cell);
        if (line.ptr == NULL)
            break;
        for (; column < TABS_COLUMNS_MAX && width < tabs->widths[column]; width++)
            buf_append_char(out, ' ');
    }
    buf_append_char(out, '\n');
}

void tabs_flush(struct tabs *tabs, struct buf *out)
{
    struct bytes rest = buf_bytes(&tabs->text);

    while (rest.len != 0)
        widen(tabs, bytes_cut(&rest, '\n'));
    rest = buf_bytes(&tabs->text);
    while (rest.len != 0)
        write_line(tabs, bytes_cut(&rest, '\n'), out);
    out->failed |= tabs->text.failed;
    tabs->text.len = 0;
}
