// A machine so small that every state can be visited: what its equations say, summed over all states in double
// precision, against what the library computes.

#include <cmath>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using Vector = std::vector<double>;

/// Parameters on a grid of 2^-10, so that products with zeros and ones are exact in any precision.
Rbm random_rbm(RbmShape shape, std::uint64_t seed) {
  test::Random random(seed);
  Rbm rbm(shape);
  for (Real& parameter : rbm.parameters()) parameter = static_cast<Real>(std::nearbyint(random.bell() * 1024) / 1024);
  return rbm;
}

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

/// State number `index` of `units` units: its bits.
Vector state(std::size_t index, std::size_t units) {
  Vector bits(units);
  for (std::size_t i = 0; i < units; ++i) bits[i] = static_cast<double>(index >> i & 1U);
  return bits;
}

std::size_t states(std::size_t units) {
  return std::size_t{1} << units;
}

double energy(const Rbm& rbm, const Vector& v, const Vector& h) {
  const RbmView<const Real> p = rbm.view();
  double sum = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    sum -= double{p.visible_bias[i]} * v[i];
    for (std::size_t j = 0; j < h.size(); ++j) sum -= v[i] * double{p.weights.row(i)[j]} * h[j];
  }
  for (std::size_t j = 0; j < h.size(); ++j) sum -= double{p.hidden_bias[j]} * h[j];
  return sum;
}

Vector hidden_probabilities(const Rbm& rbm, const Vector& v) {
  const RbmView<const Real> p = rbm.view();
  Vector result(rbm.shape().hidden);
  for (std::size_t j = 0; j < result.size(); ++j) {
    double field{p.hidden_bias[j]};
    for (std::size_t i = 0; i < v.size(); ++i) field += v[i] * double{p.weights.row(i)[j]};
    result[j] = logistic(field);
  }
  return result;
}

Vector visible_probabilities(const Rbm& rbm, const Vector& h) {
  const RbmView<const Real> p = rbm.view();
  Vector result(rbm.shape().visible);
  for (std::size_t i = 0; i < result.size(); ++i) {
    double field{p.visible_bias[i]};
    for (std::size_t j = 0; j < h.size(); ++j) field += double{p.weights.row(i)[j]} * h[j];
    result[i] = logistic(field);
  }
  return result;
}

double probability(const Vector& bits, const Vector& p) {
  double product = 1;
  for (std::size_t i = 0; i < bits.size(); ++i) product *= bits[i] == 1 ? p[i] : 1 - p[i];
  return product;
}

/// The free energies of these visible states by the library.
Vector library_free_energies(const Rbm& rbm, const std::vector<Vector>& rows) {
  const RbmShape shape = rbm.shape();
  std::vector<Real> v;
  for (const Vector& row : rows) v.insert(v.end(), row.begin(), row.end());
  std::vector<Real> fields(rows.size() * shape.hidden);
  const ConstMatrixView visible{v.data(), rows.size(), shape.visible};
  multiply(visible, rbm.view().weights, {fields.data(), rows.size(), shape.hidden});
  Vector energies(rows.size());
  free_energies(rbm, visible, {fields.data(), rows.size(), shape.hidden}, energies);
  return energies;
}

std::vector<Vector> all_visible_states(RbmShape shape) {
  std::vector<Vector> rows;
  for (std::size_t index = 0; index < states(shape.visible); ++index) rows.push_back(state(index, shape.visible));
  return rows;
}

constexpr RbmShape shapes[] = {{4, 3}, {5, 4}, {1, 1}, {3, 6}};

TEST(EnumerationTest, TheFreeEnergyIsTheEnergyWithTheHiddenUnitsSummedOut) {
  for (const RbmShape shape : shapes) {
    const Rbm rbm = random_rbm(shape, 1);
    const std::vector<Vector> rows = all_visible_states(shape);
    const Vector actual = library_free_energies(rbm, rows);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      double sum = 0;
      for (std::size_t h = 0; h < states(shape.hidden); ++h) {
        sum += std::exp(-energy(rbm, rows[row], state(h, shape.hidden)));
      }
      EXPECT_NEAR(actual[row], -std::log(sum), 1e-9) << shape.visible << " x " << shape.hidden;
    }
  }
}

