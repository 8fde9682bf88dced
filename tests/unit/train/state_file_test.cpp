#include "rbmpi/train/state_file.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    test::Random random(1);
    for (auto* values : {&parameters_, &velocity_}) {
      for (Real& value : *values) value = static_cast<Real>(random.uniform() - 0.5);
    }
  }

  [[nodiscard]] TrainingState state() const { return {parameters_, memory_, progress_, blocks_}; }

  test::TemporaryFolder folder_;
  fs::path file_ = folder_ / "state.h5";
  ParameterBlocks blocks_{{{.rows = 7, .columns = 3, .weight_cost = true}, {.rows = 3}}};
  std::vector<Real> parameters_ = std::vector<Real>(24);
  std::vector<Real> velocity_ = std::vector<Real>(24);
  std::vector<OptimizerMemory> memory_{{"velocity", velocity_}};
  TrainingProgress progress_{.layer = 2,
                             .epoch = 3,
                             .epoch_rows = 40,
                             .steps = 1001,
                             .epoch_loss = -12345.0,
                             .epoch_seconds = 0.5,
                             .best_epoch = 2,
                             .best_figure = -1.5};
};

TEST_F(StateFileTest, EverythingComesBack) {
  save_state(file_, state());
  const SavedState read = load_state(file_, blocks_, {});
  EXPECT_TRUE(std::ranges::equal(read.parameters.span(), parameters_));
  ASSERT_EQ(read.optimizer.size(), 1U);
  EXPECT_EQ(read.optimizer.front().name, "velocity");
  EXPECT_TRUE(std::ranges::equal(read.optimizer.front().values.span(), velocity_));
  EXPECT_EQ(read.progress, progress_);
  EXPECT_TRUE(read.blocks.same_sizes(blocks_));
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(StateFileTest, ANewerOneReplacesIt) {
  save_state(file_, state());
  progress_.steps = 2000;
  parameters_.back() = 7;
  save_state(file_, state());
  const SavedState read = load_state(file_, blocks_, {});
  EXPECT_EQ(read.progress.steps, 2000U);
  EXPECT_EQ(read.parameters.span().back(), 7);
}

TEST_F(StateFileTest, EveryDamageIsFound) {
  save_state(file_, state());
  const std::string whole = test::content(file_);
  test::Random random(7);
  for (int i = 0; i < 100; ++i) {
    std::string damaged = whole;
    const std::size_t place = random.below(damaged.size());
    damaged[place] = static_cast<char>(damaged[place] ^ static_cast<char>(1U << random.below(8)));
    for (const std::string& content : {damaged, whole.substr(0, place)}) {
      (void)folder_.write("state.h5", content);
      test::expect_error(Failure::file, {file_.string(), "damaged"}, [&] { (void)load_state(file_, blocks_, {}); });
    }
  }
}

TEST_F(StateFileTest, WhatDoesNotFitIsRefused) {
  const auto refused = [&](const std::vector<std::string>& why, const ParameterBlocks& blocks,
                           const OptimizationOptions& options) {
    std::vector<std::string> fragments = {file_.string()};
    fragments.insert(fragments.end(), why.begin(), why.end());
    test::expect_error(Failure::file, fragments, [&] { (void)load_state(file_, blocks, options); });
  };
  refused({"no such file"}, blocks_, {});
  save_state(file_, state());
  refused({"7 x 3, 3 x 1", "instead of 3 x 7, 3 x 1"}, ParameterBlocks({{.rows = 3, .columns = 7}, {.rows = 3}}), {});
  refused({"7 x 3, 3 x 1", "instead of 1000000000 x 1000"}, ParameterBlocks({{.rows = 1000000000, .columns = 1000}}),
          {});
  OptimizationOptions adam;
  adam.optimizer = "adam";
  refused({"'velocity'", "adam", "'first_moment second_moment'"}, blocks_, adam);
  velocity_.back() = std::numeric_limits<Real>::infinity();
  save_state(file_, state());
  refused({"'/optimizer/velocity'", "not finite"}, blocks_, {});
  velocity_.back() = 0;
  parameters_.front() = std::numeric_limits<Real>::quiet_NaN();
  save_state(file_, state());
  refused({"'/parameters'", "not finite"}, blocks_, {});
}

TEST_F(StateFileTest, AForgedContentIsRefused) {
  const auto refused = [&](const std::string& why, const std::function<void(Hdf5File&)>& content) {
    Hdf5File file = Hdf5File::create(file_, {}, seal_bytes);
    content(file);
    file.close();
    seal_file(file_, file_);
    test::expect_error(Failure::file, {file_.string(), why}, [&] { (void)load_state(file_, blocks_, {}); });
  };
  const auto begin = [](Hdf5File& file, std::int64_t version, const char* memory) {
    file.set_text_attribute("/", "format", "rbmpi-state");
    file.set_integers_attribute("/", "format_version", {version});
    file.write_text("/blocks", "7 x 3, 3 x 1");
    file.create_group("/progress");
    file.set_text_attribute("/progress", "optimizer", memory);
  };
  refused("is no state", [](Hdf5File&) {});
  refused("format_version", [&](Hdf5File& file) { begin(file, 2, "velocity"); });
  refused("another optimizer", [&](Hdf5File& file) { begin(file, 1, ""); });
  refused("/parameters", [&](Hdf5File& file) { begin(file, 1, "velocity"); });
  refused("float32 [24] would be right", [&](Hdf5File& file) {
    begin(file, 1, "velocity");
    file.create_array("/parameters", ElementType::float32, {23});
    file.write_rows("/parameters", ElementType::float32, 0, 23, parameters_.data());
  });
  refused("'layer'", [&](Hdf5File& file) {
    begin(file, 1, "velocity");
    file.create_array("/parameters", ElementType::float32, {24});
    file.write_rows("/parameters", ElementType::float32, 0, 24, parameters_.data());
  });
}

}  // namespace
}  // namespace rbmpi
