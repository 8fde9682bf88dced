// One CD-1 step against the five matrix products that it cannot do without, timed in turn in the same run, so that a
// change of the machine's speed meets both. Prints the medians and their ratio.
//
//   step_benchmark [--smoke] [--visible V] [--hidden H] [--batch B] [--threads T] [--rounds N] [--most RATIO]
//
// With --most it fails if the ratio is larger; a busy machine has five tries, since what others do to the caches is not
// the step's fault.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/trainer.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Setting {
  std::size_t visible = 784;
  std::size_t hidden = 300;
  std::size_t batch = 100;
  int threads = 1;
  std::size_t rounds = 400;
  double most = 0;  // 0: any ratio will do
};

Setting parse(int argc, char** argv) {
  Setting setting;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (option == "--smoke") setting = {.visible = 50, .hidden = 20, .batch = 10, .threads = 1, .rounds = 20};
    if (option == "--visible") setting.visible = value();
    if (option == "--hidden") setting.hidden = value();
    if (option == "--batch") setting.batch = value();
    if (option == "--threads") setting.threads = static_cast<int>(value());
    if (option == "--rounds") setting.rounds = value();
    if (option == "--most" && i + 1 < argc) setting.most = std::strtod(argv[++i], nullptr);
  }
  return setting;
}

double seconds(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

rbmpi::AlignedBuffer<rbmpi::Real> random_values(std::size_t count, std::mt19937& random) {
  rbmpi::AlignedBuffer<rbmpi::Real> buffer(count);
  for (rbmpi::Real& value : buffer.span()) value = static_cast<rbmpi::Real>(random() % 8) / 8;
  return buffer;
}

/// Times and prints; returns the ratio of a step to its five products.
double measure(const Setting& setting) {
  using namespace rbmpi;
  std::mt19937 random(1);

  // The five products on matrices of their own.
  const auto [V, H, B] = std::tuple(setting.visible, setting.hidden, setting.batch);
  auto v = random_values(B * V, random);
  auto h = random_values(B * H, random);
  auto w = random_values(V * H, random);
  const MatrixView visible{v.data(), B, V};
  const MatrixView hidden{h.data(), B, H};
  const MatrixView weights{w.data(), V, H};
  AlignedBuffer<Real> visible_out(B * V);
  AlignedBuffer<Real> hidden_out(B * H);
  AlignedBuffer<Real> weights_out(V * H);
  const auto products = [&] {
    multiply(visible, weights, {hidden_out.data(), B, H});
    multiply_by_transposed(hidden, weights, {visible_out.data(), B, V});
    multiply(visible, weights, {hidden_out.data(), B, H});
    transposed_times(visible, 0, hidden, {weights_out.data(), V, H});
    subtract_transposed_times(visible, 0, hidden, {weights_out.data(), V, H});
  };

  // Training on data like MNIST's: four in five values are zero. Between two steps of it, the products are timed.
  std::vector<std::uint8_t> pixels(V * B * 64);
  for (std::uint8_t& pixel : pixels) pixel = random() % 5 == 0 ? static_cast<std::uint8_t>(random() % 256) : 0;
  const Samples samples{ElementType::uint8, reinterpret_cast<const std::byte*>(pixels.data()), B * 64, V, 255.0};
  TrainingOptions options;
  options.hidden = H;
  options.batch_size = B;
  options.epochs = (setting.rounds + 63) / 64 + 1;

  std::vector<double> step_seconds;
  std::vector<double> product_seconds;
  std::size_t steps = 0;
  Clock::time_point begin = Clock::now();
  TrainingEvents events;
  events.step = [&](const StepProgress&) {
    const double step = seconds(begin);
    const Clock::time_point products_begin = Clock::now();
    products();
    const double five = seconds(products_begin);
    if (++steps > 64) {  // the first ones warm the caches
      step_seconds.push_back(step);
      product_seconds.push_back(five);
    }
    begin = Clock::now();
  };
  const TrainingResult result = train_rbm(options, {samples, {}}, Communicator(), events);

  const double step = median(step_seconds);
  const double five = median(product_seconds);
  fmt::print("{} x {}, batch {}, {} thread(s), {} ({}), {} steps\n", V, H, B, setting.threads, blas_version(),
             blas_kernel(), step_seconds.size());
  fmt::print("step           {:8.3f} ms\nfive products  {:8.3f} ms\nratio          {:8.3f}\n", step * 1e3, five * 1e3,
             step / five);
  for (std::size_t i = 0; i < result.time_split.size(); ++i) {
    if (time_phase_names[i] == "output") continue;  // here it is the time of the five products
    fmt::print("  {:<12} {:8.3f} ms\n", time_phase_names[i], result.time_split[i] / static_cast<double>(steps) * 1e3);
  }
  // It measures a training that works: the digest of the model says which.
  fmt::print("digest         {}\n", model_digest(std::span(&result.rbm, 1)));
  return step / five;
}

}  // namespace

int main(int argc, char** argv) {
  const Setting setting = parse(argc, argv);
  rbmpi::use_threads(setting.threads);
  for (int tries = 0; tries < 5; ++tries) {
    const double ratio = measure(setting);
    if (setting.most == 0 || ratio <= setting.most) return 0;
  }
  fmt::print("a step takes more than {} times its five products\n", setting.most);
  return 1;
}
