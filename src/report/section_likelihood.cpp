#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

constexpr const char* nats = "nats";
constexpr const char* nats_a_row = "nats&nbsp;a&nbsp;row";

/// A line of the table; `unit` is HTML, `name` and `meaning` are texts.
std::vector<std::string> line(const std::string& name, const std::string& value, const char* unit,
                              const std::string& meaning) {
  return {escape(name), value, unit, escape(meaning)};
}

std::string count(std::optional<double> number, std::string_view what) {
  constexpr double most = 0x1p53;  // whole numbers beyond are not told apart
  return number ? count_text(static_cast<std::uint64_t>(std::clamp(*number, 0.0, most)), what) : "";
}

/// Three standard errors around log Z, and the chains that it rests on.
std::string trust(const Evaluation::Partition& partition) {
  std::string text;
  if (partition.low || partition.high) {
    text += fmt::format(" Within three standard errors: {} to {}.",
                        partition.low ? number_text(*partition.low, 6) : "\xe2\x88\x92\xe2\x88\x9e",
                        partition.high ? number_text(*partition.high, 6) : "\xe2\x88\x9e");
  }
  if (partition.chains && partition.effective_samples) {
    text += fmt::format(" It rests on {} of {}.", number_text(*partition.effective_samples, 3),
                        count(partition.chains, "chain"));
  }
  return text;
}

void add_likelihood(const Evaluation& evaluation, HtmlTable& figures) {
  if (evaluation.log_likelihood) {
    const double partition = evaluation.partition_error.value_or(0);
    const double rows = evaluation.data_error.value_or(0);
    std::string meaning = "Mean log-probability of a row: minus its free energy, minus log Z.";
    if (partition > 0 && rows > 0) {
      meaning += fmt::format(" The error is \xc2\xb1 {} from the spread of the rows and \xc2\xb1 {} from log Z.",
                             number_text(rows, 2), number_text(partition, 2));
    }
    const double error = std::hypot(partition, rows);
    figures.rows.push_back(line(
        "Log-likelihood", measured_text(*evaluation.log_likelihood, error > 0 ? std::optional(error) : std::nullopt),
        nats_a_row, meaning));
  }
  if (evaluation.exact_log_z) {
    figures.rows.push_back(line("log Z", measured_text(*evaluation.exact_log_z, {}), nats,
                                "Exact: a sum over all states of the smaller side."));
  }
  if (evaluation.forward) {
    const std::string schedule = count(evaluation.temperatures, "temperature");
    figures.rows.push_back(line(
        "log Z by AIS", measured_text(evaluation.forward->log_z.value, evaluation.forward->log_z.standard_error), nats,
        "Annealed importance sampling" + (schedule.empty() ? "" : ", " + schedule) + ": a lower bound on average." +
            trust(*evaluation.forward)));
  }
  if (evaluation.reverse) {
    figures.rows.push_back(
        line("log Z by reverse AIS",
             measured_text(evaluation.reverse->log_z.value, evaluation.reverse->log_z.standard_error), nats,
             "From samples of the model back: an upper bound, as far as they are the model's own." +
                 trust(*evaluation.reverse)));
  }
}

void add_scores(const Evaluation& evaluation, HtmlTable& figures) {
  struct Score {
    const char* key;
    const char* name;
    const char* unit;
    const char* meaning;
  };
  constexpr std::array scores = {
      Score{"pseudo_likelihood", "Pseudo-likelihood", nats_a_row,
            "Log-probability of each unit given all others, summed over the units."},
      Score{"stochastic_pseudo_likelihood", "Pseudo-likelihood, stochastic", nats_a_row,
            "The same from one random unit of each row, as scikit-learn's score_samples has it."},
      Score{"free_energy", "Free energy", nats_a_row,
            "Of the data; it means something only beside that of other data."},
      Score{"cross_entropy", "Cross-entropy", nats_a_row, "Between a row and its reconstruction, nothing sampled."},
      Score{"mean_field_mse", "Mean-field error", "mean square a&nbsp;unit",
            "Between a row and its reconstruction, nothing sampled; the reconstruction error of the curves is another: "
            "there states are sampled."}};
  for (const Score& score : scores) {
    const auto found = evaluation.scores.find(score.key);
    if (found == evaluation.scores.end()) continue;
    figures.rows.push_back(
        line(score.name, measured_text(found->second.value, found->second.standard_error), score.unit, score.meaning));
  }
}

std::string data_sentence(const Evaluation& evaluation) {
  if (evaluation.data.empty()) return {};
  const std::string how = evaluation.binarise == "sample" ? ", zeros and ones drawn with its values as probabilities"
                          : evaluation.binarise == "threshold" ? ", its values cut at one half"
                                                               : "";
  return fmt::format("<p>How good the model is on {}<code>{}</code>{}.</p>\n",
                     evaluation.rows ? count(evaluation.rows, "row") + " of " : "", escape(evaluation.data), how);
}

/// A text as a sentence: "few chains" as "Few chains.".
std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (text.back() != '.' && text.back() != '!' && text.back() != '?') text += '.';
  return text;
}

/// A text, escaped, with the options in it, such as --temperatures, as code.
std::string with_options(const std::string& text) {
  const std::string escaped = escape(text);
  std::string html;
  std::size_t done = 0;
  for (std::size_t begin = escaped.find("--"); begin != std::string::npos; begin = escaped.find("--", done)) {
    const std::size_t end = std::min(escaped.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", begin), escaped.size());
    html += escaped.substr(done, begin - done);
    html += "<code class=\"option\">" + escaped.substr(begin, end - begin) + "</code>";
    done = end;
  }
  return html + escaped.substr(done);
}

}  // namespace

Section likelihood_section(const Evaluation& evaluation, const RunSummary& run) {
  HtmlTable figures{.caption = fmt::format("From {}", evaluation.file.filename().string()),
                    .columns = {{"figure"}, {"value", true, true}, {"unit", false, true}, {"what it is", false, true}},
                    .rows = {}};
  add_likelihood(evaluation, figures);
  add_scores(evaluation, figures);
  std::string html = data_sentence(evaluation);
  if (!evaluation.model_digest.empty() && run.model && evaluation.model_digest != run.model->digest) {
    html += "<p class=\"note\">These figures are of other parameters than those that this page shows.</p>\n";
  }
  for (const std::string& warning : evaluation.warnings) {
    html += "<p class=\"note\">" + with_options(sentence(warning)) + "</p>\n";
  }
  return {.id = "likelihood", .title = "Likelihood", .html = html + table(figures)};
}

Section evaluation_section(const Evaluation& evaluation, const RunSummary& run) {
  return evaluation.is_of_net() ? net_evaluation_section(evaluation, run) : likelihood_section(evaluation, run);
}

}  // namespace rbmpi
