#include "evaluate/softplus_change.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "support/numbers.hpp"

namespace rbmpi {
namespace {

/// In extended precision.
double plain_change(const std::vector<Real>& fields, const std::vector<Real>& bias, double from, double to) {
  long double sum = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const long double x = static_cast<long double>(fields[i]) + bias[i];
    const auto softplus = [](long double y) { return std::fmax(y, 0.0L) + std::log1p(std::exp(-std::fabs(y))); };
    sum += softplus(to * x) - softplus(from * x);
  }
  return static_cast<double>(sum);
}

TEST(SoftplusChangeTest, EqualsAPlainLoopOnEveryInstructionSet) {
  test::Random random(1);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const std::size_t count : {0UL, 1UL, 7UL, 8UL, 9UL, 100UL, 999UL, 1000UL, 1001UL, 5003UL}) {
      for (const double size : {1e-6, 1.0, 20.0, 3000.0}) {
        const std::vector<Real> fields = random.reals(count, -size, size);
        const std::vector<Real> bias = random.reals(count, -size, size);
        for (const auto& [from, to] : {std::pair(0.0, 1.0), std::pair(0.3, 0.30001), std::pair(1.0, 0.5)}) {
          const double tolerance = 1e-15 * (1 + static_cast<double>(count) * size * std::abs(to - from));
          EXPECT_NEAR(softplus_change(fields.data(), bias.data(), from, to, count),
                      plain_change(fields, bias, from, to), tolerance * 4 + 2e-16 * static_cast<double>(count))
              << hwy::TargetName(target) << ", " << count << " of " << size << " from " << from << " to " << to;
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(SoftplusChangeTest, NoProductOverflows) {
  const std::vector<Real> zeros(5000);
  const std::vector<Real> large(5000, 1e30F);
  EXPECT_EQ(softplus_change(zeros.data(), zeros.data(), 0, 1, 5000), 0);
  EXPECT_NEAR(softplus_change(large.data(), zeros.data(), 0, 1, 5000), 5e33, 1e27);
}

}  // namespace
}  // namespace rbmpi
