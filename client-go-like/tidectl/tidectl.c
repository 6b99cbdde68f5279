#include "client-go-like/tidectl/tidectl.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
    if (st == TW_OK)
        st = tw_config_set_user_agent(t->config, "tidectl/" TIDEWATCH_VERSION " (linux)", reterr);
    if (st == TW_OK && f->insecure)
        tw_config_set_insecure(t->config, true);
    return st;
}

/* "30", "30s", "2m" or "1h" in milliseconds. */
static bool read_duration(const char *text, unsigned *ret_ms)
{
    static const struct {
        const char *unit;
        unsigned ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}};
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (end == text || strcmp(end, units[i].unit) != 0 || n > UINT_MAX / units[i].ms)
            continue;
        *ret_ms = (unsigned)n * units[i].ms;
        return true;
    }
    return tidectl_say("invalid duration \"%s\"", text) == 0;
}

bool tidectl_begin(struct tidectl *t)
{
    unsigned timeout_ms = 0;
    tw_error *error = NULL;
    tw_status st = load_config(t, &error);

    if (st == TW_OK)
        st = tw_client_new(t->config, &t->client, &error);
    if (st == TW_OK)
        st = tw_discovery_new(t->client, &t->discovery, &error);
    if (st != TW_OK) {
        tidectl_fail(error);
        return false;
    }
    tw_client_on_warning(t->client, on_warning, NULL);
    if (t->flags.timeout != NULL && !read_duration(t->flags.timeout, &timeout_ms))
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
