#include "rbmpi/model/model_exchange.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/child_process.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/npz_file.hpp"
#include "rbmpi/storage/regular_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* rbms_bernoulli = "BBRBM";
constexpr const char* update_prefix = "update_";
constexpr const char* rbms_chains = "/parallel_chains";

/// What the three arrays are called in some kind of file.
struct Names {
  const char* weights;
  const char* visible_bias;
  const char* hidden_bias;
  bool transposed;  ///< weights are H x V
};
constexpr Names npz_names{"weights", "visible_bias", "hidden_bias", false};
constexpr Names sklearn_names{"components_", "intercept_visible_", "intercept_hidden_", true};
constexpr Names rbms_names{"weight_matrix", "vbias", "hbias", false};

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(Failure::file, fmt::format("'{}' {}", path.string(), what));
}

std::vector<float> copy(std::span<const Real> values) {
  return {values.begin(), values.end()};
}

/// These files do not tell the kinds of units.
void want_bernoulli(const fs::path& path, RbmShape shape) {
  if (shape.visible_unit == &bernoulli_unit && shape.hidden_unit == &bernoulli_unit) return;
  throw Error(Failure::usage,
              fmt::format("'{}' would be a file for machines of {} on both sides; this one has {} units", path.string(),
                          bernoulli_unit.name, units_in_words(shape)));
}

void export_arrays(const fs::path& path, RbmView<const Real> rbm, const Names& names) {
  const RbmShape shape = rbm.shape();
  want_bernoulli(path, shape);
  const ConstMatrixView weights = rbm.weights;
  const std::vector<NumpyArray> arrays = {
      names.transposed
          ? NumpyArray{names.weights, {shape.hidden, shape.visible}, transposed(weights)}
          : NumpyArray{names.weights, {shape.visible, shape.hidden}, copy({weights.values, weights.size()})},
      {names.visible_bias, {shape.visible}, copy(rbm.visible_bias)},
      {names.hidden_bias, {shape.hidden}, copy(rbm.hidden_bias)}};
  write_npz(path, arrays);
}

/// Where the arrays of a file come from.
using ReadArray = std::function<NumpyArray(const std::string& name)>;

/// The model of three arrays, if they fit together and are finite.
Rbm make_rbm(const fs::path& path, const Names& names, const ReadArray& read) {
  const NumpyArray weights = read(names.weights);
  const NumpyArray visible_bias = read(names.visible_bias);
  const NumpyArray hidden_bias = read(names.hidden_bias);
  const std::size_t visible_side = names.transposed ? 1 : 0;
  const bool fits = weights.shape.size() == 2 && visible_bias.shape.size() == 1 && hidden_bias.shape.size() == 1 &&
                    visible_bias.shape[0] == weights.shape[visible_side] &&
                    hidden_bias.shape[0] == weights.shape[1 - visible_side];
  if (!fits) {
    const bool transposed = weights.shape.size() == 2 && visible_bias.shape.size() == 1 &&
                            hidden_bias.shape.size() == 1 && visible_bias.shape[0] == weights.shape[1 - visible_side] &&
                            hidden_bias.shape[0] == weights.shape[visible_side];
    refuse(path, fmt::format("has {} [{}], {} [{}] and {} [{}], which do not fit together{}", names.weights,
                             fmt::join(weights.shape, " x "), names.visible_bias, fmt::join(visible_bias.shape, " x "),
                             names.hidden_bias, fmt::join(hidden_bias.shape, " x "),
                             transposed ? fmt::format(": {} look transposed", names.weights) : ""));
  }
  const RbmShape shape{visible_bias.shape[0], hidden_bias.shape[0]};
  if (shape.visible > largest_layer || shape.hidden > largest_layer) {
    refuse(path, fmt::format("has {} visible and {} hidden units; at most {} can be used", shape.visible, shape.hidden,
                             largest_layer));
  }
  for (const NumpyArray* array : {&weights, &visible_bias, &hidden_bias}) {
    if (std::ranges::all_of(array->values, [](float value) { return std::isfinite(value); })) continue;
    refuse(path, fmt::format("has a value in '{}' that is not finite in single precision", array->name));
  }
  Rbm rbm(shape);
  const std::vector<float> turned =
      names.transposed ? transposed({weights.values.data(), shape.hidden, shape.visible}) : std::vector<float>();
  std::ranges::copy(names.transposed ? turned : weights.values, rbm.view().weights.values);
  std::ranges::copy(visible_bias.values, rbm.view().visible_bias.begin());
  std::ranges::copy(hidden_bias.values, rbm.view().hidden_bias.begin());
  return rbm;
}

