#include "rbmpi/train/named_model.hpp"

#include <string>

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
