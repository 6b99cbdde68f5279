#include "apiserver/encryption/encryption_config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

#define HEAD "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
#define SECRET_1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define SECRET_2 "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
#define KEY_1 "- aesgcm: {keys: [{name: key1, secret: " SECRET_1 "}]}"
#define BOTH_KEYS                                                                                  \
    "- aesgcm: {keys: [{name: key2, secret: " SECRET_2 "}, {name: key1, secret: " SECRET_1 "}]}"

static enum status parse(const char *text, struct sealing **ret_sealing, struct error *reterr)
{
    struct buf copy = {0};
    enum status st;

    buf_append_str(&copy, text);
    st = encryption_config_parse("f", &copy, ret_sealing, reterr);
    if (copy.len != 0)
        CHECK(memmem(copy.data, copy.len, SECRET_1, strlen(SECRET_1)) == NULL);
    buf_release(&copy);
    return st;
}

static struct sealing *parsed(const char *text)
{
    struct sealing *sealing = NULL;
    struct error err = {0};
    enum status st = parse(text, &sealing, &err);

    if (st != STATUS_OK)
        fprintf(stderr, "%s\n", error_message(&err));
    CHECK_INT(st, STATUS_OK);
    return sealing;
}

static void check_id(const struct sealing *sealing, const char *key, const char *id)
{
    CHECK_TEXT(sealing_id_for(sealing, bytes_str(key)), id);
}

TEST(encryption_config, the_first_key_of_the_first_provider_writes_and_all_read)
{
    struct sealing *sealing = parsed(HEAD "- resources: [secrets]\n"
                                          "  providers:\n"
                                          "  " BOTH_KEYS "\n"
                                          "  - identity: {}\n"
                                          "- resources: [configmaps]\n"
                                          "  providers: [{identity: null}, {aesgcm: {keys: "
                                          "[{name: key3, secret: '" SECRET_1 "\n'}]}}]\n"
                                          "- resources: [pods]\n"
                                          "  providers:\n"
                                          "  " KEY_1 "\n");

    check_id(sealing, "core/secrets/default/a", "key2");
    check_id(sealing, "core/configmaps/default/a", "");
    check_id(sealing, "core/pods/default/a", "key1");
    check_id(sealing, "core/secretsx/default/a", "");
    CHECK(sealing_has(sealing, BYTES("key1")) && sealing_has(sealing, BYTES("key3")));
    CHECK(sealing_takes(sealing, BYTES("core/secrets/default/a"), BYTES("")));
    CHECK(!sealing_takes(sealing, BYTES("core/pods/default/a"), BYTES("")));
    sealing_free(sealing);
}

TEST(encryption_config, resources_are_named_as_kube_apiserver_names_them)
{
    struct sealing *sealing = parsed(HEAD "- resources: [events]\n"
                                          "  providers: [{identity: {}}]\n"
                                          "- resources: [widgets.example.com, '*.apps', '*.']\n"
                                          "  providers:\n"
                                          "  " KEY_1 "\n"
                                          "- resources: ['*.*']\n"
                                          "  providers:\n"
                                          "  " BOTH_KEYS "\n");

    check_id(sealing, "core/events/default/a", "");
    check_id(sealing, "core/secrets/default/a", "key1");
    check_id(sealing, "apps/deployments/default/a", "key1");
    check_id(sealing, "custom/example.com/widgets/default/a", "key1");
    check_id(sealing, "custom/example.com/gadgets/default/a", "key2");
    check_id(sealing, "batch/jobs/default/a", "key2");
    sealing_free(sealing);
}

TEST(encryption_config, an_alias_of_yaml_is_a_key_like_any_other)
{
    struct sealing *sealing = parsed(HEAD "- resources: [secrets]\n"
                                          "  providers: &p\n"
                                          "  " KEY_1 "\n"
                                          "- resources: [configmaps]\n"
                                          "  providers: *p\n");

    check_id(sealing, "core/configmaps/default/a", "key1");
    sealing_free(sealing);
}

