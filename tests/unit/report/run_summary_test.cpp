#include "rbmpi/report/run_summary.hpp"

#include <gmock/gmock.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi::test {
namespace {

TEST(Metrics, NumbersByTheirKeys) {
  const auto epochs =
      parse_metrics("m", "{\"epoch\": 1, \"mse\": 0.5, \"name\": \"x\"}\n{\"epoch\": 2, \"mse\": null}\n");
  ASSERT_EQ(epochs.size(), 2U);
  EXPECT_THAT(epochs[0], ::testing::ElementsAre(std::pair("epoch", 1.0), std::pair("mse", 0.5)));
  EXPECT_THAT(epochs[1], ::testing::ElementsAre(std::pair("epoch", 2.0)));
}

TEST(Metrics, ALastLineThatIsBeingWrittenIsPassedOver) {
  EXPECT_EQ(parse_metrics("m", "{\"epoch\": 1}\n{\"epo").size(), 1U);
  EXPECT_EQ(parse_metrics("m", "{\"epoch\": 1}\n{\"epoch\": 2}").size(), 2U);
  EXPECT_EQ(parse_metrics("m", "{\"ep").size(), 0U);
  EXPECT_EQ(parse_metrics("m", "").size(), 0U);
}

TEST(Metrics, AnyOtherLineHasToBeAnObjectWithAnEpoch) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      (void)parse_metrics("m", text);
      return "";
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::file);
      return error.what();
    }
  };
  EXPECT_THAT(message("{\"epoch\": 1}\nx\n{\"epoch\": 2}\n"), ::testing::HasSubstr("'m', line 2"));
  EXPECT_THAT(message("[1]\n"), ::testing::HasSubstr("line 1"));
  EXPECT_THAT(message("{\"mse\": 1}\n"), ::testing::HasSubstr("'epoch'"));
  EXPECT_THAT(message("\n{\"epoch\": 1}\n"), ::testing::HasSubstr("line 1"));
}

}  // namespace
}  // namespace rbmpi::test
