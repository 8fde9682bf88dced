// The whole of training once more, as plain loops: no BLAS, no SIMD, no threads, no ranks, sums in double precision of
// numbers that it holds exactly. `train_rbm` has to give the same parameters, bit for bit.

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/train/trainer.hpp"
#include "support/numbers.hpp"
#include "support/random_samples.hpp"
#include "support/scalar_kernels.hpp"

namespace rbmpi {
namespace {

using Row = std::vector<Real>;

class PlainTraining {
 public:
  PlainTraining(const TrainingOptions& options, const Samples& samples)
      : options_(options),
        samples_(samples),
        visible_(samples.columns),
        hidden_(options.hidden),
        rbm_(RbmShape{visible_, hidden_}),
        velocity_(rbm_.shape().parameters()) {
    initialise_weights(rbm_, options.weight_init, options.seed, 0);
    if (options.visible_bias_init == VisibleBiasInit::data) start_from_the_means();
  }

  Rbm run() {
    for (std::uint64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const RowOrder order(samples_.rows, options_.shuffle, options_.seed, 0, epoch);
      std::int64_t squared_error = 0;
      for (std::uint64_t first = 0; first < samples_.rows; first += options_.batch_size) {
        squared_error += step(epoch, order, first, std::min(options_.batch_size, samples_.rows - first));
      }
      reconstruction_mse.push_back(static_cast<double>(squared_error) * 0x1p-24 /
                                   static_cast<double>(samples_.rows * visible_));
    }
    return std::move(rbm_);
  }

  std::vector<double> reconstruction_mse;  // of each epoch

 private:
  [[nodiscard]] Row probabilities(std::uint64_t row, Grid grid) const {
    Row p(visible_);
    for (std::size_t i = 0; i < visible_; ++i) {
      const std::byte* const value = samples_.row(row) + i * element_size(samples_.type);
      switch (samples_.type) {
        case ElementType::uint8:
          p[i] = static_cast<Real>(std::to_integer<int>(*value)) / static_cast<Real>(samples_.scale);
          break;
        case ElementType::float32:
          p[i] = *reinterpret_cast<const float*>(value) / static_cast<Real>(samples_.scale);
          break;
        default:
          p[i] = static_cast<Real>(*reinterpret_cast<const double*>(value) / samples_.scale);
      }
      p[i] = test::round_to(p[i], grid);
    }
    return p;
  }

  void start_from_the_means() {
    std::vector<double> means(visible_);
    for (std::uint64_t row = 0; row < samples_.rows; ++row) {
      const Row p = probabilities(row, Grid{24});
      for (std::size_t i = 0; i < visible_; ++i) means[i] += double{p[i]};
    }
    for (double& mean : means) mean /= static_cast<double>(samples_.rows);
    start_from_means(rbm_, means, samples_.rows);
  }

  /// The exponent of the grid of the weights: the largest q, at most 24, for which the largest sum over the columns (or
  /// rows) of ceil(256 |w|) 2^(q - 8), and half a quantum for each term, is at most 2^24.
  [[nodiscard]] int grid(bool over_columns) const {
    const ConstMatrixView weights = rbm_.view().weights;
    const std::size_t sums = over_columns ? hidden_ : visible_;
    const std::size_t terms = over_columns ? visible_ : hidden_;
    double largest = 0;
    for (std::size_t a = 0; a < sums; ++a) {
      double sum = 0;
      for (std::size_t b = 0; b < terms; ++b) {
        sum += std::ceil(256 * std::abs(double{over_columns ? weights.row(b)[a] : weights.row(a)[b]}));
      }
      largest = std::max(largest, sum);
    }
    int q = 24;
    while (largest * std::ldexp(1.0, q - 8) + static_cast<double>(terms) / 2 > 0x1p24) --q;
    return q;
  }

  [[nodiscard]] Row up(const Row& v, bool real_valued) const {
    const int q = grid(true) + (real_valued ? 5 : 0);
    Row fields(hidden_);
    for (std::size_t j = 0; j < hidden_; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < visible_; ++i) {
        const double w{rbm_.view().weights.row(i)[j]};
        sum += double{v[i]} * std::ldexp(std::nearbyint(std::ldexp(w, q)), -q);
      }
      fields[j] = static_cast<Real>(sum);
    }
    return fields;
  }

