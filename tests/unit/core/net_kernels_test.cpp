#include "rbmpi/core/net_kernels.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "support/numbers.hpp"
#include "support/scalar_draw.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

/// Each kernel on each instruction set of this machine.
class NetKernelsTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
  /// Numbers one element further on, so that no vector is aligned; what lies behind must stay.
  [[nodiscard]] std::vector<Real> numbers(std::size_t count, double low, double high) {
    return random_.reals(count + 2, low, high);
  }

  Random random_{1};
  std::vector<std::size_t> lengths_ = {0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 71, 255, 257, 500, 784, 2000};
};

INSTANTIATE_TEST_SUITE_P(Targets, NetKernelsTest, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

TEST_P(NetKernelsTest, SumsDifferencesAndSlopes) {
  for (const std::size_t count : lengths_) {
    const std::vector<Real> a = numbers(count, 0, 2);
    const std::vector<Real> b = numbers(count, -1, 1);
    std::vector<Real> sums = b;
    std::vector<Real> differences = b;
    std::vector<Real> slopes = b;
    add(a.data() + 1, count, sums.data() + 1);
    subtract_from(a.data() + 1, count, differences.data() + 1);
    multiply_by_slope(a.data() + 1, 0.75F, count, slopes.data() + 1);
    std::vector<Real> expected_sums = b;
    std::vector<Real> expected_differences = b;
    std::vector<Real> expected_slopes = b;
    for (std::size_t i = 1; i <= count; ++i) {
      expected_sums[i] = b[i] + a[i];
      expected_differences[i] = a[i] - b[i];
      expected_slopes[i] = b[i] * (a[i] * (1.0F - 0.75F * a[i]));
    }
    EXPECT_TRUE(same_bits(sums, expected_sums)) << count;
    EXPECT_TRUE(same_bits(differences, expected_differences)) << count;
    EXPECT_TRUE(same_bits(slopes, expected_slopes)) << count;
  }
}

TEST_P(NetKernelsTest, DropoutIsAFunctionOfStreamAndUnit) {
  for (const std::size_t count : lengths_) {
    for (const Real keep : {0.5F, 0.8F, 1.0F / 3}) {
      const RandomStream stream(9, 2, count, Phase::dropout, 5);
      const std::vector<Real> values = numbers(count, -1, 1);
      std::vector<Real> actual = values;
      drop_out(actual.data() + 1, count, stream, keep);
      std::vector<Real> expected = values;
      std::size_t stay = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const Real stays = test::draw(keep, stream, i);
        expected[i + 1] = stays * (values[i + 1] * (1 / keep));
        stay += stays > 0 ? 1 : 0;
      }
      EXPECT_TRUE(same_bits(actual, expected)) << count;
      const double share = static_cast<double>(stay) / static_cast<double>(count);
      EXPECT_TRUE(count < 500 || std::abs(share - double{keep}) < 0.1) << share << " instead of " << keep;
    }
  }
}

TEST_P(NetKernelsTest, SoftmaxOfLargeFieldsToo) {
  for (const std::size_t count : lengths_) {
    if (count == 0) continue;
    for (const double size : {1.0, 1e3}) {
      std::vector<Real> fields = numbers(count, -size, size);
      const std::vector<Real> bias = numbers(count, -1, 1);
      double sum = 0;
      double most = -INFINITY;
      std::vector<double> expected(count);
      for (std::size_t i = 0; i < count; ++i) most = std::max(most, double{fields[i + 1] + bias[i + 1]});
      for (std::size_t i = 0; i < count; ++i) {
        sum += expected[i] = std::exp(double{fields[i + 1] + bias[i + 1]} - most);
      }
      softmax(fields.data() + 1, bias.data() + 1, count);
      for (std::size_t i = 0; i < count; ++i) EXPECT_NEAR(double{fields[i + 1]}, expected[i] / sum, 1e-6);
    }
  }
}

TEST_P(NetKernelsTest, CrossEntropyOfProbabilitiesUpToZeroAndOne) {
  for (const std::size_t count : lengths_) {
    std::vector<Real> v = numbers(count, 0, 1);
    std::vector<Real> p = numbers(count, 0, 1);
    for (std::size_t i = 0; i < count; i += 3) v[i] = static_cast<Real>(i % 2);
    for (std::size_t i = 0; i < count; i += 5) p[i] = static_cast<Real>(i % 2);
    double expected = 0;
    for (std::size_t i = 1; i <= count; ++i) {
      const double value = v[i];
      const double least = 0x1p-25;
      expected -=
          value * std::log(std::max(double{p[i]}, least)) + (1 - value) * std::log(std::max(1 - double{p[i]}, least));
    }
    EXPECT_NEAR(double{cross_entropy(v.data() + 1, p.data() + 1, count)}, expected, 1e-6 * (1 + expected)) << count;
  }
}

}  // namespace
}  // namespace rbmpi
