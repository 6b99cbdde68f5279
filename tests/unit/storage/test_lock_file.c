#include "unit/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/lock_file.h"

static const char old_run[] = "11111111-1111-4111-8111-111111111111";
static const char new_run[] = "22222222-2222-4222-8222-222222222222";

struct place {
    char folder[64], database[80], file[96];
};

static void place_init(struct place *place)
{
    *place = (struct place){.folder = "/tmp/lock-test-XXXXXX"};
    CHECK(mkdtemp(place->folder) != NULL);
    snprintf(place->database, sizeof(place->database), "%s/store.db", place->folder);
    snprintf(place->file, sizeof(place->file), "%s.lock", place->database);
}

static void place_remove(struct place *place)
{
    unlink(place->file);
    CHECK(rmdir(place->folder) == 0);
}

static off_t size_of(const struct place *place)
{
    struct stat status;

    CHECK(stat(place->file, &status) == 0);
    return status.st_size;
}

static bool knows(const struct place *place, const char *run)
{
    struct lock_file lock;
    bool known;

    CHECK_INT(lock_file_open(&lock, place->database, NULL), STATUS_OK);
    known = lock_file_knows(&lock, run);
    lock_file_close(&lock);
    return known;
}

static void write_runs(const struct place *place, const char *before, const char *run)
{
    struct lock_file lock;

    CHECK_INT(lock_file_open(&lock, place->database, NULL), STATUS_OK);
    CHECK_INT(lock_file_write(&lock, before, run, NULL), STATUS_OK);
    CHECK(lock_file_knows(&lock, run));
    lock_file_close(&lock);
}

TEST(lock_file, a_new_run_is_known_beside_the_old_one_and_then_alone)
{
    struct place place;

    place_init(&place);
    CHECK(!knows(&place, old_run));
    write_runs(&place, "", old_run);
    CHECK(knows(&place, old_run) && !knows(&place, new_run));
    write_runs(&place, old_run, new_run);
    CHECK(knows(&place, old_run) && knows(&place, new_run));
    write_runs(&place, "", new_run);
    CHECK(!knows(&place, old_run) && knows(&place, new_run));
    place_remove(&place);
}

/* A file system may write bytes and a new length at different times, and the power go in between.
 */
TEST(lock_file, no_write_changes_its_length)
{
    struct place place;
    off_t size;

    place_init(&place);
    write_runs(&place, "", old_run);
    size = size_of(&place);
    write_runs(&place, old_run, new_run);
    CHECK_INT(size_of(&place), size);
    write_runs(&place, "", new_run);
    CHECK_INT(size_of(&place), size);
    place_remove(&place);
}

TEST(lock_file, the_old_run_is_known_when_only_the_length_of_an_earlier_form_comes_through)
{
    struct place place;
    FILE *file;

    place_init(&place);
    file = fopen(place.file, "w");
    CHECK(file != NULL && fprintf(file, "%s\n\n", old_run) > 0 && fclose(file) == 0);
    CHECK(knows(&place, old_run));
    write_runs(&place, old_run, new_run);
    CHECK(truncate(place.file, UUID_LEN + 2) == 0);
    CHECK(knows(&place, old_run));
    place_remove(&place);
}
