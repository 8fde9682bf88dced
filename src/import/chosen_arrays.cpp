#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "import/array_table.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {
namespace {

using Names = std::vector<std::string_view>;

// Names that people give, in lower case, the likeliest first.
const Names samples_names = {"samples",     "x_train",      "train_x",      "data",    "x",
                             "images",      "train_images", "train/images", "train/x", "train/data",
                             "train_set_x", "features",     "inputs"};
const Names labels_names = {"labels", "label", "y", "target", "targets"};
const Names weights_names = {"weights", "weight", "sample_weight", "sample_weights"};
/// What the labels are called where the samples are called so: a word of a name like x_train.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> partners = {{{"x", "y"},
                                                                                    {"images", "labels"},
                                                                                    {"image", "label"},
                                                                                    {"data", "labels"},
                                                                                    {"data", "label"},
                                                                                    {"samples", "labels"},
                                                                                    {"features", "labels"},
                                                                                    {"features", "targets"},
                                                                                    {"inputs", "targets"}}};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// A name without the slash in front of it.
std::string_view plain(std::string_view name) {
  return name.starts_with('/') ? name.substr(1) : name;
}

/// The folder with its slash, and the name in it.
std::pair<std::string_view, std::string_view> parted(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::pair(std::string_view(), name)
                                         : std::pair(name.substr(0, slash + 1), name.substr(slash + 1));
}

bool is_matrix(const StoredArray& array) {
  return !array.sparse_of.empty() || (array.numbers && array.shape.size() >= 2);
}

bool is_list(const StoredArray& array) {
  return array.shape.size() == 2 && std::ranges::min(array.shape) == 1;
}

/// Whether its name says that it has labels or weights: y, train/labels, y_test.
bool is_beside(const StoredArray& array) {
  const std::string name = lower(parted(plain(array.name)).second);
  const std::string_view word = std::string_view(name).substr(0, name.find('_'));
  const auto in = [](const Names& names, std::string_view one) { return std::ranges::find(names, one) != names.end(); };
  return in(labels_names, name) || in(labels_names, word) || in(weights_names, name) || name.ends_with("_labels") ||
         name.ends_with("_y");
}

const StoredArray* find(const std::vector<StoredArray>& arrays, std::string_view name, bool any_case = false) {
  const auto found = std::ranges::find_if(arrays, [&](const StoredArray& array) {
    return any_case ? lower(plain(array.name)) == name : plain(array.name) == plain(name);
  });
  return found == arrays.end() ? nullptr : &*found;
}

std::string list(const std::vector<StoredArray>& arrays) {
  constexpr std::size_t shown = 20;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < std::min(shown, arrays.size()); ++i) words.push_back(in_words(arrays[i]));
  if (arrays.size() > shown) words.push_back(fmt::format("and {} more", arrays.size() - shown));
  return words.empty() ? "nothing" : fmt::format("{}", fmt::join(words, ", "));
}

const StoredArray& named(const ArrayFile& file, const std::string& name, const char* option) {
  const StoredArray* const found = find(file.arrays(), name);
  if (found == nullptr) {
    refuse_import(file.path(),
                  fmt::format("it has no array '{}' ({}); there is: {}", name, option, list(file.arrays())));
  }
  return *found;
}

void want_matrix(const ArrayFile& file, const StoredArray& array) {
  if (is_matrix(array)) return;
  std::string why = "an array of numbers, a row for each sample, would be right";
  if (array.numbers && array.shape.size() == 1)
    why = "it is a list of numbers; rows of them [rows x columns] would be right";
  if (array.numbers && array.shape.empty()) why = "it is a single number; " + why;
  refuse_import(file.path(), fmt::format("{}: {}", in_words(array), why));
}

[[noreturn]] void refuse_to_guess(const ArrayFile& file, const std::vector<StoredArray>& arrays) {
  refuse_import(file.path(),
                fmt::format("which of its arrays has the samples? --array NAME chooses one of: {}", list(arrays)));
}

/// A data frame of pandas has a block for each type of its columns, so one of them is not the whole.
void refuse_blocks(const ArrayFile& file) {
  constexpr std::string_view second = "/block1_values";
  for (const StoredArray& array : file.arrays()) {
    if (!array.name.ends_with(second)) continue;
    const std::string_view frame = plain(array.name).substr(0, plain(array.name).size() - second.size());
    refuse_import(file.path(),
                  fmt::format("'{}' is a data frame of pandas whose columns are of several types, which lie "
                              "apart; one that DataFrame.to_csv writes would be right, or --array NAME for "
                              "a part: {}",
                              frame, list(file.arrays())));
  }
}

/// Arrays that are no lists and cannot be samples: whoever meant one of them should know.
void note_what_cannot_be(const std::vector<StoredArray>& arrays, std::vector<std::string>& notes) {
  std::vector<StoredArray> others;
  std::ranges::copy_if(arrays, std::back_inserter(others), [](const StoredArray& array) {
    return !is_matrix(array) && !array.texts && array.shape.size() > 1;
  });
  if (!others.empty()) notes.push_back(fmt::format("What cannot be samples was left out: {}.", list(others)));
}

