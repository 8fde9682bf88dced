#include <fmt/format.h>

#include "rbmpi/core/version.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"

namespace rbmpi {

Section repeat_section(const RunSummary& run) {
  std::string html = "<p>This repeats the run, alone or under <code>mpirun</code>, on any number of ranks";
  const bool exact = run.value("arithmetic") == "exact";
  html += run.state == RunState::diverged ? (exact ? ", and diverges at the same step:</p>\n" : ":</p>\n")
          : exact                         ? ", with the same digest at its end:</p>\n"
                                          : ":</p>\n";
  html += "<pre><code>" + escape(repeating_command(run)) + "</code></pre>\n";
  if (run.model) {
    const std::filesystem::path file = std::filesystem::absolute(run.folder / run.model->file).lexically_normal();
    html += fmt::format("<p>Digest of the parameters {}, which <code>rbmpi info --digest {}</code> prints:</p>\n",
                        run.finished() ? "at its end" : "so far", escape(shell_word(file.string())));
    html += "<pre><code>" + escape(run.model->digest) + "</code></pre>\n";
  }
  Table origin{.caption = "Where the parameters come from", .columns = {{"what"}, {"value"}}, .rows = {}};
  for (const auto& [name, value] : run.provenance) {
    origin.rows.push_back({escape(name), "<code>" + escape(value) + "</code>"});
  }
  if (!origin.rows.empty()) html += table(origin);
  Table keys{.caption = "config.ini", .columns = {{"key"}, {"value"}}, .rows = {}};
  for (const auto& [key, value] : run.configuration) {
    keys.rows.push_back({"<code>" + escape(key) + "</code>", "<code>" + escape(value) + "</code>"});
  }
  if (!keys.rows.empty()) html += details("The whole configuration", table(keys));
  return {.id = "repeat", .title = "Repeat it", .html = html};
}

}  // namespace rbmpi
