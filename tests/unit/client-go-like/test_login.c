#include "unit/test.h"

#include "unit/client-go-like/fake_server.h"

#include <tidewatch/tidewatch.h>

#include <sys/stat.h>

#include "client-go-like/config/child.h"
#include "client-go-like/config/login.h"

static char folder[64];

static void enter_folder(void)
{
    strcpy(folder, "/tmp/tidewatch-login-XXXXXX");
    CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
}

static void leave_folder(void)
{
    static const char *const names[] = {"kubeconfig", "plugin", "runs", "token", "info"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(names[i]);
    CHECK(chdir("/") == 0 && rmdir(folder) == 0);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(name, 0700) == 0);
}

/* Each run adds a line to `runs`, and answers with what stands in $STATUS; %N in it is the number
 * of the run. */
#define PLUGIN                                                                                     \
    "#!/bin/sh\n"                                                                                  \
    "echo run >>runs\n"                                                                            \
    "echo \"$KUBERNETES_EXEC_INFO\" >info\n"                                                       \
    "n=$(wc -l <runs | tr -d ' ')\n"                                                               \
    "status=$(echo \"$STATUS\" | sed \"s/%N/$n/g\")\n"                                             \
    "echo \"{\\\"apiVersion\\\":\\\"client.authentication.k8s.io/$1\\\","                          \
    "\\\"kind\\\":\\\"ExecCredential\\\",$status}\"\n"