/// Mean of log p(v) over the data, with Z from the free energies of all visible states.
double log_likelihood(const Rbm& rbm, const std::vector<Vector>& data) {
  double z = 0;
  for (const double f : library_free_energies(rbm, all_visible_states(rbm.shape()))) z += std::exp(-f);
  double sum = 0;
  for (const double f : library_free_energies(rbm, data)) sum -= f;
  return sum / static_cast<double>(data.size()) - std::log(z);
}

/// <v h^T>, <v> and <h>, in the layout of the parameters, for visible states with these weights.
Vector statistics(const Rbm& rbm, const std::vector<Vector>& rows, const Vector& weights) {
  Vector sums(rbm.shape().parameters());
  const RbmView<double> view(rbm.shape(), sums);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Vector h = hidden_probabilities(rbm, rows[row]);
    for (std::size_t i = 0; i < rows[row].size(); ++i) {
      for (std::size_t j = 0; j < h.size(); ++j) view.weights.row(i)[j] += weights[row] * rows[row][i] * h[j];
      view.visible_bias[i] += weights[row] * rows[row][i];
    }
    for (std::size_t j = 0; j < h.size(); ++j) view.hidden_bias[j] += weights[row] * h[j];
  }
  return sums;
}

TEST(EnumerationTest, TheGradientOfTheLikelihoodIsTheDifferenceOfTwoMeans) {
  for (const RbmShape shape : shapes) {
    Rbm rbm = random_rbm(shape, 2);
    const std::vector<Vector> all = all_visible_states(shape);
    const std::vector<Vector> data = {all[0], all.back(), all[all.size() / 2], all.back()};

    Vector model_weights;
    double z = 0;
    for (const double f : library_free_energies(rbm, all)) model_weights.push_back(std::exp(-f));
    for (const double weight : model_weights) z += weight;
    for (double& weight : model_weights) weight /= z;
    const Vector of_data = statistics(rbm, data, Vector(data.size(), 1.0 / static_cast<double>(data.size())));
    const Vector of_model = statistics(rbm, all, model_weights);

    for (std::size_t i = 0; i < shape.parameters(); ++i) {
      constexpr Real step = 0x1p-9F;  // the products stay exact
      const Real parameter = rbm.parameters()[i];
      rbm.parameters()[i] = parameter + step;
      const double above = log_likelihood(rbm, data);
      rbm.parameters()[i] = parameter - step;
      const double below = log_likelihood(rbm, data);
      rbm.parameters()[i] = parameter;
      // The error of the difference is step^2 / 6 times the third derivative, which is below 1.
      EXPECT_NEAR((above - below) / (2 * double{step}), of_data[i] - of_model[i], 1e-6) << "parameter " << i;
    }
  }
}

/// The expectation of the CD-1 estimate, averaged over the data, by a sum over all v0, h0 and v1.
Vector expected_cd(const Rbm& rbm, const std::vector<Vector>& data, bool sample_data) {
  const RbmShape shape = rbm.shape();
  Vector expectation(shape.parameters());
  const RbmView<double> view(shape, expectation);
  for (const Vector& v0p : data) {
    const double share = 1 / static_cast<double>(data.size());
    const auto add = [&](const Vector& v0, double weight) {
      const Vector h0p = hidden_probabilities(rbm, v0);
      for (std::size_t h = 0; h < states(shape.hidden); ++h) {
        const Vector h0 = state(h, shape.hidden);
        const Vector v1p = visible_probabilities(rbm, h0);
        const double h0_weight = weight * probability(h0, h0p);
        for (std::size_t v = 0; v < states(shape.visible); ++v) {
          const Vector v1 = state(v, shape.visible);
          const Vector h1p = hidden_probabilities(rbm, v1);
          const double all = h0_weight * probability(v1, v1p);
          for (std::size_t i = 0; i < shape.visible; ++i) {
            for (std::size_t j = 0; j < shape.hidden; ++j) {
              view.weights.row(i)[j] += all * (v0[i] * h0[j] - v1[i] * h1p[j]);
            }
            view.visible_bias[i] += all * (v0p[i] - v1p[i]);
          }
          for (std::size_t j = 0; j < shape.hidden; ++j) view.hidden_bias[j] += all * (h0[j] - h1p[j]);
        }
      }
    };
    if (!sample_data) {
      add(v0p, share);
      continue;
    }
    for (const Vector& v0 : all_visible_states(shape)) add(v0, share * probability(v0, v0p));
  }
  return expectation;
}

