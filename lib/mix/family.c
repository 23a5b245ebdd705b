/* SPDX-License-Identifier: MIT
 *
 * The table of families. */
#include "family.h"

#include <math.h>
#include <string.h>

#include "field.h"

extern const struct family family_gaussian, family_poisson, family_exponential,
    family_bernoulli, family_log_normal, family_gamma, family_categorical,
    family_von_mises, family_student_t, family_broad_poisson;

/* In the order of enum mix_family. */
static const struct family *const table[] = {&family_gaussian,    &family_poisson,
                                             &family_exponential, &family_bernoulli,
                                             &family_log_normal,  &family_gamma,
                                             &family_categorical, &family_von_mises,
                                             &family_student_t,   NULL};

const struct family *const *family_table(void)
{
    return table;
}

const struct family *family_of(enum mix_family id)
{
    return table[id];
}

const struct family *family_of_noise(enum mix_family id)
{
    return id == MIX_POISSON ? &family_broad_poisson : table[id];
}

const struct family *family_find(const char *name)
{
    for (size_t i = 0; table[i] != NULL; i++) {
        if (strcmp(table[i]->name, name) == 0) {
            return table[i];
        }
    }
    return NULL;
}

const char *mix_family_name(enum mix_family family)
{
    return (size_t)family < MIX_FAMILIES ? table[family]->name : NULL;
}

const char *mix_family_values(enum mix_family family)
{
    static const char *const values[] = {
#define X(name, text, values) values,
        MIX_FAMILY_TABLE(X)
#undef X
    };
    return (size_t)family < MIX_FAMILIES ? values[family] : NULL;
}

const char *mix_family_parameter(enum mix_family family, size_t i)
{
    static const char *const gaussian[] = {"mean", "variance", NULL};
    if ((size_t)family >= MIX_FAMILIES) {
        return NULL;
    }
    const struct field_form *form = table[family]->form;
    const char *const *names = form != NULL ? form->names : gaussian;
    for (size_t j = 0; j < i; j++) {
        if (names[j] == NULL) {
            return NULL;
        }
    }
    return names[i];
}

bool mix_family_accepts(enum mix_family family, size_t categories, double x)
{
    const struct field_form *form =
        (size_t)family < MIX_FAMILIES ? table[family]->form : NULL;
    return form == NULL ? isfinite(x) : form->accepts(categories, x);
}
