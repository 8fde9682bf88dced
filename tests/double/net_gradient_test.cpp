#include "rbmpi/train/net_gradient.hpp"

#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/net_kernels.hpp"
#include "rbmpi/model/net_pass.hpp"
#include "rbmpi/train/training_state.hpp"
#include "support/numbers.hpp"
#include "support/plain_net.hpp"

namespace rbmpi {
namespace {

static_assert(std::is_same_v<Real, double>);
constexpr auto sigmoid = Activation::sigmoid;
constexpr auto linear = Activation::linear;
constexpr auto softmax_outputs = Activation::softmax;

struct Case {
  std::string name;
  NetShape shape;
  double input_dropout = 0;
  double hidden_dropout = 0;
};

/// Back-propagation as the library has it, in double precision (Real is double here), for a few rows.
class NetGradientTest : public testing::TestWithParam<Case> {
 protected:
  NetGradientTest() : shape_(GetParam().shape), net_(shape_) {
    test::Random random(7);
    for (Real& parameter : net_.parameters()) parameter = random.uniform(-1, 1);
    for (std::size_t i = 0; i < rows; ++i) {
      data_.push_back(random.reals(shape_.inputs(), 0, 1));
      classes_.push_back(static_cast<std::uint32_t>(random.below(shape_.outputs())));
      targets_.push_back(data_.back());
      if (!shape_.is_classifier()) continue;
      targets_.back().assign(shape_.outputs(), 0.0);
      targets_.back()[classes_.back()] = 1;
    }
  }

  [[nodiscard]] Real keep(std::size_t layer) const {
    if (layer == 0) return 1 - GetParam().input_dropout;
    return shape_.activations[layer - 1] == sigmoid ? 1 - GetParam().hidden_dropout : 1;
  }
  /// The rows and masks of the batch, all that layer k takes; the last are the outputs.
  [[nodiscard]] std::vector<std::vector<Real>> forward() const {
    std::vector<std::vector<Real>> said(1);
    for (const std::vector<Real>& row : data_) said[0].insert(said[0].end(), row.begin(), row.end());
    for (std::size_t k = 0; k < shape_.layers(); ++k) {
      const std::size_t in = shape_.units[k];
      for (std::size_t i = 0; i < rows && keep(k) < 1; ++i) {
        const RandomStream stream(seed, static_cast<std::uint32_t>(k), step, Phase::dropout,
                                  static_cast<std::uint32_t>(i));
        drop_out(said[k].data() + i * in, in, stream, keep(k));
      }
      said.emplace_back(rows * shape_.units[k + 1]);
      forward_layer(net_.layer(k), {said[k].data(), rows, in}, {said[k + 1].data(), rows, shape_.units[k + 1]});
    }
    return said;
  }

  /// The objective, which grows along the gradient.
  [[nodiscard]] double objective() const {
    const std::vector<Real> outputs = forward().back();
    double sum = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < shape_.outputs(); ++j) {
        const double target = targets_[i][j];
        const double p = outputs[i * shape_.outputs() + j];
        sum += target * std::log(p) + (shape_.is_classifier() ? 0 : (1 - target) * std::log(1 - p));
      }
    }
    return sum;
  }

  [[nodiscard]] std::vector<Real> gradient(std::vector<std::int64_t>& losses) const {
    const std::vector<std::vector<Real>> said = forward();
    std::vector<Real> deltas = said.back();
    const MatrixView outputs{deltas.data(), rows, shape_.outputs()};
    if (shape_.is_classifier()) {
      classifier_deltas(outputs, classes_, losses);
    } else {
      std::vector<Real> data;
      for (const std::vector<Real>& row : data_) data.insert(data.end(), row.begin(), row.end());
      reconstruction_deltas({data.data(), rows, shape_.inputs()}, outputs, losses);
    }
    FeedForwardNet sums(shape_);
    for (std::size_t k = shape_.layers(); k-- > 0;) {
      const ConstMatrixView of_layer{deltas.data(), rows, shape_.units[k + 1]};
      const ConstMatrixView below{said[k].data(), rows, shape_.units[k]};
      transposed_times(below, 0, of_layer, sums.layer(k).weights);
      bias_gradient(of_layer, 0, sums.layer(k).bias);
      if (k == 0) break;
      std::vector<Real> deltas_below(below.size());
      backward_layer(net_.layer(k), of_layer, below, shape_.activations[k - 1], keep(k),
                     {deltas_below.data(), rows, below.columns});
      deltas = std::move(deltas_below);
    }
    return {sums.parameters().begin(), sums.parameters().end()};
  }

