#include "rbmpi/train/checkpoint_writer.hpp"

#include <algorithm>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_folder.hpp"
#include "support/training_states.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class CheckpointWriterTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  RunFolder run_{folder_.path()};
};

TEST_F(CheckpointWriterTest, WritesWhatWasThereWhenItWasAsked) {
  test::SomeTraining training({200, 100});
  const Checkpoint expected = training.checkpoint();
  CheckpointWriter writer(run_, 3);
  writer.describe(training.description());
  writer.keep_checkpoint(training.state(), "line\n");
  training.progress().steps = 5;  // training goes on
  writer.wait();
  EXPECT_TRUE(writer.idle());
  const Checkpoint found = load_checkpoint(run_.checkpoint(expected.progress.steps));
  EXPECT_EQ(model_digest(found.model.layers), model_digest(expected.model.layers));
  EXPECT_EQ(test::copy(found.optimizer.front().values.span()), test::copy(training.velocity()));
  ASSERT_EQ(found.arrays.size(), 1U);
  EXPECT_TRUE(std::ranges::equal(found.arrays.front().values.span(), training.chains()));
  EXPECT_EQ(found.progress, expected.progress);
  EXPECT_EQ(found.metrics, "line\n");
  EXPECT_EQ(found.model.configuration, "hidden = 5\n");

  const auto outcomes = writer.outcomes();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes.front().problem, "");
  EXPECT_TRUE(outcomes.front().is_checkpoint);
  EXPECT_EQ(outcomes.front().steps, expected.progress.steps);
  EXPECT_GT(outcomes.front().seconds, 0);
  EXPECT_TRUE(writer.outcomes().empty());
}

TEST_F(CheckpointWriterTest, ManyInTurnAndTheNewestStay) {
  test::SomeTraining training;
  CheckpointWriter writer(run_, 2);
  writer.describe(training.description());
  training.progress().epoch = 1;
  for (std::uint64_t steps = 1; steps <= 20; ++steps) {
    training.progress().steps = steps;
    writer.keep_checkpoint(training.state(), "");
    if (steps % 5 == 0) writer.keep_snapshot(training.state());
    (void)writer.idle();
  }
  writer.wait();
  EXPECT_THAT(run_.checkpoints(), ElementsAre(20, 19));
  EXPECT_EQ(writer.outcomes().size(), 24U);
  for (const std::uint64_t steps : {5U, 10U, 15U, 20U}) {
    const Model snapshot = load_model(run_.snapshot(steps));
    EXPECT_EQ(model_digest(snapshot.layers), model_digest(training.checkpoint().model.layers));
    EXPECT_FALSE(is_checkpoint(Hdf5File::open(run_.snapshot(steps))));
  }
  EXPECT_EQ(folder_.entries(), 6U);
}

TEST_F(CheckpointWriterTest, OneOfTheFutureIsNotCounted) {
  test::SomeTraining training;
  save_checkpoint(run_.checkpoint(9000), training.checkpoint());
  CheckpointWriter writer(run_, 1);
  writer.describe(training.description());
  training.progress().epoch = 1;
  for (const std::uint64_t steps : {1U, 2U}) {
    training.progress().steps = steps;
    writer.keep_checkpoint(training.state(), "");
  }
  writer.wait();
  EXPECT_THAT(run_.checkpoints(), ElementsAre(9000, 2));
}

TEST_F(CheckpointWriterTest, AFailureIsToldAndTheOldOnesStay) {
  test::SomeTraining training;
  CheckpointWriter writer(run_, 1);
  writer.describe(training.description());
  writer.keep_checkpoint(training.state(), "");
  writer.wait();
  const fs::path away = folder_.path().string() + " away";
  fs::rename(folder_.path(), away);
  training.progress().steps = 9000;
  writer.keep_checkpoint(training.state(), "");
  writer.wait();
  fs::rename(away, folder_.path());
  EXPECT_THAT(run_.checkpoints(), ElementsAre(1001));
  writer.keep_checkpoint(training.state(), "");
  writer.wait();
  EXPECT_THAT(run_.checkpoints(), ElementsAre(9000));
  const auto outcomes = writer.outcomes();
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].problem, "");
  EXPECT_THAT(outcomes[1].problem, HasSubstr("cannot write"));
  EXPECT_EQ(outcomes[2].problem, "");
}

