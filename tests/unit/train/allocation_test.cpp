// No step of training allocates memory: between two steps neither malloc nor operator new (which calls it) is called,
// by this program or by any library. On one thread: OpenBLAS makes a table of jobs for each product on several. The
// functions below take the place of the C library's for the whole process, so this is an executable of its own; the
// sanitizers, which have their own, are built without it.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/net_trainer.hpp"
#include "rbmpi/train/trainer.hpp"
#include "support/labelled_samples.hpp"
#include "support/random_samples.hpp"

namespace {
std::atomic<long> allocations{0};
}  // namespace

extern "C" {
// The C library's own, under the names that it exports for programs such as this one.
void* __libc_malloc(std::size_t size);                           // NOLINT(bugprone-reserved-identifier): its name
void* __libc_calloc(std::size_t count, std::size_t size);        // NOLINT(bugprone-reserved-identifier): its name
void* __libc_realloc(void* memory, std::size_t size);            // NOLINT(bugprone-reserved-identifier): its name
void* __libc_memalign(std::size_t alignment, std::size_t size);  // NOLINT(bugprone-reserved-identifier): its name

void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  ++allocations;
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
}

namespace rbmpi {
namespace {

struct Case {
  std::string name;
  bool sample_data = true;
  Arithmetic arithmetic = Arithmetic::exact;
  std::uint64_t batch_size = 100;
  Engine engine = Engine::blas;
  Exchange exchange = Exchange::automatic;
};

void PrintTo(const Case& shown, std::ostream* stream) {
  *stream << shown.name;
}

class AllocationTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Cases, AllocationTest,
    testing::Values(Case{.name = "exact"}, Case{.name = "unsampled", .sample_data = false},
                    Case{.name = "plain", .arithmetic = Arithmetic::plain}, Case{.name = "wide", .batch_size = 5000},
                    Case{.name = "allreduce", .exchange = Exchange::allreduce},
                    Case{.name = "active", .engine = Engine::active},
                    Case{.name = "active_allreduce", .engine = Engine::active, .exchange = Exchange::allreduce},
                    Case{.name = "active_in_parts", .batch_size = 3000, .engine = Engine::active},
                    Case{.name = "active_wide", .batch_size = 5000, .engine = Engine::active}),
    [](const auto& test) { return test.param.name; });

/// The allocations in each step of a training, which takes events, of three epochs. What libraries set up at their
/// first use is not of the step: the first epoch is left out. So is what lies between two epochs.
template <typename Training>
std::vector<long> steps_of(const Training& train) {
  std::uint64_t epoch = 0;
  long last = 0;
  std::vector<long> in_step;
  in_step.reserve(1000);
  TrainingEvents events;
  events.step = [&](const StepProgress& progress) {
    if (progress.epoch == epoch && epoch > 1) in_step.push_back(allocations - last);
    epoch = progress.epoch;
    last = allocations;
  };
  train(events);
  return in_step;
}

TEST(AllocationCounterTest, CountsEveryKind) {
  const auto counts = [](const auto& allocate) {
    const long before = allocations;
    allocate();
    return allocations - before;
  };
  void* volatile memory = nullptr;  // so that nothing is optimised away
  EXPECT_EQ(counts([&] { memory = std::malloc(10); }), 1);
  EXPECT_EQ(counts([&] { memory = std::realloc(memory, 10000); }), 1);
  std::free(memory);
  EXPECT_EQ(counts([&] { memory = std::calloc(10, 10); }), 1);
  std::free(memory);
  EXPECT_EQ(counts([&] { memory = std::aligned_alloc(64, 64); }), 1);
  std::free(memory);
  EXPECT_EQ(counts([&] { memory = ::operator new(10); }), 1);
  ::operator delete(memory);
  EXPECT_EQ(counts([&] { memory = ::operator new (10, std::align_val_t{64}); }), 1);
  ::operator delete (memory, std::align_val_t{64});
}

TEST_P(AllocationTest, AStepAllocatesNothing) {
  const Case& param = GetParam();
  use_threads(1);
  TrainingOptions options;
  options.hidden = 100;
  options.epochs = 3;
  options.batch_size = param.batch_size;
  options.sample_data = param.sample_data;
  options.arithmetic = param.arithmetic;
  options.engine = param.engine;
  options.exchange = param.exchange;
  // Products of 100 x 200 x 100 and more: for small ones of double precision OpenBLAS has kernels that allocate.
  const test::RandomSamples samples(ElementType::uint8, 5 * param.batch_size, 200);

  const auto in_steps = steps_of([&](const TrainingEvents& events) {
    (void)train_rbm(options, {samples.view(), {}}, {}, events);
  });
  EXPECT_EQ(in_steps, std::vector<long>(8, 0));
}

struct NetCase {
  std::string name;
  NetShape shape;
  double input_dropout = 0;
  double hidden_dropout = 0;
  std::uint64_t batch_size = 100;
  Exchange exchange = Exchange::automatic;
};

void PrintTo(const NetCase& shown, std::ostream* stream) {
  *stream << shown.name;
}

const NetShape classifier{{200, 100, 110, 100}, {Activation::sigmoid, Activation::sigmoid, Activation::softmax}};
const NetShape autoencoder{{200, 110, 100, 110, 200},
                           {Activation::sigmoid, Activation::linear, Activation::sigmoid, Activation::sigmoid}};

class NetAllocationTest : public testing::TestWithParam<NetCase> {};

INSTANTIATE_TEST_SUITE_P(
    Cases, NetAllocationTest,
    testing::Values(
        NetCase{.name = "classifier", .shape = classifier},
        NetCase{.name = "classifier_dropout", .shape = classifier, .input_dropout = 0.2, .hidden_dropout = 0.5},
        NetCase{.name = "classifier_in_parts", .shape = classifier, .hidden_dropout = 0.5, .batch_size = 3000},
        NetCase{.name = "classifier_allreduce", .shape = classifier, .exchange = Exchange::allreduce},
        NetCase{.name = "autoencoder", .shape = autoencoder},
        NetCase{.name = "autoencoder_dropout", .shape = autoencoder, .input_dropout = 0.2, .hidden_dropout = 0.5}),
    [](const auto& test) { return test.param.name; });

TEST_P(NetAllocationTest, AStepOfBackPropagationAllocatesNothing) {
  const NetCase& param = GetParam();
  use_threads(1);
  NetTrainingOptions options;
  options.epochs = 3;
  options.batch_size = param.batch_size;
  options.exchange = param.exchange;
  options.input_dropout = param.input_dropout;
  options.hidden_dropout = param.hidden_dropout;
  const test::LabelledSamples samples(5 * param.batch_size, 200, 100);
  const std::vector<std::int32_t> classes =
      param.shape.is_classifier() ? samples.classes() : std::vector<std::int32_t>();
  const auto in_steps = steps_of([&](const TrainingEvents& events) {
    (void)train_net(options, FeedForwardNet(param.shape), classes, {samples.view(), {}}, {}, events);
  });
  EXPECT_EQ(in_steps, std::vector<long>(8, 0));
}

}  // namespace
}  // namespace rbmpi
