#include "client-go-like/tidectl/commands.h"

#include <stdio.h>
#include <stdlib.h>

enum { OBJECTS = FLAGS_SELECT | FLAGS_NAMESPACES | FLAGS_ALL | FLAGS_FILE };
#define ON "(-f FILE | RESOURCE (NAME.. | -l SELECTOR | --all) | RESOURCE/NAME..)"

const struct command commands[] = {
    {"get", "get (RESOURCE[,RESOURCE..] [NAME..] | RESOURCE/NAME.. | -f FILE | --raw PATH)",
     "Print objects, one or many, and with -w every change of them.",
     "  tidectl get cm,secrets -A            # two types, all namespaces\n"
     "  tidectl get pods -w --output-watch-events --timestamps\n"
     "  tidectl get pods --live              # one table, kept up to date\n"
     "  tidectl get cm a --watch --until=deleted --timeout=5m\n"
     "  tidectl get cm -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'\n",
     FLAGS_GET | FLAGS_NAMESPACES, false, tidectl_get},
    {"describe", "describe " ON, "Print all that is known of objects, and their events.",
     "  tidectl describe tide/high\n", OBJECTS, false, tidectl_describe},
    {"create", "create -f FILE", "Create the objects of a file.",
     "  tidectl create -f app.yaml\n  tidectl create configmap a --from-literal=k=v\n",
     FLAGS_FILE | FLAGS_WRITE | FLAGS_CREATE | FLAGS_OUTPUT, false, tidectl_create},
    {"create configmap", "create configmap NAME [--from-literal=K=V] [--from-file=FILE]",
     "Create a ConfigMap from files and texts.",
     "  tidectl create cm a --from-literal=k=v --from-file=app.conf\n",
     FLAGS_WRITE | FLAGS_OUTPUT | FLAGS_CREATE_DATA, false, tidectl_create_configmap},
    {"create secret generic", "create secret generic NAME [--from-literal=K=V] [--from-file=FILE]",
     "Create a Secret from files and texts.",
     "  tidectl create secret generic s --from-literal=password=x\n",
     FLAGS_WRITE | FLAGS_OUTPUT | FLAGS_CREATE_DATA, false, tidectl_create_secret},
    {"create namespace", "create namespace NAME", "Create a namespace.",
     "  tidectl create ns test --dry-run=client -o yaml\n", FLAGS_WRITE | FLAGS_OUTPUT, false,
     tidectl_create_namespace},
    {"create serviceaccount", "create serviceaccount NAME", "Create a service account.",
     "  tidectl create sa robot\n", FLAGS_WRITE | FLAGS_OUTPUT, false,
     tidectl_create_service_account},
    {"create deployment", "create deployment NAME --image=IMAGE", "Create a Deployment.",
     "  tidectl create deployment web --image=nginx --replicas=2\n",
     FLAGS_WRITE | FLAGS_OUTPUT | FLAGS_CREATE_WORKLOAD, false, tidectl_create_deployment},
    {"apply", "apply -f FILE",
     "Create the objects of a file, or change those that exist to what it says.",
     "  tidectl apply -f app.yaml\n  tidectl apply -f app.yaml --server-side\n",
     FLAGS_APPLY | FLAGS_WRITE | FLAGS_OUTPUT, false, tidectl_apply},
    {"replace", "replace -f FILE", "Replace objects by those of a file.",
     "  tidectl get cm a -o yaml | sed s/x/y/ | tidectl replace -f -\n",
     FLAGS_REPLACE | FLAGS_WRITE | FLAGS_OUTPUT | FLAGS_SUBRESOURCE, false, tidectl_replace},
    {"delete", "delete " ON, "Delete objects.",
     "  tidectl delete cm a b\n  tidectl delete -f app.yaml --wait=false\n"
     "  tidectl delete pods --all --now\n",
     FLAGS_DELETE | FLAGS_NAMESPACES | FLAGS_ALL | FLAGS_WRITE | FLAGS_IGNORE | FLAGS_OUTPUT, false,
     tidectl_delete},
    {"patch", "patch (-f FILE | RESOURCE NAME | RESOURCE/NAME) -p PATCH",
     "Change members of an object.",
     "  tidectl patch cm a --type=merge -p '{\"data\":{\"k\":\"v\"}}'\n"
     "  tidectl patch cm a --type=json -p '[{\"op\":\"remove\",\"path\":\"/data/k\"}]'\n",
     FLAGS_PATCH | FLAGS_FILE | FLAGS_WRITE | FLAGS_OUTPUT | FLAGS_SUBRESOURCE, false,
     tidectl_patch},
    {"label", "label " ON " KEY=VALUE.. KEY-..", "Set and remove labels.",
     "  tidectl label cm a tier=front old-\n  tidectl label cm --all tier=front --overwrite\n",
     OBJECTS | FLAGS_LABEL | FLAGS_WRITE | FLAGS_OUTPUT, false, tidectl_label},
    {"annotate", "annotate " ON " KEY=VALUE.. KEY-..", "Set and remove annotations.",
     "  tidectl annotate cm a why='to show it'\n",
     OBJECTS | FLAGS_LABEL | FLAGS_WRITE | FLAGS_OUTPUT, false, tidectl_annotate},
    {"edit", "edit (RESOURCE NAME.. | RESOURCE/NAME.. | -f FILE)",
     "Change an object in $KUBE_EDITOR or $EDITOR.", "  tidectl edit cm a\n",
     FLAGS_FILE | FLAGS_WRITE | FLAGS_SUBRESOURCE, false, tidectl_edit},
    {"diff", "diff -f FILE",
     "Show what apply would change: exit code 1 if anything, more than 1 after an error.",
     "  tidectl diff -f app.yaml\n  KUBECTL_EXTERNAL_DIFF='diff -c' tidectl diff -f app.yaml\n",
     FLAGS_DIFF | FLAGS_MANAGED, false, tidectl_diff},
    {"wait", "wait " ON " --for=COND", "Wait until a condition holds of objects.",
     "  tidectl wait pod/a --for=condition=Ready --timeout=60s\n"
     "  tidectl wait cm/a --for=jsonpath='{.data.k}'=v\n  tidectl wait cm/a --for=delete\n",
     OBJECTS | FLAGS_WAIT | FLAGS_OUTPUT, false, tidectl_wait},
    {"explain", "explain RESOURCE[.FIELD..]", "Print what the fields of a type mean.",
     "  tidectl explain deploy.spec.template\n  tidectl explain cm --recursive\n", FLAGS_EXPLAIN,
     false, tidectl_explain},
    {"api-resources", "api-resources", "Print the resource types the server has.",
     "  tidectl api-resources --namespaced=false --verbs=list,watch -o wide\n", FLAGS_RESOURCES,
     false, tidectl_api_resources},
    {"api-versions", "api-versions", "Print the groups and versions the server has.",
     "  tidectl api-versions\n", 0, false, tidectl_api_versions},
    {"auth can-i", "auth can-i VERB (RESOURCE | RESOURCE/NAME | URL)", "Ask what is allowed.",
     "  tidectl auth can-i create pods -n test\n  tidectl auth can-i --list\n",
     FLAGS_CAN_I | FLAGS_NAMESPACES | FLAGS_NO_HEADERS, false, tidectl_can_i},
    {"auth whoami", "auth whoami", "Ask the server who we are to it.",
     "  tidectl auth whoami -o json\n", FLAGS_OUTPUT, false, tidectl_whoami},
    {"config view", "config view", "Print the kubeconfig, without its secrets.",
     "  tidectl config view --minify -o jsonpath='{.clusters[0].cluster.server}'\n",
     FLAGS_CONFIG_VIEW | FLAGS_OUTPUT, true, tidectl_config_view},
    {"config current-context", "config current-context", "Print the current context.",
     "  tidectl config current-context\n", 0, true, tidectl_config_current_context},
    {"config get-contexts", "config get-contexts [NAME]", "Print the contexts.",
     "  tidectl config get-contexts -o name\n", FLAGS_CONFIG_CONTEXTS, true,
     tidectl_config_get_contexts},
    {"config use-context", "config use-context NAME", "Change the current context.",
     "  tidectl config use-context test\n", 0, true, tidectl_config_use_context},
    {"config set-context", "config set-context (NAME | --current)", "Make or change a context.",
     "  tidectl config set-context --current --namespace=test\n", FLAGS_CONFIG_SET, true,
     tidectl_config_set_context},
    {"cluster-info", "cluster-info", "Print where the server is.", "  tidectl cluster-info\n", 0,
     false, tidectl_cluster_info},
    {"version", "version", "Print the versions of tidectl and of the server.",
     "  tidectl version --client\n", FLAGS_VERSION, true, tidectl_version_command},
    {"completion", "completion (bash | zsh | fish)", "Print a script that completes command lines.",
     "  source <(tidectl completion bash)\n", 0, true, tidectl_completion},
    {"options", "options", "Print the flags of all commands.", "  tidectl options\n", 0, true,
     tidectl_options},
    {"__man", "__man", "Print the man page.", "", 0, true, tidectl_man},
};
const size_t commands_len = ARRAY_LEN(commands);

