#include "unit/test.h"

#include "client-go-like/cache/denied.h"

TEST(denied, a_refusal_in_a_namespace_says_what_a_role_must_allow)
{
    tw_denied d;

    denied_read("pods \"x\" is forbidden: User \"system:serviceaccount:n:sa\" cannot list resource "
                "\"pods/log\" in API group \"apps\" in the namespace \"kube-system\"",
                &d);
    CHECK_TEXT(bytes_str(d.user), "system:serviceaccount:n:sa");
    CHECK_TEXT(bytes_str(d.verb), "list");
    CHECK_TEXT(bytes_str(d.resource), "pods/log");
    CHECK_TEXT(bytes_str(d.group), "apps");
    CHECK_TEXT(bytes_str(d.ns), "kube-system");
}

TEST(denied, a_refusal_of_the_cluster_names_no_namespace)
{
    tw_denied d;

    denied_read(
        "nodes is forbidden: User \"u\" cannot watch resource \"nodes\" in API group \"\" at "
        "the cluster scope",
        &d);
    CHECK_TEXT(bytes_str(d.verb), "watch");
    CHECK_TEXT(bytes_str(d.group), "");
    CHECK_TEXT(bytes_str(d.ns), "");
}

TEST(denied, other_words_say_nothing_and_long_ones_are_cut)
{
    char message[400] = "x is forbidden: User \"";
    tw_denied d;

    denied_read("Forbidden", &d);
    CHECK_TEXT(bytes_str(d.user), "");
    memset(message + strlen(message), 'u', 300);
    denied_read(message, &d); /* no closing quote */
    CHECK_TEXT(bytes_str(d.user), "");
    strcpy(message + 350, "\" cannot");
    memset(message + 300, 'u', 50);
    denied_read(message, &d);
    CHECK_INT(strlen(d.user), sizeof(d.user) - 1);
}
