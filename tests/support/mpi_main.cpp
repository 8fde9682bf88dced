// Runs GoogleTest on every rank of an MPI job. All ranks run all tests; if one fails on any rank, every rank ends with
// an error. Rank 0 reports as usual, the others only what failed on them.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/parallel/communicator.hpp"

namespace {

class FailurePrinter final : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}

  void OnTestStart(const testing::TestInfo& test) override {
    test_ = fmt::format("{}.{}", test.test_suite_name(), test.name());
  }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    // One write, so that the ranks do not mix their lines.
    const char* const file = result.file_name();
    const std::string text = fmt::format("[rank {}] {} failed at {}:{}\n{}\n", rank_, test_,
                                         file == nullptr ? "?" : file, result.line_number(), result.message());
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  int rank_;
  std::string test_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const rbmpi::MpiEnvironment environment(argc, argv);
  const rbmpi::Communicator world = rbmpi::Communicator::world();
  if (!world.is_root()) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    const std::unique_ptr<testing::TestEventListener> standard(listeners.Release(listeners.default_result_printer()));
    listeners.Append(new FailurePrinter(world.rank()));  // GoogleTest deletes it
  }
  const auto failed = static_cast<std::int64_t>(RUN_ALL_TESTS());
  return static_cast<int>(world.maximum(failed));
}
