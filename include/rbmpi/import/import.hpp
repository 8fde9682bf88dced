#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

class AtomicFile;

/// What becomes of a value that is not there.
enum class MissingValues { refused, zero, drop_row, mean };

/// What is imported, and what a person says of it. Columns are named by their name, their number counted from 1, or
/// "last"; lists of them, with commas between, may have ranges of numbers, "2-785". What is left empty is found out
/// from the file.
struct ImportOptions {
  std::filesystem::path file;
  std::filesystem::path output;  ///< an old file of that name is replaced
  std::string source;            ///< where the data came from; by default the name of the file
  TableOptions table;
  std::string label_column;    ///< "none" if there are no labels, also none beside the columns
  std::string one_hot_labels;  ///< a list: of each row one is 1, the others 0
  std::string weight_column;   ///< "none" if there is none
  std::string name_column;     ///< of the rows; "none" if no column is to be taken for that
  std::string columns;         ///< a list: these alone are values
  std::string drop;            ///< a list: these are left out
  std::vector<std::pair<std::string, double>>
      replaced;  ///< values, numbers or texts, and what they become; NaN: missing
  MissingValues missing = MissingValues::refused;
  std::optional<double> scale;       ///< the value that means 1.0
  std::optional<ElementType> type;   ///< by default uint8 if that loses nothing, else float32
  std::vector<std::uint64_t> shape;  ///< of rows that are pictures: {height, width}
  std::optional<bool> sparse;        ///< how rows are stored; by default sparse if the file is, and three in four are 0
};

/// What an import made.
struct ImportResult {
  DatasetInfo info;                  ///< of the new dataset
  std::string kind;                  ///< what the file was: "a table with ',' between the fields, 785 columns"
  std::vector<std::string> columns;  ///< what became of its columns, a phrase each
  std::vector<std::string> notes;    ///< what was decided that another might decide otherwise, a sentence each
};

/// Local. Makes a dataset of the table in a file, of whatever format it is. Reads it twice, to examine and to write,
/// in the memory of a few rows. Throws Error(Failure::file), and leaves no file behind, for a file that is none of
/// those that are known, or damaged, or has something else where a number belongs; Error(Failure::usage) where an
/// option has to say what is meant.
ImportResult import_file(const ImportOptions& options);

/// Local. The same in a child process, which a library that crashes on the file takes with it.
ImportResult import_in_child(const ImportOptions& options);
/// Local. Likewise, with the dataset in a file of `options.output` that the caller commits, and may add weights to
/// before.
ImportResult import_in_child(const ImportOptions& options, const AtomicFile& output);

/// Local. Whether a file has to be imported before a DatasetReader takes it: it is not HDF5, or HDF5 whose rows are not
/// a matrix of a type that is read as it stands under the name `/samples`, or stand in MATLAB's order. No if it cannot
/// be looked at, or is one of rbmpi's own: whoever reads it says what is wrong with it. It is looked at in a child.
[[nodiscard]] bool wants_import(const std::filesystem::path& file);

}  // namespace rbmpi
