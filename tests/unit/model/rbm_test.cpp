#include "rbmpi/model/rbm.hpp"

#include <cmath>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/random.hpp"
#include "rbmpi/core/threads.hpp"
#include "support/numbers.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

std::string digest(const Rbm& rbm) {
  return model_digest(std::span(&rbm, 1));
}

TEST(RbmTest, ParametersAreOneFlatBufferWithNamedViews) {
  Rbm rbm(RbmShape{2, 3});
  EXPECT_EQ(rbm.shape().weights(), 6U);
  EXPECT_EQ(rbm.shape().parameters(), 11U);
  EXPECT_THAT(rbm.parameters(), testing::Each(0.0F));
  for (std::size_t i = 0; i < 11; ++i) rbm.parameters()[i] = static_cast<Real>(i);
  const RbmView<Real> view = rbm.view();
  EXPECT_EQ(view.weights.row(1)[2], 5.0F);
  EXPECT_THAT(view.visible_bias, testing::ElementsAre(6.0F, 7.0F));
  EXPECT_THAT(view.hidden_bias, testing::ElementsAre(8.0F, 9.0F, 10.0F));
}

TEST(InitialWeightsTest, AreNormalAndLeaveTheBiasesZero) {
  Rbm rbm(RbmShape{300, 200});
  initialise_weights(rbm, 0.01, 1, 0);
  double sum = 0;
  double squares = 0;
  for (const Real w : rbm.parameters().first(60000)) {
    sum += double{w};
    squares += double{w} * double{w};
  }
  EXPECT_NEAR(sum / 60000, 0, 4 * 0.01 / std::sqrt(60000));
  EXPECT_NEAR(squares / 60000, 1e-4, 4 * 1e-4 * std::sqrt(2.0 / 60000));
  EXPECT_THAT(rbm.parameters().subspan(60000), testing::Each(0.0F));
}

TEST(InitialWeightsTest, AreAFunctionOfSeedAndLayerAlone) {
  std::set<std::string> digests;
  for (const int threads : {1, 3}) {
    use_threads(threads);
    for (const std::uint64_t seed : {1U, 2U}) {
      for (const std::uint32_t layer : {0U, 1U}) {
        Rbm rbm(RbmShape{7, 5});
        initialise_weights(rbm, 0.01, seed, layer);
        digests.insert(digest(rbm));
      }
    }
  }
  use_threads(1);
  EXPECT_EQ(digests.size(), 4U);
}

TEST(InitialWeightsTest, AreThoseOfTheirTwoUnitsAlone) {
  for (const RbmShape shape : {RbmShape{3, 2}, RbmShape{6, 9}}) {
    Rbm rbm(shape);
    initialise_weights(rbm, 0.5, 7, 1);
    for (std::uint32_t i = 0; i < shape.visible; ++i) {
      const RandomStream stream(7, 1, 0, Phase::weights, i);
      for (std::uint32_t j = 0; j < shape.hidden; ++j) {
        EXPECT_EQ(rbm.view().weights.row(i)[j], static_cast<Real>(0.5 * normal(stream, j)));
      }
    }
  }
}

TEST(VisibleBiasTest, IsTheLogOddsOfTheMean) {
  Rbm rbm(RbmShape{6, 1});
  const std::vector<double> means = {0.5, 0.2, 0.75, 0.0, 1.0, 0.0001};
  start_from_means(rbm, means, 100);
  const std::span<const Real> bias = rbm.view().visible_bias;
  EXPECT_EQ(bias[0], 0.0F);
  const auto log_odds = [](double mean) { return static_cast<Real>(std::log(mean / (1 - mean))); };
  for (std::size_t i = 1; i < means.size(); ++i) {
    EXPECT_FLOAT_EQ(bias[i], log_odds(0.99 * means[i] + 0.005)) << i;
  }
  start_from_means(rbm, means, 1);
  EXPECT_EQ(bias[3], 0.0F);  // a single row says nothing
  EXPECT_EQ(rbm.view().hidden_bias[0], 0.0F);
}

TEST(FreeEnergyTest, DoesNotOverflow) {
  Rbm rbm(RbmShape{1, 2});
  rbm.view().hidden_bias[0] = 800;
  rbm.view().hidden_bias[1] = -800;
  const Real v = 1;
  const std::vector<Real> fields = {200.0F, -200.0F};
  double energy = 0;
  free_energies(rbm, {&v, 1, 1}, {fields.data(), 1, 2}, std::span(&energy, 1));
  EXPECT_EQ(energy, -1000.0);
}

TEST(FreeEnergyTest, ThreadsChangeNothing) {
  Random random(1);
  Rbm rbm(RbmShape{30, 20});
  initialise_weights(rbm, 1, 1, 0);
  const std::vector<Real> v = random.reals(50 * 30, 0, 1);
  const std::vector<Real> fields = random.reals(50 * 20, -3, 3);
  std::vector<double> one(50);
  std::vector<double> three(50);
  free_energies(rbm, {v.data(), 50, 30}, {fields.data(), 50, 20}, one);
  use_threads(3);
  free_energies(rbm, {v.data(), 50, 30}, {fields.data(), 50, 20}, three);
  use_threads(1);
  EXPECT_TRUE(same_bits(std::span<const double>(three), std::span<const double>(one)));
}

TEST(ModelDigestTest, IsTheShaOfHeaderAndParameters) {
  Rbm rbm(RbmShape{2, 1});
  for (std::size_t i = 0; i < 5; ++i) rbm.parameters()[i] = static_cast<Real>(i) / 2;
  // printf 'rbmpi-model 1\nlayer 0 bernoulli 2 bernoulli 1\n' and the numbers 0, 0.5, 1, 1.5, 2, in sha256sum.
  EXPECT_EQ(digest(rbm), "a3e1146a9adcbe81616467fba98bbd7a18fc4e26c1430898a120076a321c7860");
}

TEST(ModelDigestTest, SeesTheKindsOfUnits) {
  const UnitEntry* const toy = &test::toy_unit();
  const std::set<std::string> digests = {digest(Rbm(RbmShape{2, 1})), digest(Rbm(RbmShape{2, 1, toy, &bernoulli_unit})),
                                         digest(Rbm(RbmShape{2, 1, &bernoulli_unit, toy})),
                                         digest(Rbm(RbmShape{2, 1, toy, toy}))};
  EXPECT_EQ(digests.size(), 4U);
}

TEST(ModelDigestTest, SeesEveryBitAndEveryLayer) {
  std::set<std::string> digests;
  Rbm rbm(RbmShape{3, 2});
  digests.insert(digest(rbm));
  for (Real& parameter : rbm.parameters()) {
    parameter = 0x1p-149F;
    digests.insert(digest(rbm));
    parameter = -0.0F;
    digests.insert(digest(rbm));
    parameter = 0;
  }
  digests.insert(digest(Rbm(RbmShape{2, 3})));
  std::vector<Rbm> two;
  two.emplace_back(RbmShape{3, 2});
  two.emplace_back(RbmShape{2, 3});
  digests.insert(model_digest(two));
  EXPECT_EQ(digests.size(), 1U + 2U * 11U + 2U);
}

}  // namespace
}  // namespace rbmpi
