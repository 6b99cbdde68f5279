/*
 * crash_points - what a crash at any moment may leave of a store, opened and checked.
 *
 *   crash_points [--images=N] [--seed=S] [--jobs=J] [--plant=BUG] [--keep]
 *
 *   live_workload() --trace--> J processes --images, each checked--> one line of figures
 *
 * One trace after another, each of another seed, until there are N images, no two of a trace the
 * same. Some of the images are gone on with, and the crash points of that recovery looked at in
 * turn. Ends with 1 when a promise was broken; with --keep the image that shows it stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "check.h"

enum {
    VARIANTS = 10, /* images at a point, at most */
    RARE_VARIANTS = 3,
    GO_ON_EVERY = 300,  /* images, of which one is gone on with */
    VERIFY_EVERY = 4,   /* images, of which one is verified as a file, too */
    GO_ON_POINTS = 150, /* of its points, about */
    GO_ON_VARIANTS = 2, /* at each of them */
    JOBS_MAX = 64,
    SEEN_LEN = 1 << 18, /* places for digests, a power of two */
};

static const char *const plant_names[PLANT_COUNT] = {
    [PLANT_NONE] = "none",
    [PLANT_SYNCHRONOUS_OFF] = "synchronous-off",
    [PLANT_SYNCHRONOUS_NORMAL] = "synchronous-normal",
    [PLANT_ACK_EARLY] = "ack-early",
    [PLANT_UNSYNCED_CHECKPOINT] = "unsynced-checkpoint",
    [PLANT_UNSYNCED_LOCK] = "unsynced-lock",
    [PLANT_UNSYNCED_BACKUP] = "unsynced-backup",
    [PLANT_FORGOTTEN_RUN] = "forgotten-run",
    [PLANT_UNSYNCED_CREATION] = "unsynced-creation",
};

struct setup {
    uint64_t images, seed;
    int jobs;
    bool keep;
    char folder[80];
};

struct figures {
    uint64_t images, points, recoveries, recovery_images, violations[VIOLATION_COUNT];
    char first[600];
};

struct job {
    const struct setup *setup;
    const struct history *history;
    int number;
    uint64_t random, wanted;
    struct figures figures;
    uint64_t *seen;
    size_t seen_count;
};

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */
    uint64_t z = *state;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* Was there one like this before? A full table says no. */
static bool is_repeated(struct job *job, uint64_t digest)
{
    size_t at = digest & (SEEN_LEN - 1);

    for (; job->seen[at] != 0; at = (at + 1) & (SEEN_LEN - 1))
        if (job->seen[at] == digest)
            return true;
    if (job->seen_count < SEEN_LEN / 2) {
        job->seen[at] = digest;
        job->seen_count++;
    }
    return false;
}

/* Keeps the first one of each job. */
static void tell(struct job *job, const struct image *image, const struct choice *choice,
                 const struct finding *finding)
{
    char command[600];

    if (job->figures.violations[finding->violation]++ != 0 || job->figures.first[0] != '\0')
        return;
    snprintf(job->figures.first, sizeof(job->figures.first),
             "%s: call %zu of %zu, mode %d, seed %llu: %s", violation_names[finding->violation],
             image->at, image->trace->count, (int)choice->mode, (unsigned long long)choice->seed,
             finding->text);
    if (!job->setup->keep)
        return;
    snprintf(command, sizeof(command), "rm -rf /tmp/crash-image; cp -a '%s' /tmp/crash-image",
             image->folder);
    if (system(command) == 0)
        fprintf(stderr, "kept in /tmp/crash-image: %s\n", job->figures.first);
}

static void go_on(struct job *job, struct image *image, uint64_t committed);

/* Lays one image and checks it. */
static void look(struct job *job, struct image *image, const struct history *history,
                 const struct choice *choice, bool may_go_on)
{
    struct finding finding;
    bool creates;

    image_lay(image, choice);
    if (is_repeated(job, image->digest))
        return;
    job->figures.images++;
    job->figures.recovery_images += !may_go_on;
    creates = false;
    for (int i = 0; i < image->trace->name_count; i++)
        creates |= strcmp(image->trace->names[i], "store.db") == 0 && image->laid[i] < 0;
    if (!check_image(image, history, job->figures.images % VERIFY_EVERY == 0, &finding))
        tell(job, image, choice, &finding);
    else if (may_go_on && !creates && next_random(&job->random) % GO_ON_EVERY == 0)
        go_on(job, image, finding.committed);
    if (creates)
        image_spoil(image);
}

