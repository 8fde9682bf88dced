// The kernels of a training step, one benchmark each, on one row (or one block of rows) that fits the caches. Each
// verifies its result once against the plain kernels of rbmpi/core/kernels.hpp, or a plain loop.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {
namespace {

constexpr ProbabilityRounding exact{.exact = true, .grid = {17}};

std::vector<Real> reals(std::size_t count, Real low, Real high) {
  static std::mt19937 random(1);
  std::vector<Real> values(count);
  for (Real& value : values) value = low + (high - low) * static_cast<Real>(random() % 65536U) / 65536;
  return values;
}

std::size_t units(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

RandomStream stream(std::uint32_t sample = 0) {
  return {42, 0, 7, Phase::hidden, sample};
}

bool same(std::span<const Real> a, std::span<const Real> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Bits as zeros and ones.
std::vector<Real> expanded(const std::vector<std::uint64_t>& words, std::size_t count) {
  std::vector<Real> states(count);
  for (std::size_t i = 0; i < count; ++i) states[i] = static_cast<Real>((words[i / 64] >> (i % 64)) & 1U);
  return states;
}

/// Whether these bits are those zeros and ones.
bool same_states(const std::vector<std::uint64_t>& words, const std::vector<Real>& states) {
  return same(expanded(words, states.size()), states);
}

/// Runs `work` as often as the benchmark wants; the rate is that of units. An error if `right` is false.
template <typename Work>
void measure(benchmark::State& state, std::size_t count, bool right, const Work& work) {
  if (!right) {
    state.SkipWithError("the result is wrong");
    return;
  }
  for ([[maybe_unused]] const auto& repetition : state) {
    work();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
  state.SetLabel(simd_target());
}

void scale_and_sample(benchmark::State& state) {
  const std::size_t count = units(state);
  std::vector<std::uint8_t> values(count);
  const std::vector<Real> some = reals(count, 0, 256);
  std::transform(some.begin(), some.end(), values.begin(), [](Real x) { return static_cast<std::uint8_t>(x); });
  std::vector<Real> p(count);
  std::vector<std::uint64_t> states(words_for(count));
  std::vector<Real> expected(count);
  std::vector<Real> expected_states(count);
  scale_and_sample(values.data(), 255, count, exact, stream(), p.data(), states.data());
  scale_to_probabilities(values.data(), 255, count, exact, expected.data());
  sample(expected.data(), count, stream(), expected_states.data());
  std::uint32_t sample = 0;
  measure(state, count, same(p, expected) && same_states(states, expected_states),
          [&] { scale_and_sample(values.data(), 255, count, exact, stream(++sample), p.data(), states.data()); });
}
BENCHMARK(scale_and_sample)->Arg(784);

void activate_and_sample(benchmark::State& state) {
  const std::size_t count = units(state);
  const std::vector<Real> fields = reals(count, -6, 2);
  const std::vector<Real> bias = reals(count, -1, 1);
  std::vector<std::uint64_t> states(words_for(count));
  std::vector<Real> expected = fields;
  activate_and_sample(fields.data(), bias.data(), count, stream(), states.data());
  activate(expected.data(), bias.data(), count, unrounded);
  sample(expected.data(), count, stream(), expected.data());
  std::uint32_t sample = 0;
  measure(state, count, same_states(states, expected),
          [&] { activate_and_sample(fields.data(), bias.data(), count, stream(++sample), states.data()); });
}
BENCHMARK(activate_and_sample)->Arg(300)->Arg(784)->Arg(2000);

void reconstruct(benchmark::State& state) {
  const std::size_t count = units(state);
  const std::vector<Real> fields = reals(count, -6, 2);
  const std::vector<Real> bias = reals(count, -1, 1);
  const std::vector<Real> data = reals(count, 0, 1);
  std::vector<Real> differences(count);
  std::vector<std::uint64_t> states(words_for(count));
  std::vector<Real> p = fields;
  std::vector<Real> expected_states(count);
  std::vector<Real> expected_differences(count);
  const std::int64_t error =
      reconstruct(fields.data(), bias.data(), data.data(), count, exact, stream(), states.data(), differences.data());
  activate(p.data(), bias.data(), count, exact);
  sample(p.data(), count, stream(), expected_states.data());
  add_difference(data.data(), p.data(), count, expected_differences.data());
  const bool right = error == squared_error(data.data(), p.data(), count) && same(differences, expected_differences) &&
                     same_states(states, expected_states);
  std::uint32_t sample = 0;
  measure(state, count, right, [&] {
    benchmark::DoNotOptimize(reconstruct(fields.data(), bias.data(), data.data(), count, exact, stream(++sample),
                                         states.data(), differences.data()));
  });
}
BENCHMARK(reconstruct)->Arg(784);

std::vector<std::uint64_t> random_words(std::size_t count) {
  static std::mt19937_64 random(2);
  std::vector<std::uint64_t> words(count);
  for (std::uint64_t& word : words) word = random();
  return words;
}

void activate_and_subtract(benchmark::State& state) {
  const std::size_t count = units(state);
  const std::vector<Real> fields = reals(count, -6, 2);
  const std::vector<Real> bias = reals(count, -1, 1);
  const std::vector<std::uint64_t> states = random_words(words_for(count));
  std::vector<Real> p(count);
  std::vector<Real> differences(count);
  activate_and_subtract(fields.data(), bias.data(), states.data(), count, exact, p.data(), differences.data());
  std::vector<Real> expected = fields;
  std::vector<Real> expected_differences(count);
  activate(expected.data(), bias.data(), count, exact);
  add_difference(expanded(states, count).data(), expected.data(), count, expected_differences.data());
  measure(state, count, same(p, expected) && same(differences, expected_differences), [&] {
    activate_and_subtract(fields.data(), bias.data(), states.data(), count, exact, p.data(), differences.data());
  });
}
BENCHMARK(activate_and_subtract)->Arg(300)->Arg(2000);

void transpose(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto columns = static_cast<std::size_t>(state.range(1));
  std::vector<std::uint64_t> from_words = random_words(rows * words_for(columns));
  std::vector<std::uint64_t> to_words(columns * words_for(rows));
  const BitMatrixView from{from_words.data(), rows, columns};
  const BitMatrixView to{to_words.data(), columns, rows};
  transpose(from, 0, from.row_words(), to);
  bool right = true;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      right = right && ((from.row(i)[j / 64] >> (j % 64)) & 1U) == ((to.row(j)[i / 64] >> (i % 64)) & 1U);
    }
  }
  measure(state, rows * columns, right, [&] { transpose(from, 0, from.row_words(), to); });
}
BENCHMARK(transpose)->Args({100, 784});

/// A matrix of weights [V x H] and what is made of it.
struct Weights {
  Weights(std::size_t visible, std::size_t hidden)
      : rows(visible),
        columns(hidden),
        values(reals(rows * columns, -0.2F, 0.2F)),
        up(rows * columns),
        down(rows * columns),
        column_norms(columns) {}

  [[nodiscard]] std::size_t size() const { return rows * columns; }
  [[nodiscard]] ConstMatrixView view() const { return {values.data(), rows, columns}; }
  RoundedWeights rounded() {
    return {.up_grid = {14},
            .down_grid = {17},
            .up = up.data(),
            .down = down.data(),
            .down_stride = rows,
            .column_norms = column_norms.data()};
  }

  std::size_t rows;
  std::size_t columns;
  std::vector<Real> values;
  std::vector<Real> up;
  std::vector<Real> down;
  std::vector<Real> column_norms;
};

Real round_to(Real x, Grid grid) {
  return std::ldexp(std::nearbyint(std::ldexp(x, grid.exponent)), -grid.exponent);
}

/// Whether `weights` were rounded right, and these are their norms; signs of zeros may differ.
bool rounded_right(Weights& weights, Real largest_norm) {
  const RoundedWeights rounded = weights.rounded();
  std::vector<Real> column_norms(weights.columns);
  Real largest = 0;
  bool right = true;
  for (std::size_t i = 0; i < weights.rows; ++i) {
    Real row_norm = 0;
    for (std::size_t j = 0; j < weights.columns; ++j) {
      const Real weight = weights.view().row(i)[j];
      const Real norm = std::ceil(std::ldexp(std::abs(weight), norm_exponent));
      column_norms[j] += norm;
      row_norm += norm;
      right = right && weights.up[i * weights.columns + j] == round_to(weight, rounded.up_grid) &&
              weights.down[j * weights.rows + i] == round_to(weight, rounded.down_grid);
    }
    largest = std::max(largest, row_norm);
  }
  return right && largest == largest_norm && column_norms == weights.column_norms;
}

void round_weights(benchmark::State& state) {
  Weights weights(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  const Real norm = round_weights(weights.view(), weights.rounded());
  measure(state, weights.size(), rounded_right(weights, norm),
          [&] { benchmark::DoNotOptimize(round_weights(weights.view(), weights.rounded())); });
}
BENCHMARK(round_weights)->Args({64, 300})->Args({784, 300})->Args({500, 2000})->Args({1024, 1024});

}  // namespace
}  // namespace rbmpi
