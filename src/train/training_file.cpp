#include "train/training_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/model/parameter_file.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/checkpoint.hpp"

namespace rbmpi {
namespace {

constexpr const char* best_epoch_attribute = "best_epoch";
constexpr const char* best_figure_attribute = "best_figure";
constexpr const char* reported_rows_attribute = "reported_rows";

constexpr const char* state_group = "/state";

std::string state_path(const std::string& name) {
  return fmt::format("{}/{}", state_group, name);
}

/// The whole numbers of the progress with their names in the file.
template <typename Progress>
auto counts_of(Progress& progress) {
  return std::array{std::pair{"epoch", &progress.epoch}, std::pair{"epoch_rows", &progress.epoch_rows},
                    std::pair{"steps", &progress.steps}};
}

/// The others.
template <typename Progress>
auto reals_of(Progress& progress) {
  return std::array{std::pair{"epoch_loss", &progress.epoch_loss}, std::pair{"epoch_seconds", &progress.epoch_seconds}};
}

/// What no training can have written, so that the file is worth as little as one whose bytes have changed.
[[noreturn]] void damaged(const Hdf5File& file, const std::string& why) {
  throw DamagedFile(file.path(), why);
}

/// Each epoch has steps, and the best is one of them.
void check_counts(const Hdf5File& file, const TrainingProgress& progress) {
  const auto& [layer, epoch, epoch_rows, steps, loss, seconds, best_epoch, best_figure, reported_rows] = progress;
  if (epoch == 0) damaged(file, "its epoch is 0, but they count from 1");
  if (steps < epoch - 1 || (epoch_rows > 0 && steps < epoch)) {
    damaged(file, fmt::format("it is in epoch {} after {} rows of it, but has done {}", epoch, epoch_rows,
                              plural(steps, "step")));
  }
  if (reported_rows != 0 && reported_rows != epoch_rows) {
    damaged(file, fmt::format("it is after {} rows of an epoch that was reported after {}", epoch_rows, reported_rows));
  }
  if (best_epoch > epoch) damaged(file, fmt::format("it is in epoch {}, but its best is {}", epoch, best_epoch));
}

std::uint64_t read_count(const Hdf5File& file, const char* name) {
  const auto values = file.integers_attribute(progress_group, name);
  if (!values || values->size() != 1 || values->front() < 0) {
    damaged(file, fmt::format("it has no whole number '{}' in '{}'", name, progress_group));
  }
  return static_cast<std::uint64_t>(values->front());
}

void read_best(const Hdf5File& file, TrainingProgress& progress) {
  progress.best_epoch = read_count(file, best_epoch_attribute);
  const auto figure = file.real_attribute(progress_group, best_figure_attribute);
  if (!figure || !std::isfinite(*figure)) {
    damaged(file, fmt::format("it has no number '{}' in '{}'", best_figure_attribute, progress_group));
  }
  progress.best_figure = *figure;
}

}  // namespace

void write_progress(Hdf5File& file, const TrainingProgress& progress) {
  file.create_group(progress_group);
  file.set_integers_attribute(progress_group, "layer", {static_cast<std::int64_t>(progress.layer)});
  for (const auto& [name, value] : counts_of(progress)) {
    file.set_integers_attribute(progress_group, name, {static_cast<std::int64_t>(*value)});
  }
  for (const auto& [name, value] : reals_of(progress)) file.set_real_attribute(progress_group, name, *value);
  if (progress.reported_rows > 0) {
    file.set_integers_attribute(progress_group, reported_rows_attribute,
                                {static_cast<std::int64_t>(progress.reported_rows)});
  }
  if (progress.best_epoch == 0) return;
  file.set_integers_attribute(progress_group, best_epoch_attribute, {static_cast<std::int64_t>(progress.best_epoch)});
  file.set_real_attribute(progress_group, best_figure_attribute, progress.best_figure);
}

TrainingProgress read_progress(const Hdf5File& file) {
  TrainingProgress progress;
  progress.layer = static_cast<std::uint32_t>(std::min<std::uint64_t>(read_count(file, "layer"), UINT32_MAX));
  for (const auto& [name, value] : counts_of(progress)) *value = read_count(file, name);
  for (const auto& [name, value] : reals_of(progress)) {
    const auto number = file.real_attribute(progress_group, name);
    const bool may_be_negative = value == &progress.epoch_loss;  // a loss may be what one likes
    if (!number || !std::isfinite(*number) || (*number < 0 && !may_be_negative)) {
      damaged(file, fmt::format("it has no number '{}' in '{}'", name, progress_group));
    }
    *value = *number;
  }
  if (file.integers_attribute(progress_group, reported_rows_attribute)) {
    progress.reported_rows = read_count(file, reported_rows_attribute);
  }
  if (file.integers_attribute(progress_group, best_epoch_attribute)) read_best(file, progress);
  check_counts(file, progress);
  return progress;
}

void write_state_array(Hdf5File& file, const std::string& name, ElementType type, std::uint64_t rows,
                       std::uint64_t columns, const void* values) {
  if (!file.exists(state_group)) file.create_group(state_group);
  file.create_array(state_path(name), type, {rows, columns});
  file.write_rows(state_path(name), type, 0, rows, values);
}

bool holds_state_array(const Hdf5File& file, const std::string& name, ElementType type, std::uint64_t rows,
                       std::uint64_t columns, const void* values) {
  return holds_rows(file, state_path(name), type, rows, columns, values);
}

std::vector<SavedState::Array> read_state_arrays(const Hdf5File& file) {
  std::vector<SavedState::Array> arrays;
  if (!file.exists(state_group)) return arrays;
  for (const std::string& name : file.names(state_group)) {
    const std::string path = state_path(name);
    const ArrayInfo info = file.array_info(path);
    if (info.type == ElementType::other || info.dimensions.size() != 2) {
      refuse(file, fmt::format("has '{}' as {} [{}]; an array of two dimensions would be right", path, info.type_name,
                               fmt::join(info.dimensions, " x ")));
    }
    SavedState::Array& array = arrays.emplace_back();
    array = {.name = name, .type = info.type, .rows = info.dimensions[0], .columns = info.dimensions[1], .values = {}};
    array.values = AlignedBuffer<std::byte>(array.rows * array.columns * element_size(array.type));
    if (array.values.size() > 0) file.read_rows(path, array.type, 0, array.rows, array.values.data());
  }
  return arrays;
}

void save_sealed(const std::filesystem::path& path, const std::function<void(Hdf5File&)>& write,
                 const std::function<bool(const Hdf5File&)>& holds) {
  AtomicFile atomic(path);
  Hdf5File file = Hdf5File::create(atomic.temporary(), path, seal_bytes);
  write(file);
  file.close();
  seal_file(atomic.temporary(), path);
  if (!holds(Hdf5File::open(atomic.temporary(), Reading::in_pieces))) {
    throw Error(Failure::file, fmt::format("cannot write '{}': what was read back is not what was written; the disk or "
                                           "the memory of this machine is faulty",
                                           path.string()));
  }
  atomic.commit();
}

}  // namespace rbmpi
