#include "unit/test.h"

#include "codec/status_object.h"

static void check_written(struct error *err, const char *expected)
{
    struct buf out = {0};

    status_object_write(&out, err);
    CHECK_TEXT(buf_bytes(&out), expected);
    buf_release(&out);
    error_release(err);
}

static bool read_text(const char *text, struct error *reterr)
{
    struct arena arena = {0};
    struct json *node = NULL;
    bool is_status;

    CHECK(json_parse(&arena, bytes_str(text), &node, NULL, NULL) == STATUS_OK);
    is_status = status_object_read(node, reterr);
    arena_release(&arena);
    return is_status;
}

TEST(status_object, a_failure_has_the_shape_clients_read)
{
    struct error err = {0};

    error_set(&err, STATUS_NOT_FOUND, "pods \"x\" not found");
    error_set_details(&err, BYTES(""), BYTES("pods"), BYTES("x"));
    check_written(&err, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                        "\"status\":\"Failure\",\"message\":\"pods \\\"x\\\" not found\","
                        "\"reason\":\"NotFound\",\"details\":{\"name\":\"x\",\"kind\":\"pods\"},"
                        "\"code\":404}");
}

TEST(status_object, without_details_there_is_no_member_for_them)
{
    struct error err = {0};

    error_set(&err, STATUS_UNAUTHORIZED, "Unauthorized");
    check_written(&err, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                        "\"status\":\"Failure\",\"message\":\"Unauthorized\","
                        "\"reason\":\"Unauthorized\",\"code\":401}");
}

TEST(status_object, details_stand_empty_where_kube_apiserver_has_them_always)
{
    struct error err = {0};

    error_set(&err, STATUS_METHOD_NOT_ALLOWED, "no");
    check_written(&err, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                        "\"status\":\"Failure\",\"message\":\"no\","
                        "\"reason\":\"MethodNotAllowed\",\"details\":{},\"code\":405}");
}

TEST(status_object, causes_retry_and_uid_are_details)
{
    struct error err = {0};

    error_set(&err, STATUS_INVALID, "bad");
    error_set_details(&err, BYTES("apps"), BYTES("Deployment"), BYTES("d"));
    error_set_uid(&err, BYTES("u1"));
    error_add_cause(&err, "FieldValueRequired", BYTES("spec.x"), "Required value");
    error_add_cause(&err, "FieldValueInvalid", BYTES(""), "no field");
    err.retry_after_s = 3;
    check_written(
        &err, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
              "\"message\":\"bad\",\"reason\":\"Invalid\",\"details\":{\"name\":\"d\","
              "\"group\":\"apps\",\"kind\":\"Deployment\",\"uid\":\"u1\",\"causes\":["
              "{\"reason\":\"FieldValueRequired\",\"message\":\"Required value\","
              "\"field\":\"spec.x\"},{\"reason\":\"FieldValueInvalid\",\"message\":\"no field\"}],"
              "\"retryAfterSeconds\":3},\"code\":422}");
}

TEST(status_object, a_reason_of_its_own_and_a_continue_token_are_written)
{
    struct error err = {0};

    error_set(&err, STATUS_EXPIRED, "too old");
    err.reason = bytes_dup(BYTES("Gone"));
    err.continue_token = bytes_dup(BYTES("abc"));
    check_written(&err,
                  "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"abc\"},"
                  "\"status\":\"Failure\",\"message\":\"too old\",\"reason\":\"Gone\","
                  "\"code\":410}");
}

TEST(status_object, a_delete_is_answered_with_the_uid)
{
    struct buf out = {0};

    status_object_write_success(&out, BYTES("apps"), BYTES("deployments"), BYTES("d"), BYTES("u1"));
    CHECK_TEXT(buf_bytes(&out),
               "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
               "\"status\":\"Success\",\"details\":{\"name\":\"d\",\"group\":\"apps\","
               "\"kind\":\"deployments\",\"uid\":\"u1\"}}");
    buf_release(&out);
}

TEST(status_object, what_was_written_is_read_back)
{
    struct error err = {0}, read = {0};
    struct buf out = {0};

    for (int st = STATUS_BAD_REQUEST; st < STATUS_COUNT; st++) {
        error_set(&err, (enum status)st, "message %d", st);
        error_set_details(&err, BYTES("g"), BYTES("k"), BYTES("n"));
        error_set_uid(&err, BYTES("u"));
        error_add_cause(&err, "r", BYTES("f"), "m");
        err.retry_after_s = 1;
        err.continue_token = bytes_dup(BYTES("t"));
        status_object_write(&out, &err);
        buf_append_char(&out, '\0');
        CHECK(read_text(out.data, &read));
        CHECK(read.status == err.status || status_http_code(err.status) == 500);
        CHECK_INT(status_http_code(read.status), status_http_code(err.status));
        CHECK(read.reason == NULL && strcmp(read.message, err.message) == 0);
        CHECK(strcmp(read.group, "g") == 0 && strcmp(read.kind, "k") == 0);
        CHECK(strcmp(read.name, "n") == 0 && strcmp(read.uid, "u") == 0);
        CHECK(read.cause_count == 1 && strcmp(read.causes[0].field, "f") == 0);
        CHECK(read.retry_after_s == 1 && strcmp(read.continue_token, "t") == 0);
        buf_release(&out);
    }
    error_release(&err);
    error_release(&read);
}

TEST(status_object, the_code_decides_when_the_reason_is_unknown_or_missing)
{
    static const struct {
        const char *text;
        enum status status;
        const char *reason;
    } cases[] = {
        {"{\"kind\":\"Status\",\"code\":410,\"reason\":\"Gone\"}", STATUS_EXPIRED, "Gone"},
        {"{\"kind\":\"Status\",\"code\":500,\"reason\":\"ServerTimeout\"}", STATUS_INTERNAL,
         "ServerTimeout"},
        {"{\"kind\":\"Status\",\"code\":409}", STATUS_CONFLICT, NULL},
        {"{\"kind\":\"Status\",\"code\":409,\"reason\":\"AlreadyExists\"}", STATUS_ALREADY_EXISTS,
         NULL},
        {"{\"kind\":\"Status\",\"reason\":\"Expired\"}", STATUS_EXPIRED, NULL},
        {"{\"kind\":\"Status\",\"code\":418}", STATUS_INTERNAL, NULL},
        {"{\"kind\":\"Status\",\"status\":\"Success\",\"code\":404}", STATUS_OK, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};

        CHECK(read_text(cases[i].text, &err));
        CHECK_INT(err.status, cases[i].status);
        CHECK(cases[i].reason == NULL ? err.reason == NULL
                                      : strcmp(err.reason, cases[i].reason) == 0);
        error_release(&err);
    }
}

TEST(status_object, what_is_no_status_is_not_taken_for_one)
{
    struct error err = {0};

    CHECK(!read_text("{\"kind\":\"Pod\",\"status\":\"Failure\"}", &err));
    CHECK(!read_text("[]", &err) && !status_object_read(NULL, &err));
    CHECK(err.message == NULL);
    CHECK(read_text("{\"kind\":\"Status\",\"details\":[],\"metadata\":1,\"code\":\"x\"}", NULL));
}