ImportedModel read_npz(const fs::path& path) {
  const NpzFile file(path);
  const bool sklearn = file.has(sklearn_names.weights);
  const Names& names = sklearn ? sklearn_names : npz_names;
  for (const char* const name : {names.weights, names.visible_bias, names.hidden_bias}) {
    if (file.has(name)) continue;
    refuse(path, fmt::format("has no array '{}', but {}; '{}', '{}' and '{}' would be right, or scikit-learn's "
                             "'{}', '{}' and '{}'",
                             name,
                             file.names().empty() ? std::string("none that holds numbers")
                                                  : fmt::format("only: {}", fmt::join(file.names(), ", ")),
                             npz_names.weights, npz_names.visible_bias, npz_names.hidden_bias, sklearn_names.weights,
                             sklearn_names.visible_bias, sklearn_names.hidden_bias));
  }
  return {make_rbm(path, names, [&](const std::string& name) { return file.read(name); }),
          sklearn ? "scikit-learn" : "npz",
          {}};
}

/// The numbers of all groups update_<n>, rising.
std::vector<std::uint64_t> updates_of(const Hdf5File& file) {
  std::vector<std::uint64_t> updates;
  for (const std::string& name : file.names("/")) {
    if (!name.starts_with(update_prefix)) continue;
    std::uint64_t number = 0;
    const char* const first = name.data() + std::string_view(update_prefix).size();
    const char* const last = name.data() + name.size();
    const auto [end, problem] = std::from_chars(first, last, number);
    if (problem == std::errc() && end == last) updates.push_back(number);
  }
  std::ranges::sort(updates);
  return updates;
}

NumpyArray read_array(const Hdf5File& file, const std::string& group, const std::string& name) {
  const std::string place = fmt::format("{}/{}", group, name);
  if (!file.exists(place)) refuse(file.path(), fmt::format("is no whole file of rbms: '{}' is missing", place));
  const ArrayInfo info = file.array_info(place);
  const std::vector<std::uint64_t>& shape = info.dimensions;
  const bool floats = info.type == ElementType::float32 || info.type == ElementType::float64;
  if (!floats || shape.empty() || shape.size() > 2 || std::ranges::count(shape, 0) > 0) {
    refuse(file.path(), fmt::format("has '{}' as {} [{}]; float32 or float64 of 1 or 2 dimensions would be right",
                                    place, info.type_name, fmt::join(shape, " x ")));
  }
  // The file holds as many bytes as the array claims, so the product does not overflow.
  const std::uint64_t count = shape[0] * (shape.size() == 2 ? shape[1] : 1);
  if (count > available_memory() / (sizeof(float) + sizeof(double))) {
    throw Error(Failure::other, fmt::format("not enough memory for the array '{}' [{}] of '{}'", place,
                                            fmt::join(shape, " x "), file.path().string()));
  }
  NumpyArray array{name, shape, std::vector<float>(count)};
  if (info.type == ElementType::float32) {
    file.read_rows(place, ElementType::float32, 0, shape[0], array.values.data());
  } else {
    std::vector<double> values(count);
    file.read_rows(place, ElementType::float64, 0, shape[0], values.data());
    std::ranges::transform(values, array.values.begin(), [](double value) { return static_cast<float>(value); });
  }
  return array;
}