  static constexpr std::size_t rows = 6;
  static constexpr std::uint64_t seed = 3;
  static constexpr std::uint64_t step = 11;
  NetShape shape_;
  FeedForwardNet net_;
  std::vector<std::vector<Real>> data_;
  std::vector<std::uint32_t> classes_;
  std::vector<std::vector<Real>> targets_;
};

INSTANTIATE_TEST_SUITE_P(
    Nets, NetGradientTest,
    testing::Values(
        Case{"SoftmaxAlone", {{5, 3}, {softmax_outputs}}},
        Case{"OneHiddenLayer", {{5, 7, 3}, {sigmoid, softmax_outputs}}},
        Case{"TwoHiddenLayers", {{5, 7, 4, 3}, {sigmoid, sigmoid, softmax_outputs}}},
        Case{"ThreeHiddenLayers", {{5, 7, 20, 6, 4}, {sigmoid, sigmoid, sigmoid, softmax_outputs}}},
        Case{"WithDropout", {{9, 18, 20, 6, 4}, {sigmoid, sigmoid, sigmoid, softmax_outputs}}, 0.2, 0.5},
        Case{"Autoencoder", {{8, 3, 8}, {sigmoid, sigmoid}}},
        Case{"DeepAutoencoder", {{8, 6, 3, 6, 8}, {sigmoid, linear, sigmoid, sigmoid}}},
        Case{"DeepAutoencoderWithDropout", {{8, 16, 3, 16, 8}, {sigmoid, linear, sigmoid, sigmoid}}, 0.2, 0.5}),
    [](const auto& test) { return test.param.name; });

TEST_P(NetGradientTest, IsThatOfFiniteDifferences) {
  std::vector<std::int64_t> losses(rows);
  const std::vector<Real> found = gradient(losses);
  const double at_rest = objective();
  double loss = 0;
  for (const std::int64_t row : losses) loss += static_cast<double>(row) * loss_unit;
  EXPECT_NEAR(loss, -at_rest, rows * loss_unit);
  double largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    // Four points, so that the error is of the fourth order in h.
    constexpr double h = 1e-3;
    Real& parameter = net_.parameters()[i];
    const Real value = parameter;
    const auto at = [&](double steps) {
      parameter = value + steps * h;
      const double result = objective();
      parameter = value;
      return result;
    };
    const double expected = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h);
    EXPECT_NEAR(found[i], expected, 1e-6 * std::max(1.0, std::abs(expected))) << "parameter " << i;
    largest = std::max(largest, std::abs(expected));
  }
  EXPECT_GT(largest, 0.1);
}

/// The plain one is what tests in single precision compare with.
TEST_P(NetGradientTest, IsThatOfThePlainNet) {
  std::vector<std::int64_t> losses(rows);
  const std::vector<Real> found = gradient(losses);
  test::PlainNet plain(shape_, {net_.parameters().begin(), net_.parameters().end()});
  std::vector<double> expected(found.size());
  for (std::size_t i = 0; i < rows; ++i) {
    plain.draw_factors(seed, step, static_cast<std::uint32_t>(i), GetParam().input_dropout, GetParam().hidden_dropout);
    const double loss = plain.add_gradient(data_[i], targets_[i], expected);
    EXPECT_NEAR(static_cast<double>(losses[i]) * loss_unit, loss, loss_unit);
  }
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << "parameter " << i;
}

}  // namespace
}  // namespace rbmpi
