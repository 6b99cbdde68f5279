#include <time.h>

#include "unit/test.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rand.h"

TEST(bytes, cut_walks_the_parts_and_ends_with_a_null)
{
    struct bytes rest = BYTES("a,,b");

    CHECK_TEXT(bytes_cut(&rest, ','), "a");
    CHECK_TEXT(bytes_cut(&rest, ','), "");
    CHECK(rest.ptr != NULL);
    CHECK_TEXT(bytes_cut(&rest, ','), "b");
    CHECK(rest.ptr == NULL && rest.len == 0);
}

TEST(bytes, u64_takes_digits_only_and_sees_overflow)
{
    uint64_t n = 0;

    CHECK(bytes_to_u64(BYTES("18446744073709551615"), &n) && n == UINT64_MAX);
    CHECK(!bytes_to_u64(BYTES("18446744073709551616"), &n));
    CHECK(!bytes_to_u64(BYTES(""), &n) && !bytes_to_u64(BYTES("-1"), &n));
    CHECK(!bytes_to_u64(BYTES("+1"), &n) && !bytes_to_u64(BYTES("1 "), &n));
}

TEST(bytes, order_is_that_of_bytes_with_the_shorter_first)
{
    CHECK(bytes_cmp(BYTES("a"), BYTES("ab")) < 0);
    CHECK(bytes_cmp(BYTES("a-b/"), BYTES("a/")) < 0);
    CHECK(bytes_cmp(BYTES("\xff"), BYTES("a")) > 0);
    CHECK(bytes_cmp(BYTES(""), BYTES("")) == 0);
}

static void count_free(void *user)
{
    ++*(int *)user;
}

TEST(blob, who_asked_is_told_when_the_last_reference_goes)
{
    struct blob *blob = blob_new(BYTES("text"));
    int freed = 0;

    blob_on_free(blob, count_free, &freed);
    CHECK(!blob_is_shared(blob));
    blob_ref(blob);
    CHECK(blob_is_shared(blob));
    blob_unref(blob);
    CHECK_INT(freed, 0);
    blob_unref(blob);
    CHECK_INT(freed, 1);
}

TEST(buf, grows_and_becomes_a_blob)
{
    struct buf buf = {0};
    struct blob *blob;

    for (int i = 0; i < 1000; i++)
        buf_appendf(&buf, "%d,", i);
    buf_append_u64(&buf, UINT64_MAX);
    CHECK(bytes_ends_with(buf_bytes(&buf), BYTES("999,18446744073709551615")));
    buf_consume(&buf, 2);
    CHECK(bytes_starts_with(buf_bytes(&buf), BYTES("1,2,")));
    blob = buf_to_blob(&buf);
    CHECK(blob != NULL && buf.data == NULL && blob->len > 3000);
    CHECK(blob_unref(blob) == NULL);
}

TEST(buf, failure_is_sticky)
{
    struct buf buf = {0};

    buf_append_str(&buf, "x");
    CHECK(!buf_reserve(&buf, SIZE_MAX));
    buf_append_str(&buf, "y");
    CHECK(buf.failed && buf.len == 1);
    CHECK(buf_to_blob(&buf) == NULL);
}

TEST(arena, reset_it_gives_its_memory_out_again)
{
    struct arena arena = {0};
    size_t given = 0;

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++)
            memset(arena_alloc(&arena, 100), 1, 100);
        CHECK(round == 0 || arena.used == given);
        given = arena.used;
        arena_reset(&arena);
        CHECK_INT(arena.used, 0);
    }
    arena_release(&arena);
}

TEST(arena, what_it_is_lent_is_given_out_first_and_not_freed)
{
    _Alignas(16) char memory[64];
    struct arena arena = {0};
    char *first, *second;

    arena_lend(&arena, memory, sizeof(memory));
    first = arena_alloc(&arena, 60);
    second = arena_alloc(&arena, 60);
    memset(first, 1, 60);
    memset(second, 2, 60);
    CHECK_INT(first[59], 1);
    arena_release(&arena);
}