/* What kubectl also lets one say. */
static const struct {
    const char *word, *means;
} aliases[] = {
    {"cm", "configmap"}, {"ns", "namespace"}, {"sa", "serviceaccount"}, {"deploy", "deployment"}};

static struct bytes meaning(const char *word, bool first)
{
    for (size_t i = 0; i < ARRAY_LEN(aliases) && !first; i++)
        if (strcmp(word, aliases[i].word) == 0)
            return bytes_str(aliases[i].means);
    return bytes_str(word);
}

/* How many words of `name` the words begin with; 0 if not with all of it. */
static size_t match(const char *name, const char *const *words, size_t count)
{
    struct bytes rest = bytes_str(name);
    size_t used = 0;

    while (rest.ptr != NULL) {
        if (used == count || !bytes_eq(bytes_cut(&rest, ' '), meaning(words[used], used == 0)))
            return 0;
        used++;
    }
    return used;
}

const struct command *command_find(const char *const *words, size_t count, size_t *ret_used)
{
    const struct command *found = NULL;

    *ret_used = 0;
    for (size_t i = 0; i < commands_len; i++) {
        size_t used = match(commands[i].name, words, count);

        if (used > *ret_used) {
            *ret_used = used;
            found = &commands[i];
        }
    }
    return found;
}
