#include "client-go-like/config/config.h"

/* A field value as Go's net/http takes it (golang.org/x/net/http/httpguts ValidHeaderFieldValue).
 */
static bool is_sendable(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 127)
            return false;
    return true;
}

/* What a field name cannot hold is %-escaped (CG transport/round_trippers.go, headerKeyEscape). */
static void append_name(struct buf *out, const char *name)
{
    static const char fine[] = "!#$&'*+-.^_`|~";

    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr(fine, c) != NULL)
            buf_append_char(out, *name);
        else
            buf_appendf(out, "%%%02X", c);
    }
}

/* One line of config->impersonate; `extra` NULL: the header has the name `what` alone. */
static tw_status add_line(struct buf *out, const char *what, const char *extra, const char *value,
                          tw_error **reterr)
{
    if (!is_sendable(value))
        return tw_fail(reterr, TW_ERR_ARGUMENT, "impersonation: a value with a control character");
    buf_appendf(out, "Impersonate-%s", what);
    if (extra != NULL)
        append_name(out, extra);
    buf_appendf(out, ": %s\n", value);
    return TW_OK;
}

static tw_status write_lines(struct buf *out, const tw_impersonation *who, tw_error **reterr)
{
    static const char *const none[] = {NULL};
    const char *const *groups = who->groups != NULL ? who->groups : none;
    const char *const *extra = who->extra != NULL ? who->extra : none;
    bool more = who->uid != NULL || *groups != NULL || *extra != NULL;
    tw_status st = TW_OK;

    if (who->user == NULL || *who->user == '\0')
        return more ? tw_fail(reterr, TW_ERR_ARGUMENT,
                              "requesting uid, groups or user-extra without impersonating a user")
                    : TW_OK;
    st = add_line(out, "User", NULL, who->user, reterr);
    if (st == TW_OK && who->uid != NULL)
        st = add_line(out, "Uid", NULL, who->uid, reterr);
    for (; st == TW_OK && *groups != NULL; groups++)
        st = add_line(out, "Group", NULL, *groups, reterr);
    for (; st == TW_OK && extra[0] != NULL && extra[1] != NULL; extra += 2)
        st = add_line(out, "Extra-", extra[0], extra[1], reterr);
    return st;
}

tw_status tw_config_set_impersonation(tw_config *config, const tw_impersonation *who,
                                      tw_error **reterr)
{
    struct buf lines = {0};
    tw_status st = who != NULL ? write_lines(&lines, who, reterr) : TW_OK;

    if (st == TW_OK && (lines.failed || !config_replace(&config->impersonate, buf_bytes(&lines))))
        st = tw_fail_no_memory(reterr);
    buf_release(&lines);
    return st;
}
