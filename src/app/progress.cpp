#include "app/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "app/terminal.hpp"

namespace rbmpi {
namespace {

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

std::string human_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.2f} s", seconds);
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(ProgressStyle style, std::uint64_t epochs, const TrainingProgress& start, const char* loss)
    : style_(style), epochs_(epochs), start_(start), loss_(loss) {
  if (style_ == ProgressStyle::automatic) style_ = output_is_terminal() ? ProgressStyle::bar : ProgressStyle::lines;
}

void Progress::begin_layer(std::uint32_t layer, std::size_t layers, std::uint64_t epochs) {
  epochs_ = epochs;
  layer_ = layers > 1 ? fmt::format("layer {}/{}  ", layer + 1, layers) : "";
  if (start_.layer != layer) start_ = {.layer = layer};
  begin_ = Clock::now();
}

void Progress::step(const StepProgress& progress) {
  if (style_ != ProgressStyle::bar) return;
  const Clock::time_point now = Clock::now();
  if (now - drawn_ < redraw_interval) return;
  drawn_ = now;
  draw(progress, now);
}

void Progress::draw(const StepProgress& progress, Clock::time_point now) {
  const auto rows_per_epoch = static_cast<double>(progress.epoch_samples);
  const auto rows_until = [&](std::uint64_t epoch, std::uint64_t rows) {
    return static_cast<double>(epoch - 1) * rows_per_epoch + static_cast<double>(rows);
  };
  const double done = rows_until(progress.epoch, progress.samples);
  const double all = progress.all_samples;
  const double rate = (done - rows_until(start_.epoch, start_.epoch_rows)) / seconds_between(begin_, now);

  const std::string head = fmt::format("{}epoch {}/{} ", layer_, progress.epoch, progress.epochs);
  const std::string loss = progress.loss ? fmt::format("  {} {:.5f}", loss_, *progress.loss) : "";
  const std::string tail = fmt::format(" {:3.0f} %  {:.0f} rows/s{}  {} left", done / all * 100, rate, loss,
                                       human_seconds((all - done) / rate));
  const int room = std::clamp(terminal_columns() - 3 - static_cast<int>(head.size() + tail.size()), 0, 40);
  const auto width = static_cast<std::size_t>(room);
  const auto filled = static_cast<std::size_t>(done / all * static_cast<double>(width));
  const std::string bar = width < 5 ? "" : fmt::format("[{:#<{}}{:.<{}}]", "", filled, "", width - filled);
  put(stdout, fmt::format("{}{:.{}}", clear_line, head + bar + tail, terminal_columns() - 1));
}

void Progress::epoch(const EpochMetrics& metrics) {
  if (style_ != ProgressStyle::lines) return;
  std::string line = fmt::format("{}epoch {}/{}", layer_, metrics.epoch, epochs_);
  for (const char* const loss : {"reconstruction_mse", "cross_entropy"}) {
    if (const auto value = metrics.figure(loss)) line += fmt::format("  {} {:.5f}", loss, *value);
  }
  if (const auto chains = metrics.figure("chains_free_energy")) {
    line += fmt::format(
        "  free energy of data {:.2f}, chains {:.2f}  r of means {:.3f}, pairs {:.3f}  autocorrelation {:.2f}",
        metrics.figure("data_free_energy").value_or(0), *chains, metrics.figure("chains_means_r").value_or(0),
        metrics.figure("chains_pairs_r").value_or(0), metrics.figure("chains_autocorrelation").value_or(0));
  }
  if (const auto validation = metrics.figure("validation_reconstruction_mse")) {
    line += fmt::format("  validation {:.5f}  free energy {:.2f} (training {:.2f})  pseudo-likelihood {:.2f}",
                        *validation, metrics.figure("validation_free_energy").value_or(0),
                        metrics.figure("training_free_energy").value_or(0),
                        metrics.figure("validation_pseudo_likelihood").value_or(0));
  }
  if (const auto error = metrics.figure("validation_error")) {
    line += fmt::format("  validation error {:.2f} %, cross-entropy {:.5f}", *error * 100,
                        metrics.figure("validation_cross_entropy").value_or(0));
  }
  if (const auto error = metrics.figure("validation_squared_error")) {
    line += fmt::format("  validation squared error {:.4f}", *error);
  }
  if (const auto training = metrics.figure("training_log_likelihood")) {
    const auto validation = metrics.figure("validation_log_likelihood");
    constexpr double fewest_chains = 10;  // fewer say nothing of their error
    const double chains = metrics.figure("log_z_effective_chains").value_or(fewest_chains);
    line += fmt::format("  log-likelihood {:.2f}{}{}", *training,
                        validation ? fmt::format(" (validation {:.2f})", *validation) : "",
                        chains < fewest_chains ? fmt::format(", but only {:.1f} chains carry it", chains) : "");
  }
  say("{}  {:.0f} rows/s  {}\n", line, metrics.samples_per_second, human_seconds(metrics.seconds));
}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (style_ != ProgressStyle::bar) return;
  put(stdout, clear_line);
}

}  // namespace rbmpi
