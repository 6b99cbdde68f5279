#include "client-go-like/tidectl/tidectl.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client-go-like/fail.h"

static void on_warning(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "Warning: %s\n", text);
}

/* As kubectl: --server needs no kubeconfig, and overrides its server when there is one. */
static tw_status load_config(struct tidectl *t, tw_error **reterr)
{
    const struct flags *f = &t->flags;
    const tw_impersonation who = {.user = f->as, .groups = f->as_groups.items};
    tw_status st;

    if (f->kubeconfig != NULL || f->context != NULL)
        st = tw_config_from_kubeconfig(f->kubeconfig, f->context, &t->config, reterr);
    else
        st = tw_config_default(&t->config, reterr);
    if (st == TW_OK && f->server != NULL)
        st = tw_config_set_server(t->config, f->server, reterr);
    if (st == TW_OK && f->token != NULL)
        st = tw_config_set_token(t->config, f->token, reterr);
    if (st == TW_OK && f->ns != NULL)
        st = tw_config_set_namespace(t->config, f->ns, reterr);
    if (st == TW_OK && f->as != NULL)
        st = tw_config_set_impersonation(t->config, &who, reterr);
    if (st == TW_OK)
        st = tw_config_set_user_agent(t->config, "tidectl/" TIDEWATCH_VERSION " (linux)", reterr);
    if (st == TW_OK && f->insecure)
        tw_config_set_insecure(t->config, true);
    return st;
}

/* The length of a unit at `text`, and what it is worth. A number alone is seconds. */
static size_t read_unit(const char *text, unsigned *ret_ms)
{
    static const struct {
        const char *unit;
        unsigned ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}};

    *ret_ms = 1000;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        size_t len = strlen(units[i].unit);

        if (strncmp(text, units[i].unit, len) != 0)
            continue;
        *ret_ms = units[i].ms;
        return len;
    }
    return 0;
}

bool tidectl_duration(const char *text, unsigned *ret_ms)
{
    const char *at = text;
    double sum = 0;
    bool ok;

    do {
        char *end;
        double n = strtod(at, &end);
        unsigned unit_ms;

        ok = end != at && n >= 0;
        at = end + read_unit(end, &unit_ms);
        sum += n * unit_ms;
        ok = ok && sum <= UINT_MAX;
    } while (ok && *at != '\0');
    if (!ok)
        return tidectl_say("invalid argument \"%s\": time: invalid duration \"%s\"", text, text) ==
               0;
    *ret_ms = (unsigned)sum;
    return true;
}

void tidectl_sleep_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static bool read_dry_run(struct tidectl *t)
{
    static const struct {
        const char *word;
        enum dry_run dry_run;
    } words[] = {{"none", DRY_RUN_NONE}, {"client", DRY_RUN_CLIENT}, {"server", DRY_RUN_SERVER},
                 {"", DRY_RUN_CLIENT},   {"true", DRY_RUN_CLIENT},   {"false", DRY_RUN_NONE}};
    const char *word = t->flags.dry_run;

    for (size_t i = 0; word != NULL && i < ARRAY_LEN(words); i++)
        if (strcmp(word, words[i].word) == 0) {
            t->dry_run = words[i].dry_run;
            return true;
        }
    return word == NULL ||
           tidectl_say("Invalid dry-run value (%s). Must be \"none\", \"server\", or \"client\".",
                       word) == 0;
}

static bool read_verbosity(struct tidectl *t)
{
    const char *word = t->flags.verbosity;
    uint64_t level = 0;

    if (word != NULL && (!bytes_to_u64(bytes_str(word), &level) || level > INT32_MAX))
        return tidectl_say("invalid argument \"%s\" for \"-v, --v\" flag", word) == 0;
    t->verbosity = (int)level;
    return true;
}