  [[nodiscard]] Row down(const Row& h) const {
    const int q = grid(false);
    Row fields(visible_);
    for (std::size_t i = 0; i < visible_; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < hidden_; ++j) {
        const double w{rbm_.view().weights.row(i)[j]};
        sum += double{h[j]} * std::ldexp(std::nearbyint(std::ldexp(w, q)), -q);
      }
      fields[i] = static_cast<Real>(sum);
    }
    return fields;
  }

  static Row sigmoids(const Row& fields, std::span<const Real> bias, ProbabilityRounding rounding) {
    Row p(fields.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      p[i] = test::round_probability(test::sigmoid(fields[i] + bias[i]), rounding);
    }
    return p;
  }

  [[nodiscard]] Row draw(const Row& p, Phase phase, std::uint64_t position) const {
    const RandomStream stream(options_.seed, 0, steps_, phase, static_cast<std::uint32_t>(position));
    Row states(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) states[i] = test::draw(p[i], stream, i);
    return states;
  }

  std::int64_t step(std::uint64_t epoch, const RowOrder& order, std::uint64_t first, std::uint64_t count) {
    const ProbabilityRounding rounding{.exact = true, .grid = probability_grid(options_.batch_size)};
    const RbmView<const Real> parameters = std::as_const(rbm_).view();
    std::vector<double> sums(rbm_.shape().parameters());
    const RbmView<double> gradient(rbm_.shape(), sums);
    std::int64_t squared_error = 0;
    for (std::uint64_t position = 0; position < count; ++position) {
      const Row v0p = probabilities(order.row(first + position), rounding.grid);
      const Row v0 = options_.sample_data ? draw(v0p, Phase::data, position) : v0p;
      const Row h0p = sigmoids(up(v0, !options_.sample_data), parameters.hidden_bias, unrounded);
      const Row h0 = draw(h0p, Phase::hidden, position);
      const Row v1p = sigmoids(down(h0), parameters.visible_bias, rounding);
      const Row v1 = draw(v1p, Phase::visible, position);
      const Row h1p = sigmoids(up(v1, false), parameters.hidden_bias, rounding);
      for (std::size_t i = 0; i < visible_; ++i) {
        for (std::size_t j = 0; j < hidden_; ++j) {
          gradient.weights.row(i)[j] += double{v0[i]} * double{h0[j]} - double{v1[i]} * double{h1p[j]};
        }
        gradient.visible_bias[i] += double{v0p[i]} - double{v1p[i]};
        squared_error += test::squared_error(v0p[i], v1p[i]);
      }
      for (std::size_t j = 0; j < hidden_; ++j) gradient.hidden_bias[j] += double{h0[j]} - double{h1p[j]};
    }

    const bool wide = options_.batch_size > 4096;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const bool weight = i < rbm_.shape().weights();
      const bool field = !weight && i < rbm_.shape().weights() + rbm_.shape().visible;
      const Schedule none = 0.0;
      const Schedule& cost = weight ? options_.weight_cost : field ? options_.field_cost : none;
      const MomentumStep formula{
          .gradient = {.sample_share = wide ? 1 : 1 / static_cast<Real>(count),
                       .weight_cost = static_cast<Real>(cost.at(epoch)),
                       .l1 = weight ? static_cast<Real>(options_.l1.at(epoch)) : 0,
                       .clip = static_cast<Real>(options_.clip_gradient.at(epoch))},
          .learning_rate = static_cast<Real>(learning_rate_at(options_.learning_rate, options_.rate_decay, epoch)),
          .momentum = static_cast<Real>(options_.momentum.at(epoch))};
      const double sum = wide ? sums[i] / static_cast<double>(count) : sums[i];
      test::momentum_update(formula, static_cast<Real>(sum), velocity_[i], rbm_.parameters()[i]);
    }
    ++steps_;
    return squared_error;
  }

  TrainingOptions options_;
  Samples samples_;
  std::size_t visible_;
  std::size_t hidden_;
  Rbm rbm_;
  Row velocity_;
  std::uint64_t steps_ = 0;
};

struct Case {
  std::string name;
  ElementType type;
  std::uint64_t rows;
  std::uint64_t columns;
  TrainingOptions options;
};

void PrintTo(const Case& shown, std::ostream* stream) {
  *stream << shown.name;
}

