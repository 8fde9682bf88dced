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

RunSummary some_stack() {
  RunSummary run;
  run.configuration = {{"layers", "20,10,5"}, {"epochs", "50/20"}, {"learning-rate", "1:0.1, 6:0.05/0.01/0.2"}};
  for (const double layer : {0.0, 0.0, 1.0}) run.epochs.push_back({{"layer", layer}, {"epoch", 1}});
  return run;
}

TEST(RunOfAStack, EachLayerHasAValue) {
  const RunSummary run = some_stack();
  EXPECT_EQ(run.layers(), 3U);
  EXPECT_EQ(run.value("epochs", 0), "50");
  EXPECT_EQ(run.value("epochs", 1), "20");
  EXPECT_EQ(run.value("epochs", 2), "20");
  EXPECT_EQ(run.value("learning-rate", 0), "1:0.1, 6:0.05");
  EXPECT_EQ(run.value("learning-rate", 2), "0.2");
  EXPECT_EQ(run.value("momentum", 1), "");
}

TEST(RunOfAStack, LayersThatAreBegun) {
  RunSummary run = some_stack();
  run.progress.emplace();
  run.progress->layer = 1;
  const std::vector<RunLayer> layers = begun_layers(run);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[0].epochs.size(), 2U);
  EXPECT_EQ(layers[0].state, RunState::finished);
  EXPECT_EQ(layers[1].epochs.size(), 1U);
  EXPECT_EQ(layers[1].state, RunState::unfinished);
  EXPECT_THROW((void)layer_of(run, 2), Error);
}

TEST(RunOfANet, IsShownAsAWhole) {
  RunSummary run = some_stack();
  run.kind = RunKind::classifier;
  EXPECT_EQ(run.layers(), 1U);
  EXPECT_THROW((void)layer_of(run, 0), Error);
}

}  // namespace
}  // namespace rbmpi::test