TEST(arena, allocations_are_aligned_and_do_not_overlap)
{
    struct arena arena = {0};
    char *last = NULL;

    for (size_t i = 1; i < 3000; i += 7) {
        char *mem = arena_alloc(&arena, i);

        CHECK((uintptr_t)mem % 16 == 0);
        memset(mem, (int)i, i);
        CHECK(last == NULL || *last == (char)(i - 7));
        last = mem;
    }
    CHECK_TEXT(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
    CHECK_TEXT(arena_join(&arena, (struct bytes[]){BYTES("a"), BYTES(""), BYTES("b")}, 3), "ab");
    CHECK(arena_alloc(&arena, SIZE_MAX) == NULL && arena.failed);
    arena_release(&arena);
}

TEST(arena, kept_blocks_belong_to_one_arena)
{
    arena_keep_blocks();
    for (int round = 0; round < 3; round++) {
        struct arena arenas[300] = {0};
        size_t *marks[300];

        for (size_t i = 0; i < ARRAY_LEN(arenas); i++) {
            marks[i] = arena_alloc(&arenas[i], 6000);
            *marks[i] = i;
            for (size_t size = 1; size < 30000; size *= 3)
                memset(arena_alloc(&arenas[i], size), 0xff, size);
        }
        for (size_t i = 0; i < ARRAY_LEN(arenas); i++) {
            CHECK_INT(*marks[i], i);
            arena_release(&arenas[i]);
        }
    }
    arena_keep_no_blocks();
}

/* As libc's calendar has it. */
TEST(clock, every_day_of_four_centuries_is_written_and_read)
{
    enum { DAY_S = 86400, DAYS = 146097 };
    int64_t first = -11676096000; /* 1600-01-01 */

    for (int64_t day = 0; day < 21 * (int64_t)DAYS; day += day < DAYS ? 1 : 997) {
        int64_t wall_s = first + day * DAY_S + day % DAY_S, read = 0;
        char text[RFC3339_LEN + 1], libc[RFC3339_LEN + 1];
        time_t t = (time_t)wall_s;
        struct tm tm;

        rfc3339_format(wall_s, text);
        CHECK(strftime(libc, sizeof(libc), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm)) != 0);
        CHECK_TEXT(bytes_str(text), libc);
        CHECK(rfc3339_parse(bytes_str(text), &read));
        CHECK_INT(read, wall_s);
    }
}

TEST(clock, a_time_that_has_no_such_form_is_the_first_of_all)
{
    const int64_t times[] = {INT64_MIN, -62167219201, 253402300800, INT64_MAX};
    char text[RFC3339_LEN + 1];

    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        rfc3339_format(times[i], text);
        CHECK_TEXT(bytes_str(text), "1970-01-01T00:00:00Z");
    }
    rfc3339_format(-62167219200, text);
    CHECK_TEXT(bytes_str(text), "0000-01-01T00:00:00Z");
    rfc3339_format(253402300799, text);
    CHECK_TEXT(bytes_str(text), "9999-12-31T23:59:59Z");
}

TEST(clock, times_are_written_and_read)
{
    char text[RFC3339_LEN + 1], micro[RFC3339_MICRO_LEN + 1];
    int64_t s = 0;

    rfc3339_format(1136214245, text);
    CHECK_TEXT(bytes_str(text), "2006-01-02T15:04:05Z");
    rfc3339_micro_format(1136214245000007, micro);
    CHECK_TEXT(bytes_str(micro), "2006-01-02T15:04:05.000007Z");
    CHECK(rfc3339_parse(BYTES("2006-01-02T15:04:05Z"), &s) && s == 1136214245);
    CHECK(rfc3339_parse(BYTES("2006-01-02T16:04:05.123+01:00"), &s) && s == 1136214245);
    CHECK(!rfc3339_parse(BYTES("2006-13-02T15:04:05Z"), &s));
    CHECK(!rfc3339_parse(BYTES("2006-01-02"), &s) &&
          !rfc3339_parse(BYTES("2006-01-02T15:04:05"), &s));
}

TEST(base64, both_forms_round_trip)
{
    for (size_t len = 0; len < 9; len++)
        for (int form = BASE64_STANDARD; form <= BASE64_URL_UNPADDED; form++) {
            struct buf text = {0}, back = {0};

            base64_encode(&text, bytes_of("\xff\xfe\0abc?>?", len), (enum base64_form)form);
            CHECK(base64_decode(&back, buf_bytes(&text), (enum base64_form)form));
            CHECK(bytes_eq(buf_bytes(&back), bytes_of("\xff\xfe\0abc?>?", len)));
            buf_release(&text);
            buf_release(&back);
        }
}

TEST(base64, what_is_not_of_the_form_is_refused)
{
    static const char *const bad[] = {"a", "ab", "abc", "ab=c", "a===", "ab-_", "ab==cd=="};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf out = {0};

        CHECK(!base64_decode(&out, bytes_str(bad[i]), BASE64_STANDARD));
        buf_release(&out);
    }
}

TEST(error, carries_words_details_and_causes)
{
    struct error err = {0};

    CHECK_INT(error_set(&err, STATUS_INVALID, "%s is %d", "x", 7), STATUS_INVALID);
    error_set_details(&err, BYTES("apps"), BYTES("Deployment"), BYTES("web"));
    error_add_cause(&err, "FieldValueRequired", BYTES("spec.x"), "Required value");
    CHECK_TEXT(bytes_str(error_message(&err)), "x is 7");
    CHECK(err.cause_count == 1 && strcmp(err.causes[0].field, "spec.x") == 0);
    CHECK_INT(error_set(&err, STATUS_CONFLICT, "again: %s", err.message), STATUS_CONFLICT);
    CHECK_TEXT(bytes_str(err.message), "again: x is 7");
    CHECK(err.cause_count == 0 && err.kind == NULL);
    error_release(&err);
    CHECK_INT(error_set(NULL, STATUS_IO, "nobody listens"), STATUS_IO);
}

TEST(rand, uuids_are_version_4_and_differ)
{
    char a[UUID_LEN + 1], b[UUID_LEN + 1];

    uuid_new(a);
    uuid_new(b);
    CHECK(strlen(a) == UUID_LEN && strcmp(a, b) != 0);
    CHECK(a[14] == '4' && strchr("89ab", a[19]) != NULL && a[8] == '-');
}
