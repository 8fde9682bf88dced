#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/data/shard.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

class AtomicFile;

/// The kinds of values that a dataset may have.
enum class ValueKind : std::uint8_t {
  amounts,  ///< in [0, scale]
  numbers,  ///< any finite ones, as codes of linear units are: to look at, not to train on
  colours,  ///< states 0, 1, ..., q - 1, of which none is more than another, such as the letters of sequences
};

/// Of values that are colours.
struct Colours {
  std::uint64_t count = 0;  ///< q, from 2 to 256; 0 of other kinds of values
  std::string alphabet;     ///< the letter of each, in their order, or empty
  friend bool operator==(const Colours&, const Colours&) = default;
};

/// What a dataset file (docs/formats.md) says of itself.
struct DatasetInfo {
  ElementType type = ElementType::uint8;  ///< uint8, float32 or float64
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  ValueKind kind = ValueKind::amounts;  ///< of its values
  Colours colours;                      ///< if that is the kind
  /// The value that means 1.0; 255 for uint8 and 1 for floats unless said; of colours the last one, q - 1.
  double scale = 255.0;
  bool scale_said = true;              ///< whether the file says it, or whoever reads it
  bool imported = false;               ///< whether rbmpi made the file, which settled what its columns are
  std::vector<std::uint64_t> picture;  ///< {height, width}, or empty
  bool sparse = false;                 ///< rows are stored by their columns that are not 0 (CSR)
  std::uint64_t nonzeros = 0;          ///< values that are stored of all rows, if sparse
  bool has_labels = false;
  bool has_weights = false;
  bool has_row_names = false;
  std::string source;                     ///< where the data came from, or empty
  std::vector<std::string> class_names;   ///< of the labels 0, 1, ..., or empty: labels are numbers
  std::vector<std::string> column_names;  ///< one for each column, or empty
  RowChunks sample_chunks;
  RowChunks label_chunks;
  RowChunks weight_chunks;
  // What follows is for writing alone.
  std::size_t row_name_bytes = 0;                       ///< of the longest name of a row; 0: rows have no names
  std::vector<std::pair<std::string, double>> figures;  ///< that hold for all rows, for those who read tables

  /// Of a row with its zeros, in the stored type.
  [[nodiscard]] std::uint64_t row_bytes() const noexcept { return columns * element_size(type); }
};

/// Local. How the values of an array come of what is stored, where NetCDF has packed them: "0.5 x what is stored +
/// 0.25". Empty if they are stored as they are.
[[nodiscard]] std::string packing_text(const Hdf5File& file, const std::string& array);

/// Local. Who stored an array column by column, with its dimensions in the reverse order: "MATLAB", or "R" (rhdf5).
/// Else empty.
[[nodiscard]] std::string turned_by(const Hdf5File& file, const std::string& array);

/// Local. The values of an array that stand for what is missing, where NetCDF says so (`_FillValue`, `missing_value`,
/// which may be several); not NaN, which needs no saying.
[[nodiscard]] std::vector<double> fill_values(const Hdf5File& file, const std::string& array);

/// The values that are valid, both ends included.
struct ValidRange {
  double smallest = -std::numeric_limits<double>::infinity();
  double largest = std::numeric_limits<double>::infinity();
  /// "from 0 to 100", "at least 0", "at most 100"
  [[nodiscard]] std::string text() const;
};
/// Local. Of an array where NetCDF says so (`valid_range`, or `valid_min` and `valid_max`).
[[nodiscard]] std::optional<ValidRange> valid_range(const Hdf5File& file, const std::string& array);

/// Some rows of a dataset, to be written.
struct DatasetRows {
  std::uint64_t count = 0;
  const void* samples = nullptr;  ///< of the stored type: count x columns values, of a sparse dataset those not 0
  std::span<const std::uint64_t> ends =
      {};                                 ///< of a sparse dataset: how many values there are up to the end of each row
  const std::int32_t* columns = nullptr;  ///< likewise: the column of each value, from 0, rising within a row
  const std::int32_t* labels = nullptr;   ///< if the dataset has labels
  const float* weights = nullptr;         ///< if it has weights: of each row, finite and at least 0
  std::span<const std::string> names = {};  ///< if its rows have names
};

