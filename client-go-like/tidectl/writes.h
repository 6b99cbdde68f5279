/*
 * writes - what create, apply, replace and diff share: each object of the files is sent, one that
 * fails does not keep the others back.
 */
#ifndef TIDEWATCH_TIDECTL_WRITES_H
#define TIDEWATCH_TIDECTL_WRITES_H

#include "client-go-like/tidectl/manifest.h"
#include "client-go-like/tidectl/output.h"
#include "client-go-like/tidectl/request.h"

struct writes {
    struct tidectl *t;
    struct manifests files;
    struct output output;
    struct buf doing; /* what a failure is told with: "error when creating \"x\": " */
};

typedef tw_status write_fn(struct writes *w, struct manifest *m, tw_error **reterr);

/* Calls `write` for each object; `verb` is "creating" and so on. Returns the exit code. */
int writes_each(struct tidectl *t, const char *verb, write_fn *write);
/* POST, and says that it was created. */
tw_status writes_post(struct writes *w, const struct manifest *m, const char *manager,
                      tw_error **reterr);
/* Says what was done with an object that the server answered. */
tw_status writes_done(struct writes *w, const struct manifest *m, const struct json *tree,
                      const char *done, tw_error **reterr);

/* ---- apply, client side ---- */
/* Writes what is applied into the annotation that the next apply will compare with. */
bool apply_annotate(struct arena *arena, struct json *tree);
/* The patch that makes `current` what the file says; without members if it is that already. NULL
 * without memory. */
struct json *apply_make_patch(struct arena *arena, const struct manifest *m,
                              const struct json *current);

#endif
