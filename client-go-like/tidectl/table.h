/*
 * table - prints the Tables a server makes, as kubectl does (CLI printers/tableprinter.go).
 *
 *   Table --table_begin--> columns, --table_row--> a row each, --table_flush--> text
 *
 * Shape    headers come before the first row, and again when the columns change; a Table without
 *          columns has those of the one before (the later events of a watch).
 * Owner    in place; table_release() it. It references the Table whose columns it uses.
 */
#ifndef TIDEWATCH_TIDECTL_TABLE_H
#define TIDEWATCH_TIDECTL_TABLE_H

#include "client-go-like/object.h"
#include "client-go-like/tidectl/flags.h"
#include "client-go-like/tidectl/tabs.h"

struct table {
    /* set before use */
    bool no_headers, wide, show_labels;
    bool with_namespace; /* a NAMESPACE column */
    bool with_events;    /* an EVENT column */
    bool with_times;     /* a TIME column, of when the row was printed */
    bool coloured;       /* rows by their event */
    bool counts_ages;    /* what "Age" says is counted anew, from the creationTimestamp */
    const struct flag_list *label_columns; /* a column for each label; NULL: none */
    const char
        *with_kind; /* "deployment.apps": names become "deployment.apps/x"; NULL: they do not */
    /* its own */
    struct tabs tabs;
    tw_object *columns_of;
    const struct json *columns;
    bool headed; /* the headers of these columns are out */
};

void table_release(struct table *table);
/* Takes the columns of `object`; false if it is no Table. */
bool table_begin(struct table *table, tw_object *object);
/* One of its rows; `event` is "ADDED" and so on, used with_events only. */
void table_row(struct table *table, const struct json *row, const char *event);
/* Appends what has come since to `out`, aligned. */
void table_flush(struct table *table, struct buf *out);
/* The metadata of a row's object; NULL without one. */
const struct json *table_row_metadata(const struct json *row);

#endif
