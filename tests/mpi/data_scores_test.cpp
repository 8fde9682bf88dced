#include "rbmpi/evaluate/data_scores.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/random_samples.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

using Row = std::vector<double>;

Rbm random_rbm(RbmShape shape, double size, std::uint64_t seed = 1) {
  Rbm rbm(shape);
  test::Random random(seed);
  for (Real& parameter : rbm.parameters()) parameter = static_cast<Real>(size * random.bell());
  return rbm;
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// The definitions, one after the other, as plainly as can be.
double field_of_hidden(RbmView<const Real> rbm, const Row& v, std::size_t j) {
  double field = rbm.hidden_bias[j];
  for (std::size_t i = 0; i < v.size(); ++i) field += v[i] * double{rbm.weights.row(i)[j]};
  return field;
}

double free_energy(RbmView<const Real> rbm, const Row& v) {
  double energy = 0;
  for (std::size_t i = 0; i < v.size(); ++i) energy -= double{rbm.visible_bias[i]} * v[i];
  for (std::size_t j = 0; j < rbm.shape().hidden; ++j) {
    const double field = field_of_hidden(rbm, v, j);
    energy -= field > 30 ? field : std::log1p(std::exp(field));
  }
  return energy;
}

/// log sigmoid(F(v') - F(v)).
double unit_likelihood(RbmView<const Real> rbm, Row v, std::size_t unit) {
  const double before = free_energy(rbm, v);
  v[unit] = 1 - v[unit];
  const double difference = free_energy(rbm, v) - before;
  return difference < -30 ? difference : -std::log1p(std::exp(-difference));
}

struct Expected {
  Row free_energy, squared_error, cross_entropy, stochastic, full;
};

Expected score_plainly(RbmView<const Real> rbm, const Samples& samples, const BinaryRows& rows) {
  Expected expected;
  std::vector<Real> scratch(samples.columns);
  Row v(samples.columns);
  const auto visible = static_cast<double>(v.size());
  RowBlocks all(samples, samples.rows);
  const RowReader& reader = all.next(0, samples.rows);
  for (std::uint64_t row = 0; row < samples.rows; ++row) {
    read_row(reader, row, rows, scratch, v);
    expected.free_energy.push_back(free_energy(rbm, v));
    Row p;
    for (std::size_t j = 0; j < rbm.shape().hidden; ++j) p.push_back(sigmoid(field_of_hidden(rbm, v, j)));
    double squared_error = 0;
    double cross_entropy = 0;
    double full = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      double field = rbm.visible_bias[i];
      for (std::size_t j = 0; j < p.size(); ++j) field += double{rbm.weights.row(i)[j]} * p[j];
      squared_error += (v[i] - sigmoid(field)) * (v[i] - sigmoid(field)) / visible;
      cross_entropy -= v[i] * std::log(sigmoid(field)) + (1 - v[i]) * std::log(sigmoid(-field));
      full += unit_likelihood(rbm, v, i);
    }
    expected.squared_error.push_back(squared_error);
    expected.cross_entropy.push_back(cross_entropy);
    expected.full.push_back(full);
    expected.stochastic.push_back(visible * unit_likelihood(rbm, v, flipped_unit(v.size(), rows.seed, row)));
  }
  return expected;
}

void expect_mean(const RowMean& actual, const Row& values) {
  double mean = 0;
  double variance = 0;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) mean += value / n;
  for (const double value : values) variance += (value - mean) * (value - mean) / (n - 1);
  EXPECT_NEAR(actual.mean, mean, 1e-9 * (1 + std::abs(mean)));
  ASSERT_EQ(actual.standard_error.has_value(), values.size() > 1);
  if (!actual.standard_error) return;
  EXPECT_NEAR(*actual.standard_error, std::sqrt(variance / n), 1e-9 * (1 + std::abs(mean)));
}

auto numbers(const RowMean& score) {
  return std::tuple(score.mean, score.standard_error);
}
auto numbers(const DataScores& scores) {
  return std::tuple(scores.rows, scores.grey_rows, numbers(scores.free_energy), numbers(*scores.reconstruction_mse),
                    numbers(*scores.cross_entropy), numbers(*scores.pseudo_likelihood),
                    numbers(*scores.full_pseudo_likelihood));
}