static void look_at_point(struct job *job, struct image *image, const struct history *history,
                          int variants, bool may_go_on)
{
    struct choice choice = {.mode = CHOOSE_ALL};

    job->figures.points++;
    look(job, image, history, &choice, may_go_on);
    if (!image_is_open(image))
        return;
    choice.mode = CHOOSE_NONE;
    look(job, image, history, &choice, may_go_on);
    for (int i = 2; i < variants; i++) {
        choice.seed = next_random(&job->random);
        choice.mode = CHOOSE_PREFIX + choice.seed % (CHOOSE_MODES - CHOOSE_PREFIX);
        look(job, image, history, &choice, may_go_on);
    }
}

/* Starts a store on the image, and looks at the crash points of that. */
static void go_on(struct job *job, struct image *image, uint64_t committed)
{
    struct history history = {0};
    struct trace trace;
    struct image inner;
    char folder[128];
    size_t stride;

    history_copy(&history, job->history, committed);
    if (history.count != 0)
        history.changes[history.count - 1].ends_group = true;
    trace_begin(&trace, image->folder);
    live_go_on(image->folder, next_random(&job->random), &history);
    trace_end();
    image_spoil(image);
    snprintf(folder, sizeof(folder), "%s/inner%d", job->setup->folder, job->number);
    image_init(&inner, &trace, folder);
    inner.acked = image->acked;
    inner.floor = image->floor;
    inner.copied = TRACE_NO_FILE;
    inner.generation = next_random(&job->random); /* its images are none of the outer ones */
    stride = trace.count / GO_ON_POINTS + 1;
    while (image_next(&inner))
        if (inner.at < GO_ON_POINTS / 3 || inner.at % stride == 0)
            look_at_point(job, &inner, &history, GO_ON_VARIANTS, false);
    job->figures.recoveries++;
    image_release(&inner);
    trace_free(&trace);
    history_free(&history);
}

static uint64_t violations_of(const struct figures *figures)
{
    uint64_t sum = 0;

    for (int i = 0; i < VIOLATION_COUNT; i++)
        sum += figures->violations[i];
    return sum;
}

/* What happens seldom, and is soon over: a start, an end, a backup, a log that begins anew. */
static bool is_rare(const struct trace *trace, const struct trace_event *event)
{
    bool locks = false;

    for (int i = 0; i < trace->name_count && event->file >= 0; i++)
        locks |= trace->bound[i] == event->file && strstr(trace->names[i], ".lock") != NULL;
    return locks || event->kind == TRACE_NAMES || event->kind == TRACE_SYNC_FOLDER ||
           event->kind == TRACE_TRUNCATE || event->kind == TRACE_COPIED;
}

/* The part of the points that is this job's. If there are too many, those near what is rare, with
 * fewer images, and of the others each so-many-th. */
static void run_job(struct job *job, const struct trace *trace)
{
    size_t stride = trace->count * (VARIANTS - 2) / (job->wanted * (size_t)job->setup->jobs) + 1;
    size_t turn = 0, rare_until = 0;
    char folder[128];
    struct image image;

    job->seen = calloc(SEEN_LEN, sizeof(*job->seen));
    if (job->seen == NULL)
        abort();
    snprintf(folder, sizeof(folder), "%s/image%d", job->setup->folder, job->number);
    image_init(&image, trace, folder);
    while (image_next(&image) && violations_of(&job->figures) == 0) {
        bool in_turn = image.at % stride == 0;

        if (is_rare(trace, &trace->events[image.at - 1]))
            rare_until = image.at + 4;
        if (!in_turn && image.at >= rare_until)
            continue;
        if (turn++ % (size_t)job->setup->jobs == (size_t)job->number)
            look_at_point(job, &image, job->history, in_turn ? VARIANTS : RARE_VARIANTS, true);
    }
    image_release(&image);
    free(job->seen);
}

static void add_figures(struct figures *to, const struct figures *from)
{
    to->images += from->images;
    to->points += from->points;
    to->recoveries += from->recoveries;
    to->recovery_images += from->recovery_images;
    for (int i = 0; i < VIOLATION_COUNT; i++)
        to->violations[i] += from->violations[i];
    if (to->first[0] == '\0')
        memcpy(to->first, from->first, sizeof(to->first));
}

