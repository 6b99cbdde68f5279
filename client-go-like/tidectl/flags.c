#include "client-go-like/tidectl/flags.h"

#include <stddef.h>

static const struct flag *find_long(struct bytes name, unsigned set)
{
    for (size_t i = 0; i < flag_table_len; i++)
        if (flag_is_of(&flag_table[i], set) && bytes_eq_str(name, flag_table[i].name))
            return &flag_table[i];
    return NULL;
}

static const struct flag *find_letter(char letter, unsigned set)
{
    for (size_t i = 0; i < flag_table_len; i++)
        if (flag_is_of(&flag_table[i], set) && flag_table[i].letter == letter)
            return &flag_table[i];
    return NULL;
}

struct reader {
    struct flags *flags;
    unsigned set;
    int argc, at;
    char **argv;
    struct buf *error;
};

static bool add_value(struct reader *r, const struct flag *flag, struct flag_list *list,
                      const char *value)
{
    if (list->count == FLAGS_LIST_MAX) {
        buf_appendf(r->error, "more than %d of --%s", FLAGS_LIST_MAX, flag->name);
        return false;
    }
    list->items[list->count++] = value;
    return true;
}

/* Cuts `value`, which is argv's and so ours to cut. */
static bool add_values(struct reader *r, const struct flag *flag, struct flag_list *list,
                       const char *value)
{
    char *rest = (char *)(uintptr_t)value;

    for (char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ","))
        if (!add_value(r, flag, list, one))
            return false;
    return true;
}

static bool set_switch(struct reader *r, const struct flag *flag, bool *place, const char *value)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"1", true},    {"0", false},
                 {"t", true},    {"f", false},     {"T", true},    {"F", false},
                 {"True", true}, {"False", false}, {"TRUE", true}, {"FALSE", false}};

    *place = true;
    for (size_t i = 0; value != NULL && i < ARRAY_LEN(words); i++)
        if (strcmp(value, words[i].word) == 0) {
            *place = words[i].value;
            return true;
        }
    if (value == NULL)
        return true;
    buf_appendf(r->error,
                "invalid argument \"%s\" for \"--%s\" flag: strconv.ParseBool: parsing \"%s\": "
                "invalid syntax",
                value, flag->name, value);
    return false;
}

/* `value` NULL: the next argument is it. */
static bool set_flag(struct reader *r, const struct flag *flag, const char *value)
{
    char *place = (char *)r->flags + flag->offset;

    if (flag->kind == FLAG_SWITCH)
        return set_switch(r, flag, (bool *)place, value);
    if (flag->kind == FLAG_MAYBE) { /* alone it is "", which its command reads as it likes */
        *(const char **)place = value != NULL ? value : "";
        return true;
    }
    if (value == NULL && r->at < r->argc)
        value = r->argv[r->at++];
    if (value == NULL) {
        buf_appendf(r->error, "flag needs an argument: --%s", flag->name);
        return false;
    }
    if (flag->kind == FLAG_LIST)
        return add_value(r, flag, (struct flag_list *)place, value);
    if (flag->kind == FLAG_COMMAS)
        return add_values(r, flag, (struct flag_list *)place, value);
    *(const char **)place = value;
    return true;
}

static bool read_long(struct reader *r, const char *arg)
{
    struct bytes rest = bytes_str(arg + 2), name = bytes_cut(&rest, '=');
    const struct flag *flag = find_long(name, r->set);

    if (flag == NULL) {
        buf_appendf(r->error, "unknown flag: --%.*s", BYTES_FMT(name));
        return false;
    }
    return set_flag(r, flag, rest.ptr);
}

/* A run of letters: switches may stand together, and the first that takes a value has the rest. */
static bool read_letters(struct reader *r, const char *arg)
{
    for (const char *at = arg + 1; *at != '\0'; at++) {
        const struct flag *flag = find_letter(*at, r->set);
        const char *value = at[1] == '=' ? at + 2 : at[1] != '\0' ? at + 1 : NULL;

        if (flag == NULL) {
            buf_appendf(r->error, "unknown shorthand flag: '%c' in %s", *at, arg);
            return false;
        }
        if ((flag->kind != FLAG_SWITCH && flag->kind != FLAG_MAYBE) || at[1] == '=')
            return set_flag(r, flag, value);
        set_flag(r, flag, NULL);
    }
    return true;
}

bool flags_parse(struct flags *flags, unsigned set, int argc, char **argv, const char **words,
                 struct buf *reterr)
{
    struct reader r = {flags, set, argc, 0, argv, reterr};
    bool ok = true;

    *flags = (struct flags){.words = words, .wait = true};
    while (ok && r.at < argc) {
        const char *arg = argv[r.at++];

        if (strcmp(arg, "--") == 0)
            break;
        if (arg[0] != '-' || arg[1] == '\0')
            words[flags->word_count++] = arg;
        else
            ok = arg[1] == '-' ? read_long(&r, arg) : read_letters(&r, arg);
    }
    while (ok && r.at < argc)
        words[flags->word_count++] = argv[r.at++];
    return ok;
}

const struct flag *flags_find(const char *arg, unsigned set)
{
    if (arg[0] != '-' || arg[1] == '\0' || strchr(arg, '=') != NULL)
        return NULL;
    if (arg[1] == '-')
        return find_long(bytes_str(arg + 2), set);
    return arg[2] == '\0' ? find_letter(arg[1], set) : NULL;
}

bool flags_takes_next(const char *arg, unsigned set)
{
    const struct flag *flag = flags_find(arg, set);

    return flag != NULL && flag->kind != FLAG_SWITCH && flag->kind != FLAG_MAYBE;
}

void flags_help(unsigned set, struct buf *out)
{
    for (size_t i = 0; i < flag_table_len; i++) {
        const struct flag *flag = &flag_table[i];
        struct buf left = {0};

        if (set == 0 ? flag->set != 0 : (flag->set & set) == 0)
            continue;
        if (flag->letter != 0)
            buf_appendf(&left, "-%c, --%s", flag->letter, flag->name);
        else
            buf_appendf(&left, "    --%s", flag->name);
        if (flag->value != NULL)
            buf_appendf(&left, flag->kind == FLAG_MAYBE ? "[=%s]" : " %s", flag->value);
        if (left.len > 34)
            buf_appendf(&left, "\n%36s", "");
        buf_appendf(out, "  %-34.*s %s\n", BYTES_FMT(buf_bytes(&left)), flag->help);
        buf_release(&left);
    }
}
