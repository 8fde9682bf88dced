#include "rbmpi/import/import.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "import/columns.hpp"
#include "import/examine.hpp"
#include "import/field_reader.hpp"
#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "import/plan.hpp"
#include "import/write_rows.hpp"
#include "rbmpi/core/child_process.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/regular_file.hpp"

namespace rbmpi {
namespace {

// Who gives a rule believes that it does something.
void refuse_unused_rules(const ImportOptions& options, const FieldReader& reader) {
  for (std::size_t i = 0; i < options.replaced.size(); ++i) {
    if (reader.has_used(i)) continue;
    const auto& [text, by] = options.replaced[i];
    refuse_options(
        options.file,
        fmt::format(
            "--map {}={} replaces nothing: none of its values is {}{} (labels and names of rows are not replaced); "
            "a value that is there would be right",
            shown_field(text), std::isnan(by) ? std::string("NA") : fmt::format("{}", by), shown_field(text),
            i > 0 ? " that no rule before it replaces" : ""));
  }
}

/// The dataset in `output`, which is not committed.
ImportResult import_to(const ImportOptions& options, const AtomicFile& output) {
  std::vector<FileVersion> versions;  // of files: standard input is read once, and then a copy of it
  if (options.file != "-") versions.emplace_back(options.file);
  if (!options.table.labels.empty() && is_there(options.table.labels)) versions.emplace_back(options.table.labels);
  const std::unique_ptr<Table> table = open_table(options.file, options.table);
  const ColumnUses uses = column_uses(options, table->info());
  std::vector<std::pair<std::string, double>> replaced = options.replaced;  // the first of a value counts
  for (const double value : table->info().missing)
    replaced.emplace_back(fmt::format("{}", value), std::numeric_limits<double>::quiet_NaN());
  const FieldReader reader(replaced, table->info().decimal, table->info().type);
  if (table->info().sparse && reader.read(0.0) != 0.0)
    refuse_options(options.file, "its rows are sparse: --map cannot replace 0, of which there is any number");
  const Findings findings = examine(options, *table, uses, reader);
  if (table->info().alphabet.empty()) refuse_unused_rules(options, reader);  // of sequences none goes
  ImportPlan plan = import_plan(options, table->info(), uses, findings);
  const auto check_versions = [&] {
    for (const FileVersion& version : versions) version.throw_if_changed();
  };
  plan.info.rows = write_rows(options, *table, plan, reader, check_versions, output);

  ImportResult result{.info = std::move(plan.info),
                      .kind = table->info().kind,
                      .columns = std::move(plan.columns),
                      .notes = table->info().notes};
  result.notes.insert(result.notes.end(), plan.notes.begin(), plan.notes.end());
  return result;
}

// What the child found, as lines: texts of files have no ends of lines once they are `shown_field`.
std::string to_lines(const ImportResult& result) {
  std::string text = result.kind + "\n";
  for (const std::string& one : result.columns) text += "c" + one + "\n";
  for (const std::string& one : result.notes) text += "n" + one + "\n";
  return text;
}

void from_lines(const std::string& text, ImportResult& result) {
  std::size_t begin = text.find('\n') + 1;
  result.kind = text.substr(0, begin - 1);
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    (text[begin] == 'c' ? result.columns : result.notes).push_back(text.substr(begin + 1, end - begin - 1));
    begin = end + 1;
  }
}

}  // namespace

ImportResult import_file(const ImportOptions& options) {
  AtomicFile output(options.output);
  ImportResult result = import_to(options, output);
  output.commit();
  return result;
}

ImportResult import_in_child(const ImportOptions& options) {
  AtomicFile output(options.output);
  ImportResult result = import_in_child(options, output);
  output.commit();
  return result;
}

ImportResult import_in_child(const ImportOptions& options, const AtomicFile& output) {
  constexpr unsigned seconds_without_life = 60;  // of HDF5 and other libraries, between two signs of life of ours
  const std::string text =
      run_in_child("import " + file_text(options.file), [&] { return to_lines(import_to(options, output)); },
                   {.on_crash = "a library crashed on it, so the file is damaged or made to do harm",
                    .cpu_seconds = seconds_without_life});
  ImportResult result;
  from_lines(text, result);
  result.info = DatasetReader(output.temporary(), Values::any).info();
  return result;
}

}  // namespace rbmpi
