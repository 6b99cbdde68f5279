/*
 * tidewatch - the server's process: settings, signals, and the end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "apiserver/commands.h"
#include "apiserver/process/notify.h"
#include "apiserver/process/sandbox.h"
#include "apiserver/server.h"
#include "base/log.h"

#ifdef __SANITIZE_ADDRESS__
/* libh2o keeps freed buffers for reuse, a list a thread, and forgets it when the thread ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\n";
}
#endif

static int print_help(bool all)
{
    struct buf text = {0};

    config_write_help(&text, all);
    buf_append_str(&text, "\ninstead of serving:\n");
    commands_write_help(&text);
    fwrite(text.data, 1, text.len, stdout);
    buf_release(&text);
    return 0;
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_LEVEL_INFO;
}

static void use_log_settings(const struct config *config)
{
    log_setup(level_of(config->log_level),
              strcmp(config->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

/* What can change while it runs: how much is logged, and in which form; and what the files of
 * certificates, tokens and keys hold. */
static void reload(struct server *server, int argc, char *const *argv)
{
    struct config config;
    struct error err = {0};
    enum status st;

    notify_reloading();
    st = config_parse(argc, argv, &config, &err);

    if (st == STATUS_OK) {
        use_log_settings(&config);
        config_release(&config);
        st = server_reload(server, &err);
    }
    if (st == STATUS_OK)
        LOG_INFO("settings reloaded");
    else
        LOG_ERROR("settings not reloaded", LOG_STR("why", error_message(&err)));
    error_release(&err);
    notify_ready();
}

/* The next signal; or 0 when it is time to tell the watchdog. */
static int next_signal(const sigset_t *signals)
{
    uint64_t ms = notify_watchdog_ms();
    struct timespec wait = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    int number = ms != 0 ? sigtimedwait(signals, NULL, &wait) : sigwaitinfo(signals, NULL);

    if (number > 0)
        return number;
    return errno == EAGAIN ? 0 : SIGCONT; /* interrupted: nothing happened */
}

/* Returns when the process is told to end. */
static void serve_signals(struct server *server, const sigset_t *signals, int argc,
                          char *const *argv)
{
    for (;;) {
        int number = next_signal(signals);

        if (number == SIGTERM || number == SIGINT)
            return;
        if (number == SIGHUP)
            reload(server, argc, argv);
        if (number == 0) {
            server_check(server); /* a loop that hangs keeps us from saying that all is well */
            notify_watchdog();
        }
    }
}

static int serve(const struct config *config, int argc, char *const *argv)
{
    struct server *server;
    struct error err = {0};
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals,
                    NULL); /* every thread inherits it: main alone takes them */
    signal(SIGPIPE, SIG_IGN);
    if (!config->no_sandbox && sandbox_possible())
        sandbox_harden();
    notify_open();
    if (server_start(config, &server, &err) != STATUS_OK) {
        fprintf(stderr, "tidewatch: %s\n", error_message(&err));
        error_release(&err);
        return 1;
    }
    notify_ready();
    serve_signals(server, &signals, argc, argv);
    notify_stopping();
    server_stop(server);
    notify_close();
    return 0;
}

int main(int argc, char **argv)
{
    struct config config;
    struct error err = {0};
    int code = 0;

    if (argc > 1 && argv[1][0] != '-')
        return command_run(argc - 1, argv + 1);
    if (config_parse(argc, argv, &config, &err) != STATUS_OK) {
        fprintf(stderr, "tidewatch: %s (see tidewatch --help)\n", error_message(&err));
        error_release(&err);
        return 2;
    }
    use_log_settings(&config);
    if (config.help || config.help_all)
        code = print_help(config.help_all);
    else if (config.version)
        printf("tidewatch %s\n", TIDEWATCH_VERSION);
    else
        code = serve(&config, argc, argv);
    config_release(&config);
    return code;
}
