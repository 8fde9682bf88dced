#include "rbmpi/model/feed_forward_net.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/model/net_pass.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;

/// 4 visible units, then 3 and 2.
std::vector<Rbm> stack() {
  test::Random random(1);
  std::vector<Rbm> stack;
  stack.emplace_back(RbmShape{4, 3});
  stack.emplace_back(RbmShape{3, 2});
  for (Rbm& rbm : stack) {
    for (Real& value : rbm.parameters()) value = static_cast<Real>(random.uniform(-1, 1));
  }
  return stack;
}

std::vector<double> probabilities(const Rbm& rbm, const std::vector<double>& v) {
  std::vector<double> p(rbm.shape().hidden);
  for (std::size_t j = 0; j < p.size(); ++j) {
    double x = rbm.view().hidden_bias[j];
    for (std::size_t i = 0; i < v.size(); ++i) x += v[i] * double{rbm.view().weights.row(i)[j]};
    p[j] = 1 / (1 + std::exp(-x));
  }
  return p;
}

std::vector<double> reconstruction(const Rbm& rbm, const std::vector<double>& h) {
  std::vector<double> p(rbm.shape().visible);
  for (std::size_t i = 0; i < p.size(); ++i) {
    double x = rbm.view().visible_bias[i];
    for (std::size_t j = 0; j < h.size(); ++j) x += h[j] * double{rbm.view().weights.row(i)[j]};
    p[i] = 1 / (1 + std::exp(-x));
  }
  return p;
}

std::vector<Real> pass(const FeedForwardNet& net, const std::vector<double>& row, std::size_t layers) {
  Arena memory;
  NetPass pass(net.shape(), 3, memory);
  for (std::size_t i = 0; i < row.size(); ++i) pass.inputs(2).row(1)[i] = static_cast<Real>(row[i]);
  const MatrixView found = pass.forward(net.parameters(), 2, layers);
  return {found.row(1), found.row(1) + found.columns};
}

const std::vector<double> some_row = {0, 1, 0.5, 1};

TEST(FeedForwardNetTest, ParametersLieLayerByLayer) {
  const NetShape shape = classifier_shape(4, std::vector<std::size_t>{3, 2}, 5);
  EXPECT_EQ(to_text(shape), "4-3-2-5");
  EXPECT_THAT(shape.activations, ElementsAre(Activation::sigmoid, Activation::sigmoid, Activation::softmax));
  EXPECT_EQ(shape.parameters(), 15U + 8U + 15U);
  FeedForwardNet net(shape);
  for (std::size_t i = 0; i < net.parameters().size(); ++i) net.parameters()[i] = static_cast<Real>(i);
  EXPECT_EQ(net.layer(1).weights.row(2)[1], 20);
  EXPECT_THAT(net.layer(1).bias, ElementsAre(21, 22));
  EXPECT_EQ(net.layer(2).weights.row(0)[0], 23);
}

TEST(FeedForwardNetTest, ClassifierOfAStackSaysWhatTheStackSays) {
  const std::vector<Rbm> rbms = stack();
  const FeedForwardNet net = classifier_of_stack(rbms, 5);
  const std::vector<double> hidden = probabilities(rbms[1], probabilities(rbms[0], some_row));
  const std::vector<Real> found = pass(net, some_row, 2);
  for (std::size_t j = 0; j < hidden.size(); ++j) EXPECT_NEAR(double{found[j]}, hidden[j], 1e-6);
  EXPECT_THAT(pass(net, some_row, 3), testing::Each(testing::FloatNear(0.2F, 1e-6F)));
}

TEST(FeedForwardNetTest, AutoencoderOfAStackReconstructsAsTheStack) {
  const std::vector<Rbm> rbms = stack();
  const FeedForwardNet net = autoencoder_of_stack(rbms, Activation::sigmoid);
  EXPECT_EQ(to_text(net.shape()), "4-3-2-3-4");
  const std::vector<double> code = probabilities(rbms[1], probabilities(rbms[0], some_row));
  const std::vector<double> expected = reconstruction(rbms[0], reconstruction(rbms[1], code));
  const std::vector<Real> found = pass(net, some_row, 4);
  for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(double{found[j]}, expected[j], 1e-6);
}

