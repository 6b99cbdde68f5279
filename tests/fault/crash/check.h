/*
 * check - is a crash image a store that keeps its promises?
 *
 * It is opened as the server opens it, and compared with the history: nothing acknowledged is
 * lost, no revision, object or event is other than it was, no group is there in part, every page
 * and every row is sound, and opening it has changed nothing.
 */
#ifndef TIDEWATCH_TESTS_FAULT_CRASH_CHECK_H
#define TIDEWATCH_TESTS_FAULT_CRASH_CHECK_H

#include "image.h"
#include "live.h"

enum violation {
    VIOLATION_NONE,
    VIOLATION_REFUSED,  /* it does not open */
    VIOLATION_LOST,     /* what was acknowledged is not there */
    VIOLATION_INVENTED, /* more than was on its way, or a part of a group */
    VIOLATION_WRONG,    /* another value, event or order */
    VIOLATION_DAMAGED,  /* a page, or a row's sum */
    VIOLATION_COPY,     /* a backup that is promised, or has its name, is not whole */
    VIOLATION_COUNT,
};

extern const char *const violation_names[VIOLATION_COUNT];

struct finding {
    enum violation violation;
    char text[400];
    uint64_t committed; /* what the image is a store of */
};

/* False: `ret_finding` says why. Opening looks at the pages and sums up the rows that are current;
 * `thorough` is all that `tidewatch verify` does, too. */
bool check_image(const struct image *image, const struct history *history, bool thorough,
                 struct finding *ret_finding);

#endif
