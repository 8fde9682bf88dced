#include "rbmpi/train/named_model.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/train/checkpoint.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"
#include "support/training_states.hpp"

namespace rbmpi {
namespace {

class NamedModelTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "some.h5";
  const Checkpoint checkpoint_ = test::SomeTraining().checkpoint();
};

TEST_F(NamedModelTest, AModelHasNoProgress) {
  save_model(file_, checkpoint_.model);
  const NamedModel named = load_named_model(file_);
  EXPECT_EQ(model_digest(named.model), model_digest(checkpoint_.model));
  EXPECT_EQ(named.file, file_);
  EXPECT_FALSE(named.progress);
}

TEST_F(NamedModelTest, ACheckpointHasOne) {
  save_checkpoint(file_, checkpoint_);
  const NamedModel named = load_named_model(file_);
  EXPECT_EQ(model_digest(named.model), model_digest(checkpoint_.model));
  EXPECT_EQ(named.progress, checkpoint_.progress);
}

/// What persistent chains leave of one chain of units: the first and the last are on, and bits behind them, which only
/// a file that others made has.
SavedState::Array array_of_chains(std::uint64_t columns, ElementType type = ElementType::uint8) {
  SavedState::Array array{"visible_chains", type, 1, columns, AlignedBuffer<std::byte>(columns * element_size(type))};
  std::ranges::fill(array.values.span(), std::byte{0});
  array.values.data()[0] = std::byte{0b11000001};
  return array;
}

TEST_F(NamedModelTest, ACheckpointHasTheChainsOfTheLayerInWorkAsItsOwn) {
  Checkpoint checkpoint = test::SomeTraining().checkpoint();  // of 7 visible units
  checkpoint.arrays.push_back(array_of_chains(8));
  save_checkpoint(file_, checkpoint);
  const NamedModel named = load_named_model(file_);
  ASSERT_EQ(named.model.chains.size(), 1U);
  const ChainStates& chains = named.model.chains.at(0);
  EXPECT_EQ(chains.rows, 1U);
  EXPECT_EQ(chains.columns, 7U);
  EXPECT_EQ(chains.words, std::vector<std::uint64_t>{0b1000001});
  EXPECT_EQ(read_model_so_far(Hdf5File::open(file_)).chains, named.model.chains);
}

TEST_F(NamedModelTest, AnArrayOfThatNameThatIsSomethingElseIsNoChains) {
  for (const auto& [columns, type] : {std::pair(16, ElementType::uint8), {8, ElementType::float32}}) {
    Checkpoint checkpoint = test::SomeTraining().checkpoint();
    checkpoint.arrays.push_back(array_of_chains(static_cast<std::uint64_t>(columns), type));
    save_checkpoint(file_, checkpoint);
    EXPECT_TRUE(load_named_model(file_).model.chains.empty());
  }
}

TEST_F(NamedModelTest, ACheckpointNeedsItsSeal) {
  save_checkpoint(file_, checkpoint_);
  std::string bytes = test::content(file_);
  for (const std::size_t place : {std::size_t{0}, std::size_t{20}, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 1);
    (void)folder_.write("some.h5", damaged);
    test::expect_error(Failure::file, {file_.string(), "damaged"}, [&] { (void)load_named_model(file_); });
  }
}

}  // namespace
}  // namespace rbmpi
