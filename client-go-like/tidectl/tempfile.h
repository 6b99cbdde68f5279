/*
 * tempfile - files for another program to read: $TMPDIR or /tmp, nobody else may look into them.
 */
#ifndef TIDEWATCH_TIDECTL_TEMPFILE_H
#define TIDEWATCH_TIDECTL_TEMPFILE_H

#include "base/buf.h"

/* Makes "/tmp/tidectl-edit-XXXXXX.yaml" and writes `text`; `path` ends in NUL. False after saying
 * what is wrong. */
bool tempfile_new(const char *prefix, const char *suffix, struct bytes text, struct buf *path);
/* A new folder. */
bool tempfile_folder(const char *prefix, struct buf *path);
bool tempfile_write(const char *path, struct bytes text);
/* Removes a folder and the files in it. */
void tempfile_remove_folder(const char *path);
/* Runs `command` with /bin/sh, arguments behind it; its exit code, or -1 after saying why. */
int tempfile_run(const char *command, const char *const *arguments, size_t count);

#endif