static tw_config *load(const char *server, const char *user)
{
    tw_config *config = NULL;
    tw_error *error = NULL;
    struct buf text = {0};
    char path[128];

    buf_appendf(&text,
                "current-context: x\n"
                "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
                "clusters: [{name: c, cluster: {server: \"%s\", tls-server-name: tls.example,\n"
                "  extensions: [{name: client.authentication.k8s.io/exec, extension: {a: b}}]}}]\n"
                "users: [{name: u, user: {%s}}]\n",
                server, user);
    buf_append_char(&text, '\0');
    write_file("kubeconfig", text.data);
    buf_release(&text);
    snprintf(path, sizeof(path), "%s/kubeconfig", folder);
    if (tw_config_from_kubeconfig(path, NULL, &config, &error) != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    tw_error_free(error);
    CHECK(config != NULL);
    return config;
}

#define EXEC(version, status)                                                                      \
    "exec: {apiVersion: client.authentication.k8s.io/" version ", command: ./plugin, args: ["      \
    "" version "], interactiveMode: Never, provideClusterInfo: true,\n"                            \
    "  env: [{name: STATUS, value: '\"status\":{" status "}'}]}"

static int runs(void)
{
    struct buf text = {0};
    int count;

    if (access("runs", F_OK) != 0)
        return 0;
    CHECK(config_read_file("runs", &text, NULL) == TW_OK);
    count = (int)(text.len / 4);
    buf_release(&text);
    return count;
}

static void expect_token(struct login *login, const char *token)
{
    struct credentials *who = NULL;
    tw_error *error = NULL;

    if (login_get(login, &who, &error) != TW_OK)
        fprintf(stderr, "%s\n", tw_error_message(error));
    CHECK(who != NULL);
    CHECK_TEXT(bytes_str(who->token), token);
    credentials_unref(who);
    tw_error_free(error);
}

TEST(login, a_plugin_runs_once_for_as_long_as_its_answer_lasts)
{
    tw_config *config;
    struct login login;
    struct buf info = {0};

    enter_folder();
    write_file("plugin", PLUGIN);
    config = load("https://h", EXEC("v1", "\"token\":\"t%N\",\"expirationTimestamp\":"
                                          "\"2999-01-01T00:00:00Z\""));
    login_init(&login, config);
    expect_token(&login, "t1");
    expect_token(&login, "t1");
    CHECK_INT(runs(), 1);
    login_release(&login);
    CHECK(config_read_file("info", &info, NULL) == TW_OK);
    CHECK_TEXT(bytes_trim(buf_bytes(&info)),
               "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
               "\"spec\":{\"interactive\":false,\"cluster\":{\"server\":\"https://h\","
               "\"tls-server-name\":\"tls.example\",\"config\":{\"a\":\"b\"}}}}");
    buf_release(&info);
    tw_config_free(config);
    leave_folder();
}

TEST(login, a_plugin_named_by_a_path_stands_beside_its_kubeconfig)
{
    char command[128];
    tw_config *config;

    enter_folder();
    config = load("https://h", EXEC("v1", ""));
    snprintf(command, sizeof(command), "\"command\":\"%s/./plugin\"", folder);
    CHECK(strstr(config->exec, command) != NULL);
    tw_config_free(config);
    leave_folder();
}

TEST(login, a_plugin_runs_again_when_its_answer_has_expired)
{
    tw_config *config;
    struct login login;

    enter_folder();
    write_file("plugin", PLUGIN);
    config = load("https://h", EXEC("v1beta1", "\"token\":\"t%N\",\"expirationTimestamp\":"
                                               "\"2001-01-01T00:00:00Z\""));
    login_init(&login, config);
    expect_token(&login, "t1");
    expect_token(&login, "t2");
    login_release(&login);
    tw_config_free(config);
    leave_folder();
}

TEST(login, a_plugin_may_give_a_certificate)
{
    tw_config *config;
    struct login login;
    struct credentials *who = NULL;

    enter_folder();
    write_file("plugin", PLUGIN);
    config = load("https://h", EXEC("v1", "\"clientCertificateData\":\"CERT\","
                                          "\"clientKeyData\":\"KEY\""));
    login_init(&login, config);
    CHECK(login_get(&login, &who, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(who->cert), "CERT");
    CHECK_TEXT(bytes_str(who->key), "KEY");
    CHECK(who->token == NULL);
    credentials_unref(who);
    login_release(&login);
    tw_config_free(config);
    leave_folder();
}

static void plugin_fails(const char *plugin, const char *user, const char *words)
{
    tw_config *config;
    struct login login;
    struct credentials *who = NULL;
    tw_error *error = NULL;

    write_file("plugin", plugin);
    config = load("https://h", user);
    login_init(&login, config);
    CHECK(login_get(&login, &who, &error) == TW_ERR_CONFIG && who == NULL);
    if (strstr(tw_error_message(error), words) == NULL)
        fprintf(stderr, "says: %s\n", tw_error_message(error));
    CHECK(strstr(tw_error_message(error), words) != NULL);
    tw_error_free(error);
    login_release(&login);
    tw_config_free(config);
}

TEST(login, says_what_is_wrong_with_a_plugin)
{
    static const char plain[] = EXEC("v1", "");

    enter_folder();
    plugin_fails(PLUGIN, plain, "didn't return a token or cert/key pair");
    plugin_fails(PLUGIN, EXEC("v1", "\"clientKeyData\":\"k\""), "only certificate or key");
    plugin_fails(PLUGIN, EXEC("v1", "\"token\":\"t\",\"expirationTimestamp\":\"soon\""), "soon");
    plugin_fails("#!/bin/sh\nexit 3\n", plain, "failed with exit code 3");
    plugin_fails("#!/bin/sh\nkill -9 $$\n", plain, "failed with signal 9");
    plugin_fails("#!/bin/sh\necho no json\n", plain, "decoding exec plugin's output");
    plugin_fails("#!/bin/sh\necho '{\"kind\":\"ExecCredential\",\"apiVersion\":\"x/v2\"}'\n", plain,
                 "plugin returned version x/v2");
    plugin_fails("#!/bin/sh\necho '{\"kind\":\"ExecCredential\",\"apiVersion\":"
                 "\"client.authentication.k8s.io/v1\"}'\n",
                 plain, "didn't return a status field");
    plugin_fails("#!/bin/sh\nhead -c 2000000 /dev/zero\n", plain, "prints more than");
    plugin_fails("",
                 "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: no-such-"
                 "program-here, installHint: get it there}",
                 "not found\n\nget it there");
    leave_folder();
}

TEST(login, a_program_that_does_not_end_is_killed)
{
    char *const args[] = {"/bin/sh", "-c", "exec sleep 1000", NULL};
    char *const quiet[] = {"/bin/sh", "-c", "exec >/dev/null; exec sleep 1000", NULL};
    char *const env[] = {NULL};
    const struct child talks = {args, env, 100, 100}, silent = {quiet, env, 100, 100};
    struct buf output = {0};
    bool missing = false;

    CHECK(child_run(&talks, &output, &missing, NULL) == TW_ERR_TIMEOUT);
    CHECK(child_run(&silent, &output, &missing, NULL) == TW_ERR_TIMEOUT);
    CHECK(!missing);
    buf_release(&output);
}

TEST(login, a_programs_environment_is_ours_with_some_names_replaced)
{
    char *const args[] = {"/bin/sh", "-c", "echo $TW_ONE $TW_TWO", NULL};
    char *const env[] = {"TW_TWO=new", NULL};
    const struct child child = {args, env, 100, 60000};
    struct buf output = {0};
    bool missing = false;

    setenv("TW_ONE", "one", 1);
    setenv("TW_TWO", "old", 1);
    CHECK(child_run(&child, &output, &missing, NULL) == TW_OK);
    CHECK_TEXT(buf_bytes(&output), "one new\n");
    buf_release(&output);
}

static bool sent(struct fake_server *server, size_t index, const char *text)
{
    return strstr(server->requests[index], text) != NULL;
}

#define STATUS_401 "{\"kind\":\"Status\",\"reason\":\"Unauthorized\",\"code\":401}"

TEST(login, a_401_runs_the_plugin_once_more_and_asks_again)
{
    static const struct fake_step steps[] = {ANSWER_CODE(401, STATUS_401), ANSWER("{}"),
                                             ANSWER_CODE(401, STATUS_401),
                                             ANSWER_CODE(401, STATUS_401)};
    struct fake_server *server = fake_start(steps, ARRAY_LEN(steps), 0);
    const tw_request request = {.path = "/x"};
    tw_config *config;
    tw_client *client = NULL;
    tw_error *error = NULL;

    enter_folder();
    write_file("plugin", PLUGIN);
    config = load(server->url, EXEC("v1", "\"token\":\"t%N\""));
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    CHECK_INT(runs(), 2);
    CHECK(sent(server, 0, "Bearer t1\r\n") && sent(server, 1, "Bearer t2\r\n"));
    CHECK(tw_client_do(client, &request, NULL, &error) == TW_ERR_SERVER);
    CHECK_INT(tw_error_code(error), 401); /* once more, and no more */
    CHECK_INT(runs(), 3);
    CHECK_INT(server->request_count, 4);
    tw_error_free(error);
    tw_client_unref(client);
    tw_config_free(config);
    fake_stop(server);
    leave_folder();
}

TEST(login, a_401_reads_the_token_file_again)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER_CODE(401, STATUS_401),
                                             ANSWER("{}"), ANSWER_CODE(401, STATUS_401)};
    struct fake_server *server = fake_start(steps, ARRAY_LEN(steps), 0);
    const tw_request request = {.path = "/x"};
    tw_config *config;
    tw_client *client = NULL;

    enter_folder();
    write_file("token", "one\n");
    config = load(server->url, "tokenFile: token");
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    write_file("token", "two\n");
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    CHECK(sent(server, 0, "Bearer one\r\n") && sent(server, 1, "Bearer one\r\n"));
    CHECK(sent(server, 2, "Bearer two\r\n"));
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_ERR_SERVER);
    CHECK_INT(server->request_count, 4); /* the file says the same: asking again would be in vain */
    tw_client_unref(client);
    tw_config_free(config);
    fake_stop(server);
    leave_folder();
}

