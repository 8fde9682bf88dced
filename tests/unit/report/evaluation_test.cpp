#include "rbmpi/report/evaluation.hpp"

#include <string>

#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

TEST(EvaluationTest, TheMeanFieldErrorIsReadByItsOldNameToo) {
  const test::TemporaryFolder folder;
  for (const std::string name : {"mean_field_mse", "reconstruction_mse"}) {
    const auto file = folder.write("e.json", "{\"" + name + "\": {\"mean\": 0.5, \"standard_error\": 0.25}}");
    const Evaluation evaluation = read_evaluation(file);
    ASSERT_TRUE(evaluation.scores.contains("mean_field_mse"));
    EXPECT_EQ(evaluation.scores.at("mean_field_mse").value, 0.5);
    EXPECT_EQ(evaluation.scores.at("mean_field_mse").standard_error, 0.25);
    EXPECT_EQ(evaluation.scores.size(), 1U);
  }
}

}  // namespace
}  // namespace rbmpi
