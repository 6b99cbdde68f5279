/*
 * Selectors: a first byte chooses labels or fields, the rest is the text. What is accepted must
 * match the same way twice; a label selector is also asked about labels cut out of its own text.
 */
#include <stdlib.h>

#include "codec/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void fuzz_labels(struct bytes text)
{
    struct label_selector *selector = NULL;
    struct error err = {0};
    struct bytes key = text, value;
    struct label label;

    if (label_selector_parse(text, &selector, &err) != STATUS_OK) {
        must(err.status == STATUS_BAD_REQUEST && err.message != NULL);
        error_release(&err);
        return;
    }
    value = bytes_cut(&key, '=');
    label = (struct label){value, key};
    must(label_selector_matches(selector, &label, 1) ==
         label_selector_matches(selector, &label, 1));
    (void)label_selector_matches(selector, NULL, 0);
    label_selector_free(selector);
}

static void fuzz_fields(struct bytes text)
{
    struct field_selector *selector = NULL;
    struct error err = {0};

    if (field_selector_parse(text, &selector, &err) != STATUS_OK) {
        must(err.status == STATUS_BAD_REQUEST && err.message != NULL);
        error_release(&err);
        return;
    }
    for (size_t i = 0; selector != NULL && i < selector->count; i++)
        must(selector->terms[i].field.len + selector->terms[i].value.len <= text.len);
    (void)field_selector_required(selector, "metadata.name");
    field_selector_free(selector);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    (data[0] == 'L' ? fuzz_labels : fuzz_fields)(bytes_of((const char *)data + 1, size - 1));
    return 0;
}
