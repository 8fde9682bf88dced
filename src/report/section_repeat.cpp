#include <fmt/format.h>

#include "rbmpi/core/version.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

/// A word of a command line for a shell.
std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_-./=:,+@%") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

std::string command_of(const RunSummary& run) {
  const std::filesystem::path configuration = std::filesystem::absolute(run.folder / "config.ini").lexically_normal();
  return fmt::format("rbmpi train --config {} --output again", quoted(configuration.string()));
}

}  // namespace

Section repeat_section(const RunSummary& run) {
  std::string html = "<p>This repeats the run, alone or under <code>mpirun</code>, on any number of ranks";
  html += run.value("arithmetic") == "exact" ? ", with the same digest at its end:</p>\n" : ":</p>\n";
  html += "<pre><code>" + escape(command_of(run)) + "</code></pre>\n";
  if (run.model) {
    const std::filesystem::path file = std::filesystem::absolute(run.folder / run.model->file).lexically_normal();
    html += fmt::format("<p>Digest of the parameters {}, which <code>rbmpi info --digest {}</code> prints:</p>\n",
                        run.finished ? "at its end" : "so far", escape(quoted(file.string())));
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
