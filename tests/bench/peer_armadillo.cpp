// SPDX-License-Identifier: MIT
//
// The pass of Armadillo for bench_peers.py: peer_armadillo COVARIANCE D K FILE FEW MANY.
// FILE as for peer_pass. Prints the seconds of MANY passes less those of FEW, a pass.
#include <algorithm>
#include <armadillo>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

static std::vector<double> read_numbers(const char *path)
{
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::vector<double> values(static_cast<size_t>(file.tellg()) / sizeof(double));
    file.seekg(0);
    file.read(reinterpret_cast<char *>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(double)));
    return values;
}

template <typename Model>
static double seconds(const Model &start, const arma::mat &points, arma::uword passes)
{
    Model model = start;
    const auto begin = std::chrono::steady_clock::now();
    model.learn(points, start.n_gaus(), arma::maha_dist, arma::keep_existing, 0, passes,
                1e-10, false);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    return time.count();
}

// The least of several.
template <typename Model>
static double best_of(const Model &start, const arma::mat &points, arma::uword passes)
{
    double best = seconds(start, points, passes), total = best;
    for (int round = 1; round < 5 && total < 1; round++) {
        const double time = seconds(start, points, passes);
        best = std::min(best, time);
        total += time;
    }
    return best;
}

template <typename Model>
static double a_pass(const Model &start, const arma::mat &points, arma::uword few,
                     arma::uword many)
{
    const double base = best_of(start, points, few);
    return (best_of(start, points, many) - base) / static_cast<double>(many - few);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        std::fprintf(stderr, "peer_armadillo: COVARIANCE D K FILE FEW MANY wanted\n");
        return EXIT_FAILURE;
    }
    const arma::uword d = std::strtoul(argv[2], nullptr, 10);
    const arma::uword k = std::strtoul(argv[3], nullptr, 10);
    const arma::uword few = std::strtoul(argv[5], nullptr, 10);
    const arma::uword many = std::strtoul(argv[6], nullptr, 10);
    std::vector<double> values = read_numbers(argv[4]);
    double *at = values.data();
    const arma::rowvec weights(at, k);
    const arma::mat means(at + k, d, k);
    at += k + k * d;
    double result;
    if (std::strcmp(argv[1], "full") == 0) {
        const arma::cube covs(at, d, d, k);
        const arma::mat points(at + k * d * d, d, (values.size() - k * (1 + d + d * d)) / d);
        arma::gmm_full model;
        model.set_params(means, covs, weights);
        result = a_pass(model, points, few, many);
    } else {
        const arma::mat covs(at, d, k);
        const arma::mat points(at + k * d, d, (values.size() - k * (1 + 2 * d)) / d);
        arma::gmm_diag model;
        model.set_params(means, covs, weights);
        result = a_pass(model, points, few, many);
    }
    std::printf("%.9g\n", result);
    return EXIT_SUCCESS;
}
