#include <fmt/format.h>

#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/core/version.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

/// What the command is good for.
std::string promise(const RunSummary& run) {
  std::string html = "<p>This repeats the run, alone or under <code>mpirun</code>, on any number of ranks";
  const bool diverged = run.state == RunState::diverged;
  if (run.is_net()) {
    html += ": bit for bit on the same layout";
    if (!run.jobs.empty()) html += " (" + layout_text(run.jobs.back()) + ")";
    return html + ", but for rounding on another" + (diverged ? ", and it may diverge again" : "") + ":</p>\n";
  }
  if (run.value("arithmetic") == "exact") {
    html += diverged ? ", and diverges at the same step" : ", with the same digest at its end";
  }
  return html + ":</p>\n";
}

const char* whose_digest(const RunSummary& run) {
  if (run.model->file == "best.h5") return run.finished() ? "after the best epoch" : "after the best epoch so far";
  return run.finished() ? "at its end" : "so far";
}

}  // namespace

Section repeat_section(const RunSummary& run) {
  std::string html = promise(run);
  html += "<pre><code>" + escape(repeating_command(run)) + "</code></pre>\n";
  if (run.model) {
    const std::filesystem::path file = std::filesystem::absolute(run.folder / run.model->file).lexically_normal();
    html += fmt::format("<p>Digest of the parameters {}, which <code>rbmpi info --digest {}</code> prints:</p>\n",
                        whose_digest(run), escape(shell_word(file.string())));
    html += "<pre><code>" + escape(run.model->digest) + "</code></pre>\n";
  }
  HtmlTable origin{.caption = "Where the parameters come from", .columns = {{"what"}, {"value"}}, .rows = {}};
  for (const auto& [name, value] : run.provenance) {
    origin.rows.push_back({escape(name), "<code>" + escape(value) + "</code>"});
  }
  if (!origin.rows.empty()) html += table(origin);
  HtmlTable keys{.caption = "config.ini", .columns = {{"key"}, {"value"}}, .rows = {}};
  for (const auto& [key, value] : run.configuration) {
    keys.rows.push_back({"<code>" + escape(key) + "</code>", "<code>" + escape(value) + "</code>"});
  }
  if (!keys.rows.empty()) html += details("The whole configuration", table(keys));
  return {.id = "repeat", .title = "Repeat it", .html = html};
}

}  // namespace rbmpi
