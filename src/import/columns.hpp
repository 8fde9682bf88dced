#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/import/import.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// What a column of the table is used for.
enum class Use : std::uint8_t { value, label, one_hot, weight, name, dropped };

/// The uses of all columns, as far as options and names tell them. Columns are counted from 0.
struct ColumnUses {
  std::vector<Use> uses;  ///< of each column
  std::optional<std::size_t> label;
  std::optional<std::size_t> name;
  std::optional<std::size_t> weight;
  std::vector<std::size_t> one_hot;
  bool label_guessed = false;  ///< by its name: the values have to fit
  bool name_guessed = false;   ///< likewise
  bool values_listed = false;  ///< --columns says which are values
  bool other_labels = false;   ///< those beside the columns are used
  [[nodiscard]] std::vector<std::size_t> values() const;
};

/// Local. Throws Error(Failure::usage) for columns that are not there or would have two uses, or if several have names
/// of labels, or of an index.
[[nodiscard]] ColumnUses column_uses(const ImportOptions& options, const TableInfo& info);

/// Local. Whether a column of that name most likely says how much each row counts.
[[nodiscard]] bool is_name_of_weights(const std::string& name);

/// Local. Whether the first two columns most likely say where a value belongs, as of a list of ratings.
[[nodiscard]] bool are_names_of_entries(const std::vector<std::string>& names);

/// Local. "column 7 ('pixel6')", for people.
[[nodiscard]] std::string column_text(const TableInfo& info, std::size_t column);
/// Local. How an option names a column: its name, else its number.
[[nodiscard]] std::string column_word(const TableInfo& info, std::size_t column);

}  // namespace rbmpi
