/* Who is let in, and as whom. */
#include "apiserver/auth/authenticator.h"

#include "base/clock.h"
#include "keys.h"

struct scene {
    char key_path[32], token_path[32], ca_path[32];
    struct authenticator *authenticator;
    struct arena arena;
    struct identity who;
    const char *account_uid, *pod_uid; /* of what is there */
};

static struct bytes uid_of(void *user, struct bytes kind, struct bytes namespace, struct bytes name)
{
    const struct scene *scene = user;

    CHECK_TEXT(namespace, "red");
    if (bytes_eq_str(kind, "ServiceAccount") && bytes_eq_str(name, "bot"))
        return bytes_str(scene->account_uid);
    return bytes_eq_str(kind, "Pod") && bytes_eq_str(name, "web") ? bytes_str(scene->pod_uid)
                                                                  : BYTES("");
}

static void write_text(char *path, const char *text)
{
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void begin(struct scene *scene, bool anonymous)
{
    EVP_PKEY *key = new_key(true);
    struct authenticator_options options = {.issuer = "https://here", .anonymous = anonymous};

    *scene = (struct scene){.key_path = "/tmp/tidewatch-key-XXXXXX",
                            .token_path = "/tmp/tidewatch-tok-XXXXXX",
                            .ca_path = "/tmp/tidewatch-ca-XXXXXX",
                            .account_uid = "uid-1",
                            .pod_uid = "uid-2"};
    write_key(scene->key_path, key);
    write_text(scene->token_path, "letmein,ann,7,dev\n");
    write_text(scene->ca_path, "some CA");
    options.signing_key_file = scene->key_path;
    options.token_file = scene->token_path;
    options.client_ca_file = scene->ca_path;
    CHECK(authenticator_new(&options, &scene->authenticator, NULL) == STATUS_OK);
    EVP_PKEY_free(key);
}

static void end(struct scene *scene)
{
    unlink(scene->key_path);
    unlink(scene->token_path);
    unlink(scene->ca_path);
    authenticator_unref(scene->authenticator);
    arena_release(&scene->arena);
}

static enum status judge(struct scene *scene, struct credentials shown)
{
    struct account_world world = {uid_of, scene};

    struct error err = {0};
    enum status st =
        authenticator_judge(scene->authenticator, &shown, &world, &scene->arena, &scene->who, &err);

    CHECK((err.message != NULL) == (st != STATUS_OK)); /* who is let in owns no error */
    error_release(&err);
    return st;
}

static bool still_holds(struct scene *scene)
{
    struct account_world world = {uid_of, scene};

    return authenticator_still_holds(scene->authenticator, &scene->who, &world, clock_wall_s());
}

static struct bytes token_for(struct scene *scene, const char *audience, int64_t lives_s,
                              const char *bound_uid)
{
    struct bytes for_whom = bytes_str(audience);
    struct bound_account account = {
        .namespace = BYTES("red"), .name = BYTES("bot"), .uid = BYTES("uid-1")};
    struct audiences audiences = {&for_whom, audience != NULL ? 1 : 0};
    struct buf token = {0};
    struct bytes text;

    if (bound_uid != NULL)
        account.bound = (struct bound_object){BYTES("Pod"), BYTES("web"), bytes_str(bound_uid)};
    CHECK(service_accounts_make(authenticator_accounts(scene->authenticator), &account, audiences,
                                clock_wall_s(), clock_wall_s() + lives_s, &token,
                                NULL) == STATUS_OK);
    text = arena_dup(&scene->arena, buf_bytes(&token));
    buf_release(&token);
    return text;
}

TEST(authenticator, nobody_is_anonymous_or_refused)
{
    struct scene s;

    begin(&s, true);
    CHECK(judge(&s, (struct credentials){0}) == STATUS_OK);
    CHECK_TEXT(s.who.user.name, "system:anonymous");
    CHECK(user_is_in(&s.who.user, GROUP_UNAUTHENTICATED));
    end(&s);
    begin(&s, false);
    CHECK(judge(&s, (struct credentials){0}) == STATUS_UNAUTHORIZED);
    end(&s);
}

TEST(authenticator, a_wrong_token_is_refused_where_none_would_do)
{
    struct scene s;

    begin(&s, true);
    CHECK(judge(&s, (struct credentials){.bearer = BYTES("letmeout")}) == STATUS_UNAUTHORIZED);
    CHECK(judge(&s, (struct credentials){.bearer = BYTES("a.b.c")}) == STATUS_UNAUTHORIZED);
    CHECK(judge(&s, (struct credentials){.bearer = BYTES("letmein")}) == STATUS_OK);
    CHECK_TEXT(s.who.user.name, "ann");
    CHECK(user_is_in(&s.who.user, "dev") && still_holds(&s));
    end(&s);
}

TEST(authenticator, a_certificate_is_who_it_says_if_somebody_vouches)
{
    struct bytes in[] = {BYTES("ops"), BYTES("system:masters")};
    struct credentials shown = {.has_certificate = true,
                                .certificate_is_trusted = true,
                                .common_name = BYTES("eve"),
                                .organizations = in,
                                .organization_count = 2,
                                .not_after_s = clock_wall_s() + 100};
    struct scene s;

    begin(&s, true);
    CHECK(judge(&s, shown) == STATUS_OK);
    CHECK_TEXT(s.who.user.name, "eve");
    CHECK(user_is_in(&s.who.user, "system:masters"));
    CHECK(user_is_in(&s.who.user, GROUP_AUTHENTICATED) && still_holds(&s));
    s.who.expires_s = clock_wall_s() - 1;
    CHECK(!still_holds(&s));
    shown.certificate_is_trusted = false;
    CHECK(judge(&s, shown) == STATUS_UNAUTHORIZED);
    shown.bearer = BYTES("letmein"); /* the next way still may be fine */
    CHECK(judge(&s, shown) == STATUS_OK);
    CHECK_TEXT(s.who.user.name, "ann");
    end(&s);
}

TEST(authenticator, a_certificate_with_a_nul_in_a_name_is_none)
{
    struct bytes in[] = {BYTES("ops"), BYTES("system:masters\0x")};
    struct credentials shown = {.has_certificate = true,
                                .certificate_is_trusted = true,
                                .common_name = BYTES("eve"),
                                .organizations = in,
                                .organization_count = 2,
                                .not_after_s = clock_wall_s() + 100};
    struct scene s;

    begin(&s, true);
    CHECK(judge(&s, shown) == STATUS_UNAUTHORIZED);
    shown.organization_count = 1;
    CHECK(judge(&s, shown) == STATUS_OK);
    shown.common_name = BYTES("admin\0.eve");
    CHECK(judge(&s, shown) == STATUS_UNAUTHORIZED);
    end(&s);
}

TEST(authenticator, a_service_account_is_known_by_its_token_while_it_is_there)
{
    struct scene s;

    begin(&s, false);
    CHECK(judge(&s, (struct credentials){.bearer = token_for(&s, NULL, 600, NULL)}) == STATUS_OK);
    CHECK_TEXT(s.who.user.name, "system:serviceaccount:red:bot");
    CHECK_TEXT(s.who.user.uid, "uid-1");
    CHECK(user_is_in(&s.who.user, "system:serviceaccounts:red"));
    CHECK(still_holds(&s));
    s.account_uid = "made again";
    CHECK(!still_holds(&s));
    CHECK(judge(&s, (struct credentials){.bearer = token_for(&s, NULL, 600, NULL)}) ==
          STATUS_UNAUTHORIZED);
    end(&s);
}

TEST(authenticator, a_token_goes_with_what_it_is_bound_to)
{
    struct scene s;
    struct bytes token;

    begin(&s, false);
    token = token_for(&s, NULL, 600, "uid-2");
    CHECK(judge(&s, (struct credentials){.bearer = token}) == STATUS_OK);
    CHECK_TEXT(s.who.user.extra[1].key, "authentication.kubernetes.io/pod-name");
    s.pod_uid = "";
    CHECK(!still_holds(&s));
    CHECK(judge(&s, (struct credentials){.bearer = token}) == STATUS_UNAUTHORIZED);
    end(&s);
}

TEST(authenticator, a_token_is_for_its_audience_and_its_time)
{
    struct scene s;

    begin(&s, false);
    CHECK(judge(&s, (struct credentials){.bearer = token_for(&s, "elsewhere", 600, NULL)}) ==
          STATUS_UNAUTHORIZED);
    CHECK(judge(&s, (struct credentials){.bearer = token_for(&s, NULL, 0, NULL)}) ==
          STATUS_UNAUTHORIZED);
    end(&s);
}

TEST(authenticator, a_review_tells_which_audiences_a_token_is_for)
{
    struct bytes asked[] = {BYTES("nobody"), BYTES("vault")};
    struct audiences granted;
    struct account_world world;
    struct scene s;

    begin(&s, false);
    world = (struct account_world){uid_of, &s};
    CHECK(authenticator_review(s.authenticator, token_for(&s, "vault", 600, NULL),
                               (struct audiences){asked, 2}, &world, &s.arena, &s.who, &granted,
                               NULL) == STATUS_OK);
    CHECK_INT(granted.count, 1);
    CHECK_TEXT(granted.texts[0], "vault");
    end(&s);
}