/// Compares with the definitions, and the layouts with each other, bit for bit.
void check(RbmView<const Real> rbm, const Samples& samples, const ScoreSettings& settings, const Communicator& world) {
  const DataScores scores = score_data(rbm, samples, settings, world);
  EXPECT_EQ(scores.rows, samples.rows);
  const Expected expected = score_plainly(rbm, samples, settings.rows);
  expect_mean(scores.free_energy, expected.free_energy);
  expect_mean(*scores.reconstruction_mse, expected.squared_error);
  expect_mean(*scores.cross_entropy, expected.cross_entropy);
  expect_mean(*scores.pseudo_likelihood, expected.stochastic);
  expect_mean(*scores.full_pseudo_likelihood, expected.full);

  EXPECT_EQ(numbers(score_data(rbm, samples, settings, Communicator())), numbers(scores));
  use_threads(3);
  EXPECT_EQ(numbers(score_data(rbm, samples, settings, world)), numbers(scores));
  use_threads(1);
}

TEST(DataScoresTest, AreWhatTheDefinitionsSay) {
  const Communicator world = Communicator::world();
  for (const Binarise binarise : {Binarise::none, Binarise::threshold, Binarise::sample}) {
    for (const ElementType type : {ElementType::uint8, ElementType::float32, ElementType::float64}) {
      const test::RandomSamples samples(type, 150, 19);
      check(random_rbm({19, 13}, 1), samples.view(), {.rows = {.binarise = binarise, .seed = 5}}, world);
    }
  }
}

std::vector<std::tuple<double, double>> numbers(const std::vector<RowScores>& rows) {
  std::vector<std::tuple<double, double>> result;
  for (const RowScores& row : rows) result.emplace_back(row.free_energy, row.full_pseudo_likelihood);
  return result;
}

/// As means are formed: in blocks of 64 rows, and these in their order.
RowMean mean_of(const std::vector<RowScores>& rows, double RowScores::*figure) {
  RowSums all;
  for (std::size_t first = 0; first < rows.size(); first += 64) {
    RowSums block;
    for (std::size_t i = first; i < std::min(first + 64, rows.size()); ++i) block.add(rows[i].*figure);
    all.add(block);
  }
  return all.result();
}

TEST(DataScoresTest, ARowOfWeightTwoCountsAsTwoRows) {
  const Communicator world = Communicator::world();
  const Rbm rbm = random_rbm({19, 13}, 1);
  const test::RandomSamples samples(ElementType::float32, 150, 19);
  std::vector<float> weights;
  std::vector<std::byte> repeated;
  for (std::uint64_t row = 0; row < 150; ++row) {
    weights.push_back(static_cast<float>(row % 4) / 2);  // in any unit
    for (std::uint64_t k = 0; k < row % 4; ++k) {
      const std::byte* const values = samples.view().row(row);
      repeated.insert(repeated.end(), values, values + samples.view().row_bytes());
    }
  }
  Rows weighted = samples.view();
  weighted.weights = weights.data();
  Samples plain = samples.view();
  plain.values = repeated.data();
  plain.rows = repeated.size() / plain.row_bytes();
  const ScoreSettings settings{.rows = {.binarise = Binarise::threshold}, .pseudo_likelihood = false};
  const DataScores scores = score_data(rbm, weighted, settings, world);
  const DataScores expected = score_data(rbm, plain, settings, world);
  EXPECT_EQ(scores.rows, 150U);
  const auto near = [&](const RowMean& mean, const RowMean& of_repeated) {
    EXPECT_NEAR(mean.mean, of_repeated.mean, 1e-12 * std::abs(of_repeated.mean));
    // A row that is there twice is no second observation, so that the mean of the weighted rows is less sure.
    const double n = scores.effective_rows;
    const double variance =
        *of_repeated.standard_error * *of_repeated.standard_error * static_cast<double>(plain.rows - 1);
    EXPECT_NEAR(*mean.standard_error, std::sqrt(variance / (n - 1)), 1e-12);
  };
  EXPECT_NEAR(scores.effective_rows, 223.0 * 223 / (38 + 4 * 37 + 9 * 37), 1e-9);
  near(scores.free_energy, expected.free_energy);
  near(*scores.reconstruction_mse, *expected.reconstruction_mse);
  near(*scores.cross_entropy, *expected.cross_entropy);
  near(*scores.full_pseudo_likelihood, *expected.full_pseudo_likelihood);
  weights.assign(150, 0.0F);
  test::expect_error(Failure::file, {"150 rows have weight 0"},
                     [&] { (void)score_data(rbm, weighted, settings, world); });
}