/// Local. Calls `read` for one piece of `rows` after the other: whole chunks of the file, as far as `rows` go, so that
/// HDF5 unpacks each chunk once. They make about `work` bytes each, or one chunk if that has more.
void in_whole_chunks(const RowChunks& chunks, Shard rows, std::uint64_t work, const std::function<void(Shard)>& read);
/// What one call of HDF5 may as well read, in bytes.
inline constexpr std::uint64_t work_of_a_call = std::uint64_t{64} << 20U;

/// Local. Whether a number can be a scale: positive, and normal in single precision.
[[nodiscard]] bool is_scale(double value) noexcept;

/// Local. Whether a number can be the weight of a row: at least 0, and finite in single precision.
[[nodiscard]] bool is_weight(double value) noexcept;
/// What messages say of numbers that cannot.
inline constexpr const char* right_weights = "numbers from 0 to 3.4e38, the largest of float32, would be right";

/// Which datasets are read: those whose values are amounts, or those of any kind.
enum class Values { amounts, any };

/// Rows of a sparse dataset in memory (CSR).
struct SparseRows {
  std::uint64_t before = 0;           ///< values of the rows before these
  std::vector<std::uint64_t> ends;    ///< how many values there are up to the end of each row
  std::vector<std::int32_t> columns;  ///< of each value, from 0, rising within a row
  std::vector<std::byte> values;      ///< in the stored type
};

/// A dataset file open for reading: `/samples` [rows x columns] and perhaps, of each row, labels, weights and names.
/// Every method is Local and throws Error(Failure::file) with the file's name.
class DatasetReader {
 public:
  /// Checks everything that can be checked without reading the samples: that `/samples` is there, two-dimensional, of
  /// a readable type and not empty, that scale is positive, that the labels are as many as the rows, and that sizes do
  /// not overflow; and that values are amounts, as far as the file says, unless `accepted` are others, too.
  /// `scale`: in place of what the file says.
  explicit DatasetReader(const std::filesystem::path& path, Values accepted = Values::amounts,
                         std::optional<double> scale = std::nullopt);

  [[nodiscard]] const DatasetInfo& info() const noexcept { return info_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_.path(); }

  /// Reads rows [first, first + count) in the stored type into `values` (count * columns elements) and checks that
  /// each value is one of their kind; NaN is not. The message names row, column and value.
  void read_samples(std::uint64_t first, std::uint64_t count, void* values) const;
  /// The samples of a dense dataset open for reading, in the stored type, without a look at their values. Must not
  /// outlive this.
  [[nodiscard]] Hdf5Rows stored_samples() const;
  /// The same of a sparse dataset, `info().sparse`, as it is stored. (`read_samples` reads it as well, with its zeros.)
  [[nodiscard]] SparseRows read_sparse(std::uint64_t first, std::uint64_t count) const;
  /// Reads labels [first, first + count). Only if `info().has_labels`.
  void read_labels(std::uint64_t first, std::uint64_t count, std::int32_t* values) const;
  /// Reads weights [first, first + count), numbers of any type, rounded to single precision; checks that each is finite
  /// and at least 0. Only if `info().has_weights`.
  void read_weights(std::uint64_t first, std::uint64_t count, float* values) const;
  /// Reads the names of rows [first, first + count). Only if `info().has_row_names`.
  [[nodiscard]] std::vector<std::string> read_row_names(std::uint64_t first, std::uint64_t count) const;

 private:
  Hdf5File file_;
  DatasetInfo info_;
};

/// Writes a dataset file row by row; the file appears, whole, with `finish`. Every method is Local.
class DatasetWriter {
 public:
  /// `info.rows` is only the number that is expected, 0 if unknown: it keeps the chunks of a small file small. Rows are
  /// appended, and what was appended counts.
  DatasetWriter(const std::filesystem::path& path, const DatasetInfo& info);
  /// Into a file of the caller, who commits it after `finish`, and may add weights before.
  DatasetWriter(const AtomicFile& file, const DatasetInfo& info);
  ~DatasetWriter();
  DatasetWriter(DatasetWriter&&) noexcept;
  DatasetWriter& operator=(DatasetWriter&&) noexcept;
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  void append(const DatasetRows& rows);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Local. Adds weights to a dataset without, which a DatasetWriter has finished in a file that is not committed yet:
/// one of each row, as in DatasetRows. Throws Error(Failure::file).
void add_weights(const AtomicFile& file, std::span<const float> weights);

}  // namespace rbmpi
