/*
 * image - what a crash may have left, at each point of a trace: files in a folder, to be opened.
 *
 *   trace --image_next()--> the point: what is on the disk for sure, and what was written since
 *   image_choose(seed) --> what of that came through --image_lay()--> the files of the folder
 *
 * Model    Of what was written to a file since its last sync, each sector of 512 bytes has one of
 *          the states it had since then: the page cache keeps their order within a sector, and
 *          nothing keeps it between them. The file's size is one of those it had, whatever its
 *          bytes are; bytes within it that never came are zeros. What a truncation cut off does not
 *          come back behind it. Names change in their order (a journal's), or not yet. Files do not
 *          wait for each other.
 * Cost     only sectors that differ from the image before are written.
 */
#ifndef TIDEWATCH_TESTS_FAULT_CRASH_IMAGE_H
#define TIDEWATCH_TESTS_FAULT_CRASH_IMAGE_H

#include "trace.h"

enum { SECTOR = 512 };

struct sectors { /* a set */
    uint32_t *list;
    size_t count, capacity;
    bool *in;
    size_t in_len;
};

struct image_file {
    char *base; /* what is on the disk for sure; zeros up to its capacity */
    int64_t size;
    size_t capacity;
    size_t *pending; /* events since the last sync, by their numbers */
    size_t pending_count, pending_capacity;
    struct sectors touched; /* by them */
    struct sectors dirty;   /* where what lies in the folder may differ from `base` */
    int64_t laid_size;
    int fd; /* of what lies in the folder */
};

struct image {
    const struct trace *trace;
    size_t at; /* events up to here have happened */
    struct image_file files[TRACE_FILES_MAX];
    int bound[TRACE_NAMES_MAX]; /* for sure */
    size_t *pending, pending_count, pending_capacity;
    uint64_t acked, floor;
    uint64_t generation; /* syncs that brought something */
    int copied;          /* the name that was promised; TRACE_NO_FILE: none */
    char folder[128], store[128];

    /* of the image that was laid last */
    int laid[TRACE_NAMES_MAX];
    uint64_t digest; /* two images that are the same have the same, as far as the trace is one */
};

enum choice_mode {
    CHOOSE_ALL,     /* a kill: the kernel has it all */
    CHOOSE_NONE,    /* nothing since the last sync */
    CHOOSE_PREFIX,  /* up to one call, which is torn */
    CHOOSE_WITHOUT, /* all but one */
    CHOOSE_ONLY,    /* that one alone */
    CHOOSE_CALLS,   /* each by a coin */
    CHOOSE_SECTORS, /* each sector by coins of its own */
    CHOOSE_FILES,   /* each file by one coin */
    CHOOSE_MODES,
};

struct choice {
    enum choice_mode mode;
    uint64_t seed;
};

/* `folder`, which is made and must not be there, gets the images. */
void image_init(struct image *image, const struct trace *trace, const char *folder);
void image_release(struct image *image);
/* Goes on by one event. False: there is none. */
bool image_next(struct image *image);
/* Is there something that may be lost? */
bool image_is_open(const struct image *image);
/* Lays the image; false: it is the one that lies there. */
void image_lay(struct image *image, const struct choice *choice);
/* What lies in the folder has been changed. */
void image_spoil(struct image *image);

#endif
