/* SPDX-License-Identifier: MIT */
#include "detect.h"

#include "mixture.h"

START_TEST(differences_are_clipped_and_weighted)
{
    const double recent[] = {1, 100, -HUGE_VAL, -HUGE_VAL, 0};
    const double published[] = {0, 0, 0, -HUGE_VAL, -HUGE_VAL};
    const double weight[] = {2, 1, 3, 5, 1};
    ck_assert(detect_difference(recent, published, weight, 5) == 2 + 4 - 12 + 0 + 4);
}
END_TEST

START_TEST(noise_raises_no_alarm)
{
    const uint64_t seed = unit_seed(311);
    struct rng rng = rng_at(seed, RNG_TEST, 0);
    struct detector detector = {0};
    double evidence;
    for (int i = 0; i < 100000; i++) {
        ck_assert_msg(!detector_add(&detector, -1 + 5 * rng_normal(&rng), &evidence),
                      "seed %llu block %d", (unsigned long long)seed, i);
    }
    ck_assert(detector.blocks == 4096);
}
END_TEST

START_TEST(a_better_model_is_noticed)
{
    struct rng rng = rng_at(1, RNG_TEST, 0);
    struct detector detector = {0};
    double evidence = 0;
    int blocks = 0;
    for (int i = 0; i < 100; i++) {
        ck_assert(!detector_add(&detector, rng_normal(&rng), &evidence));
    }
    do {
        ck_assert(blocks++ < 3);
    } while (!detector_add(&detector, 50, &evidence));
    ck_assert(evidence > 20);
    ck_assert(detector.sum == 0 && detector.blocks == 0);
}
END_TEST

START_TEST(what_is_usual_is_learned_first)
{
    struct detector detector = {0};
    double evidence;
    for (int i = 0; i < 8; i++) { /* eight blocks of any size decide nothing */
        ck_assert(!detector_add(&detector, 1000, &evidence));
    }
    ck_assert(!detector_add(&detector, 1000, &evidence));
}
END_TEST

int main(void)
{
    const struct unit_test tests[] = {
        UNIT(differences_are_clipped_and_weighted),
        UNIT(noise_raises_no_alarm),
        UNIT(a_better_model_is_noticed),
        UNIT(what_is_usual_is_learned_first),
    };
    return unit_run("detect", tests, COUNT(tests));
}