TEST(login, a_token_file_wins_over_the_token_beside_it_as_long_as_it_says_one)
{
    tw_config *config;
    struct login login;
    struct credentials *who = NULL;
    tw_error *error = NULL;

    enter_folder();
    write_file("token", " \n");
    config = load("https://h", "tokenFile: token, token: beside");
    login_init(&login, config);
    expect_token(&login, "beside");
    write_file("token", "file\n");
    login.refused = true;
    expect_token(&login, "file");
    write_file("token", "");
    login.refused = true;
    expect_token(&login, "file"); /* rather what worked than what never did */
    login_release(&login);
    tw_config_free(config);
    config = load("https://h", "tokenFile: token");
    login_init(&login, config);
    CHECK(login_get(&login, &who, &error) == TW_ERR_CONFIG);
    CHECK(strstr(tw_error_message(error), "is empty") != NULL);
    tw_error_free(error);
    login_release(&login);
    tw_config_free(config);
    leave_folder();
}

TEST(login, a_watch_that_got_a_401_is_opened_with_other_credentials)
{
    static const struct fake_step steps[] = {ANSWER_CODE(401, STATUS_401), STREAM("")};
    static const tw_resource configmaps = {"", "v1", "configmaps", "ConfigMap", true};
    struct fake_server *server = fake_start(steps, ARRAY_LEN(steps), 0);
    tw_config *config;
    tw_client *client = NULL;
    tw_watch *watch = NULL;

    enter_folder();
    write_file("plugin", PLUGIN);
    config = load(server->url, EXEC("v1", "\"token\":\"t%N\""));
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_watch_open(client, &configmaps, NULL, NULL, &watch, NULL) == TW_OK);
    CHECK(sent(server, 1, "Bearer t2\r\n"));
    tw_watch_close(watch);
    tw_client_unref(client);
    tw_config_free(config);
    fake_stop(server);
    leave_folder();
}

