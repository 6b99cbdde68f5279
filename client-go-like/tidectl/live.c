#include "client-go-like/tidectl/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { MARKED_MS = 3000, COLUMNS = 80, LINES = 24 };

struct row {
    char *key;
    tw_object *of;
    const struct json *row;
    const char *mark; /* "ADDED" and so on, until marked_ms is over */
    uint64_t changed_ms;
};

struct live {
    struct table table;
    struct row **rows; /* by key */
    size_t count, capacity;
    size_t drawn; /* lines on the screen */
    uint64_t drawn_ms;
    bool dirty;
};

struct live *live_new(const struct table *table)
{
    struct live *live = calloc(1, sizeof(*live));

    if (live != NULL) {
        live->table = *table;
        live->table.counts_ages = true;
    }
    return live;
}

static void row_free(struct row *row)
{
    tw_object_unref(row->of);
    free(row->key);
    free(row);
}

void live_free(struct live *live)
{
    if (live == NULL)
        return;
    for (size_t i = 0; i < live->count; i++)
        row_free(live->rows[i]);
    free(live->rows);
    table_release(&live->table);
    free(live);
}

/* Where `key` is, or is to be. */
static size_t find(const struct live *live, struct bytes key, bool *ret_there)
{
    size_t low = 0, high = live->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bytes_cmp(bytes_str(live->rows[middle]->key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_there = low < live->count && bytes_eq_str(key, live->rows[low]->key);
    return low;
}

static struct row *insert(struct live *live, size_t at, struct bytes key)
{
    struct row *row;

    if (live->count == live->capacity) {
        size_t capacity = live->capacity != 0 ? live->capacity * 2 : 32;
        struct row **rows = realloc(live->rows, capacity * sizeof(struct row *));

        if (rows == NULL)
            return NULL;
        live->rows = rows;
        live->capacity = capacity;
    }
    row = calloc(1, sizeof(*row));
    if (row == NULL || (row->key = bytes_dup(key)) == NULL) {
        free(row);
        return NULL;
    }
    memmove(&live->rows[at + 1], &live->rows[at], (live->count - at) * sizeof(struct row *));
    live->rows[at] = row;
    live->count++;
    return row;
}

void live_set(struct live *live, struct bytes key, tw_object *of, const struct json *row,
              const char *changed)
{
    bool there;
    size_t at = find(live, key, &there);
    struct row *kept = there ? live->rows[at] : insert(live, at, key);

    if (kept == NULL)
        return;
    table_begin(&live->table, of);
    tw_object_ref(of);
    tw_object_unref(kept->of);
    kept->of = of;
    kept->row = row;
    kept->mark = changed;
    kept->changed_ms = clock_monotonic_ms();
    live->dirty = true;
}

void live_remove(struct live *live, struct bytes key)
{
    bool there;
    size_t at = find(live, key, &there);

    if (!there)
        return;
    live->rows[at]->mark = "DELETED";
    live->rows[at]->changed_ms = clock_monotonic_ms();
    live->dirty = true;
}

/* Marks fade; what is gone goes. */
static void fade(struct live *live, uint64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < live->count; i++) {
        struct row *row = live->rows[i];

        if (now_ms - row->changed_ms >= MARKED_MS && strcmp(row->mark, "DELETED") == 0) {
            row_free(row);
            continue;
        }
        if (now_ms - row->changed_ms >= MARKED_MS)
            row->mark = "";
        live->rows[kept++] = row;
    }
    live->count = kept;
}

static void screen_size(size_t *ret_columns, size_t *ret_lines)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_col = COLUMNS, .ws_row = LINES};
    *ret_columns = size.ws_col;
    *ret_lines = size.ws_row;
}

/* One line, cut at the edge of the screen. Colours take no place and always end. */
static void draw_line(struct buf *out, struct bytes line, size_t columns)
{
    size_t column = 0;

    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\x1b') {
            size_t len = bytes_find(bytes_from(line, i), 'm') + 1;

            buf_append(out, line.ptr + i, len);
            i += len - 1;
            continue;
        }
        if (((unsigned char)line.ptr[i] & 0xc0) != 0x80)
            column++;
        if (column <= columns)
            buf_append_char(out, line.ptr[i]);
    }
    buf_append_str(out, "\x1b[0m\x1b[K\n");
}

static void draw_text(struct live *live, struct bytes text, struct buf *out)
{
    size_t columns, lines, drawn = 0, hidden = 0;

    screen_size(&columns, &lines);
    if (live->drawn != 0)
        buf_appendf(out, "\x1b[%zuA", live->drawn);
    buf_append_char(out, '\r');
    while (text.len != 0) {
        struct bytes line = bytes_cut(&text, '\n');

        if (drawn + 2 < lines) {
            draw_line(out, line, columns);
            drawn++;
        } else {
            hidden++;
        }
    }
    if (hidden != 0) {
        buf_appendf(out, "... and %zu more\x1b[K\n", hidden);
        drawn++;
    }
    buf_append_str(out, "\x1b[J");
    live->drawn = drawn;
}

void live_draw(struct live *live, struct buf *out, uint64_t now_ms)
{
    struct buf text = {0};

    if (live_wait_ms(live, now_ms) != 0)
        return;
    fade(live, now_ms);
    live->table.headed = false;
    memset(live->table.tabs.widths, 0, sizeof(live->table.tabs.widths));
    for (size_t i = 0; i < live->count; i++)
        table_row(&live->table, live->rows[i]->row, live->rows[i]->mark);
    if (live->count == 0)
        buf_append_str(&live->table.tabs.text, "(none)\n");
    table_flush(&live->table, &text);
    draw_text(live, buf_bytes(&text), out);
    out->failed |= text.failed;
    buf_release(&text);
    live->dirty = false;
    live->drawn_ms = now_ms;
}

unsigned live_wait_ms(const struct live *live, uint64_t now_ms)
{
    uint64_t next = live->drawn_ms + (live->dirty ? LIVE_FRAME_MS : LIVE_TICK_MS);

    return live->drawn_ms == 0 || next <= now_ms ? 0 : (unsigned)(next - now_ms);
}
