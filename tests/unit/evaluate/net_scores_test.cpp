#include "rbmpi/evaluate/net_scores.hpp"

#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {
namespace {

TEST(NetScoresTest, AFewOfManyClassesAreListed) {
  const std::vector<std::int32_t> labels = {3, -7};
  Samples samples;
  samples.rows = labels.size();
  samples.labels = labels.data();
  std::vector<std::int32_t> classes(20);
  std::iota(classes.begin(), classes.end(), 0);
  const auto message = [&] {
    try {
      check_labels(samples, classes, "data");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_TRUE(
      message().ends_with("row 1 of the data has the label -7, which is none of the classes of the net: 0, 1, 2, "
                          "3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19"))
      << message();
  classes.push_back(20);
  EXPECT_TRUE(message().ends_with(", 18, 19, ... (21 of them)")) << message();
}

TEST(NetScoresTest, MemoryCountsWhichClassIsTakenForWhich) {
  const auto memory = [](const NetShape& shape) {
    Arena counted(ArenaUse::count);
    const NetScoring scoring(shape, counted);
    return counted.most();
  };
  const std::uint64_t of_classifier = memory(classifier_shape(5, std::vector<std::size_t>{3}, 10000));
  EXPECT_GT(of_classifier, std::uint64_t{10000} * 10000 * 8);
  EXPECT_LT(of_classifier, std::uint64_t{10000} * 10000 * 9);
  EXPECT_LT(memory(autoencoder_shape(10000, std::vector<std::size_t>{3}, Activation::linear)),
            std::uint64_t{10000} * 10000);
}

}  // namespace
}  // namespace rbmpi
