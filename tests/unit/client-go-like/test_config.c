#include "unit/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client-go-like/config/config.h"

static char folder[64];

static void enter_folder(void)
{
    strcpy(folder, "/tmp/tidewatch-config-XXXXXX");
    CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
    unsetenv("KUBECONFIG");
    unsetenv("KUBERNETES_SERVICE_HOST");
    setenv("HOME", folder, 1);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void leave_folder(void)
{
    static const char *const names[] = {"a", "b", "sub/c", "sub/ca.pem", ".kube/config"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(names[i]);
    rmdir("sub");
    rmdir(".kube");
    CHECK(chdir("/") == 0 && rmdir(folder) == 0);
}

#define CONTEXT(name, cluster, user)                                                               \
    "- {name: " name ", context: {cluster: " cluster ", user: " user ", namespace: ns-" name "}}"  \
    "\n"

static const char file_a[] =
    "current-context: one\n"
    "contexts:\n" CONTEXT("one", "c1", "u1")
        CONTEXT("lost", "nowhere", "u1") "clusters:\n"
                                         "- {name: c1, cluster: {server: \"https://one:6443/\"}}\n"
                                         "users:\n"
                                         "- {name: u1, user: {token: t1}}\n";
static const char file_b[] =
    "current-context: two\n"
    "contexts:\n" CONTEXT("two", "c2", "u2") CONTEXT(
        "one", "c2",
        "u2") "clusters:\n"
              "- {name: c1, cluster: {server: \"https://other\", insecure-skip-tls-verify: true}}\n"
              "- {name: c2, cluster: {server: \"two:80\", certificate-authority-data: aGVsbG8=,\n"
              "     insecure-skip-tls-verify: true}}\n"
              "users:\n"
              "- {name: u2, user: {username: me, password: secret, client-key-data: a2V5}}\n";

static tw_config *load(const char *path, const char *context)
{
    tw_config *config = NULL;
    tw_error *error = NULL;

    if (tw_config_from_kubeconfig(path, context, &config, &error) != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    CHECK(config != NULL);
    return config;
}

TEST(config, of_several_files_takes_each_entry_whole_from_the_first_that_has_it)
{
    tw_config *config;

    enter_folder();
    write_file("a", file_a);
    write_file("b", file_b);
    setenv("KUBECONFIG", "missing:a:b", 1);
    config = load(NULL, NULL);
    CHECK_TEXT(bytes_str(tw_config_server(config)), "https://one:6443");
    CHECK_TEXT(bytes_str(tw_config_namespace(config)), "ns-one");
    CHECK_TEXT(bytes_str(config->token), "t1");
    CHECK(!config->insecure); /* of file b's c1: none of our business */
    tw_config_free(config);
    config = load(NULL, "two");
    CHECK_TEXT(bytes_str(tw_config_server(config)), "http://two:80");
    CHECK_TEXT(bytes_str(config->ca_data), "hello");
    CHECK_TEXT(bytes_str(config->key_data), "key");
    CHECK_TEXT(bytes_str(config->username), "me");
    CHECK_TEXT(bytes_str(config->password), "secret");
    CHECK(config->insecure);
    tw_config_free(config);
    leave_folder();
}

TEST(config, paths_are_relative_to_the_file_that_names_them)
{
    tw_config *config;
    char path[128];

    enter_folder();
    CHECK(mkdir("sub", 0700) == 0);
    write_file("sub/ca.pem", "x");
    write_file("sub/c", "current-context: x\n"
                        "contexts: [{name: x, context: {cluster: c}}]\n"
                        "clusters: [{name: c, cluster: {server: http://h, "
                        "certificate-authority: ca.pem}}]\n");
    snprintf(path, sizeof(path), "%s/sub/c", folder);
    config = load(path, NULL);
    snprintf(path, sizeof(path), "%s/sub/ca.pem", folder);
    CHECK_TEXT(bytes_str(config->ca_file), path);
    CHECK_TEXT(bytes_str(tw_config_namespace(config)), "default");
    tw_config_free(config);
    leave_folder();
}

static void refuses(const char *text, const char *context, const char *words)
{
    tw_config *config = NULL;
    tw_error *error = NULL;

    write_file("a", text);
    CHECK(tw_config_from_kubeconfig("a", context, &config, &error) == TW_ERR_CONFIG);
    if (strstr(tw_error_message(error), words) == NULL)
        fprintf(stderr, "says: %s\n", tw_error_message(error));
    CHECK(strstr(tw_error_message(error), words) != NULL && config == NULL);
    tw_error_free(error);
}

#define ONE_USER(user)                                                                             \
    "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"                  \
    "clusters: [{name: c, cluster: {server: http://h}}]\nusers: [{name: u, user: {" user "}}]\n"

#define GOOD_EXEC                                                                                  \
    "exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, "

TEST(config, says_precisely_what_is_wrong_with_a_file)
{
    tw_config *config = NULL;
    tw_error *error = NULL;

    enter_folder();
    refuses(file_a, "three", "context \"three\" does not exist");
    refuses(file_a, "lost", "cluster \"nowhere\" does not exist");
    refuses("a: [", NULL, "a: ");
    refuses("- 1\n", NULL, "a: not a kubeconfig");
    refuses("{}", NULL, "no kubeconfig names a cluster");
    refuses(ONE_USER("auth-provider: {name: gcp}"), NULL,
            "user \"u\" in a uses auth-provider, which is not supported");
    refuses(ONE_USER("exec: {apiVersion: client.authentication.k8s.io/v1}"), NULL,
            "command must be specified for u to use exec authentication plugin");
    refuses(ONE_USER("exec: {command: x}"), NULL, "apiVersion must be specified for u");
    refuses(ONE_USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}"), NULL,
            "exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"");
    refuses(ONE_USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1}"), NULL,
            "interactiveMode must be specified for u");
    refuses(ONE_USER("exec: {command: x, apiVersion: client.authentication.k8s.io/v1, "
                     "interactiveMode: Always}"),
            NULL, "cannot support interactive mode");
    refuses(ONE_USER(GOOD_EXEC "args: {a: b, c: d, e: f}}"), NULL, "args of u is no list of texts");
    refuses(ONE_USER(GOOD_EXEC "args: [a, 1]}"), NULL, "args of u is no list of texts");
    refuses(ONE_USER(GOOD_EXEC "env: {a: {name: b}, c: {name: d}}}"), NULL,
            "env of u is no list of names");
    refuses(ONE_USER("as-groups: [dev]"), NULL, "user \"u\" in a: requesting uid, groups");
    refuses(ONE_USER("client-certificate: nope.pem"), NULL,
            "unable to read client-certificate nope.pem for user \"u\": No such file");
    refuses(ONE_USER("client-key-data: \"???\""), NULL,
            "client-key-data of user \"u\" in a is no base64");
    refuses("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
            "clusters: [{name: c, cluster: {server: ftp://h}}]\n",
            NULL, "server \"ftp://h\" is no http:// or https:// URL");
    CHECK(tw_config_from_kubeconfig("nope", NULL, &config, &error) == TW_ERR_CONFIG);
    CHECK_TEXT(bytes_str(tw_error_message(error)), "open nope: No such file or directory");
    tw_error_free(error);
    leave_folder();
}

TEST(config, a_token_given_by_hand_replaces_a_token_file)
{
    tw_config *config;

    enter_folder();
    write_file("b", "x");
    write_file("a", ONE_USER("tokenFile: b, token: t"));
    config = load("a", NULL);
    CHECK(strcmp(config->token_file, "b") == 0);
    CHECK(tw_config_set_token(config, "mine", NULL) == TW_OK);
    CHECK(config->token_file == NULL && strcmp(config->token, "mine") == 0);
    tw_config_free(config);
    leave_folder();
}

TEST(config, tls_given_by_hand_replaces_the_same_from_a_kubeconfig_and_leaves_the_rest)
{
    static const tw_tls pem = {.ca_pem = "mine", .cert_file = "c", .key_pem = "k"},
                        file = {.ca_file = "ca", .server_name = "name"};
    tw_config *config;

    enter_folder();
    write_file("b", "x");
    write_file("a", ONE_USER("client-certificate-data: Zm9v, client-key: b"));
    config = load("a", NULL);
    CHECK_TEXT(bytes_str(config->cert_data), "foo");
    CHECK_TEXT(bytes_str(config->key_file), "b");
    CHECK(tw_config_set_tls(config, &pem, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(config->ca_data), "mine");
    CHECK_TEXT(bytes_str(config->cert_file), "c");
    CHECK_TEXT(bytes_str(config->key_data), "k");
    CHECK(config->cert_data == NULL && config->key_file == NULL); /* one of each is in use */
    CHECK(tw_config_set_tls(config, &file, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(config->ca_file), "ca");
    CHECK(config->ca_data == NULL);
    CHECK_TEXT(bytes_str(config->tls_server_name), "name");
    CHECK_TEXT(bytes_str(config->cert_file), "c");
    tw_config_free(config);
    leave_folder();
}

TEST(config, default_is_the_home_file_or_else_localhost)
{
    tw_config *config = NULL;

    enter_folder();
    CHECK(tw_config_default(&config, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_config_server(config)), "http://localhost:8080");
    tw_config_free(config);
    CHECK(mkdir(".kube", 0700) == 0);
    write_file(".kube/config", file_a);
    CHECK(tw_config_default(&config, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_config_server(config)), "https://one:6443");
    CHECK(tw_config_set_server(config, "http://else:1//", NULL) == TW_OK);
    CHECK_TEXT(bytes_str(tw_config_server(config)), "http://else:1");
    tw_config_free(config);
    CHECK(tw_config_in_cluster(&config, NULL) == TW_ERR_CONFIG);
    leave_folder();
}

TEST(config, base64_is_rfc_4648_with_padding)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"", ""},      {"Zg==", "f"},  {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm\n9v", "foo"},
                 {"Zm9", NULL}, {"Z===", NULL}, {"Zg=v", NULL}, {"Zm9v!", NULL}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool bad;
        char *out = config_base64_decode(bytes_str(cases[i].in), &bad);

        CHECK(bad == (cases[i].out == NULL) && (out == NULL) == bad);
        if (out != NULL)
            CHECK_TEXT(bytes_str(out), cases[i].out);
        free(out);
    }
}