TEST_F(CheckpointWriterTest, TheBestModelStaysUntilItIsWritten) {
  test::SomeTraining best;
  best.progress().best_epoch = 2;
  const test::SomeTraining later({7, 5}, 2);
  fs::create_directory(run_.best());  // in the way
  CheckpointWriter writer(run_, 1);
  writer.describe(best.description());
  writer.reserve_best();
  writer.keep_best(best.state());
  writer.keep_checkpoint(later.state(), "");
  writer.wait();
  auto outcomes = writer.outcomes();
  ASSERT_EQ(outcomes.size(), 3U);
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_EQ(outcomes[i].file, run_.best());
    EXPECT_FALSE(outcomes[i].is_checkpoint);
    EXPECT_THAT(outcomes[i].problem, HasSubstr("best.h5"));
  }
  EXPECT_EQ(outcomes[2].problem, "");

  const auto expect_best = [&] {
    const Model found = load_model(run_.best());
    EXPECT_EQ(model_digest(found.layers), model_digest(best.checkpoint().model.layers));
    EXPECT_EQ(found.configuration, "hidden = 5\n");
    EXPECT_EQ(found.provenance.at("epoch"), "2");
  };
  fs::remove(run_.best());
  writer.keep_snapshot(later.state());
  writer.wait();
  expect_best();
  EXPECT_EQ(writer.outcomes().size(), 2U);
  writer.retry_best();  // there is none any more
  writer.wait();
  EXPECT_TRUE(writer.outcomes().empty());

  fs::remove(run_.best());
  fs::create_directory(run_.best());
  writer.keep_best(best.state());
  writer.wait();
  fs::remove(run_.best());
  writer.retry_best();
  writer.wait();
  expect_best();
}

TEST_F(CheckpointWriterTest, TheLastOneIsThereAtOnce) {
  test::SomeTraining training;
  CheckpointWriter writer(run_, 1);
  writer.describe(training.description());
  writer.keep_checkpoint(training.state(), "a\n");
  training.progress().steps = 2000;
  writer.keep_last_checkpoint(training.state(), "b\n");
  EXPECT_EQ(load_checkpoint(run_.checkpoint(2000)).metrics, "b\n");
  EXPECT_THAT(run_.checkpoints(), ElementsAre(2000));
  const auto outcomes = writer.outcomes();
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_EQ(outcomes[1].problem, "");
  EXPECT_EQ(outcomes[1].steps, 2000U);
}

TEST_F(CheckpointWriterTest, TheLastOneIsWrittenAlthoughItsProcessIsKilled) {
  const test::SomeTraining training({3000, 1000});
  const pid_t child = fork();
  if (child == 0) {
    CheckpointWriter writer(run_, 1);
    writer.describe(training.description());
    writer.keep_last_checkpoint(training.state(), "");
    _exit(0);
  }
  // Killed as soon as it writes.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (folder_.entries() == 0 && std::chrono::steady_clock::now() < deadline) usleep(200);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it was over before it could be killed";
  while (run_.checkpoints().empty() && std::chrono::steady_clock::now() < deadline) usleep(1000);
  EXPECT_EQ(load_checkpoint(run_.checkpoint(1001)).progress, training.state().progress);
}

TEST_F(CheckpointWriterTest, AFailureOfTheLastOneIsToldToo) {
  const test::SomeTraining training;
  CheckpointWriter writer(RunFolder(folder_ / "nowhere"), 1);
  writer.describe(training.description());
  writer.keep_last_checkpoint(training.state(), "");
  EXPECT_THAT(writer.outcomes().at(0).problem, HasSubstr("nowhere"));
}

TEST_F(CheckpointWriterTest, TheEndWaitsForWhatIsBeingWritten) {
  const test::SomeTraining training({500, 400});
  {
    CheckpointWriter writer(run_, 1);
    writer.describe(training.description());
    writer.keep_checkpoint(training.state(), "");
  }
  EXPECT_EQ(load_checkpoint(run_.checkpoint(1001)).progress, training.state().progress);
  EXPECT_EQ(folder_.entries(), 1U);
}

}  // namespace
}  // namespace rbmpi
