/*
 * read_file - a small file, whole.
 */
#ifndef TIDEWATCH_APISERVER_AUTH_READ_FILE_H
#define TIDEWATCH_APISERVER_AUTH_READ_FILE_H

#include "base/buf.h"
#include "base/error.h"

/* IO, with the path and why; TOO_LARGE beyond 16 MiB. */
MUST_CHECK enum status read_whole_file(const char *path, struct buf *out, struct error *reterr);

#endif
