#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "import/text_layout.hpp"
#include "import/text_lines.hpp"
#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// Rows of fields in the lines of a text: comma-separated values and their like. What its fields say is for others.
class TextTable : public Table {
 public:
  /// Throws as `text_layout` does.
  TextTable(std::filesystem::path path, const TableOptions& options);

  [[nodiscard]] const TableInfo& info() const override { return info_; }
  void read(const std::function<void(const TableRow&)>& on_row) override;

 private:
  /// What is no row.
  struct PassedOver {
    std::uint64_t empty_lines = 0;  ///< since the last row
    std::uint64_t empty_lines_between = 0;
    std::uint64_t comments = 0;       ///< below the first row
    std::uint64_t first_comment = 0;  ///< its line
    std::vector<std::uint64_t>
        empty_rows;  ///< since the last row: lines of separators alone, as Excel leaves them at the end
  };

  void describe();
  void check_width(std::uint64_t line, std::size_t fields) const;
  [[nodiscard]] bool is_no_row(std::string_view line, bool below_rows, TextFields& fields, PassedOver& passed_over);
  void refuse_row_in_comment(std::span<const std::string_view> fields) const;
  void refuse_sizes(const std::vector<std::string>& first, std::uint64_t rows) const;
  void note_what_was_met(const PassedOver& passed_over);

  std::filesystem::path path_;
  TextLayout layout_;
  TextLines lines_;
  TableInfo info_;
  bool first_line_said_;  ///< to be a header, or none
  bool noted_ = false;
};

[[nodiscard]] std::unique_ptr<Table> open_text_table(const std::filesystem::path& path, const TableOptions& options);

}  // namespace rbmpi
