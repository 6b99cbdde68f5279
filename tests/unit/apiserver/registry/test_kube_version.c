#include "unit/test.h"

#include "apiserver/registry/kube_version.h"

TEST(kube_version, stable_stands_before_beta_before_alpha_before_all_else)
{
    static const char *const ordered[] = {"v10",      "v2",      "v1",        "v11beta2",
                                          "v10beta3", "v3beta1", "v12alpha1", "v11alpha2",
                                          "foo1",     "foo10",   "v1.0",      "v1gamma1"};

    for (size_t i = 0; i < ARRAY_LEN(ordered); i++) {
        for (size_t j = 0; j < ARRAY_LEN(ordered); j++) {
            int order = kube_version_compare(bytes_str(ordered[i]), bytes_str(ordered[j]));

            CHECK((order < 0) == (i < j) && (order == 0) == (i == j));
        }
    }
}