/* Each job in a process of its own: sqlite's locks are a process's. */
static void run_jobs(const struct setup *setup, const struct trace *trace,
                     const struct history *history, uint64_t wanted, struct figures *figures)
{
    int fds[JOBS_MAX][2], status;
    pid_t children[JOBS_MAX];

    for (int i = 0; i < setup->jobs; i++) {
        struct job job = {.setup = setup, .history = history, .number = i};

        job.random = setup->seed * 1000003 + (uint64_t)i;
        job.wanted = wanted / (uint64_t)setup->jobs + 1;
        if (pipe(fds[i]) != 0 || (children[i] = fork()) < 0)
            abort();
        if (children[i] != 0) {
            close(fds[i][1]);
            continue;
        }
        run_job(&job, trace);
        if (write(fds[i][1], &job.figures, sizeof(job.figures)) != sizeof(job.figures))
            abort();
        _exit(0);
    }
    for (int i = 0; i < setup->jobs; i++) {
        struct figures part = {0};

        if (read(fds[i][0], &part, sizeof(part)) != sizeof(part)) {
            part.violations[VIOLATION_REFUSED] = 1;
            snprintf(part.first, sizeof(part.first), "a process of the replayer died");
        }
        close(fds[i][0]);
        waitpid(children[i], &status, 0);
        add_figures(figures, &part);
    }
}

static void remove_folder(const char *folder)
{
    char command[160];

    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", folder);
}

/* One trace and its images. */
static void run_round(struct setup *setup, uint64_t wanted, struct figures *figures)
{
    struct history history = {0};
    struct trace trace;
    char folder[128];

    snprintf(folder, sizeof(folder), "%s/live", setup->folder);
    if (mkdir(folder, 0700) != 0)
        abort();
    trace_begin(&trace, folder);
    live_workload(folder, setup->seed, &history);
    trace_end();
    remove_folder(folder);
    run_jobs(setup, &trace, &history, wanted, figures);
    trace_free(&trace);
    history_free(&history);
    setup->seed++;
}

static bool parse(int argc, char **argv, struct setup *setup)
{
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        size_t len = value != NULL ? (size_t)(++value - argv[i]) : strlen(argv[i]);
        int plant = 0;

        if (strncmp(argv[i], "--images=", len) == 0)
            setup->images = strtoull(value, NULL, 10);
        else if (strncmp(argv[i], "--seed=", len) == 0)
            setup->seed = strtoull(value, NULL, 10);
        else if (strncmp(argv[i], "--jobs=", len) == 0)
            setup->jobs = atoi(value);
        else if (strcmp(argv[i], "--keep") == 0)
            setup->keep = true;
        else if (strncmp(argv[i], "--plant=", len) != 0)
            return false;
        else {
            while (plant < PLANT_COUNT && strcmp(plant_names[plant], value) != 0)
                plant++;
            if (plant == PLANT_COUNT)
                return false;
            trace_plant = (enum plant)plant;
        }
    }
    return setup->images > 0 && setup->jobs > 0 && setup->jobs <= JOBS_MAX;
}

int main(int argc, char **argv)
{
    struct setup setup = {
        .images = 100000, .seed = clock_monotonic_us(), .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    struct figures figures = {0};
    uint64_t began, traces = 0;
    double took;

    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    if (setup.jobs > JOBS_MAX)
        setup.jobs = JOBS_MAX;
    if (!parse(argc, argv, &setup)) {
        fprintf(stderr,
                "usage: crash_points [--images=N] [--seed=S] [--jobs=J] [--plant=BUG] [--keep]\n");
        return 2;
    }
    snprintf(setup.folder, sizeof(setup.folder), "%s/crash-points-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(setup.folder) == NULL)
        abort();
    printf("seed %llu\n", (unsigned long long)setup.seed);
    began = clock_monotonic_us();
    for (; figures.images < setup.images && violations_of(&figures) == 0; traces++)
        run_round(&setup, setup.images - figures.images, &figures);
    took = (double)(clock_monotonic_us() - began) / 1e6;
    remove_folder(setup.folder);
    if (figures.first[0] != '\0')
        printf("%s\n", figures.first);
    printf("%llu images at %llu points of %llu traces (%llu of them of %llu recoveries), %.0f s, "
           "%.0f a second:",
           (unsigned long long)figures.images, (unsigned long long)figures.points,
           (unsigned long long)traces, (unsigned long long)figures.recovery_images,
           (unsigned long long)figures.recoveries, took, (double)figures.images / took);
    for (int i = VIOLATION_NONE + 1; i < VIOLATION_COUNT; i++)
        printf(" %llu %s%s", (unsigned long long)figures.violations[i], violation_names[i],
               i + 1 < VIOLATION_COUNT ? "," : "\n");
    return violations_of(&figures) != 0;
}
