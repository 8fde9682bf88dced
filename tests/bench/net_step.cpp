// The time of a step of back-propagation against the matrix products that it stands for, taken by turns:
//
//   mpirun -n RANKS net_step [BATCH [STEPS [THREADS [LEAST]]]]
//
// 784-500-500-2000-10, random rows. With LEAST it fails if a step comes to less than this share of the products' rate.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "arguments.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/net_trainer.hpp"

namespace {

using namespace rbmpi;
using Clock = std::chrono::steady_clock;

/// The products of a step of one rank, on matrices of their own: each layer forward, deltas back, and its share of the
/// gradient over all rows of the node.
class Products {
 public:
  Products(const NetShape& shape, std::size_t rows, std::size_t ranks)
      : shape_(shape), rows_(rows), rows_of_rank_((rows + ranks - 1) / ranks), ranks_(ranks) {
    for (std::size_t k = 0; k < shape.layers(); ++k) {
      layers_.push_back({.below = AlignedBuffer<Real>(rows * shape.units[k]),
                         .deltas = AlignedBuffer<Real>(rows * shape.units[k + 1]),
                         .weights = AlignedBuffer<Real>(shape.units[k] * shape.units[k + 1]),
                         .gradient = AlignedBuffer<Real>(shape.units[k] * shape.units[k + 1])});
      for (AlignedBuffer<Real>* const buffer : {&layers_[k].below, &layers_[k].deltas, &layers_[k].weights}) {
        std::ranges::fill(buffer->span(), Real{0.1F});
      }
    }
  }

  void compute() {
    for (std::size_t k = 0; k < shape_.layers(); ++k) multiply(below(k, rows_of_rank_), weights(k), deltas(k));
    for (std::size_t k = shape_.layers(); k-- > 0;) {
      if (k > 0) multiply_by_transposed(deltas(k), weights(k), below(k, rows_of_rank_));
      const std::size_t in = (shape_.units[k] + ranks_ - 1) / ranks_;
      const std::size_t out = shape_.units[k + 1];
      transposed_times(ConstMatrixView(below(k, rows_)), 0, ConstMatrixView{layers_[k].deltas.data(), rows_, out},
                       MatrixView{layers_[k].gradient.data(), in, out});
    }
  }

  [[nodiscard]] double operations() const {
    double sum = 0;
    for (std::size_t k = 0; k < shape_.layers(); ++k) {
      sum += (k == 0 ? 4.0 : 6.0) * static_cast<double>(rows_ * shape_.units[k] * shape_.units[k + 1]);
    }
    return sum;
  }

 private:
  struct Layer {
    AlignedBuffer<Real> below, deltas, weights, gradient;
  };
  MatrixView below(std::size_t k, std::size_t rows) { return {layers_[k].below.data(), rows, shape_.units[k]}; }
  MatrixView deltas(std::size_t k) { return {layers_[k].deltas.data(), rows_of_rank_, shape_.units[k + 1]}; }
  ConstMatrixView weights(std::size_t k) { return {layers_[k].weights.data(), shape_.units[k], shape_.units[k + 1]}; }

  NetShape shape_;
  std::size_t rows_;
  std::size_t rows_of_rank_;
  std::size_t ranks_;
  std::vector<Layer> layers_;
};

/// Of the slowest rank, in seconds.
double median(std::vector<double> seconds, const Communicator& world) {
  std::ranges::sort(seconds);
  return static_cast<double>(world.maximum(std::llround(seconds[seconds.size() / 2] * 1e9))) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  const MpiEnvironment environment(argc, argv);
  const Communicator world = Communicator::world();
  const bench::Arguments argument{argc, argv};
  const auto batch = static_cast<std::uint64_t>(argument(1, 100));
  const auto steps = static_cast<std::uint64_t>(argument(2, 50));
  use_threads(static_cast<int>(argument(3, 1)));

  FeedForwardNet net(classifier_shape(784, std::vector<std::size_t>{500, 500, 2000}, 10));
  initialise_net(net, 1);
  std::mt19937 random(1);
  const std::uint64_t rows = batch * std::min<std::uint64_t>(steps, 5);
  std::vector<std::uint8_t> values(rows * net.shape().inputs());
  for (std::uint8_t& value : values) value = random() % 5 == 0 ? static_cast<std::uint8_t>(random() % 256) : 0;
  std::vector<std::int32_t> labels(rows);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random() % 10);
  std::vector<std::int32_t> classes(10);
  std::iota(classes.begin(), classes.end(), 0);
  TrainingData data;
  data.training = Samples{
      ElementType::uint8, std::as_bytes(std::span(values)).data(), rows, net.shape().inputs(), 255.0, labels.data()};

  NetTrainingOptions options;
  options.batch_size = batch;
  options.epochs = (steps * batch + rows - 1) / rows;
  options.learning_rate = 0.01;
  Products products(net.shape(), batch, static_cast<std::size_t>(world.size()));
  products.compute();
  std::vector<double> of_steps;
  std::vector<double> of_products;
  Clock::time_point last = Clock::now();
  TrainingEvents events;
  events.step = [&](const StepProgress&) {
    const Clock::time_point end = Clock::now();
    products.compute();
    of_steps.push_back(std::chrono::duration<double>(end - last).count());
    last = Clock::now();
    of_products.push_back(std::chrono::duration<double>(last - end).count());
  };
  (void)train_net(options, std::move(net), classes, data, world, events);

  const double step = median(of_steps, world);
  const double floor = median(of_products, world);
  if (world.is_root()) {
    fmt::print("batches of {} on {} rank(s): step {:.2f} ms, products {:.2f} ms, {:.1f} GFLOP/s: {:.2f} of that rate\n",
               batch, world.size(), 1e3 * step, 1e3 * floor, 1e-9 * products.operations() / floor, floor / step);
  }
  return floor / step < argument(4, 0) ? 1 : 0;
}
