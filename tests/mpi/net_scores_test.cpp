#include "rbmpi/evaluate/net_scores.hpp"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/evaluate/net_outputs.hpp"
#include "support/expect_error.hpp"
#include "support/labelled_samples.hpp"
#include "support/plain_net.hpp"

namespace rbmpi {
namespace {

class NetScoresTest : public testing::Test {
 protected:
  static constexpr std::uint64_t rows = 700;
  Communicator world_ = Communicator::world();
  test::LabelledSamples samples_{rows, 12, 3};
};

TEST_F(NetScoresTest, ClassifierAsAPlainLoopCounts) {
  FeedForwardNet net(classifier_shape(12, std::vector<std::size_t>{7}, 3));
  initialise_net(net, 2);
  test::PlainNet plain(net.shape(), {net.parameters().begin(), net.parameters().end()});
  std::vector<std::uint64_t> confusion(9);
  double loss = 0;
  for (std::uint64_t row = 0; row < rows; ++row) {
    loss += plain.loss(samples_.row(row), samples_.targets(row, true));
    const std::vector<double>& p = plain.forward(samples_.row(row));
    const auto found = static_cast<std::size_t>(std::ranges::max_element(p) - p.begin());
    ++confusion[static_cast<std::size_t>(samples_.view().labels[row]) / 3 * 3 + found];
  }
  Arena memory;
  NetScoring scoring(net.shape(), memory);
  const NetScores scores = scoring.score(net.parameters(), samples_.classes(), samples_.view(), world_);
  EXPECT_EQ(scores.rows, rows);
  EXPECT_EQ(scores.confusion.counts, confusion);
  EXPECT_EQ(scores.errors, rows - confusion[0] - confusion[4] - confusion[8]);
  EXPECT_GT(scores.errors, 100U);
  EXPECT_DOUBLE_EQ(scores.error(), static_cast<double>(scores.errors) / rows);
  EXPECT_NEAR(scores.cross_entropy.mean, loss / rows, 1e-6);
}

TEST_F(NetScoresTest, AutoencoderAsAPlainLoopCounts) {
  FeedForwardNet net(autoencoder_shape(12, std::vector<std::size_t>{5}, Activation::sigmoid));
  initialise_net(net, 2);
  test::PlainNet plain(net.shape(), {net.parameters().begin(), net.parameters().end()});
  double loss = 0;
  double squared_error = 0;
  for (std::uint64_t row = 0; row < rows; ++row) {
    const std::vector<double> v = samples_.row(row);
    loss += plain.loss(v, v);
    const std::vector<double>& p = plain.forward(v);
    for (std::size_t j = 0; j < v.size(); ++j) squared_error += (v[j] - p[j]) * (v[j] - p[j]);
  }
  Arena memory;
  NetScoring scoring(net.shape(), memory);
  const NetScores scores = scoring.score(net.parameters(), {}, samples_.view(), world_);
  EXPECT_NEAR(scores.cross_entropy.mean, loss / rows, 1e-5);
  EXPECT_NEAR(scores.squared_error.mean, squared_error / rows, 1e-4);
  EXPECT_TRUE(scores.confusion.counts.empty());
}

TEST_F(NetScoresTest, OutputsOfAnyLayerComeInOrder) {
  FeedForwardNet net;
  if (world_.is_root()) {
    net = FeedForwardNet(classifier_shape(12, std::vector<std::size_t>{7, 5}, 3));
    initialise_net(net, 2);
  }
  broadcast_net(net, world_);
  ASSERT_EQ(to_text(net.shape()), "12-7-5-3");
  for (const std::size_t layers : {1U, 3U}) {
    // The layers alone are a net as well.
    NetShape below = net.shape();
    below.units.resize(layers + 1);
    below.activations.resize(layers);
    test::PlainNet plain(below, {net.parameters().begin(), net.parameters().end()});
    std::uint64_t next = 0;
    double done = 0;
    net_outputs(
        net, layers, samples_.view(), world_,
        [&](std::uint64_t first, ConstMatrixView outputs) {
          EXPECT_EQ(first, next);
          for (std::size_t i = 0; i < outputs.rows; ++i, ++next) {
            const std::vector<double>& expected = plain.forward(samples_.row(next));
            ASSERT_EQ(outputs.columns, expected.size());
            for (std::size_t j = 0; j < expected.size(); ++j) {
              ASSERT_NEAR(double{outputs.row(i)[j]}, expected[j], 1e-5) << next;
            }
          }
        },
        [&](double share) { done = share; });
    EXPECT_EQ(next, world_.is_root() ? rows : 0);
    EXPECT_EQ(done, 1);
  }
  const test::LabelledSamples others(3, 4, 2);
  test::expect_error(Failure::usage, {"4 columns", "12 inputs"},
                     [&] { net_outputs(net, 3, others.view(), world_, [](std::uint64_t, ConstMatrixView) {}); });
}

}  // namespace
}  // namespace rbmpi