const StoredArray& choose_samples(const ArrayFile& file, const TableOptions& wishes, std::vector<std::string>& notes) {
  const std::vector<StoredArray>& arrays = file.arrays();
  if (!wishes.array.empty()) {
    const StoredArray& array = named(file, wishes.array, "--array");
    want_matrix(file, array);
    return array;
  }
  std::vector<StoredArray> matrices;
  std::ranges::copy_if(arrays, std::back_inserter(matrices), is_matrix);
  if (matrices.empty()) {
    if (arrays.size() == 1) want_matrix(file, arrays.front());
    refuse_import(file.path(),
                  fmt::format("it has no array of numbers with a row for each sample; there is: {}", list(arrays)));
  }
  if (std::ranges::any_of(matrices, [](const StoredArray& array) { return !is_beside(array); })) {
    std::erase_if(matrices, is_beside);
  }
  // A list as MATLAB has it, [N x 1], is a matrix if there is no other.
  if (!std::ranges::all_of(matrices, is_list)) std::erase_if(matrices, is_list);
  refuse_blocks(file);
  const bool only_beside = std::ranges::all_of(matrices, [](const StoredArray& one) {
    return is_beside(one) || (is_list(one) && std::ranges::count(samples_names, lower(plain(one.name))) == 0);
  });
  if (only_beside && arrays.size() > matrices.size()) refuse_to_guess(file, arrays);
  if (matrices.size() == 1) {
    note_what_cannot_be(arrays, notes);
    return *find(arrays, matrices.front().name);
  }
  for (const std::string_view name : samples_names) {
    const StoredArray* const array = find(matrices, name, true);
    if (array == nullptr) continue;
    const StoredArray& chosen = *find(arrays, array->name);
    std::erase_if(matrices, [&](const StoredArray& other) { return other.name == chosen.name; });
    notes.push_back(
        fmt::format("The samples are {}; --array NAME takes others: {}.", in_words(chosen), list(matrices)));
    return chosen;
  }
  refuse_to_guess(file, matrices);
}

/// What the labels of samples of this name may be called, in lower case.
std::vector<std::string> names_of_labels(std::string_view samples) {
  const std::string whole = lower(plain(samples));
  const auto place = parted(whole);
  std::vector<std::string> names;
  for (const auto& partner : partners) {
    std::vector<std::string> words;
    bool replaced = false;
    for (std::size_t first = 0; first <= place.second.size();) {
      const std::size_t end = std::min(place.second.find('_', first), place.second.size());
      const std::string_view word = place.second.substr(first, end - first);
      replaced = replaced || word == partner.first;
      words.emplace_back(word == partner.first ? partner.second : word);
      first = end + 1;
    }
    if (replaced) names.push_back(fmt::format("{}{}", place.first, fmt::join(words, "_")));
  }
  for (const std::string_view name : labels_names) names.push_back(fmt::format("{}{}", place.first, name));
  return names;
}

std::optional<StoredArray> choose_labels(const ArrayFile& file, const TableOptions& wishes,
                                         const StoredArray& samples) {
  if (wishes.labels == "none") return std::nullopt;
  if (!wishes.labels.empty()) return named(file, wishes.labels, "--labels");
  const StoredArray* chosen = nullptr;
  for (const std::string& name : names_of_labels(samples.name)) {
    const StoredArray* const labels = find(file.arrays(), name, true);
    const bool may_be = labels != nullptr && labels->name != samples.name && (labels->numbers || labels->texts);
    if (!may_be || labels == chosen) continue;
    if (chosen != nullptr && labels->shape == chosen->shape)
      refuse_import(file.path(), fmt::format("{} and {} may both be the labels: --labels says which, or none",
                                             in_words(*chosen), in_words(*labels)));
    if (chosen == nullptr) chosen = labels;
  }
  return chosen == nullptr ? std::nullopt : std::optional(*chosen);
}

/// Of a sample each; others of that name are of something else.
std::optional<StoredArray> choose_weights(const ArrayFile& file, const StoredArray& samples) {
  const std::string whole = lower(plain(samples.name));
  for (const std::string_view name : weights_names) {
    const StoredArray* const weights = find(file.arrays(), fmt::format("{}{}", parted(whole).first, name), true);
    if (weights == nullptr || weights->name == samples.name || !weights->numbers) continue;
    if (weights->shape.size() == 1 || is_list(*weights)) return *weights;
  }
  return std::nullopt;
}

/// Lists of whole numbers or texts as long as the samples, of which one may have the labels.
void note_possible_labels(const ArrayFile& file, ChosenArrays& chosen) {
  std::vector<StoredArray> others;
  std::ranges::copy_if(file.arrays(), std::back_inserter(others), [&](const StoredArray& array) {
    const bool taken = array.name == chosen.samples.name || (chosen.weights && array.name == chosen.weights->name);
    return !taken && array.sparse_of.empty() && (array.numbers || array.texts) &&
           (array.shape.size() == 1 || is_list(array)) && std::ranges::max(array.shape) == chosen.samples.shape.front();
  });
  if (others.empty()) return;
  chosen.notes.push_back(
      fmt::format("No labels were taken; --labels NAME takes them, if they are in: {}.", list(others)));
}

}  // namespace

std::string in_words(const StoredArray& array) {
  // The root itself is a sparse matrix if its parts are in no group.
  const std::string_view name = array.name == "/" ? array.name : plain(array.name);
  return fmt::format("'{}' [{}] of {}", name, fmt::join(array.shape, " x "), array.type);
}

ChosenArrays choose_arrays(const ArrayFile& file, const TableOptions& wishes) {
  ChosenArrays chosen;
  chosen.samples = choose_samples(file, wishes, chosen.notes);
  chosen.labels = choose_labels(file, wishes, chosen.samples);
  chosen.weights = choose_weights(file, chosen.samples);
  if (!chosen.labels && wishes.labels.empty()) note_possible_labels(file, chosen);
  if (chosen.weights && !wishes.weights) {
    chosen.notes.push_back(fmt::format("{} is not used, as --weight-column says.", in_words(*chosen.weights)));
    chosen.weights.reset();
  }
  return chosen;
}

}  // namespace rbmpi