TEST(FeedForwardNetTest, LinearCodeIsTheFieldAndTheTangentTakesThePlaceOfTheSigmoid) {
  const std::vector<Rbm> rbms = stack();
  const FeedForwardNet net = autoencoder_of_stack(rbms, Activation::linear);
  EXPECT_THAT(net.shape().activations,
              ElementsAre(Activation::sigmoid, Activation::linear, Activation::sigmoid, Activation::sigmoid));
  const std::vector<double> p = probabilities(rbms[1], probabilities(rbms[0], some_row));
  const std::vector<Real> code = pass(net, some_row, 2);
  std::vector<double> tangent;
  for (std::size_t j = 0; j < p.size(); ++j) {
    EXPECT_NEAR(double{code[j]}, std::log(p[j] / (1 - p[j])), 1e-5);
    tangent.push_back(0.5 + double{code[j]} / 4);
  }
  const std::vector<double> expected = reconstruction(rbms[0], reconstruction(rbms[1], tangent));
  const std::vector<Real> found = pass(net, some_row, 4);
  for (std::size_t j = 0; j < expected.size(); ++j) EXPECT_NEAR(double{found[j]}, expected[j], 1e-6);
}

TEST(FeedForwardNetTest, RandomWeightsAreAFunctionOfTheSeed) {
  FeedForwardNet net(classifier_shape(200, std::vector<std::size_t>{100}, 50));
  initialise_net(net, 3);
  const auto deviation = [&](std::size_t k) {
    const NetLayer<const Real> layer = std::as_const(net).layer(k);
    double squares = 0;
    for (std::size_t i = 0; i < layer.weights.size(); ++i) squares += std::pow(double{layer.weights.values[i]}, 2);
    return std::sqrt(squares / static_cast<double>(layer.weights.size()));
  };
  EXPECT_NEAR(deviation(0), 2 * std::sqrt(2.0 / 300), 0.005);
  EXPECT_NEAR(deviation(1), 2 * std::sqrt(2.0 / 150), 0.01);
  EXPECT_THAT(net.layer(0).bias, testing::Each(0));
  const NetLayer<Real> top = net.layer(1);
  for (std::size_t j = 0; j < 50; ++j) {
    double at_half = top.bias[j];
    for (std::size_t i = 0; i < 100; ++i) at_half += double{top.weights.row(i)[j]} / 2;
    EXPECT_NEAR(at_half, 0, 1e-5);
  }
  const std::string digest = net_digest(net);
  initialise_net(net, 3);
  EXPECT_EQ(net_digest(net), digest);
  initialise_net(net, 4);
  EXPECT_NE(net_digest(net), digest);
}

TEST(FeedForwardNetTest, DigestIsThatOfShapeAndParameters) {
  FeedForwardNet net({.units = {1, 2}, .activations = {Activation::softmax}});
  net.parameters()[3] = 1;
  const std::string bytes =
      std::string("rbmpi-net 1\n1 softmax 2\n") + std::string(14, '\0') + "\x80\x3f";  // three zeros and a one
  EXPECT_EQ(net_digest(net), hexadecimal(sha256(std::as_bytes(std::span(bytes)))));
}

TEST(FeedForwardNetTest, ShapesThatCannotBeAreRefused) {
  check_shape(classifier_shape(4, {}, 5));
  test::expect_error(Failure::usage, {"4-0-5", "from 1 to"},
                     [] { check_shape(classifier_shape(4, std::vector<std::size_t>{0}, 5)); });
  test::expect_error(Failure::usage, {"4-3-2", "softmax at its outputs"}, [] {
    check_shape({.units = {4, 3, 2}, .activations = {Activation::softmax, Activation::softmax}});
  });
  test::expect_error(Failure::usage, {"at least one layer"}, [] { check_shape({.units = {4}, .activations = {}}); });
}

TEST(FeedForwardNetTest, ClassesAreFoundByTheirLabels) {
  const std::vector<std::int32_t> classes = {-2, 0, 7};
  EXPECT_EQ(class_of(classes, 7), 2U);
  EXPECT_EQ(class_of(classes, -2), 0U);
  EXPECT_EQ(class_of(classes, 5), std::nullopt);
  EXPECT_EQ(class_of(classes, 8), std::nullopt);
}

}  // namespace
}  // namespace rbmpi
