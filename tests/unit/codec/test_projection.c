#include "unit/test.h"

#include "codec/projection.h"

#define ID "\"apiVersion\":\"v1\",\"kind\":\"Pod\""
#define META "\"name\":\"a\",\"uid\":\"u\",\"resourceVersion\":\"7\""
#define POD                                                                                        \
    "{" ID ",\"metadata\":{" META ",\"labels\":{\"app.io/x\":\"1\",\"y\":\"2\"},"                  \
    "\"managedFields\":[{\"f\":1}]},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"},"   \
    "7],\"node\":\"n\"},\"status\":{\"phase\":\"Running\"}}"

static struct buf shown;

/* What of POD is shown; "no path" if the projection is refused. */
static struct bytes show(const char *drop, const char *fields)
{
    struct projection *projection;

    shown.len = 0;
    if (projection_parse(bytes_str(drop), bytes_str(fields), &projection, NULL) != STATUS_OK)
        return BYTES("no path");
    projection_write(&shown, projection, BYTES(POD));
    projection_unref(projection);
    return buf_bytes(&shown);
}

TEST(projection, what_is_dropped_is_not_shown)
{
    CHECK_TEXT(show("metadata.managedFields|spec|metadata.labels.y", ""),
               "{" ID ",\"metadata\":{" META ",\"labels\":{\"app.io/x\":\"1\"}},"
               "\"status\":{\"phase\":\"Running\"}}");
    buf_release(&shown);
}

TEST(projection, only_the_fields_that_are_named_are_shown_besides_who_it_is)
{
    CHECK_TEXT(show("", "status.phase"),
               "{" ID ",\"metadata\":{" META "},\"status\":{\"phase\":\"Running\"}}");
    CHECK_TEXT(show("", "not.there"), "{" ID ",\"metadata\":{" META "}}");
    buf_release(&shown);
}

TEST(projection, a_path_goes_into_each_object_of_a_list)
{
    CHECK_TEXT(show("", "spec.containers.image"),
               "{" ID ",\"metadata\":{" META "},\"spec\":{\"containers\":[{\"image\":\"i\"},7]}}");
    CHECK_TEXT(show("spec.containers.image|metadata.labels|metadata.managedFields|status", ""),
               "{" ID ",\"metadata\":{" META
               "},\"spec\":{\"containers\":[{\"name\":\"c\"},7],\"node\":\"n\"}}");
    buf_release(&shown);
}

TEST(projection, a_dot_in_a_name_is_escaped)
{
    CHECK_TEXT(show("", "metadata.labels.app\\.io/x"),
               "{" ID ",\"metadata\":{" META ",\"labels\":{\"app.io/x\":\"1\"}}}");
    buf_release(&shown);
}

TEST(projection, who_it_is_cannot_be_dropped)
{
    CHECK_TEXT(show("metadata|kind|apiVersion|metadata.name|spec|status", ""),
               "{" ID ",\"metadata\":{" META "}}");
    buf_release(&shown);
}

TEST(projection, of_both_the_dropped_goes_from_what_is_kept)
{
    CHECK_TEXT(show("spec.containers", "spec"),
               "{" ID ",\"metadata\":{" META "},\"spec\":{\"node\":\"n\"}}");
    buf_release(&shown);
}

TEST(projection, what_is_no_path_is_refused)
{
    static const char *const wrong[] = {
        ".", "a..b", ".a", "a.", "a|", "|a", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q"};
    char many[200], *at = many;
    struct buf longer = {0};
    struct projection *projection;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        CHECK_TEXT(show(wrong[i], ""), "no path");
    for (int i = 0; i < 65; i++) {
        *at++ = i == 0 ? 'a' : '|';
        if (i != 0)
            *at++ = 'a';
    }
    *at = '\0';
    CHECK_TEXT(show("", many), "no path");
    for (int i = 0; i <= PROJECTION_TEXT_MAX; i++)
        buf_append_char(&longer, 'a');
    CHECK_INT(projection_parse(buf_bytes(&longer), BYTES(""), &projection, NULL),
              STATUS_BAD_REQUEST);
    buf_release(&longer);
    buf_release(&shown);
}

TEST(projection, none_shows_all)
{
    struct projection *projection;

    CHECK_INT(projection_parse(BYTES(""), BYTES(""), &projection, NULL), STATUS_OK);
    CHECK(projection == NULL);
    CHECK_TEXT(projection_text(projection), "");
}
