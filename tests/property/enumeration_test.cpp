// A machine so small that every state can be visited: what its equations say, summed over all states in double
// precision, against what the library computes.

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <ostream>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "support/numbers.hpp"
#include "train/centring.hpp"

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

/// The transposed kernel of a sweep: weights of all visible states after h ~ p(h | v), v ~ p(v | h).
class Sweep {
 public:
  explicit Sweep(const Rbm& rbm) : rbm_(rbm), all_(all_visible_states(rbm.shape())) {}

  /// Weights of all hidden states, given those of the visible ones.
  [[nodiscard]] Vector hidden(const Vector& visible) const {
    Vector weights(states(rbm_.shape().hidden));
    for (std::size_t v = 0; v < visible.size(); ++v) {
      const Vector p = hidden_probabilities(rbm_, all_[v]);
      for (std::size_t h = 0; h < weights.size(); ++h) {
        weights[h] += visible[v] * probability(state(h, rbm_.shape().hidden), p);
      }
    }
    return weights;
  }
  [[nodiscard]] Vector visible(const Vector& hidden) const {
    Vector weights(all_.size());
    for (std::size_t h = 0; h < hidden.size(); ++h) {
      const Vector p = visible_probabilities(rbm_, state(h, rbm_.shape().hidden));
      for (std::size_t v = 0; v < weights.size(); ++v) weights[v] += hidden[h] * probability(all_[v], p);
    }
    return weights;
  }

 private:
  const Rbm& rbm_;
  std::vector<Vector> all_;
};

struct Case {
  std::string name;
  RbmShape shape = {4, 3};
  bool binary = false;  // the data are zeros and ones, so that nothing about v0 is random
  std::function<void(TrainingOptions&)> change = [](TrainingOptions&) {};
  int steps = 20000;
  std::vector<float> weights = {1, 1, 1, 1};  // of the rows
};
/// Their mean is 4/3, so that the gradient is that much larger.
const std::vector<float> different_weights = {0.5F, 3, 0, 1.8125F};
constexpr double mean_weight = 4.0 / 3;

void PrintTo(const Case& shown, std::ostream* stream) {
  *stream << shown.name;
}

/// The shares of rows with these weights in a mean.
Vector shares(const std::vector<float>& weights) {
  Vector result(weights.begin(), weights.end());
  const double sum = std::accumulate(result.begin(), result.end(), 0.0);
  for (double& weight : result) weight /= sum;
  return result;
}

/// The expectation of the gradient that the options ask for, of rows with these shares, not centred. Persistent chains
/// are at equilibrium.
Vector expected_gradient(const Rbm& rbm, const std::vector<Vector>& data, const Vector& shares,
                         const TrainingOptions& options) {
  const RbmShape shape = rbm.shape();
  const std::vector<Vector> all = all_visible_states(shape);
  const Sweep sweep(rbm);
  Vector expectation(shape.parameters());
  const auto add = [&](const Vector& sums, double factor) {
    for (std::size_t i = 0; i < sums.size(); ++i) expectation[i] += factor * sums[i];
  };
  for (std::size_t row = 0; row < data.size(); ++row) {
    const Vector& v0p = data[row];
    const double share = shares[row];
    Vector v0(all.size());
    for (std::size_t v = 0; v < all.size(); ++v) v0[v] = probability(all[v], v0p);
    // In expectation drawn h0 are their means, and drawn v0 in its own mean as well.
    options.sample_data ? add(statistics(rbm, all, v0), share) : add(statistics(rbm, {v0p}, {1}), share);
    if (options.estimator == "pcd") continue;
    Vector h(states(shape.hidden));
    if (options.sample_data) {
      h = sweep.hidden(v0);
    } else {
      const Vector p = hidden_probabilities(rbm, v0p);
      for (std::size_t i = 0; i < h.size(); ++i) h[i] = probability(state(i, shape.hidden), p);
    }
    if (options.reconstruction == UnitValues::means) {  // one sweep
      for (std::size_t i = 0; i < h.size(); ++i) {
        add(statistics(rbm, {visible_probabilities(rbm, state(i, shape.hidden))}, {h[i]}), -share);
      }
      continue;
    }
    Vector v = sweep.visible(h);
    for (std::uint64_t k = 1; k < options.sweeps; ++k) v = sweep.visible(sweep.hidden(v));
    add(statistics(rbm, all, v), -share);
  }
  if (options.estimator == "pcd") {
    Vector weights;
    double z = 0;
    for (const double f : library_free_energies(rbm, all)) weights.push_back(std::exp(-f));
    for (const double weight : weights) z += weight;
    for (double& weight : weights) weight /= z;
    add(statistics(rbm, all, weights), -1);
  }
  return expectation;
}