TEST(DataScoresTest, TheMeansAreThoseOfTheRowsToTheBit) {
  const Communicator world = Communicator::world();
  for (const UnitEntry* const unit : {&bernoulli_unit, &test::toy_unit()}) {
    const Rbm rbm = random_rbm({19, 13, unit, &bernoulli_unit}, 1);
    for (const std::uint64_t rows : {1U, 64U, 65U, 150U, 700U}) {
      const test::RandomSamples samples(ElementType::float32, rows, 19);
      const ScoreSettings settings{.rows = {.seed = 5}, .by_row = true};
      const DataScores scores = score_data(rbm, samples.view(), settings, world);
      const DataScores alone = score_data(rbm, samples.view(), settings, Communicator());
      ASSERT_EQ(scores.by_row.size(), world.is_root() ? rows : 0);
      if (!world.is_root()) continue;
      EXPECT_EQ(numbers(scores.by_row), numbers(alone.by_row));
      EXPECT_EQ(numbers(mean_of(scores.by_row, &RowScores::free_energy)), numbers(scores.free_energy));
      EXPECT_EQ(numbers(mean_of(scores.by_row, &RowScores::full_pseudo_likelihood)),
                numbers(*scores.full_pseudo_likelihood));
      use_threads(3);
      EXPECT_EQ(numbers(score_data(rbm, samples.view(), settings, Communicator()).by_row), numbers(alone.by_row));
      use_threads(1);
      if (!unit->logistic) continue;
      const Expected expected = score_plainly(rbm, samples.view(), settings.rows);
      for (std::size_t i = 0; i < rows; ++i) {
        EXPECT_NEAR(scores.by_row[i].free_energy, expected.free_energy[i], 1e-9);
        EXPECT_NEAR(scores.by_row[i].full_pseudo_likelihood, expected.full[i], 1e-9);
      }
    }
  }
}

TEST(DataScoresTest, FiguresOfRowsAreThoseThatAreAskedFor) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::uint8, 70, 9);
  const Rbm rbm = random_rbm({9, 4}, 1);
  EXPECT_TRUE(score_data(rbm, samples.view(), {}, world).by_row.empty());
  const std::vector<RowScores> rows =
      score_data(rbm, samples.view(), {.full_pseudo_likelihood = false, .by_row = true}, world).by_row;
  for (const RowScores& row : rows) {
    EXPECT_NE(row.free_energy, 0);
    EXPECT_EQ(row.full_pseudo_likelihood, 0);
  }
  EXPECT_EQ(row_scores_memory(130, 2), (130U + 128U) * sizeof(RowScores)) << "of three blocks the root has two";
}

TEST(DataScoresTest, OfOtherUnitsAreTheSameOnAnyLayout) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::float32, 150, 19);
  const Rbm rbm = random_rbm({19, 13, &test::toy_unit(), &bernoulli_unit}, 1);
  const auto scores = numbers(score_data(rbm, samples.view(), {}, world));
  EXPECT_EQ(numbers(score_data(rbm, samples.view(), {}, Communicator())), scores);
  use_threads(3);
  EXPECT_EQ(numbers(score_data(rbm, samples.view(), {}, world)), scores);
  use_threads(1);
}

TEST(DataScoresTest, OfManyShapes) {
  const Communicator world = Communicator::world();
  for (const RbmShape shape : {RbmShape{1, 1}, {1, 70}, {70, 1}, {16, 64}, {33, 200}}) {
    for (const std::uint64_t rows : {1U, 64U, 65U, 300U}) {
      const test::RandomSamples samples(ElementType::float32, rows, shape.visible, rows);
      check(random_rbm(shape, 0.5), samples.view(), {.rows = {.binarise = Binarise::none}}, world);
    }
  }
}

TEST(DataScoresTest, OfLargeWeights) {
  const Communicator world = Communicator::world();
  for (const double size : {0.0, 5.0, 12.0, 30.0, 100.0}) {  // some, and then all, too large to be multiplied as exp(w)
    const test::RandomSamples samples(ElementType::uint8, 70, 12);
    const Rbm rbm = random_rbm({12, 40}, size);
    const ScoreSettings settings{.rows = {.binarise = Binarise::sample}, .reconstruction = true};
    const DataScores scores = score_data(rbm.view(), samples.view(), settings, world);
    const Expected expected = score_plainly(rbm.view(), samples.view(), settings.rows);
    expect_mean(scores.free_energy, expected.free_energy);
    expect_mean(*scores.full_pseudo_likelihood, expected.full);
    expect_mean(*scores.pseudo_likelihood, expected.stochastic);
  }
}