ImportedModel read_rbms(const fs::path& path, std::optional<std::uint64_t> wanted) {
  const Hdf5File file = Hdf5File::open(path);
  if (file.text_attribute("/", "format") == "rbmpi-model") refuse(path, "is a model of rbmpi already");
  if (!file.exists("/model_type")) {
    refuse(path, "is no model of rbms: it has no text 'model_type' (other models can be .npz files)");
  }
  if (const std::string type = file.read_text("/model_type"); type != rbms_bernoulli) {
    refuse(path,
           fmt::format("has model_type = {}; {} (zeros and ones on both sides) can be used", type, rbms_bernoulli));
  }
  const std::vector<std::uint64_t> updates = updates_of(file);
  if (updates.empty()) refuse(path, fmt::format("is no model of rbms: it has no group '{}<n>'", update_prefix));
  const std::uint64_t update = wanted.value_or(updates.back());
  if (!std::ranges::binary_search(updates, update)) {
    constexpr std::size_t most_named = 20;
    const std::span<const std::uint64_t> named = std::span(updates).last(std::min(most_named, updates.size()));
    throw Error(Failure::usage, fmt::format("update = {}: '{}' has {}{}", update, path.string(),
                                            updates.size() > most_named ? "... " : "", fmt::join(named, ", ")));
  }
  const std::string group = fmt::format("/{}{}/params", update_prefix, update);
  ImportedModel imported{
      .rbm = make_rbm(path, rbms_names, [&](const std::string& name) { return read_array(file, group, name); }),
      .origin = fmt::format("rbms, update {}", update),
      .chains = {}};
  // There is one array for all updates, which each of them overwrites.
  if (update == updates.back() && file.exists(rbms_chains)) {
    imported.chains = read_chains(file, rbms_chains, imported.rbm.shape().visible);
  }
  return imported;
}

}  // namespace

void export_npz(const fs::path& path, RbmView<const Real> rbm) {
  export_arrays(path, rbm, npz_names);
}

void export_sklearn(const fs::path& path, RbmView<const Real> rbm) {
  export_arrays(path, rbm, sklearn_names);
}

void export_rbms(const fs::path& path, RbmView<const Real> rbm, std::uint64_t update, ConstBitMatrixView chains) {
  const RbmShape shape = rbm.shape();
  want_bernoulli(path, shape);
  AtomicFile atomic(path);
  Hdf5File file = Hdf5File::create(atomic.temporary(), path);
  const auto write = [&](const std::string& name, const std::vector<std::uint64_t>& extents, const Real* values) {
    file.create_array(name, ElementType::float32, extents);
    file.write_rows(name, ElementType::float32, 0, extents.front(), values);
  };
  const std::string group = fmt::format("/{}{}", update_prefix, update);
  file.create_group(group);
  file.create_group(group + "/params");
  write(group + "/params/weight_matrix", {shape.visible, shape.hidden}, rbm.weights.values);
  write(group + "/params/vbias", {shape.visible}, rbm.visible_bias.data());
  write(group + "/params/hbias", {shape.hidden}, rbm.hidden_bias.data());
  file.create_group(group + "/flags");
  const Real no_time = 0;
  write(group + "/time", {1}, &no_time);
  write_chains(file, rbms_chains, ElementType::float32, chains);
  file.write_text("/model_type", rbms_bernoulli);
  file.close();
  atomic.commit();
}

ImportedModel import_model(const fs::path& path, std::optional<std::uint64_t> update) {
  const bool zip = first_bytes(path, 2) == "PK";
  if (zip && update) {
    throw Error(Failure::usage,
                fmt::format("update = {}: '{}' is an .npz file, which has one model", *update, path.string()));
  }
  if (!zip) return read_after_trial(path, [&] { return read_rbms(path, update); });
  ImportedModel imported;
  FileVersion(path).guard([&] {
    // What would crash this process crashes a child first.
    static_cast<void>(run_in_child(fmt::format("read '{}'", path.string()), [&] {
      static_cast<void>(read_npz(path));
      return std::string();
    }));
    imported = read_npz(path);
  });
  return imported;
}

}  // namespace rbmpi