struct Case {
  std::string name;
  RbmShape shape;
  bool sample_data;
  Arithmetic arithmetic;
  Engine engine;
};

void PrintTo(const Case& shown, std::ostream* stream) {
  *stream << shown.name;
}

class ExpectedGradientTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Cases, ExpectedGradientTest,
                         testing::Values(Case{"sampled", {4, 3}, true, Arithmetic::exact, Engine::blas},
                                         Case{"sampled_5x4", {5, 4}, true, Arithmetic::exact, Engine::blas},
                                         Case{"unsampled", {4, 3}, false, Arithmetic::exact, Engine::blas},
                                         Case{"plain", {4, 3}, true, Arithmetic::plain, Engine::blas},
                                         Case{"active", {4, 3}, true, Arithmetic::exact, Engine::active},
                                         Case{"active_5x4", {5, 4}, true, Arithmetic::exact, Engine::active}),
                         [](const auto& test) { return test.param.name; });

TEST_P(ExpectedGradientTest, ManyDrawsMeetTheExpectation) {
  const RbmShape shape = GetParam().shape;
  use_threads(1);
  const Rbm rbm = random_rbm(shape, 3);
  constexpr std::size_t rows = 4;
  test::Random random(4);
  std::vector<Vector> data(rows, Vector(shape.visible));
  std::vector<double> flat;
  for (Vector& row : data) {
    for (double& p : row) p = std::nearbyint(random.uniform() * 16) / 16;
    flat.insert(flat.end(), row.begin(), row.end());
  }
  const Samples samples{ElementType::float64, reinterpret_cast<const std::byte*>(flat.data()), rows, shape.visible,
                        1.0};

  TrainingOptions options;
  options.hidden = shape.hidden;
  options.batch_size = rows;
  options.engine = GetParam().engine;
  options.sample_data = GetParam().sample_data;
  options.arithmetic = GetParam().arithmetic;
  Workspace memory;
  const bool exact = options.arithmetic == Arithmetic::exact;
  Couplings couplings(exact ? WeightRounding::two_grids : WeightRounding::none, rbm.view().weights, rows, 1, memory);
  ASSERT_TRUE(couplings.round_all());
  const Rows data_rows = samples;
  const auto estimator = gradient_estimator("cd").make(
      {.rbm = rbm, .couplings = couplings, .data = data_rows, .options = options, .share = {.node_rows = rows}}, memory);
  RowBlocks blocks(samples, rows);
  const RowReader& reader = blocks.next(0, rows);
  const ParameterLayout layout = rbm_layout(shape);
  std::vector<Real> sums(layout.size());
  PhaseClock clock;

  constexpr int draws = 20000;
  Vector totals(shape.parameters());
  Vector squares(shape.parameters());
  for (int step = 0; step < draws; ++step) {
    const MiniBatch batch{.rows = &reader, .count = rows, .step = static_cast<std::uint64_t>(step)};
    (void)estimator->propagate(batch, {}, clock);
    for (std::size_t array = 0; array < layout.count(); ++array) {
      estimator->sum(GradientPhase::data, array, {0, layout[array].rows}, 0, sums.data() + layout.offset(array));
    }
    for (std::size_t i = 0; i < totals.size(); ++i) {
      const double gradient = double{sums[i]} / rows;
      totals[i] += gradient;
      squares[i] += gradient * gradient;
    }
  }

  const Vector expected = expected_cd(rbm, data, options.sample_data);
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const double mean = totals[i] / draws;
    const double standard_error = std::sqrt((squares[i] / draws - mean * mean) / draws);
    EXPECT_NEAR(mean, expected[i], 4 * standard_error) << "parameter " << i;
    EXPECT_LT(standard_error, 0.005) << "so that the bound means something";
  }
}

}  // namespace
}  // namespace rbmpi