/// The centred gradient of one that is not, with offsets that are the means of v and h in rows of zeros and ones whose
/// hidden units are their means (Melchior, Fischer, Wiskott 2016).
Vector centred(const Rbm& rbm, const std::vector<Vector>& data, const Vector& shares, Vector gradient) {
  const RbmShape shape = rbm.shape();
  Vector means = statistics(rbm, data, shares);
  const RbmView<double> g(shape, gradient);
  const RbmView<double> mean(shape, means);
  const Vector plain = gradient;
  const RbmView<const double> bias(shape, plain);
  for (std::size_t i = 0; i < shape.visible; ++i) {
    for (std::size_t j = 0; j < shape.hidden; ++j) {
      double& w = g.weights.row(i)[j];
      w -= bias.visible_bias[i] * mean.hidden_bias[j] + mean.visible_bias[i] * bias.hidden_bias[j];
      g.visible_bias[i] -= w * mean.hidden_bias[j];
      g.hidden_bias[j] -= w * mean.visible_bias[i];
    }
  }
  return gradient;
}

/// An estimator at work on some rows, by itself.
class Estimation {
 public:
  Estimation(const Rbm& rbm, const Rows& samples, const TrainingOptions& options)
      : options_(options),
        entry_(gradient_estimator(options.estimator)),
        data_(samples),
        weighting_(row_weights(samples), options, rbm.shape()),
        layout_(rbm_layout(rbm.shape())),
        couplings_(options.arithmetic == Arithmetic::exact ? WeightRounding::two_grids : WeightRounding::none,
                   rbm.view().weights, samples.rows, 1, memory_),
        blocks_(samples, samples.rows) {
    if (!couplings_.round_all()) throw std::runtime_error("the weights do not fit");
    weighting_.scale *= mean_weight;  // as if other batches had lighter rows
    chains_ = entry_.chains(options);
    gradient_ = entry_.make({.rbm = rbm,
                             .couplings = couplings_,
                             .data = data_,
                             .options = options_,
                             .share = {.node_rows = samples.rows, .node_chains = chains_},
                             .weighting = weighting_},
                            memory_);
    gradient_->begin_state();
  }

  /// The gradient of a step, as the optimizer gets it.
  Vector step(std::uint64_t number) {
    const MiniBatch batch{.rows = &blocks_.next(0, data_.rows), .count = data_.rows, .step = number};
    const BatchTotals totals = gradient_->propagate(batch, {0, chains_}, clock_);
    std::vector<Real> data(layout_.size());
    std::vector<Real> model(layout_.size());
    const bool two_phases = entry_.has_two_phases(options_) || weighting_.differ;
    for (std::size_t array = 0; array < layout_.count(); ++array) {
      const Shard all{0, layout_[array].rows};
      gradient_->sum(GradientPhase::data, array, all, 0, data.data() + layout_.offset(array));
      if (two_phases) gradient_->sum(GradientPhase::model, array, all, 0, model.data() + layout_.offset(array));
    }
    if (two_phases) combine(totals, data, model);
    const double share = two_phases ? 1 : 1 / static_cast<double>(data_.rows);
    Vector gradient;
    for (const Real value : data) gradient.push_back(share * double{value});
    return gradient;
  }

