#include <stdio.h>

#include "client-go-like/tidectl/commands.h"

/* Each script hands the words of the line to `tidectl __complete`, which answers one candidate a
 * line; with none the shell completes file names. */

static const char bash[] =
    "# bash completion of tidectl: source <(tidectl completion bash)\n"
    "_tidectl() {\n"
    "    local current line\n"
    "    # = and : are no word breaks to us: the words are cut anew at blanks.\n"
    "    local -a words\n"
    "    read -ra words <<<\"${COMP_LINE:0:COMP_POINT}\"\n"
    "    [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=('')\n"
    "    current=${words[-1]}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        # Readline replaces only what is behind the last = or :.\n"
    "        [[ $current == *[=:]* ]] && line=${line#\"${current%\"${current##*[=:]}\"}\"}\n"
    "        COMPREPLY+=(\"$line\")\n"
    "    done < <(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
    "    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
    "    return 0\n"
    "}\n"
    "complete -o default -F _tidectl tidectl\n";

static const char zsh[] =
    "#compdef tidectl\n"
    "# zsh completion of tidectl: source <(tidectl completion zsh)\n"
    "_tidectl() {\n"
    "    local -a candidates\n"
    "    candidates=(\"${(@f)$(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" "
    "2>/dev/null)}\")\n"
    "    if [[ -n \"${candidates[1]}\" ]]; then\n"
    "        compadd -- \"${candidates[@]}\"\n"
    "    else\n"
    "        _files\n"
    "    fi\n"
    "}\n"
    "compdef _tidectl tidectl\n";

static const char fish[] = "# fish completion of tidectl: tidectl completion fish | source\n"
                           "function __tidectl_complete\n"
                           "    set -l words (commandline -opc) (commandline -ct)\n"
                           "    $words[1] __complete $words[2..-1] 2>/dev/null\n"
                           "end\n"
                           "complete -c tidectl -a '(__tidectl_complete)'\n";

static const struct {
    const char *shell, *script;
} scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

int tidectl_completion(struct tidectl *t)
{
    const char *shell = t->flags.word_count == 1 ? t->flags.words[0] : "";
    struct buf out = {0};

    for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
        if (strcmp(shell, scripts[i].shell) == 0) {
            buf_append_str(&out, scripts[i].script);
            return tidectl_finish(&out, 0);
        }
    return tidectl_say("completion takes one of bash, zsh and fish");
}