TEST(encryption_config, what_is_wrong_is_named_by_its_place_and_no_secret_is_told)
{
#define ENTRY(providers) HEAD "- resources: [secrets]\n  providers:\n  " providers "\n"
#define KEY(name, secret) ENTRY("- aesgcm: {keys: [{name: " name ", secret: " secret "}]}")
#define RESOURCES(list) HEAD "- resources: [" list "]\n  providers:\n  " KEY_1 "\n"
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"kind: EncryptionConfig\napiVersion: v1\nresources: []\n",
         "f: not an apiserver.config.k8s.io/v1 EncryptionConfiguration"},
        {"a: [", "f: "},
        {"", "f: an object is expected"},
        {HEAD "more: 1\n", "f: unknown field \"more\""},
        {HEAD, "f: \"resources\" must be a list that is not empty"},
        {HEAD "- providers: [{identity: {}}]\n",
         "f: resources[0]: \"resources\" must be a list that is not empty"},
        {HEAD "- resources: [secrets]\n  providers: []\n",
         "f: resources[0]: \"providers\" must be a list that is not empty"},
        {HEAD "- resources: [secrets]\n  provider: []\n",
         "f: resources[0]: unknown field \"provider\""},
        {ENTRY("- aescbc: {keys: [{name: key1, secret: " SECRET_1 "}]}"),
         "f: resources[0].providers[0]: provider \"aescbc\" is not supported: there are aesgcm and "
         "identity"},
        {ENTRY(KEY_1 "\n  - kms: {name: x}"), "f: resources[0].providers[1]: provider \"kms\""},
        {ENTRY("- secretbox: {}"), "provider \"secretbox\" is not supported"},
        {ENTRY("- {identity: {}, aesgcm: {}}"),
         "f: resources[0].providers[0]: exactly one provider is expected"},
        {ENTRY("- identity: {keys: []}"), "f: resources[0].providers[0]: unknown field \"keys\""},
        {ENTRY("- aesgcm: {keys: []}"),
         "f: resources[0].providers[0]: \"keys\" must be a list that is not empty"},
        {ENTRY("- aesgcm:"), "f: resources[0].providers[0]: an object is expected"},
        {KEY("key1", "short"),
         "f: resources[0].providers[0].aesgcm.keys[0]: the secret is not base64"},
        {KEY("key1", "MDEyMzQ1Njc4OWFiY2RlZg=="),
         "f: resources[0].providers[0].aesgcm.keys[0]: the secret has 16 bytes: of AES only "
         "AES-256 is supported, whose keys have 32"},
        {KEY("key1", ""), "the secret has 0 bytes"},
        {KEY("'a:b'", SECRET_1), "\"a:b\" is no name for a key"},
        {KEY("", SECRET_1), "\"\" is no name for a key"},
        {ENTRY("- aesgcm: {keys: [{name: a, secret: " SECRET_1 "}, {name: a, secret: " SECRET_2
               "}]}"),
         "f: resources[0].providers[0].aesgcm.keys[1]: key \"a\" has two secrets"},
        {RESOURCES("'*'"), "f: resources[0].resources[0]: \"*\" is ambiguous"},
        {RESOURCES("Secrets"), "\"Secrets\" names no resource"},
        {RESOURCES("pods/status"), "\"pods/status\" names no resource"},
        {RESOURCES("'*secrets'"), "\"*secrets\" names no resource"},
        {RESOURCES("a.core"), "\"a.core\" names no resource"},
        {RESOURCES("'a.*'"), "\"a.*\" names no resource"},
        {RESOURCES("secrets, 7"), "f: resources[0].resources[1]: \"\" names no resource"},
        {RESOURCES("secrets, '*.'"),
         "f: resources[0].resources[1]: \"*.\" overlaps with \"secrets\" before it"},
        {RESOURCES("'*.apps', pods, deployments.apps"),
         "f: resources[0].resources[2]: \"deployments.apps\" overlaps with \"*.apps\" before it"},
        {RESOURCES("'*.*'") "- resources: [secrets]\n  providers: [{identity: {}}]\n",
         "f: resources[1].resources[0]: \"secrets\" overlaps with \"*.*\" before it"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sealing *sealing = NULL;
        struct error err = {0};
        enum status st = parse(rows[i].text, &sealing, &err);

        if (strstr(error_message(&err), rows[i].words) == NULL)
            fprintf(stderr, "row %zu: %s\n", i, error_message(&err));
        CHECK_INT(st, STATUS_BAD_REQUEST);
        CHECK(strstr(error_message(&err), rows[i].words) != NULL);
        CHECK(strstr(error_message(&err), SECRET_1) == NULL);
        error_release(&err);
    }
}

TEST(encryption_config, a_file_that_others_may_read_is_refused)
{
    static const struct {
        mode_t mode;
        bool fine;
    } rows[] = {{0600, true}, {0400, true}, {0640, true}, {0644, false}, {0660, false}};
    char path[] = "/tmp/encryption-config-XXXXXX";
    int fd = mkstemp(path);

    CHECK(fd >= 0 && write(fd, HEAD, strlen(HEAD)) > 0);
    dprintf(fd, "- resources: [secrets]\n  providers:\n  " KEY_1 "\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sealing *sealing = NULL;
        struct error err = {0};

        CHECK(fchmod(fd, rows[i].mode) == 0);
        CHECK((encryption_config_load(path, &sealing, &err) == STATUS_OK) == rows[i].fine);
        CHECK(rows[i].fine || strstr(error_message(&err), "chmod 600 it") != NULL);
        error_release(&err);
        sealing_free(sealing);
    }
    close(fd);
    unlink(path);
}