 private:
  void combine(const BatchTotals& totals, std::vector<Real>& data, const std::vector<Real>& model) {
    const std::vector<Real> data_sums = data;
    const std::size_t shown = layout_.offset(visible_array());
    const auto share = [&](std::size_t phase) {
      return static_cast<Real>(1 / (static_cast<double>(totals.weights[phase]) * weight_unit));
    };
    const double weight = static_cast<double>(totals.weights[0]) * weight_unit;
    const PhaseSums sums{.shares = {share(0), share(1)},
                         .mean_weight = static_cast<Real>(weight / static_cast<double>(data_.rows)),
                         .shown = {std::span(data_sums).subspan(shown), std::span(model).subspan(shown)}};
    for (std::size_t array = 0; array < layout_.count(); ++array) {
      const std::size_t first = layout_.offset(array);
      gradient_->combine(array, {0, layout_[array].rows}, 0, sums,
                         std::span(data).subspan(first, layout_[array].size()),
                         std::span(model).subspan(first, layout_[array].size()));
    }
  }

  TrainingOptions options_;
  GradientEstimatorEntry entry_;
  Rows data_;
  RowWeighting weighting_;
  ParameterLayout layout_;
  Workspace memory_;
  Couplings couplings_;
  RowBlocks blocks_;
  std::uint64_t chains_ = 0;
  std::unique_ptr<BatchGradient> gradient_;
  PhaseClock clock_;
};

std::vector<Case> gradient_cases() {
  std::vector<Case> cases = {
      {.name = "unsampled", .change = [](TrainingOptions& o) { o.sample_data = false; }},
      {.name = "plain", .change = [](TrainingOptions& o) { o.arithmetic = Arithmetic::plain; }},
      {.name = "mean_reconstruction", .change = [](TrainingOptions& o) { o.reconstruction = UnitValues::means; }},
      {.name = "hinton", .change = [](TrainingOptions& o) {
         o.sample_data = false;
         o.statistics = o.reconstruction = UnitValues::means;
       }}};
  for (std::size_t i = 0, plain = cases.size(); i < plain; ++i) {
    cases.push_back(cases[i]);
    cases.back().name += "_weighted";
    cases.back().weights = different_weights;
  }
  const auto pcd = [](TrainingOptions& o) {
    o.estimator = "pcd";
    o.sweeps = 10;  // so that steps know little of each other
    o.chains = 100;
  };
  for (const Engine engine : {Engine::blas, Engine::active}) {
    const auto add = [&](const std::string& what, bool binary, int steps, const auto& change) {
      const bool weighted = what.ends_with("_weighted");
      cases.push_back({.name = what + (engine == Engine::blas ? "_blas" : "_active"),
                       .binary = binary,
                       .change =
                           [engine, change](TrainingOptions& o) {
                             o.engine = engine;
                             change(o);
                           },
                       .steps = steps});
      if (weighted) cases.back().weights = different_weights;
    };
    add("cd", false, 20000, [](TrainingOptions&) {});
    add("cd_5x4", false, 20000, [](TrainingOptions&) {});
    cases.back().shape = {5, 4};
    add("cd_3", false, 20000, [](TrainingOptions& o) { o.sweeps = 3; });
    add("cd_2_means", false, 20000, [](TrainingOptions& o) {
      o.sweeps = 2;
      o.statistics = UnitValues::means;
    });
    add("cd_centred", true, 20000, [](TrainingOptions& o) {
      o.statistics = UnitValues::means;
      o.centring = CentringOffsets::batch;
    });
    add("cd_weighted", false, 20000, [](TrainingOptions&) {});
    add("cd_2_means_weighted", false, 20000, [](TrainingOptions& o) {
      o.sweeps = 2;
      o.statistics = UnitValues::means;
    });
    add("cd_centred_weighted", true, 20000, [](TrainingOptions& o) {
      o.statistics = UnitValues::means;
      o.centring = CentringOffsets::batch;
    });
    add("pcd_weighted", false, 8000, pcd);
    add("pcd_states_weighted", false, 8000, [pcd](TrainingOptions& o) {
      pcd(o);
      o.statistics = UnitValues::states;
    });
    add("pcd_centred_weighted", true, 2000, [pcd](TrainingOptions& o) {
      pcd(o);
      o.centring = CentringOffsets::batch;
    });
    add("pcd", false, 4000, pcd);
    add("pcd_states", false, 4000, [pcd](TrainingOptions& o) {
      pcd(o);
      o.statistics = UnitValues::states;
    });
    add("pcd_centred", true, 2000, [pcd](TrainingOptions& o) {
      pcd(o);
      o.centring = CentringOffsets::batch;
    });
    // The offsets of the same rows slide nowhere.
    add("pcd_centred_sliding", true, 2000, [pcd](TrainingOptions& o) {
      pcd(o);
      o.centring = CentringOffsets::sliding;
    });
  }
  return cases;
}

class ExpectedGradientTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Cases, ExpectedGradientTest, testing::ValuesIn(gradient_cases()),
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
    for (double& p : row) {
      p = std::nearbyint(random.uniform() * 16) / 16;
      if (GetParam().binary) p = std::nearbyint(p);
    }
    flat.insert(flat.end(), row.begin(), row.end());
  }
  const Samples samples{ElementType::float64, reinterpret_cast<const std::byte*>(flat.data()), rows, shape.visible,
                        1.0};
  TrainingOptions options;
  options.hidden = shape.hidden;
  options.batch_size = rows;
  options.engine = Engine::blas;
  GetParam().change(options);

  Rows weighted = samples;
  weighted.weights = GetParam().weights.data();
  Estimation estimation(rbm, weighted, options);
  const auto warm_up = static_cast<std::uint64_t>(options.estimator == "pcd" ? 5 : 0);
  for (std::uint64_t step = 0; step < warm_up; ++step) (void)estimation.step(step);
  Vector totals(shape.parameters());
  Vector squares(shape.parameters());
  const int draws = GetParam().steps;
  for (int step = 0; step < draws; ++step) {
    const Vector gradient = estimation.step(warm_up + static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < totals.size(); ++i) {
      totals[i] += gradient[i];
      squares[i] += gradient[i] * gradient[i];
    }
  }

  const Vector of_rows = shares(GetParam().weights);
  Vector expected = expected_gradient(rbm, data, of_rows, options);
  if (options.centring != CentringOffsets::off) expected = centred(rbm, data, of_rows, std::move(expected));
  const bool is_weighted = GetParam().weights == different_weights;
  for (double& gradient : expected) gradient *= is_weighted ? mean_weight : 1;
  // Means that are multiplied are on a grid of 2^-8, and a factor of 4 coarser with weights of more than 2.
  const double rounding = options.reconstruction == UnitValues::means ? (is_weighted ? 0x1p-7 : 0x1p-9) : 0;
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const double mean = totals[i] / draws;
    const double standard_error = std::sqrt((squares[i] / draws - mean * mean) / draws);
    EXPECT_NEAR(mean, expected[i], 4 * standard_error + rounding + 1e-6) << "parameter " << i;
    EXPECT_LT(standard_error, 0.005) << "so that the bound means something";
  }
}