bool tidectl_begin(struct tidectl *t)
{
    unsigned timeout_ms = 0;
    tw_error *error = NULL;
    tw_status st;

    if (!read_verbosity(t) || !read_dry_run(t))
        return false;
    st = load_config(t, &error);
    if (st == TW_OK)
        st = tw_client_new(t->config, &t->client, &error);
    if (st == TW_OK)
        st = tw_discovery_new(t->client, &t->discovery, &error);
    if (st != TW_OK) {
        tidectl_fail(error);
        return false;
    }
    tw_client_on_warning(t->client, on_warning, NULL);
    if (t->flags.request_timeout != NULL &&
        !tidectl_duration(t->flags.request_timeout, &timeout_ms))
        return false;
    tw_client_set_timeout(t->client, timeout_ms);
    t->ns = t->flags.all_namespaces ? NULL : tw_client_namespace(t->client);
    return true;
}

void tidectl_end(struct tidectl *t)
{
    tw_discovery_free(t->discovery);
    tw_client_unref(t->client);
    tw_config_free(t->config);
}

int tidectl_say(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("error: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return 1;
}

int tidectl_say_no_memory(void)
{
    return tidectl_say("out of memory");
}

/* KC cmd/util/helpers.go checkErr(): an Invalid is told by its causes, one a line. */
static void say_invalid(const tw_error *error)
{
    const struct error *e = &error->detail;
    const char *bullet = e->cause_count > 1 ? "\n* " : "";

    if (e->kind != NULL)
        fprintf(stderr, "The %s \"%s\" is invalid", e->kind, e->name != NULL ? e->name : "");
    else
        fputs("The request is invalid", stderr);
    if (e->kind == NULL && e->cause_count == 0)
        fprintf(stderr, ": %s", tw_error_message(error));
    for (size_t i = 0; i < e->cause_count; i++) {
        const struct error_cause *c = &e->causes[i];

        fprintf(stderr, "%s%s", i == 0 ? ": " : "", bullet);
        fprintf(stderr, "%s: %s", c->field != NULL ? c->field : "",
                c->message != NULL ? c->message : "");
    }
    fputc('\n', stderr);
}

static void say_server(const tw_error *error, const char *doing)
{
    const char *reason = tw_error_reason(error);

    if (tw_error_code(error) == 422 && strcmp(reason, "Invalid") == 0)
        say_invalid(error);
    else if (*reason != '\0')
        fprintf(stderr, "Error from server (%s): %s%s\n", reason, doing, tw_error_message(error));
    else
        fprintf(stderr, "Error from server: %s%s\n", doing, tw_error_message(error));
}

int tidectl_fail_doing(tw_error *error, const char *doing)
{
    fflush(stdout);
    switch (tw_error_status(error)) {
    case TW_ERR_SERVER:
        say_server(error, doing);
        break;
    case TW_ERR_CONNECT:
    case TW_ERR_BROKEN:
    case TW_ERR_TIMEOUT:
        if (strcmp(tw_error_reason(error), "ConnectionRefused") == 0)
            fprintf(stderr, "T%s - did you specify the right host or port?\n",
                    tw_error_message(error) + 1); /* "the connection to .. was refused" */
        else
            fprintf(stderr, "Unable to connect to the server: %s\n", tw_error_message(error));
        break;
    default:
        fprintf(stderr, "error: %s%s\n", doing, tw_error_message(error));
    }
    tw_error_free(error);
    return 1;
}

int tidectl_fail(tw_error *error)
{
    return tidectl_fail_doing(error, "");
}

bool tidectl_write(struct buf *out)
{
    bool ok = !out->failed && (out->len == 0 || fwrite(out->data, 1, out->len, stdout) == out->len);

    out->len = 0;
    return ok && fflush(stdout) == 0;
}

int tidectl_finish(struct buf *out, int rc)
{
    if (out->failed)
        rc = tidectl_say_no_memory();
    else if (!tidectl_write(out))
        rc = EXIT_FAILED;
    buf_release(out);
    return rc;
}
