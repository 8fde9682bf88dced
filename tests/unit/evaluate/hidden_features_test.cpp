#include "rbmpi/evaluate/hidden_features.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/random_rbm.hpp"
#include "support/random_samples.hpp"

namespace rbmpi {
namespace {

std::vector<Real> features(const Rbm& rbm, const Samples& samples, const FeatureSettings& settings = {}) {
  std::vector<Real> all;
  hidden_features(rbm, samples, settings, Communicator(), [&](std::uint64_t first, ConstMatrixView piece) {
    EXPECT_EQ(first * rbm.shape().hidden, all.size());
    all.insert(all.end(), piece.values, piece.values + piece.size());
  });
  return all;
}

/// sigmoid(v W + c) in double precision.
std::vector<double> expected_features(const Rbm& rbm, const Samples& samples) {
  const RbmView<const Real> p = rbm.view();
  std::vector<double> result;
  for (std::uint64_t row = 0; row < samples.rows; ++row) {
    for (std::size_t j = 0; j < rbm.shape().hidden; ++j) {
      double field{p.hidden_bias[j]};
      for (std::size_t i = 0; i < samples.columns; ++i) {
        const double value = std::to_integer<int>(samples.row(row)[i]) / samples.scale;
        field += value * double{p.weights.row(i)[j]};
      }
      result.push_back(1 / (1 + std::exp(-field)));
    }
  }
  return result;
}

TEST(HiddenFeaturesTest, TheyAreTheProbabilitiesOfTheHiddenUnits) {
  use_threads(2);
  const test::RandomSamples samples(ElementType::uint8, 600, 37);
  const Rbm rbm = test::random_rbm({37, 11}, 1, 1, 1);
  const std::vector<Real> actual = features(rbm, samples.view());
  const std::vector<double> expected = expected_features(rbm, samples.view());
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-6);
  use_threads(1);
  EXPECT_TRUE(test::same_bits(features(rbm, samples.view()), actual));
}

TEST(HiddenFeaturesTest, SoTheyAreWhereWeightsAreTooLargeForExactSums) {
  use_threads(1);
  const test::RandomSamples samples(ElementType::uint8, 300, 7);
  Rbm rbm = test::random_rbm({7, 5}, 1, 1, 2);
  for (std::size_t j = 0; j < 5; ++j) rbm.view().weights.row(3)[j] = j % 2 == 0 ? 1e6F : -1e6F;
  const std::vector<Real> actual = features(rbm, samples.view());
  const std::vector<double> expected = expected_features(rbm, samples.view());
  for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-6);
}

TEST(HiddenFeaturesTest, SamplesAreDrawnWithTheProbabilities) {
  use_threads(1);
  const std::vector<std::uint8_t> values(20000UL * 3, 255);
  const Samples samples{ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), 20000, 3, 255.0};
  const Rbm rbm = test::random_rbm({3, 4}, 1, 1, 3);
  const std::vector<Real> drawn = features(rbm, samples, {.sample = true});
  const std::vector<double> expected = expected_features(rbm, samples.part(0, 1));
  for (std::size_t j = 0; j < 4; ++j) {
    double mean = 0;
    for (std::size_t row = 0; row < 20000; ++row) {
      ASSERT_TRUE(drawn[row * 4 + j] == 0.0F || drawn[row * 4 + j] == 1.0F);
      mean += double{drawn[row * 4 + j]} / 20000;
    }
    EXPECT_NEAR(mean, expected[j], 4 * std::sqrt(expected[j] * (1 - expected[j]) / 20000));
  }
  EXPECT_FALSE(test::same_bits(features(rbm, samples, {.sample = true, .seed = 2}), drawn));
}

TEST(HiddenFeaturesTest, ManyRowsComeInPieces) {
  use_threads(1);
  const std::size_t hidden = 2048;
  const std::vector<std::uint8_t> values(5000, 1);
  const Samples samples{ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), 5000, 1, 255.0};
  std::size_t pieces = 0;
  std::uint64_t rows = 0;
  hidden_features(Rbm({1, hidden}), samples, {}, Communicator(), [&](std::uint64_t first, ConstMatrixView piece) {
    EXPECT_EQ(first, rows);
    rows += piece.rows;
    ++pieces;
    EXPECT_EQ(piece.row(piece.rows - 1)[hidden - 1], 0.5F);
  });
  EXPECT_EQ(rows, 5000U);
  EXPECT_EQ(pieces, 3U);
}

TEST(HiddenFeaturesTest, DataOfAnotherWidthAreRefused) {
  const test::RandomSamples samples(ElementType::uint8, 6, 4);
  test::expect_error(Failure::usage, {"4 columns", "3 visible units"}, [&] {
    static_cast<void>(features(Rbm({3, 2}), samples.view()));
  });
}

}  // namespace
}  // namespace rbmpi