static void on_done(void *user, tw_status status, const tw_response *response,
                    const tw_error *error)
{
    (void)response;
    (void)error;
    *(tw_status *)user = status;
}

TEST(login, a_401_in_a_loop_asks_again_with_other_credentials_too)
{
    static const struct fake_step steps[] = {ANSWER("{}"), ANSWER_CODE(401, STATUS_401),
                                             ANSWER("{}")};
    struct fake_server *server = fake_start(steps, ARRAY_LEN(steps), 0);
    const tw_request request = {.path = "/x"};
    tw_config *config;
    tw_client *client = NULL;
    tw_loop *loop = NULL;
    tw_status told = TW_END;

    enter_folder();
    write_file("token", "one\n");
    config = load(server->url, "tokenFile: token");
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    write_file("token", "two\n");
    CHECK(tw_loop_new(client, &loop, NULL) == TW_OK);
    CHECK(tw_loop_request(loop, &request, on_done, &told, NULL, NULL) == TW_OK);
    while (tw_loop_count(loop) != 0) {
        struct pollfd row = {tw_loop_fd(loop), POLLIN, 0};

        CHECK(poll(&row, 1, FAKE_WAIT_S * 1000) == 1);
        CHECK(tw_loop_process(loop, NULL) == TW_OK);
    }
    CHECK(told == TW_OK);
    CHECK(sent(server, 1, "Bearer one\r\n") && sent(server, 2, "Bearer two\r\n"));
    tw_loop_free(loop);
    tw_client_unref(client);
    tw_config_free(config);
    fake_stop(server);
    leave_folder();
}

TEST(login, acts_as_whom_the_kubeconfig_names)
{
    static const struct fake_step steps[] = {ANSWER("{}")};
    struct fake_server *server = fake_start(steps, 1, 0);
    const tw_request request = {.path = "/x"};
    tw_config *config;
    tw_client *client = NULL;

    enter_folder();
    config = load(server->url, "as: jane, as-uid: u1, as-groups: [dev, ops], "
                               "as-user-extra: {scopes: [a, b], 'x/y Z': [c]}");
    CHECK(tw_client_new(config, &client, NULL) == TW_OK);
    CHECK(tw_client_do(client, &request, NULL, NULL) == TW_OK);
    CHECK(sent(server, 0, "\r\nImpersonate-User: jane\r\n"));
    CHECK(sent(server, 0, "\r\nImpersonate-Uid: u1\r\n"));
    CHECK(sent(server, 0, "\r\nImpersonate-Group: dev\r\nImpersonate-Group: ops\r\n"));
    CHECK(sent(server, 0, "\r\nImpersonate-Extra-scopes: a\r\nImpersonate-Extra-scopes: b\r\n"));
    CHECK(sent(server, 0, "\r\nImpersonate-Extra-x%2Fy%20Z: c\r\n"));
    tw_client_unref(client);
    tw_config_free(config);
    fake_stop(server);
    leave_folder();
}

TEST(login, refuses_to_act_as_nobody_in_particular_or_to_split_a_header)
{
    static const char *const groups[] = {"dev", NULL};
    tw_impersonation who = {.groups = groups};
    tw_config *config = NULL;

    CHECK(tw_config_from_url("http://h", &config, NULL) == TW_OK);
    CHECK(tw_config_set_impersonation(config, &who, NULL) == TW_ERR_ARGUMENT);
    who.user = "a\r\nX: y";
    CHECK(tw_config_set_impersonation(config, &who, NULL) == TW_ERR_ARGUMENT);
    CHECK(config->impersonate == NULL);
    who.user = "a";
    CHECK(tw_config_set_impersonation(config, &who, NULL) == TW_OK);
    CHECK_TEXT(bytes_str(config->impersonate), "Impersonate-User: a\nImpersonate-Group: dev\n");
    CHECK(tw_config_set_impersonation(config, NULL, NULL) == TW_OK && config->impersonate == NULL);
    tw_config_free(config);
}