/// The example of the paper's formulas, by hand.
TEST(CentringTest, AnExampleByHand) {
  constexpr RbmShape shape{2, 2};
  Workspace memory;
  Centring centring(shape, CentringOffsets::batch, {}, memory);
  // Means over data less those over the model: m = (.5, .5), l = (.1, .2), gb = (2, 4), gc = (-2, -1).
  const std::vector<Real> shown_data = {0.5F, 0.5F, 0.1F, 0.2F};
  const std::vector<Real> shown_model = {0.5F - 2, 0.5F - 4, 0.1F + 2, 0.2F + 1};
  const PhaseSums sums{.shares = {1, 1}, .shown = {shown_data, shown_model}};
  std::vector<Real> weights = {0.3F, 0.5F, -0.4F, 0.8F};
  std::vector<Real> visible(shown_data.begin(), shown_data.begin() + 2);
  std::vector<Real> hidden(shown_data.begin() + 2, shown_data.end());
  const std::vector<Real> zeros(4);
  centring.combine(weights_array, {0, 2}, 0, sums, weights, zeros);
  centring.combine(visible_array(), {0, 2}, 0, sums, visible, std::span(shown_model).first(2));
  centring.combine(hidden_array(shape), {0, 2}, 0, sums, hidden, std::span(shown_model).last(2));
  const auto expect_near = [](const std::vector<Real>& actual, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << i;
  };
  expect_near(weights, {1.1, 0.6, 0.2, 0.5});
  expect_near(visible, {1.77, 3.88});
  expect_near(hidden, {-2.65, -1.55});
}

/// Offsets begin at the means of the first batch that has weight and go a hundredth of the way to those of each further
/// one: with one visible and one hidden unit, W' = W - b l - m c, and the biases b - W' l and c - W' m, of the data
/// alone.
TEST(CentringTest, OffsetsSlide) {
  constexpr RbmShape shape{1, 1};
  Workspace memory;
  Centring centring(shape, CentringOffsets::sliding, {}, memory);
  centring.begin();
  const std::pair<double, double> no_weight{0, 0};
  const std::pair<double, double> batches[] = {no_weight, {0.5, 0.25}, {1, 0}, no_weight, {0, 1}};
  double m = 0;
  double l = 0;
  for (std::size_t step = 0; step < std::size(batches); ++step) {
    const auto [b, c] = batches[step];
    const bool counts = batches[step] != no_weight;
    const Real share = counts ? 1 : 0;
    if (counts) m = step == 1 ? b : m + (b - m) / 100;
    if (counts) l = step == 1 ? c : l + (c - l) / 100;
    const std::vector<Real> shown = {static_cast<Real>(b), static_cast<Real>(c)};
    const std::vector<Real> zeros(2);
    const PhaseSums sums{.shares = {share, share}, .mean_weight = share, .shown = {shown, zeros}};
    std::vector<Real> weight = {counts ? 0.75F : 0.0F};
    std::vector<Real> visible = {shown[0]};
    std::vector<Real> hidden = {shown[1]};
    centring.combine(weights_array, {0, 1}, 0, sums, weight, std::span(zeros).first(1));
    centring.combine(visible_array(), {0, 1}, 0, sums, visible, std::span(zeros).first(1));
    centring.combine(hidden_array(shape), {0, 1}, 0, sums, hidden, std::span(zeros).first(1));
    const double w = counts ? 0.75 - b * l - m * c : 0;
    EXPECT_NEAR(weight[0], w, 1e-6) << step;
    EXPECT_NEAR(visible[0], b - w * l, 1e-6) << step;
    EXPECT_NEAR(hidden[0], c - w * m, 1e-6) << step;
  }
  const std::vector<StateArray> kept = centring.state();
  ASSERT_EQ(kept.size(), 1U);
  Real offsets[2];
  std::memcpy(offsets, kept[0].values.data(), sizeof(offsets));
  EXPECT_NEAR(offsets[0], m, 1e-6);
  EXPECT_NEAR(offsets[1], l, 1e-6);
}

