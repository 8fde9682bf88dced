// What later units, estimators and sources of data will do, at the smallest size: each is one file and one row of a
// table. tests/mpi/toy_test.cpp trains with them on some ranks, tests/e2e/toy_test.py kills them.
//
//   mpirun -n 3 toy_training STATE.h5 EPOCHS

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "rbmpi/core/error.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/state_file.hpp"
#include "rbmpi/train/trainer.hpp"
#include "support/toys.hpp"

namespace rbmpi::test {
namespace {

void train(const char* state_file, std::uint64_t epochs, const Communicator& world) {
  add_toys();
  const ToyRows rows(toy_rows, toy_columns);
  TrainingOptions options = toy_options();
  options.epochs = epochs;
  TrainingEvents events;
  events.wishes = [](const TrainingProgress&) { return StepWishes{.checkpoint = true}; };
  events.checkpoint = [&](const TrainingState& state, bool) {
    if (!world.is_root()) return;
    save_state(state_file, state);
    std::cout << "step " << state.progress.steps << std::endl;
  };
  std::optional<SavedState> start;
  world.agree_on_root([&] {
    if (std::filesystem::exists(state_file)) start = load_state(state_file, rbm_layout(toy_shape()), options);
  });
  const TrainingResult result = train_rbm(options, {rows, {}}, world, events, std::move(start));
  if (world.is_root()) std::cout << "digest " << model_digest({&result.rbm, 1}) << std::endl;
}

}  // namespace
}  // namespace rbmpi::test

int main(int argc, char** argv) {
  const rbmpi::MpiEnvironment environment(argc, argv);
  try {
    if (argc != 3) throw rbmpi::Error(rbmpi::Failure::usage, "usage: toy_training STATE.h5 EPOCHS");
    rbmpi::test::train(argv[1], std::strtoull(argv[2], nullptr, 10), rbmpi::Communicator::world());
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    rbmpi::MpiEnvironment::abort(1);
  }
}
