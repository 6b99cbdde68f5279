/*
 * tabs - lines of cells that end in tabs, aligned into columns as kubectl aligns them.
 *
 *   "NAME\tDATA\tAGE\n" "a\t1\t5s\n"  --tabs_flush-->  "NAME   DATA   AGE\na      1      5s\n"
 *
 * The numbers are kubectl's (CLI printers.GetNewTabWriter): a column is at least 6 wide and 3 wider
 * than its widest cell; the last cell of a line is not padded. Widths outlive a flush, so that rows
 * of a watch stand below the ones before.
 */
#ifndef TIDEWATCH_TIDECTL_TABS_H
#define TIDEWATCH_TIDECTL_TABS_H

#include "base/buf.h"

enum { TABS_COLUMNS_MAX = 128 }; /* further ones are not aligned */

struct tabs { /* zeroed is empty */
    struct buf text;
    size_t widths[TABS_COLUMNS_MAX];
};

void tabs_release(struct tabs *tabs);
/* Aligns what is in tabs->text into `out`, and empties it. */
void tabs_flush(struct tabs *tabs, struct buf *out);

#endif
