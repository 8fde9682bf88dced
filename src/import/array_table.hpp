#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "import/formats.hpp"
#include "import/tables.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

// How the array of a file becomes a table, whatever the file: which array has the samples, which the labels, and their
// rows one by one. All of it is Local.

/// A list of numbers in a file, a part of something.
struct StoredPart {
  std::string name = {};
  std::uint64_t count = 0;
};

/// An array as its file says it is.
struct StoredArray {
  std::string name = {};
  std::vector<std::uint64_t> shape = {};     ///< as those see it who made the file; rows first
  std::string type = {};                     ///< for people: "uint8", "bool", "texts", "a struct"
  ElementType element = ElementType::other;  ///< of numbers, if it is one that a dataset may have
  bool numbers = false;
  bool truths = false;  ///< numbers that are 0 or 1
  bool texts = false;
  bool column_major = false;  ///< in the file the first index runs fastest, not the last
  // Of a sparse matrix: its values, the places of these in their line, and how many there are up to the end of each
  // line, with a 0 in front.
  std::vector<StoredPart> sparse_of = {};
  bool by_columns = false;  ///< the lines are the columns of the matrix (CSC), not its rows (CSR)
};

/// Numbers of one array, in the order of the file. Those who read ask for one piece behind the other.
class NumberReader {
 public:
  virtual ~NumberReader() = default;
  /// [first, first + count) of the slowest dimension, with all of the others.
  virtual void read(std::uint64_t first, std::uint64_t count, double* values) = 0;
  /// [first, first + count) of the fastest dimension, for each place of all the others.
  virtual void read_across(std::uint64_t first, std::uint64_t count, double* values) = 0;
  /// Of how many, along the slowest or the fastest dimension, the file has to be read at least at a time.
  [[nodiscard]] virtual std::uint64_t unit(bool across) const {
    (void)across;
    return 1;
  }
};

/// What a file says of the samples besides.
struct SamplesDescription {
  std::optional<double> scale;
  std::vector<double> missing;      ///< the values that stand for what is missing
  std::optional<ValidRange> valid;  ///< no other values are
  std::vector<std::uint64_t> picture;
  std::vector<std::string> column_names;
  std::vector<std::string> class_names;
  std::optional<StoredArray> row_names;  ///< a list of texts, which is theirs if it is as long as there are rows
};

/// A file of arrays.
class ArrayFile {
 public:
  virtual ~ArrayFile() = default;
  /// How messages call it, and what it is: "an HDF5 file".
  [[nodiscard]] virtual const std::filesystem::path& path() const = 0;
  [[nodiscard]] virtual std::string kind() const = 0;
  [[nodiscard]] virtual const std::vector<StoredArray>& arrays() const = 0;
  [[nodiscard]] virtual std::unique_ptr<NumberReader> numbers(const StoredArray& array) const = 0;
  [[nodiscard]] virtual std::vector<std::string> texts(const StoredArray& array, std::uint64_t first,
                                                       std::uint64_t count) const = 0;
  [[nodiscard]] virtual SamplesDescription describe(const StoredArray& samples) const = 0;
  /// Names of the classes 0, 1, ... of labels, or none.
  [[nodiscard]] virtual std::vector<std::string> class_names(const StoredArray& labels) const = 0;
  /// What else one should know of the array, a sentence each.
  [[nodiscard]] virtual std::vector<std::string> notes(const StoredArray& samples) const = 0;
};

/// Such a part as an array.
[[nodiscard]] StoredArray list_of(const StoredPart& part);

/// Which arrays make the table. Throws Error(Failure::file) with the list of what is there if that is in doubt.
struct ChosenArrays {
  StoredArray samples;
  std::optional<StoredArray> labels;
  std::optional<StoredArray> weights;
  std::vector<std::string> notes;
};
[[nodiscard]] ChosenArrays choose_arrays(const ArrayFile& file, const TableOptions& wishes);

/// The table of these arrays. `labels_file`: that which has the labels, if it is another one.
[[nodiscard]] std::unique_ptr<Table> make_array_table(std::unique_ptr<ArrayFile> file, ChosenArrays chosen,
                                                      bool transpose, std::unique_ptr<ArrayFile> labels_file = nullptr);
/// Chooses, and makes it.
[[nodiscard]] std::unique_ptr<Table> open_array_table(std::unique_ptr<ArrayFile> file, const TableOptions& wishes);

/// What is said of an array of MATLAB's with more than two dimensions, whose pictures would come out on their side.
inline constexpr const char* matrix_of_pictures =
    " with more than two dimensions (in MATLAB, reshape(permute(A, [3 2 1]), size(A, 3), []) makes a matrix of "
    "pictures A "
    "[height x width x N])";

/// "'x' [10 x 3] of uint8".
[[nodiscard]] std::string in_words(const StoredArray& array);
}  // namespace rbmpi
