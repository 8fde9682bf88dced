#include "rbmpi/train/state_file.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/model/parameter_file.hpp"
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

  [[nodiscard]] TrainingState state() const { return {parameters_, memory_, progress_, layout_, arrays_}; }

  test::TemporaryFolder folder_;
  fs::path file_ = folder_ / "state.h5";
  ParameterLayout layout_{
      {{.path = "weights", .rows = 7, .columns = 3, .weight_cost = true}, {.path = "bias", .rows = 3}}};
  std::vector<Real> parameters_ = std::vector<Real>(24);
  std::vector<Real> velocity_ = std::vector<Real>(24);
  std::vector<OptimizerMemory> memory_{{"velocity", velocity_}};
  std::vector<std::byte> bits_ = std::vector<std::byte>(std::size_t{5} * 2, std::byte{0x5a});
  std::vector<std::int32_t> births_ = {4, 5, 6, 7, 8};
  std::vector<StateArray> arrays_{
      {.name = "births",
       .type = ElementType::int32,
       .rows = 5,
       .values = std::as_writable_bytes(std::span(births_)),
       .is_shared_out = true},
      {.name = "chains", .type = ElementType::uint8, .rows = 5, .columns = 2, .values = bits_, .is_shared_out = true}};
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
  const SavedState read = load_state(file_, layout_, {});
  EXPECT_TRUE(std::ranges::equal(read.parameters.span(), parameters_));
  ASSERT_EQ(read.optimizer.size(), 1U);
  EXPECT_EQ(read.optimizer.front().name, "velocity");
  EXPECT_TRUE(std::ranges::equal(read.optimizer.front().values.span(), velocity_));
  EXPECT_EQ(read.progress, progress_);
  EXPECT_TRUE(read.layout.same_shapes(layout_));
  ASSERT_EQ(read.arrays.size(), arrays_.size());
  for (std::size_t i = 0; i < arrays_.size(); ++i) {
    const SavedState::Array& array = read.arrays[i];
    EXPECT_EQ(array.name, arrays_[i].name);
    EXPECT_EQ(array.type, arrays_[i].type);
    EXPECT_EQ(array.rows, arrays_[i].rows);
    EXPECT_EQ(array.columns, arrays_[i].columns);
    EXPECT_TRUE(std::ranges::equal(array.values.span(), arrays_[i].values));
  }
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(StateFileTest, MemoryOfItsOwnShapeComesBack) {
  OptimizationOptions cossim;
  cossim.optimizer = "cossim";
  std::vector<Real> factors = {1.5F, 2.5F};
  std::vector<Real> products(std::size_t{2} * 10, 0.25F);
  memory_ = {{"last_gradient", velocity_}, {"factors", factors, 2}, {"products", products, 2, 10}};
  save_state(file_, state());
  const SavedState read = load_state(file_, layout_, cossim);
  ASSERT_EQ(read.optimizer.size(), 3U);
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    EXPECT_EQ(read.optimizer[i].name, memory_[i].name);
    EXPECT_EQ(read.optimizer[i].rows, memory_[i].rows);
    EXPECT_EQ(read.optimizer[i].columns, memory_[i].columns);
    EXPECT_TRUE(std::ranges::equal(read.optimizer[i].values.span(), memory_[i].values));
  }
}

TEST_F(StateFileTest, ANewerOneReplacesIt) {
  save_state(file_, state());
  progress_.steps = 2000;
  parameters_.back() = 7;
  save_state(file_, state());
  const SavedState read = load_state(file_, layout_, {});
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
      test::expect_error(Failure::file, {file_.string(), "damaged"}, [&] { (void)load_state(file_, layout_, {}); });
    }
  }
}

TEST_F(StateFileTest, WhatDoesNotFitIsRefused) {
  const auto refused = [&](const std::vector<std::string>& why, const ParameterLayout& layout,
                           const OptimizationOptions& options) {
    std::vector<std::string> fragments = {file_.string()};
    fragments.insert(fragments.end(), why.begin(), why.end());
    test::expect_error(Failure::file, fragments, [&] { (void)load_state(file_, layout, options); });
  };
  refused({"no such file"}, layout_, {});
  save_state(file_, state());
  const auto weights = [](std::size_t rows, std::size_t columns) {
    return ParameterLayout({{.path = "weights", .rows = rows, .columns = columns}});
  };
  refused({"weights 7 x 3, bias 3 instead of weights 3 x 7"}, weights(3, 7), {});
  refused({"weights 7 x 3, bias 3 instead of weights 1000000000 x 1000"}, weights(1000000000, 1000), {});
  OptimizationOptions adam;
  adam.optimizer = "adam";
  refused({"'velocity'", "adam", "'first_moment second_moment'"}, layout_, adam);
  // Of another layout's groups.
  OptimizationOptions cossim;
  cossim.optimizer = "cossim";
  std::vector<Real> factors(2);
  std::vector<Real> products(std::size_t{2} * 9);
  memory_ = {{"last_gradient", velocity_}, {"factors", factors, 2}, {"products", products, 2, 9}};
  save_state(file_, state());
  refused({"'/optimizer/products'", "[2 x 9]", "[2 x 10]"}, layout_, cossim);
  memory_ = {{"velocity", velocity_}};
  velocity_.back() = std::numeric_limits<Real>::infinity();
  save_state(file_, state());
  refused({"'/optimizer/velocity/bias'", "not finite"}, layout_, {});
  velocity_.back() = 0;
  parameters_.front() = std::numeric_limits<Real>::quiet_NaN();
  save_state(file_, state());
  refused({"'/parameters/weights'", "not finite"}, layout_, {});
}

TEST_F(StateFileTest, AForgedContentIsRefused) {
  const auto refused = [&](const std::string& why, const std::function<void(Hdf5File&)>& content) {
    Hdf5File file = Hdf5File::create(file_, {}, seal_bytes);
    content(file);
    file.close();
    seal_file(file_, file_);
    test::expect_error(Failure::file, {file_.string(), why}, [&] { (void)load_state(file_, layout_, {}); });
  };
  const auto begin = [&](Hdf5File& file, std::int64_t version, const char* memory) {
    file.set_text_attribute("/", "format", "rbmpi-state");
    file.set_integers_attribute("/", "format_version", {version});
    file.write_text("/layout", to_text(layout_));
    file.create_group("/progress");
    file.set_text_attribute("/progress", "optimizer", memory);
  };
  refused("is no state", [](Hdf5File&) {});
  refused("format_version", [&](Hdf5File& file) { begin(file, 1, "velocity"); });
  refused("another optimizer", [&](Hdf5File& file) { begin(file, 2, ""); });
  refused("'/parameters/weights' is missing", [&](Hdf5File& file) { begin(file, 2, "velocity"); });
  const auto write = [&](Hdf5File& file, const char* group) {
    write_parameters(file, layout_.in_group(group), parameters_);
  };
  refused("'layer'", [&](Hdf5File& file) {
    begin(file, 2, "velocity");
    write(file, "/parameters");
    write(file, "/optimizer/velocity");
  });
  refused("an array of two dimensions would be right", [&](Hdf5File& file) {
    begin(file, 2, "velocity");
    write(file, "/parameters");
    write(file, "/optimizer/velocity");
    file.create_group("/state");
    file.create_array("/state/chains", ElementType::uint8, {3});
    file.write_rows("/state/chains", ElementType::uint8, 0, 3, "abc");
  });
}

}  // namespace
}  // namespace rbmpi