TEST(DataScoresTest, FullPseudoLikelihoodIsWhatTheStochasticOneEstimates) {
  const test::RandomSamples samples(ElementType::uint8, 40, 10);
  const Rbm rbm = random_rbm({10, 5}, 0.3);
  double sum = 0;
  constexpr int draws = 400;
  RowMean full;
  double variance = 0;
  for (std::uint64_t seed = 0; seed < draws; ++seed) {
    // Without drawn data, so that the seed chooses the units alone.
    const DataScores scores = score_data(rbm.view(), samples.view(),
                                         {.rows = {.binarise = Binarise::threshold, .seed = seed}}, Communicator());
    sum += scores.pseudo_likelihood->mean;
    full = *scores.full_pseudo_likelihood;
    variance += std::pow(scores.pseudo_likelihood->standard_error.value(), 2);
  }
  EXPECT_NEAR(sum / draws, full.mean, 4 * std::sqrt(variance) / draws);
}

TEST(DataScoresTest, OnlyWhatIsAskedFor) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::uint8, 100, 9);
  const DataScores scores =
      score_data(random_rbm({9, 4}, 1).view(), samples.view(),
                 {.reconstruction = false, .pseudo_likelihood = false, .full_pseudo_likelihood = false}, world);
  EXPECT_FALSE(scores.reconstruction_mse || scores.cross_entropy || scores.pseudo_likelihood ||
               scores.full_pseudo_likelihood);
  EXPECT_NE(scores.free_energy.mean, 0);
}

TEST(DataScoresTest, GreyRowsAreCounted) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::float64, 100, 9);
  const Rbm rbm = random_rbm({9, 4}, 1);
  const auto grey_rows = [&](Binarise binarise) {
    return score_data(rbm.view(), samples.view(), {.rows = {.binarise = binarise}}, world).grey_rows;
  };
  EXPECT_GT(grey_rows(Binarise::none), 90U);
  EXPECT_EQ(grey_rows(Binarise::sample), 0U);
  EXPECT_EQ(grey_rows(Binarise::threshold), 0U);
}

TEST(DataScoresTest, FlippedUnitsAreEquallyProbable) {
  constexpr std::uint64_t units = 7;
  constexpr std::uint64_t rows = 70000;
  std::vector<int> counts(units);
  for (std::uint64_t row = 0; row < rows; ++row) ++counts.at(flipped_unit(units, 3, row));
  for (const int count : counts) EXPECT_NEAR(count, rows / units, 5 * std::sqrt(rows / units));
  EXPECT_EQ(flipped_unit(1, 3, 0), 0U);
  const std::uint64_t many = std::uint64_t{1} << 22U;
  EXPECT_LT(flipped_unit(many, 3, std::uint64_t{1} << 40U), many);
}

TEST(DataScoresTest, BinarisedRowsAreDrawnOnceAndForAll) {
  const test::RandomSamples samples(ElementType::float32, 30, 50);
  std::vector<Real> scratch(50);
  Row grey(50);
  Row drawn(50);
  Row cut(50);
  double difference = 0;
  std::set<Row> rows;
  RowBlocks all(samples.view(), 30);
  const RowReader& reader = all.next(0, 30);
  for (std::uint64_t row = 0; row < 30; ++row) {
    read_row(reader, row, {.binarise = Binarise::none}, scratch, grey);
    read_row(reader, row, {.binarise = Binarise::sample, .seed = 9}, scratch, drawn);
    read_row(reader, row, {.binarise = Binarise::threshold}, scratch, cut);
    rows.insert(drawn);
    for (std::size_t j = 0; j < 50; ++j) {
      EXPECT_TRUE(drawn[j] == 0 || drawn[j] == 1);
      if (grey[j] == 0 || grey[j] == 1) {
        EXPECT_EQ(drawn[j], grey[j]);
      }
      EXPECT_EQ(cut[j], grey[j] >= 0.5 ? 1 : 0);
      difference += drawn[j] - grey[j];
    }
    const Row before = drawn;
    read_row(reader, row, {.binarise = Binarise::sample, .seed = 9}, scratch, drawn);
    EXPECT_EQ(drawn, before);
  }
  EXPECT_EQ(rows.size(), 30U);
  EXPECT_NEAR(difference, 0, 4 * std::sqrt(1500 / 3.0 / 6));  // a third of the values are between 0 and 1
}

TEST(DataScoresTest, RefusesWhatDoesNotFit) {
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::uint8, 100, 9);
  const Rbm rbm = random_rbm({8, 4}, 1);
  test::expect_error(Failure::file, {"8 visible units (8 x 4)", "9 columns (100 rows x 9)"},
                     [&] { (void)score_data(rbm.view(), samples.view(), {}, world); });
  const Rbm fitting = random_rbm({9, 4}, 1);
  test::expect_error(Failure::file, {"no rows"},
                     [&] { (void)score_data(fitting.view(), samples.view().part(0, 0), {}, world); });
}

}  // namespace
}  // namespace rbmpi
