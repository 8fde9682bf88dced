#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {

/// What an import made.
struct ImportResult {
  DatasetInfo info;                ///< of the new dataset
  std::vector<std::string> notes;  ///< what looked odd but is no error, a sentence each
};

/// MNIST's format: unsigned bytes, numbers big-endian, plain or gzip.
struct IdxImport {
  std::filesystem::path images;                 ///< 2 or more dimensions; the first counts the rows
  std::optional<std::filesystem::path> labels;  ///< 1 dimension, as long as the images' first
  std::filesystem::path output;
  std::string source;  ///< where the data came from; by default the name of the images' file
};

/// Local. Makes the dataset `output` of type uint8, scale 255; with three dimensions the last two become the picture
/// shape. Streams. Throws Error(Failure::file) and leaves no file behind for anything that is not as it should be:
/// wrong magic numbers, sizes that are zero, overflow or do not fit the file, files that differ in number.
ImportResult import_idx(const IdxImport& import);

/// Comma-separated values (RFC 4180: quotes, CRLF), one row per line, plain or gzip.
struct CsvImport {
  std::filesystem::path csv;
  bool header = true;                  ///< whether the first line names the columns
  std::string label_column;            ///< a name in the header, a number counted from 1, "last", or empty for none
  std::optional<double> scale;         ///< the value that means 1.0; by default 1 if all values are in [0, 1], else
                                       ///< 255 if they are bytes
  std::optional<ElementType> type;     ///< by default uint8 if all values are whole and in 0..255, else float32
  std::vector<std::uint64_t> picture;  ///< {height, width} or empty
  std::filesystem::path output;
  std::string source;  ///< where the data came from; by default the name of the file
};

/// Local. Makes a dataset from a table of numbers. Reads the file twice, to check and to write, and never holds more
/// than a few lines of it. Throws Error(Failure::file) and leaves no file behind for rows of different length, text
/// where a number belongs (with line and column), values outside [0, scale], labels that are not whole numbers of 32
/// bits, an empty file; Error(Failure::usage) for options that do not fit the table: an unknown label column, a picture
/// shape with another number of values, no scale where it cannot be guessed.
ImportResult import_csv(const CsvImport& import);

}  // namespace rbmpi