Case make_case(const std::string& name, ElementType type, const std::function<void(TrainingOptions&)>& change = {}) {
  Case result{name, type, 53, 21, {}};
  TrainingOptions& options = result.options;
  options.hidden = 18;
  options.batch_size = 10;  // the last batch of an epoch has 3 rows
  options.epochs = 3;
  options.seed = 5;
  options.weight_init = 0.1;
  if (change) change(options);
  return result;
}

std::vector<Case> cases() {
  std::vector<Case> cases = {
      make_case("bytes", ElementType::uint8),
      make_case("floats", ElementType::float32),
      make_case("doubles", ElementType::float64),
      make_case("unsampled", ElementType::uint8, [](auto& o) { o.sample_data = false; }),
      make_case("unshuffled", ElementType::uint8, [](auto& o) { o.shuffle = false; }),
      make_case("schedules", ElementType::float32,
                [](auto& o) {
                  o.learning_rate = Schedule::parse("1:0.3, 2:0.01");
                  o.momentum = Schedule::parse("1:0.5, 3:0.95");
                  o.weight_cost = Schedule::parse("1:0.02, 3:0");
                }),
      make_case("penalties", ElementType::uint8,
                [](auto& o) {
                  o.rate_decay = 0.7;
                  o.weight_cost = 0.01;
                  o.field_cost = Schedule::parse("1:0.03, 2:0.001");
                  o.l1 = Schedule::parse("1:0, 2:0.02");
                  o.clip_gradient = Schedule::parse("1:0.05, 3:0");
                  o.weight_init = 0;
                }),
      make_case("means", ElementType::uint8, [](auto& o) { o.visible_bias_init = VisibleBiasInit::data; }),
      make_case("single_rows", ElementType::uint8, [](auto& o) { o.batch_size = 1; }),
      make_case("one_batch", ElementType::uint8, [](auto& o) { o.batch_size = 1000; }),
      // Weights that grow until their grids change.
      make_case("large_weights", ElementType::uint8,
                [](auto& o) {
                  o.weight_init = 3;
                  o.learning_rate = 20.0;
                }),
      make_case("large_seed", ElementType::uint8, [](auto& o) { o.seed = 0xfedcba9876543210; }),
      make_case("wide", ElementType::uint8, [](auto& o) { o.batch_size = 5000; }),
      make_case("wide_unsampled", ElementType::float32,
                [](auto& o) {
                  o.batch_size = 5000;
                  o.sample_data = false;
                }),
  };
  for (Case& one : cases) {
    if (one.options.batch_size <= 4096) continue;
    one.rows = 6100;
    one.columns = 7;
    one.options.hidden = 6;
    one.options.epochs = 2;
  }
  cases.push_back(make_case("wider_than_a_vector", ElementType::uint8));
  cases.back().columns = 101;
  cases.back().options.hidden = 67;
  cases.push_back(make_case("several_blocks_and_panels", ElementType::uint8, [](auto& o) {
    o.hidden = 33;
    o.batch_size = 300;
    o.epochs = 2;
  }));
  cases.back().rows = 401;
  cases.back().columns = 301;
  return cases;
}

class TrainingOracleTest : public testing::TestWithParam<Case> {
 protected:
  void TearDown() override { use_threads(1); }
};

INSTANTIATE_TEST_SUITE_P(Cases, TrainingOracleTest, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

TEST_P(TrainingOracleTest, PlainLoopsGiveTheSameBits) {
  const Case& param = GetParam();
  const test::RandomSamples samples(param.type, param.rows, param.columns);
  PlainTraining plain(param.options, samples.view());
  const Rbm expected = plain.run();
  for (const Engine engine : {Engine::blas, Engine::active}) {
    if (engine == Engine::active && !param.options.sample_data) continue;
    for (const int threads : {1, 2}) {
      SCOPED_TRACE((engine == Engine::blas ? "blas, " : "active, ") + std::to_string(threads) + " threads");
      use_threads(threads);
      std::vector<double> reconstruction_mse;
      TrainingEvents events;
      events.epoch = [&](const EpochMetrics& metrics) { reconstruction_mse.push_back(metrics.figures.front().value); };
      TrainingOptions options = param.options;
      options.engine = engine;
      const TrainingResult result = train_rbm(options, {samples.view(), {}}, Communicator(), events);
      EXPECT_TRUE(test::same_bits(std::span<const Real>(result.rbm.parameters()), expected.parameters()));
      EXPECT_EQ(reconstruction_mse, plain.reconstruction_mse);
    }
  }
}

}  // namespace
}  // namespace rbmpi