/// The centred gradient of rows and of samples, given their v and the means of their h.
Vector centred_gradient(RbmShape shape, const std::vector<Vector> (&v)[2], const std::vector<Vector> (&h)[2]) {
  const ParameterLayout layout = rbm_layout(shape);
  std::vector<Real> sums[2];
  PhaseSums phase_sums;
  for (std::size_t phase = 0; phase < 2; ++phase) {
    sums[phase].resize(layout.size());
    const RbmView<Real> view(shape, sums[phase]);
    for (std::size_t row = 0; row < v[phase].size(); ++row) {
      for (std::size_t i = 0; i < shape.visible; ++i) {
        for (std::size_t j = 0; j < shape.hidden; ++j) {
          view.weights.row(i)[j] += static_cast<Real>(v[phase][row][i] * h[phase][row][j]);
        }
        view.visible_bias[i] += static_cast<Real>(v[phase][row][i]);
      }
      for (std::size_t j = 0; j < shape.hidden; ++j) view.hidden_bias[j] += static_cast<Real>(h[phase][row][j]);
    }
    phase_sums.shares[phase] = 1 / static_cast<Real>(v[phase].size());
  }
  const std::size_t first = layout.offset(visible_array());
  const std::vector<Real> of_data = sums[0];
  phase_sums.shown = {std::span(of_data).subspan(first), std::span<const Real>(sums[1]).subspan(first)};
  Workspace memory;
  Centring centring(shape, CentringOffsets::batch, {}, memory);
  for (std::size_t array = 0; array < layout.count(); ++array) {
    const std::size_t place = layout.offset(array);
    centring.combine(array, {0, layout[array].rows}, 0, phase_sums,
                     std::span(sums[0]).subspan(place, layout[array].size()),
                     std::span<const Real>(sums[1]).subspan(place, layout[array].size()));
  }
  return {sums[0].begin(), sums[0].end()};
}

/// With v' = 1 - v and h' = 1 - h on the sides that are flipped, the same machine has W' = s W, and biases that change
/// with all of these. So must their gradients, whatever the samples are: learning then is the same but for the names.
TEST(CentringTest, WhatZeroAndOneAreCalledMakesNoDifference) {
  constexpr RbmShape shape{37, 21};
  test::Random random(7);
  std::vector<Vector> v[2];
  std::vector<Vector> h[2];
  for (std::size_t phase = 0; phase < 2; ++phase) {
    for (std::size_t row = 0; row < 30 - 11 * phase; ++row) {
      Vector& visible = v[phase].emplace_back(shape.visible);
      Vector& hidden = h[phase].emplace_back(shape.hidden);
      for (double& state : visible) state = random.uniform() < 0.2 + 0.1 * static_cast<double>(phase) ? 1 : 0;
      for (double& mean : hidden) mean = random.uniform();
    }
  }
  const Vector plain = centred_gradient(shape, v, h);
  const auto flip = [](std::vector<Vector>(&states)[2]) {
    for (std::vector<Vector>& rows : states) {
      for (Vector& row : rows) {
        for (double& state : row) state = 1 - state;
      }
    }
  };
  const auto expect_flipped = [&](const Vector& flipped, bool visible, bool hidden) {
    Vector expected = plain;
    const RbmView<double> g(shape, expected);
    // E(v, h) with v = 1 - v': -sum (1 - v'_i) w_ij h_j - sum b_i (1 - v'_i): W' = -W, b' = -b, c' = c + sum_i w_i; the
    // hidden side likewise.
    if (visible) {
      for (std::size_t i = 0; i < shape.visible; ++i) {
        g.visible_bias[i] *= -1;
        for (std::size_t j = 0; j < shape.hidden; ++j) {
          g.hidden_bias[j] += g.weights.row(i)[j];
          g.weights.row(i)[j] *= -1;
        }
      }
    }
    if (hidden) {
      for (std::size_t j = 0; j < shape.hidden; ++j) {
        g.hidden_bias[j] *= -1;
        for (std::size_t i = 0; i < shape.visible; ++i) {
          g.visible_bias[i] += g.weights.row(i)[j];
          g.weights.row(i)[j] *= -1;
        }
      }
    }
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(flipped[i], expected[i], 1e-5) << i;
  };
  flip(v);
  expect_flipped(centred_gradient(shape, v, h), true, false);
  flip(h);
  expect_flipped(centred_gradient(shape, v, h), true, true);
  flip(v);
  expect_flipped(centred_gradient(shape, v, h), false, true);
}

}  // namespace
}  // namespace rbmpi
