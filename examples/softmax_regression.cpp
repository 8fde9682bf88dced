// A gradient function of one's own under mpirun: softmax regression, which says p(class k given v) = softmax(v W +
// b)_k.
//
//   mpirun -n 2 softmax_regression DATA.h5 STATE.h5 [EPOCHS [WEIGHT_COST]]
//
// `optimize` brings the batches, the momentum, the exchange between ranks and the figures of epochs; what is here is
// the model alone. The data are a dataset with labels 0 to 9 (rbmpi import). After every epoch STATE.h5 becomes where
// the training stands, from which the same command goes on, on any number of ranks.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/rows_gradient.hpp"
#include "rbmpi/train/state_file.hpp"

namespace {

using rbmpi::Real;

constexpr std::size_t classes = 10;
constexpr rbmpi::ProbabilityRounding unrounded{.exact = false, .grid = {}};

/// The log-likelihood of labels, and its gradient for W [V x classes] and b [classes].
class SoftmaxRegression {
 public:
  explicit SoftmaxRegression(const rbmpi::Rows& samples) : samples_(samples), v_(samples.columns) {}

  /// Adds the gradient of log p(label) of each row; returns the sum of -log p(label).
  double operator()(const rbmpi::MiniBatch& rows, std::span<const Real> parameters, std::span<Real> gradient) {
    double loss = 0;
    for (std::uint64_t i = 0; i < rows.count; ++i) {
      const auto label = static_cast<std::size_t>(rows.label(i));
      rows.read(i, unrounded, v_);
      loss -= std::log(predict(parameters)[label]);
      p_[label] -= 1;  // the gradient of -log p(label) with respect to v W + b is p - one_hot(label)
      for (std::size_t j = 0; j < v_.size(); ++j) {
        if (v_[j] == 0) continue;
        for (std::size_t k = 0; k < classes; ++k) gradient[j * classes + k] -= v_[j] * static_cast<Real>(p_[k]);
      }
      for (std::size_t k = 0; k < classes; ++k) gradient[v_.size() * classes + k] -= static_cast<Real>(p_[k]);
    }
    return loss;
  }

  /// p(class given v) for the row in `v_`.
  std::span<const double> predict(std::span<const Real> parameters) {
    for (std::size_t k = 0; k < classes; ++k) p_[k] = static_cast<double>(parameters[v_.size() * classes + k]);
    for (std::size_t j = 0; j < v_.size(); ++j) {
      if (v_[j] == 0) continue;
      for (std::size_t k = 0; k < classes; ++k) p_[k] += static_cast<double>(v_[j] * parameters[j * classes + k]);
    }
    const double most = *std::max_element(p_, p_ + classes);
    double sum = 0;
    for (double& p : p_) sum += p = std::exp(p - most);
    for (double& p : p_) p /= sum;
    return p_;
  }

  /// The share of rows for which another class than the label is likelier, and the mean of -log p(label).
  std::pair<double, double> error_and_cross_entropy(std::span<const Real> parameters) {
    std::uint64_t wrong = 0;
    double loss = 0;
    rbmpi::RowBlocks blocks(samples_, 1);
    for (std::uint64_t row = 0; row < samples_.rows; ++row) {
      blocks.next(row, 1).read({0, 1}, unrounded, {v_.data(), 1, v_.size()});
      const std::span<const double> p = predict(parameters);
      if (std::max_element(p.begin(), p.end()) - p.begin() != samples_.labels[row]) ++wrong;
      loss -= std::log(p[static_cast<std::size_t>(samples_.labels[row])]);
    }
    const auto rows = static_cast<double>(samples_.rows);
    return {static_cast<double>(wrong) / rows, loss / rows};
  }

 private:
  const rbmpi::Rows& samples_;
  std::vector<Real> v_;
  double p_[classes] = {};
};

void check(const rbmpi::Rows& samples) {
  const std::span labels(samples.labels, samples.labels == nullptr ? 0 : samples.rows);
  const auto is_class = [](std::int32_t label) { return label >= 0 && label < static_cast<std::int32_t>(classes); };
  if (labels.empty() || !std::ranges::all_of(labels, is_class)) {
    throw rbmpi::Error(rbmpi::Failure::file, "the data must have labels from 0 to 9");
  }
}

/// Collective.
void train(const char* file, const char* state_file, std::uint64_t epochs, double weight_cost,
           const rbmpi::Communicator& world) {
  const rbmpi::Communicator node = world.split_by_node(0);
  rbmpi::NodeSamples data(world, node, file, 0, [](const rbmpi::DatasetInfo&) { return std::uint64_t{0}; });
  const rbmpi::Rows& samples = data.rows();
  world.agree([&] { check(samples); });

  SoftmaxRegression model(samples);
  rbmpi::RowsGradient function(
      rbmpi::ParameterLayout({{.path = "weights", .rows = samples.columns, .columns = classes, .weight_cost = true},
                              {.path = "bias", .rows = classes}}),
      "cross_entropy", [&](const rbmpi::MiniBatch& rows, std::span<const Real> parameters, std::span<Real> gradient) {
        return model(rows, parameters, gradient);
      });

  rbmpi::OptimizationOptions options;
  options.epochs = epochs;
  // The last third with small steps, so that it comes to rest.
  options.learning_rate = rbmpi::Schedule::parse("1:0.1, " + std::to_string(options.epochs * 2 / 3 + 2) + ":0.01");
  options.weight_cost = weight_cost;
  rbmpi::TrainingEvents events;
  events.epoch = [&](const rbmpi::EpochMetrics& metrics) {
    if (world.is_root()) std::cout << rbmpi::to_json(metrics) << std::endl;
  };
  // A checkpoint after the last step of each epoch; a signal or the end asks for one by itself.
  events.wishes = [&](const rbmpi::TrainingProgress& progress) {
    return rbmpi::StepWishes{.checkpoint = progress.epoch_rows + options.batch_size >= samples.rows};
  };
  events.checkpoint = [&](const rbmpi::TrainingState& state, bool) {
    if (world.is_root()) rbmpi::save_state(state_file, state);
  };
  std::optional<rbmpi::SavedState> start;
  world.agree_on_root([&] {
    if (std::filesystem::exists(state_file)) start = rbmpi::load_state(state_file, function.layout(), options);
  });
  const rbmpi::OptimizationResult result = rbmpi::optimize(function, samples, options, world, events, std::move(start));
  if (world.is_root()) {
    const auto [error, cross_entropy] = model.error_and_cross_entropy(result.parameters.span());
    std::cout << (result.finished ? "" : "stopped by a signal; ") << "training error " << error << ", cross-entropy "
              << cross_entropy << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  const rbmpi::MpiEnvironment environment(argc, argv);
  const rbmpi::Communicator world = rbmpi::Communicator::world();
  rbmpi::stop_on_signals();
  try {
    if (argc < 3) {
      throw rbmpi::AgreedError(rbmpi::Failure::usage,
                               "usage: softmax_regression DATA.h5 STATE.h5 [EPOCHS [WEIGHT_COST]]");
    }
    train(argv[1], argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 20,
          argc > 4 ? std::strtod(argv[4], nullptr) : 0, world);
    return 0;
  } catch (const rbmpi::AgreedError& error) {  // all ranks have the same
    if (world.is_root()) std::cerr << error.what() << '\n';
    return static_cast<int>(error.failure());
  } catch (const std::exception& error) {  // the others would wait for this one
    std::cerr << error.what() << '\n';
    rbmpi::MpiEnvironment::abort(1);
  }
}
