/*
 * The reviews: questions that are asked by a POST and answered in its reply. Nothing of them is
 * kept.
 */
#include "apiserver/registry/kinds.h"

static const struct kind self_reviews = {
    KIND("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview"),
    .review = true,
};
static const struct kind token_reviews = {
    KIND("authentication.k8s.io", "TokenReview", "tokenreviews", "tokenreview"),
    .review = true,
};
static const struct kind local_access_reviews = {
    KIND("authorization.k8s.io", "LocalSubjectAccessReview", "localsubjectaccessreviews",
         "localsubjectaccessreview"),
    .namespaced = true,
    .review = true,
};
static const struct kind self_access_reviews = {
    KIND("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews",
         "selfsubjectaccessreview"),
    .review = true,
};
static const struct kind self_rules_reviews = {
    KIND("authorization.k8s.io", "SelfSubjectRulesReview", "selfsubjectrulesreviews",
         "selfsubjectrulesreview"),
    .review = true,
};
static const struct kind access_reviews = {
    KIND("authorization.k8s.io", "SubjectAccessReview", "subjectaccessreviews",
         "subjectaccessreview"),
    .review = true,
};

const struct kind *const kinds_authentication[] = {&self_reviews, &token_reviews, NULL};
const struct kind *const kinds_authorization[] = {&local_access_reviews, &self_access_reviews,
                                                  &self_rules_reviews, &access_reviews, NULL};
