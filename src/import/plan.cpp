#include "import/plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "import/field_reader.hpp"
#include "import/field_value.hpp"
#include "import/formats.hpp"
#include "import/text_fields.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/data/data_look.hpp"

namespace rbmpi {
namespace {

constexpr double bytes_largest = 255.0;

class Planner {
 public:
  Planner(const ImportOptions& options, const TableInfo& info, const ColumnUses& uses, const Findings& findings)
      : options_(options), info_(info), findings_(findings) {
    plan_.uses = uses;
  }

  ImportPlan plan() {
    if (!info_.alphabet.empty()) return plan_sequences();
    leave_out_empty_columns();
    plan_names();
    refuse_counting_columns();
    refuse_a_name_among_numbers();
    plan_labels();
    plan_weights();
    plan_.values = plan_.uses.values();
    plan_.all_values = plan_.values.size() == info_.columns;
    if (plan_.values.empty()) refuse_options(options_.file, "no column of it is left for values");
    check_fields();
    check_missing();
    check_valid_range();
    refuse_one_hot_columns();
    plan_scale();
    plan_type();
    plan_picture();
    plan_storage();
    finish_plan();
    return std::move(plan_);
  }

 private:
  template <typename... Arguments>
  void note(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    plan_.notes.push_back(fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  template <typename... Arguments>
  [[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    refuse_import(options_.file, fmt::format(format, std::forward<Arguments>(arguments)...));
  }
  template <typename... Arguments>
  [[noreturn]] void ask(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    refuse_options(options_.file, fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  [[nodiscard]] std::string name_of(std::size_t column) const { return column_text(info_, column); }
  [[nodiscard]] std::string word_of(std::size_t column) const { return column_word(info_, column); }
  [[nodiscard]] bool is_unnamed(std::size_t column) const { return info_.names.empty() || info_.names[column].empty(); }
  /// Of all values of a sparse table, or of one column.
  [[nodiscard]] const ColumnFindings& found(std::size_t column) const {
    return findings_.columns[info_.sparse ? 0 : column];
  }
  /// The findings that tell of all values.
  template <typename Visit>
  void for_values(const Visit& visit) const {
    if (info_.sparse) return visit(std::size_t{0}, findings_.columns.front());
    for (const std::size_t column : plan_.values) visit(column, findings_.columns[column]);
  }

  /// Of sequences all is known: colours, one byte each.
  ImportPlan plan_sequences() {
    refuse_options_of_numbers();
    plan_.values = plan_.uses.values();
    plan_.all_values = plan_.values.size() == info_.columns;
    if (plan_.values.empty()) refuse_options(options_.file, "no column of it is left for values");
    plan_.info.type = ElementType::uint8;
    plan_.info.kind = ValueKind::colours;
    plan_.info.colours = {.count = info_.alphabet.size(), .alphabet = info_.alphabet};
    plan_.info.scale = static_cast<double>(info_.alphabet.size() - 1);
    take_names_beside();
    if (findings_.rows == 1) note("It is one sequence; to train on, a family has many.");
    finish_plan();
    return std::move(plan_);
  }

  void refuse_options_of_numbers() const {
    const auto refuse_if = [&](bool given, const char* option) {
      if (given) ask("{} goes with tables of numbers, and it has sequences of letters", option);
    };
    refuse_if(options_.scale.has_value(), "--scale");
    refuse_if(options_.type.has_value(), "--type");
    refuse_if(options_.sparse.has_value(), "--sparse or --dense");
    refuse_if(!options_.shape.empty(), "--shape");
    refuse_if(!options_.replaced.empty(), "--map");
    refuse_if(options_.missing != MissingValues::refused, "--missing");
    refuse_if(plan_.uses.label || !plan_.uses.one_hot.empty(), "a column of labels");
    refuse_if(plan_.uses.weight.has_value(), "--weight-column");
    refuse_if(plan_.uses.name.has_value(), "--name-column");
  }

  void finish_plan() {
    plan_.info.rows = findings_.rows;
    plan_.info.columns = plan_.values.size();
    plan_.info.source = options_.source.empty() ? options_.file.filename().string() : options_.source;
    plan_column_names();
    say_columns();
  }

  // Excel leaves separators behind columns that were once used.
  void leave_out_empty_columns() {
    if (info_.sparse || plan_.uses.values_listed) return;
    std::size_t count = 0;
    for (std::size_t column = info_.columns; column-- > 1;) {
      const bool empty = plan_.uses.uses[column] == Use::value && found(column).missing.count == findings_.rows &&
                         found(column).missing.first.text == "empty" && is_unnamed(column);
      if (!empty) break;
      plan_.uses.uses[column] = Use::dropped;
      ++count;
    }
    if (count > 0)
      note("{} at the end {} nothing and {} left out.", plural(count, "column"), count == 1 ? "has" : "have",
           count == 1 ? "was" : "were");
  }

  void plan_names() {
    ColumnUses& uses = plan_.uses;
    if (uses.name && uses.name_guessed && !findings_.names_differ) {
      ask("{} looks like an index by its name, but has the same twice: --drop {} leaves it out, --name-column {} keeps "
          "it as the names of the rows, --name-column none takes it for values",
          name_of(*uses.name), word_of(*uses.name), word_of(*uses.name));
    }
    if (uses.name && uses.name_guessed && findings_.no_name) {
      ask("{}, which names the rows, has no name in {}, as a second line of names or a line of sums: the table without "
          "that line would be right, or --name-column {} if it is a row",
          name_of(*uses.name), row_text(*findings_.no_name), word_of(*uses.name));
    }
    const bool first_names = !uses.name && !info_.sparse && !uses.values_listed && info_.columns > 1 &&
                             options_.name_column != "none" && uses.uses[0] == Use::value && findings_.names_differ &&
                             are_names(found(0));
    if (first_names) {
      uses.name = 0;
      uses.uses[0] = Use::name;
    }
    if (!uses.name) return take_names_beside();
    plan_.info.has_row_names = true;
    plan_.info.row_name_bytes = std::max<std::size_t>(1, findings_.longest_name);
    if (uses.name_guessed || first_names)
      note("{} was taken for the names of the rows; --name-column none if it is not.", name_of(*uses.name));
    if (is_sum(findings_.last_name))
      note("The last row is named '{}' and was taken for a row like the others.", shown_field(findings_.last_name));
    if (info_.first_column_names)
      note("The header has one name less than the rows have fields, as R writes it: the first column names the rows.");
  }

  /// Those that no column has.
  void take_names_beside() {
    plan_.info.has_row_names = info_.has_names && options_.name_column != "none";
    if (plan_.info.has_row_names) plan_.info.row_name_bytes = std::max<std::size_t>(1, findings_.longest_name);
  }

  /// Texts alone, and no numbers in a way of writing that is not known here.
  [[nodiscard]] bool are_names(const ColumnFindings& first) const {
    if (findings_.rows < 2 || first.texts.count < findings_.rows) return false;
    const std::string& quoted = first.texts.first.text;
    return !looks_like_number(std::string_view(quoted).substr(1, quoted.size() - 2));
  }

  [[nodiscard]] static bool is_sum(const std::string& name) {
    constexpr std::array<std::string_view, 7> sums = {"total", "totals", "sum", "summe", "gesamt", "mean", "average"};
    return std::ranges::find(sums, plain_name(name)) != sums.end();
  }

  // A column of row numbers or of times among the values would be the strongest of all.
  void refuse_counting_columns() {
    constexpr std::uint64_t least_rows = 5;
    if (info_.sparse || plan_.uses.values_listed || findings_.rows < least_rows) return;
    for (std::size_t column = 0; column < info_.columns; ++column) {
      if (plan_.uses.uses[column] != Use::value || !found(column).rises_evenly) continue;
      ask("{} only counts the rows, by the same step from each to the next: --drop {} leaves it out, --name-column {} "
          "makes it the names of the rows, "
          "--columns with it in the list keeps it as values",
          name_of(column), word_of(column), word_of(column));
    }
  }

  // Of "user,1,2,3" the first is something else than the others.
  void refuse_a_name_among_numbers() {
    constexpr std::size_t least_columns = 4;
    const bool open = !info_.sparse && !plan_.uses.values_listed && options_.label_column.empty() &&
                      options_.name_column.empty() && info_.names.size() >= least_columns &&
                      plan_.uses.uses[0] == Use::value && !info_.names[0].empty();
    if (!open || field_value(info_.names[0], DecimalMark::point).kind != FieldValue::Kind::text) return;
    for (std::size_t column = 1; column < info_.names.size(); ++column) {
      const FieldValue name = field_value(info_.names[column], DecimalMark::point);
      const FieldValue first = field_value(info_.names[1], DecimalMark::point);
      const bool next =
          name.kind == FieldValue::Kind::number && name.number == first.number + static_cast<double>(column - 1);
      if (!next) return;
    }
    ask("{} has a name, and numbers name all others: --name-column {} if it names the rows, --label-column {} if it "
        "has "
        "the labels, --drop {} leaves it out, --label-column none takes it for values",
        name_of(0), word_of(0), word_of(0), word_of(0));
  }

  void plan_labels() {
    ColumnUses& uses = plan_.uses;
    if (!uses.one_hot.empty()) {
      plan_.info.has_labels = true;
      if (!info_.names.empty())
        for (const std::size_t column : uses.one_hot) plan_.info.class_names.push_back(info_.names[column]);
      return;
    }
    if (!uses.label && !uses.other_labels) return ask_for_labels();
    plan_.info.has_labels = true;
    if (!uses.label) plan_.info.class_names = info_.class_names;
    const LabelFindings& labels = findings_.labels;
    check_labels(labels);
    refuse_two_ways_of_writing(labels);
    if (labels.texts > 0) {
      name_classes(labels);
    } else if (labels.signs && labels.smallest == -1.0 && labels.largest == 1.0) {
      plan_.signs = true;
      plan_.info.class_names = {"-1", "1"};
      note("The labels -1 and 1 became 0 and 1.");
    }
    if (uses.label && uses.label_guessed)
      note("{} was taken for the labels; --label-column none if it is not.", name_of(*uses.label));
  }

  /// The last column and the first, if nothing says what they are and they may be labels: few whole numbers.
  [[nodiscard]] std::vector<std::size_t> possible_labels() const {
    constexpr double most = 99.0;
    std::vector<std::size_t> columns;
    const bool settled = !options_.label_column.empty() || plan_.info.has_labels || plan_.uses.values_listed;
    if (info_.sparse || info_.columns < 3 || settled) return columns;
    for (const std::size_t column : {info_.columns - 1, std::size_t{0}}) {
      const ColumnFindings& one = found(column);
      const bool may_be = plan_.uses.uses[column] == Use::value && one.whole && one.smallest >= -1.0 &&
                          one.largest >= 1.0 && one.largest <= most && one.missing.count == 0 && one.texts.count == 0;
      if (may_be) columns.push_back(column);
    }
    return columns;
  }

  /// How many of the columns of values but one are such.
  template <typename Is>
  [[nodiscard]] std::size_t count_others(std::size_t column, const Is& is) const {
    const std::vector<std::size_t> values = plan_.uses.values();
    return static_cast<std::size_t>(
        std::ranges::count_if(values, [&](std::size_t other) { return other != column && is(found(other)); }));
  }

  // Small whole numbers among others of which nobody says what they are, or among bytes of pictures.
  void ask_for_labels() {
    constexpr double digits = 9.0;
    constexpr double bright = 128.0;
    constexpr std::size_t least_pixels = 4;
    for (const std::size_t column : possible_labels()) {
      const ColumnFindings& one = found(column);
      const std::size_t others = plan_.uses.values().size() - 1;
      const std::size_t bytes =
          count_others(column, [](const ColumnFindings& other) { return other.largest >= bright; });
      const std::size_t fractions = count_others(column, [](const ColumnFindings& other) { return !other.whole; });
      const bool unnamed = info_.names.empty() && (one.largest > 1.0 || fractions == others);
      const bool of_pictures =
          one.largest > 1.0 && one.largest <= digits && bytes >= least_pixels && 2 * bytes >= others;
      if (one.smallest < 0.0 || !(unnamed || of_pictures)) continue;
      note("{} was taken for values like the others; --label-column {} if it has the labels.", name_of(column),
           word_of(column));
      return;
    }
  }

  /// The option for a column that alone has other values than 0 to 1, or than -1 and 1; or nothing.
  [[nodiscard]] std::string remedy_by_labels() const {
    for (const std::size_t column : possible_labels()) {
      const std::size_t others = plan_.uses.values().size() - 1;
      const bool alone =
          others > 0 && (count_others(column, [](const ColumnFindings& other) { return other.spins; }) == others ||
                         count_others(column, [](const ColumnFindings& other) {
                           return other.smallest >= 0.0 && other.largest <= 1.0;
                         }) == others);
      if (alone) return fmt::format(", --label-column {} if it has the labels", word_of(column));
    }
    return {};
  }

  [[nodiscard]] std::string label_place(const Place& place) const {
    return place.column < info_.columns ? place_text(info_, place) : row_text(place);
  }

  void check_labels(const LabelFindings& labels) const {
    const bool guessed = plan_.uses.label_guessed;
    const std::string remedy = guessed
                                   ? fmt::format("; --label-column none takes {} for values, --drop {} leaves it out",
                                                 name_of(*plan_.uses.label), word_of(*plan_.uses.label))
                               : plan_.uses.other_labels ? "; --label-column none leaves the labels out"
                                                         : "";
    if (labels.missing.count > 0 && options_.missing != MissingValues::drop_row)
      refuse("{} of its labels {} missing, the first in {}; --missing drop-row leaves such rows out{}",
             labels.missing.count, labels.missing.count == 1 ? "is" : "are", label_place(labels.missing.first), remedy);
    if (labels.texts == 0 && labels.unfit)
      refuse("the label in {} is {}; a whole number of 32 bits, or a text, would be right{}",
             label_place(*labels.unfit), labels.unfit->text, remedy);
    const std::size_t classes = labels.classes.size();
    const bool many = labels.too_many || (guessed && classes > 20 && 2 * classes > findings_.rows);
    if ((labels.texts > 0 || guessed) && many)
      refuse("the labels have {}{} different values; those of classes would be right{}",
             labels.too_many ? "more than " : "", classes, remedy);
  }

  /// Numbers by their size, then texts by their letters.
  void name_classes(const LabelFindings& labels) {
    std::vector<std::pair<std::optional<double>, std::string>> sorted;
    for (const auto& [name, count] : labels.classes) {
      const FieldValue value = field_value(name, DecimalMark::point);
      const bool number = value.kind == FieldValue::Kind::number;
      sorted.emplace_back(number ? std::optional(value.number) : std::nullopt, name);
    }
    std::ranges::sort(sorted, [](const auto& a, const auto& b) {
      if (a.first.has_value() != b.first.has_value()) return a.first.has_value();
      return a < b;
    });
    std::vector<std::string> names;
    for (const auto& [number, name] : sorted) {
      plan_.classes.emplace(name, static_cast<std::int32_t>(names.size()));
      names.push_back(name);
    }
    plan_.info.class_names = std::move(names);
  }

  /// A label that is a whole number, however many zeros stand in front, or a truth value.
  [[nodiscard]] static std::optional<double> meant_by(const std::string& label) {
    const FieldValue value = field_value(label, DecimalMark::point);
    if (value.kind == FieldValue::Kind::boolean) return value.number;
    const std::size_t sign = label.starts_with('-') || label.starts_with('+') ? 1 : 0;
    const bool whole = label.size() > sign && label.find_first_not_of("0123456789", sign) == std::string::npos;
    if (!whole) return std::nullopt;
    const std::optional<double> number = parse_number(std::string_view(label).substr(sign));
    return number && label.starts_with('-') ? -*number : number;
  }

  /// Labels such as 01 and 1 are two classes as texts, and hardly ever for people.
  void refuse_two_ways_of_writing(const LabelFindings& labels) const {
    std::map<double, std::string> seen;
    for (const auto& [name, count] : labels.classes) {
      const std::optional<double> meant = meant_by(name);
      if (!meant) continue;
      const auto [other, first] = seen.emplace(*meant, name);
      if (!first)
        refuse("its labels are '{}' and '{}', which may mean the same: one way of writing would be right",
               shown_field(other->second), shown_field(name));
    }
  }

  void plan_weights() {
    plan_.info.has_weights = plan_.uses.weight.has_value() || info_.has_weights;
    if (!plan_.uses.weight) return note_weights();
    const std::size_t column = *plan_.uses.weight;
    const ColumnFindings& weights = found(column);
    const Occurrences& odd = weights.texts.count > 0 ? weights.texts : weights.missing;
    if (odd.count > 0)
      refuse("the weight in {} is {}; a number of at least 0 would be right", place_text(info_, odd.first),
             odd.first.text);
    if (!is_weight(weights.smallest) || !is_weight(weights.largest))
      refuse("the weights in {} are from {} to {}; {}", name_of(column), weights.smallest, weights.largest,
             right_weights);
    if (weights.largest == 0)
      refuse("all weights in {} are 0; a row that counts needs one that is larger", name_of(column));
  }

  // A name alone does not tell the weight of a row from that of a body.
  void note_weights() {
    const bool settled = plan_.info.has_weights || plan_.uses.values_listed || options_.weight_column == "none";
    if (info_.sparse || settled) return;
    for (std::size_t column = 0; column < info_.names.size(); ++column) {
      if (plan_.uses.uses[column] != Use::value || !is_name_of_weights(info_.names[column])) continue;
      note("{} was taken for values like the others; --weight-column {} if it says how much each row counts.",
           name_of(column), word_of(column));
    }
  }

  void check_decimal_marks() const {
    const std::optional<Place>& comma = findings_.comma;
    const std::optional<Place>& point = findings_.point;
    constexpr const char* doubt =
        "{} is {}, which may be one and a fraction or more than a thousand, and so may all numbers with a {}: "
        "--decimal {} "
        "if they are fractions, --decimal {} if they are thousands";
    if (comma && point) {
      const char* const way = findings_.point_thousands   ? ": --decimal comma if points stand between thousands"
                              : findings_.comma_thousands ? ": --decimal point if commas stand between thousands"
                                                          : "";
      refuse("{} is {} and {} is {}: one of comma and point can be the decimal point{}", place_text(info_, *comma),
             comma->text, place_text(info_, *point), point->text, way);
    }
    if (comma && findings_.comma_thousands)
      ask(doubt, place_text(info_, *comma), comma->text, "comma", "comma", "point");
    if (point && findings_.point_thousands && info_.semicolons)
      ask(doubt, place_text(info_, *point), point->text, "point", "point", "comma");
  }

  void check_fields() {
    check_decimal_marks();
    if (findings_.comma) note("Commas in numbers were read as decimal points, as in {}.", findings_.comma->text);
    std::size_t truth_columns = 0;
    for_values([&](std::size_t column, const ColumnFindings& one) {
      if (one.texts.count > 0) refuse_text(column, one);
      if (one.booleans > 0) ++truth_columns;
    });
    if (truth_columns > 0) note("Truth values became 0 and 1, in {}.", plural(truth_columns, "column"));
  }

  /// Whether a column has texts, and no numbers.
  [[nodiscard]] bool has_texts_alone(const ColumnFindings& one) const {
    return one.texts.count > 0 && one.texts.count + one.missing.count + one.booleans == findings_.rows;
  }

  /// The option that splits what was taken for one field: by the character, once or twice, that leaves most numbers.
  [[nodiscard]] static std::string remedy_by_separator(std::string_view text) {
    constexpr std::string_view candidates = ":~^&/_-!@*$%=\\";
    std::string best;
    std::size_t most = 1;
    for (const char c : candidates) {
      const std::string separator(text.find(std::string(2, c)) != std::string_view::npos ? 2 : 1, c);
      std::size_t fields = 0;
      std::size_t numbers = 0;
      for (std::size_t begin = 0; begin <= text.size(); ++fields) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        const FieldValue value = field_value(trimmed(text.substr(begin, end - begin)), DecimalMark::either);
        if (value.kind == FieldValue::Kind::number || value.kind == FieldValue::Kind::comma_number) ++numbers;
        begin = end + separator.size();
      }
      if (numbers <= most || 2 * numbers < fields) continue;
      best = separator;
      most = numbers;
    }
    return best.empty() ? best : fmt::format("; --separator {} if that stands between its fields", shell_word(best));
  }

  /// Whether --map can name a text.
  [[nodiscard]] static bool can_be_mapped(const std::string& word) {
    return word.find(',') == std::string::npos && shown_field(word) == word;
  }

  /// What makes 0 and 1 of these words and those of all columns that have two each, if none would have to become both.
  [[nodiscard]] std::string map_of(const std::vector<std::string>& wanted) const {
    std::map<std::string, int> map;
    std::vector<std::string> rules;
    for (const std::size_t column : plan_.values) {
      std::vector<std::string> words = found(column).words;
      if (words.size() != 2 || !has_texts_alone(found(column))) continue;
      // N and Y, off and on, absent and present: most pairs come in this order.
      std::ranges::sort(words, {}, plain_name);
      for (int value : {0, 1}) {
        const std::string& word = words[static_cast<std::size_t>(value)];
        const auto [rule, first] = map.emplace(word, value);
        if (rule->second != value || !can_be_mapped(word)) return {};
        if (first) rules.push_back(fmt::format("{}={}", word, value));
      }
    }
    constexpr std::size_t most = 8;
    const bool all = std::ranges::all_of(wanted, [&](const std::string& word) { return map.contains(word); });
    return !all || rules.size() > most ? std::string() : shell_word(fmt::format("{}", fmt::join(rules, ",")));
  }

  /// The options, if there are some, with which the texts of a column would be read as numbers.
  [[nodiscard]] std::string remedy_of_texts(const ColumnFindings& one) const {
    if (one.words.empty()) return {};
    const std::string& text = one.words.front();
    const bool alone = has_texts_alone(one);
    if (alone && (text == "+" || text == "-")) return "; --map +=1,-=0 if it is a spin";
    if (alone && text.find_first_not_of("+-") == std::string::npos)
      return "; --separator none --map +=1,-=0 if each sign is a spin";
    if (info_.columns == 1) {
      std::string remedy = remedy_by_separator(text);
      if (!remedy.empty()) return remedy;
    }
    if (one.words.size() == 1 && !looks_like_number(text) && can_be_mapped(text)) {
      if (!alone || one.booleans > 0)
        return fmt::format("; --map {} if it stands for what is missing", shell_word(text + "=NA"));
      if (one.missing.count > 0)
        return fmt::format("; --map {} --missing zero if it means on, and nothing off", shell_word(text + "=1"));
    }
    if (info_.decimal != DecimalMark::point && info_.decimal != DecimalMark::either) return {};
    const FieldValue with_point = field_value(text, DecimalMark::said_point);
    const FieldValue with_comma = field_value(text, DecimalMark::said_comma);
    std::string remedy;
    if (with_point.kind == FieldValue::Kind::number)
      remedy += fmt::format("; --decimal point reads it as {}", with_point.number);
    if (with_comma.kind == FieldValue::Kind::number)
      remedy += fmt::format("; --decimal comma reads it as {}", with_comma.number);
    return remedy;
  }

  /// What a column of texts may be for.
  [[nodiscard]] std::string remedy_of_column(std::size_t column, const ColumnFindings& one) const {
    const std::string word = word_of(column);
    const bool names = column == 0 && one.texts.count == one.words.size();  // no text comes twice
    const std::string map = names ? std::string() : map_of(one.words);
    if (!map.empty())
      return fmt::format(
          "; it is a column of two texts: --map {} makes them off and on (or exchange 0 and 1), --label-column {} if "
          "they are the labels, --drop {} leaves it out",
          map, word, word);
    return fmt::format(
        "; it is a column of texts: --label-column {} if they are the labels, --name-column {} if they name the rows, "
        "--drop {} leaves it out",
        word, word, word);
  }

  [[noreturn]] void refuse_text(std::size_t column, const ColumnFindings& one) const {
    const Place& place = one.texts.first;
    std::string remedy = remedy_of_texts(one);
    if (remedy.empty() && !info_.sparse && has_texts_alone(one)) remedy = remedy_of_column(column, one);
    refuse("{} is {}; a number would be right{}", place_text(info_, place), place.text, remedy);
  }

  /// As fields between two characters are where one is taken for the separator.
  [[nodiscard]] bool is_every_second_empty() const {
    if (info_.sparse || info_.columns < 3 || info_.columns % 2 == 0) return false;
    for (std::size_t column = 0; column < info_.columns; ++column) {
      const Occurrences& missing = found(column).missing;
      const bool empty = missing.count == findings_.rows && missing.first.text == "empty";
      if (empty != (column % 2 == 1)) return false;
    }
    return true;
  }

  void check_missing() {
    std::uint64_t count = 0;
    std::optional<Place> first;
    for_values([&](std::size_t, const ColumnFindings& one) {
      if (one.missing.count > 0 && (!first || one.missing.first.row < first->row)) first = one.missing.first;
      count += one.missing.count;
    });
    if (count == 0) return;
    if (options_.missing == MissingValues::refused && is_every_second_empty())
      ask("every second of its columns is empty: --separator with the character twice, as in '||', if that stands "
          "between the fields; --missing zero if it does not");
    if (options_.missing == MissingValues::refused)
      refuse(
          "{} of its values {} missing; {} is {}: --missing zero makes them 0, --missing drop-row leaves their rows "
          "out, --missing mean gives them the mean of their column",
          count, count == 1 ? "is" : "are", place_text(info_, *first), first->text);
    if (options_.missing == MissingValues::mean) plan_means();
    note("{} {} missing, the first in {}{}.", plural(count, "value"), count == 1 ? "was" : "were",
         place_text(info_, *first),
         options_.missing == MissingValues::zero   ? ", and became 0"
         : options_.missing == MissingValues::mean ? ", and became the mean of their column"
                                                   : "; such rows were left out");
  }

  void plan_means() {
    if (info_.sparse) ask("--missing mean does not go with sparse rows; zero or drop-row would be right");
    for (const std::size_t column : plan_.values) {
      const ColumnFindings& one = found(column);
      const std::uint64_t numbers = findings_.rows - one.missing.count;
      if (numbers == 0)
        ask("{} has no value at all, so no mean; --drop {} leaves it out", name_of(column), word_of(column));
      plan_.means.push_back(one.sum / static_cast<double>(numbers));
    }
  }

  struct Range {
    double smallest = std::numeric_limits<double>::infinity();
    double largest = -std::numeric_limits<double>::infinity();
    double second_largest = -std::numeric_limits<double>::infinity();
    std::size_t largest_column = 0;
    bool whole = true;
    bool spins = true;
    std::size_t columns_beyond_one = 0;
    std::size_t columns_to_one = 0;
    std::size_t columns_to_few = 0;  // 2 to 9
  };

  [[nodiscard]] Range range_of_values() const {
    Range range;
    for_values([&](std::size_t column, const ColumnFindings& one) {
      range.smallest = std::min(range.smallest, one.smallest);
      if (one.largest > range.largest) range.largest_column = column;
      for (const double value : {one.largest, one.second_largest}) {
        if (value == range.largest) continue;
        range.second_largest = std::max(range.second_largest, std::min(value, range.largest));
        range.largest = std::max(range.largest, value);
      }
      range.whole = range.whole && one.whole;
      range.spins = range.spins && one.spins;
      if (one.largest > 1.0) ++range.columns_beyond_one;
      if (one.largest == 1.0) ++range.columns_to_one;
      if (one.largest > 1.0 && one.largest < 10.0) ++range.columns_to_few;
    });
    if (!(range.smallest <= range.largest)) range.smallest = range.largest = 0.0;  // everything is missing
    return range;
  }

  /// What NetCDF says of them.
  void check_valid_range() const {
    if (!info_.valid) return;
    const double smallest = as_stored(info_.valid->smallest, info_.type);
    const double largest = as_stored(info_.valid->largest, info_.type);
    const Range range = range_of_values();
    if (range.smallest >= smallest && range.largest <= largest) return;
    const double wrong = range.smallest < smallest ? range.smallest : range.largest;
    refuse(
        "it says that valid values are {} (NetCDF), and {} is among its values: --map \"{}=NA\" if that stands for "
        "what is missing; values in that range would be right",
        info_.valid->text(), wrong, wrong);
  }

  /// Which value means 1.0.
  void plan_scale() {
    Range range = range_of_values();
    if (range.spins && range.smallest == -1.0) {
      plan_.spins = true;
      note("The values are -1 and 1; -1 became 0.");
      range.smallest = 0.0;
    }
    const std::string largest_place =
        info_.sparse ? std::string() : fmt::format(", in {}", name_of(range.largest_column));
    if (range.smallest < 0.0)
      ask("its values are from {} to {}; values of at least 0 would be right, for units that are on or off or between "
          "(units of real numbers are not there yet): --map \"{}=...\" replaces a value, --map \"{}=NA\" says that it "
          "stands for a missing one{}",
          range.smallest, range.largest, range.smallest, range.smallest, remedy_by_labels());
    range_ = range;
    if (options_.scale) {
      if (range.largest > *options_.scale)
        refuse("its largest value is {}{}; values in [0, scale] = [0, {}] would be right", range.largest, largest_place,
               *options_.scale);
      plan_.info.scale = *options_.scale;
    } else if (info_.scale && range.largest <= *info_.scale) {
      plan_.info.scale = *info_.scale;
    } else {
      guess_scale(range, largest_place);
    }
  }

  /// One value such as 9 or 99 among zeros and ones is most likely a code for what is missing, however often it is
  /// there.
  void refuse_code_for_missing() const {
    constexpr double least = 3.0;  // 0, 1 and 2 may count something
    if (info_.sparse) return;
    const double code = range_.largest;
    std::uint64_t ones = 0;
    std::uint64_t others = 0;
    bool single = true;
    for (const std::size_t column : plan_.values) {
      ones += found(column).ones;
      others += found(column).others;
      single = single && found(column).smallest_other >= code;
    }
    if (!single || code < least || ones == 0) return;
    // Without zeros the values may be anything, unless nearly all are 1.
    const std::uint64_t quarter = findings_.rows * plan_.values.size() / 4;
    if (range_.smallest > 0.0 && others > quarter) return;
    ask("its values are 0 and 1, and {} of them {} {}, which looks like a code for what is missing: --map {}=NA (and "
        "--missing) if it is, --scale {} if it means 1.0",
        others, others == 1 ? "is" : "are", code, code, code);
  }

  /// A column of zeros, ones and one other value that is all nines, beside columns of larger values.
  void refuse_code_in_a_column() const {
    constexpr std::array nines = {9.0, 99.0, 999.0, 9999.0, 99999.0};
    constexpr std::uint64_t by_chance = 1;  // counts may have a single 9
    for (const std::size_t column : plan_.values) {
      const ColumnFindings& one = found(column);
      const double code = one.largest;
      if (one.ones == 0 || one.smallest_other != code || one.others <= (code == nines[0] ? by_chance : 0)) continue;
      if (std::ranges::find(nines, code) == nines.end()) continue;
      ask("{} has 0, 1 and {}, which looks like a code for what is missing: --map {}=NA (and --missing) if it is, "
          "--scale {} "
          "if all are amounts",
          name_of(column), code, code, range_.largest);
    }
  }

  /// The last columns are zeros and ones with a single 1 in each row: labels, much rather than values.
  void refuse_one_hot_columns() const {
    constexpr std::size_t fewest_beside_bits = 3;
    constexpr std::uint64_t rows_beside_bits = 20;
    const std::size_t count = findings_.one_hot_columns;
    const bool open = !plan_.info.has_labels && options_.label_column.empty() && !plan_.uses.values_listed;
    if (info_.sparse || !open || count < 2 || count >= plan_.values.size()) return;
    const auto begin = plan_.values.end() - static_cast<std::ptrdiff_t>(count);
    const bool constant =
        std::any_of(begin, plan_.values.end(), [&](std::size_t column) { return found(column).ones == 0; });
    const bool beside_bits =
        std::all_of(plan_.values.begin(), begin, [&](std::size_t column) { return found(column).others == 0; });
    // Among bits it may be by chance.
    if (constant || (beside_bits && (count < fewest_beside_bits || findings_.rows < rows_beside_bits))) return;
    ask("its last {} are zeros and ones, with a single 1 in each row, and look like labels: --one-hot-labels {}-last "
        "if they "
        "are, --label-column none takes them for values",
        plural(count, "column"), *begin + 1);
  }

  /// So do nines far above all other values, also with other codes that surveys have beside them: 7, 8 and 9, or 77, 88
  /// and 99.
  void refuse_nines_for_missing() const {
    constexpr double far = 0.7;
    constexpr std::array nines = {9.0, 99.0, 999.0, 9999.0, 99999.0};
    constexpr std::array others = {7, 8, 66, 77, 88, 96, 97, 98};
    if (info_.sparse || !range_.whole || std::ranges::find(nines, range_.largest) == nines.end()) return;
    double next = range_.second_largest;
    double least_code = range_.largest;
    std::string rules = fmt::format("{}=NA", range_.largest);
    if (range_.largest < static_cast<double>(findings_.seen.size())) {
      for (int value = static_cast<int>(range_.largest) - 1; value >= 0; --value) {
        if (!findings_.seen[static_cast<std::size_t>(value)]) continue;
        next = value;
        const bool code = (value > 9) == (range_.largest > 9) && std::ranges::find(others, value) != others.end();
        if (!code) break;
        least_code = value;
        rules = fmt::format("{}=NA,{}", value, rules);
      }
    }
    if (!(next > 0.0 && next <= far * least_code)) return;
    ask("its values are from {} to {} and then {}{}, which looks like {} for what is missing: --map {} (and --missing) "
        "if so, --scale {} if that means 1.0",
        range_.smallest, next, least_code == range_.largest ? "" : fmt::format("{} to ", least_code), range_.largest,
        least_code == range_.largest ? "a code" : "codes", rules, range_.largest);
  }

  /// As surveys and genetics number two answers.
  void refuse_ones_and_twos() const {
    if (info_.sparse || !range_.whole || range_.smallest != 1.0 || range_.largest != 2.0) return;
    ask("its values are 1 and 2: --map 1=0,2=1 if 1 means off and 2 on, --map 1=1,2=0 if 2 means off, --scale 2 if "
        "they "
        "are amounts");
  }

  /// Columns of truth values beside others that go far beyond 1, and none between: one scale would make all but nothing
  /// of the ones. (Counts have all sizes.)
  void refuse_two_scales(const Range& range) const {
    if (info_.sparse || range.columns_beyond_one < 2 || range.columns_to_one < 2 || range.columns_to_few > 0) return;
    ask("{} go up to 1 and {} to 10 or more, up to {}, in {}: as one table, --scale {} makes the ones {:.2g}; "
        "--columns or "
        "--drop takes those of one kind",
        plural(range.columns_to_one, "column"), range.columns_beyond_one, range.largest, name_of(range.largest_column),
        range.largest, 1.0 / range.largest);
  }

  /// Of a column that has zeros or ones as well: the option for its other values, if they are codes.
  [[nodiscard]] static std::string map_of_codes(const ColumnFindings& one) {
    if (one.smallest > 1.0) return {};
    if (one.smallest_other == one.largest) return fmt::format(", --map {}=NA says that it is missing", one.largest);
    return fmt::format(", --map {}=NA,{}=NA (and others) says that such values are missing", one.smallest_other,
                       one.largest);
  }

  [[nodiscard]] bool is_list_of_entries() const {
    std::vector<ColumnLook> columns;
    if (plan_.values.size() > 4) return false;
    for (const std::size_t column : plan_.values) {
      const ColumnFindings& one = found(column);
      columns.push_back(
          {.smallest = one.smallest, .largest = one.largest, .missing = one.missing.count, .whole = one.whole});
    }
    return may_be_entries(columns, findings_.rows);
  }

  void guess_scale(const Range& range, const std::string& largest_place) {
    constexpr double dark = 128.0;
    refuse_code_for_missing();
    if (!info_.sparse && !plan_.uses.values_listed && (are_names_of_entries(info_.names) || is_list_of_entries()))
      ask("{}; --columns with all of its columns takes it as it is", entries_text());
    if (range.largest <= 1.0) {
      plan_.info.scale = 1.0;
      return;
    }
    if (!range.whole || range.largest > bytes_largest)
      ask("its values are from {} to {}{}, and nothing says which of them means 1.0; --scale {} would be right if the "
          "largest does{}",
          range.smallest, range.largest, largest_place, range.largest, remedy_by_labels());
    // A single column like that among truth values is an age, a year or a code.
    const std::size_t others = plan_.values.size() - 1;
    if (!info_.sparse && others > 1 && range.columns_beyond_one == 1 && 2 * range.columns_to_one >= others)
      ask("its values are 0 and 1, but {} goes up to {}: --drop {} leaves it out{}, --scale {} makes that 1.0{}",
          name_of(range.largest_column), range.largest, word_of(range.largest_column), remedy_by_labels(),
          range.largest, map_of_codes(found(range.largest_column)));
    refuse_nines_for_missing();
    if (!info_.sparse) refuse_code_in_a_column();
    refuse_ones_and_twos();
    refuse_two_scales(range);
    plan_.info.scale = range.largest < dark ? range.largest : bytes_largest;
    if (range.largest < dark)
      note("The largest value, {}{}, means 1.0; --scale X if another does.", range.largest, largest_place);
    else if (range.largest < bytes_largest)
      note("The largest value is {}{}, and 255 means 1.0, as in pictures of bytes; --scale {} if that does.",
           range.largest, largest_place, range.largest);
  }

  void plan_type() {
    const bool fractions = !range_.whole || !plan_.means.empty();
    const bool bytes = !fractions && range_.largest <= bytes_largest;
    plan_.info.type = options_.type.value_or(bytes ? ElementType::uint8 : ElementType::float32);
    if (plan_.info.type == ElementType::uint8 && !bytes)
      ask("its values are no uint8 (whole numbers in 0..255): {}; --type float32 would be right",
          !range_.whole ? std::string("some are not whole") : fmt::format("the largest is {}", range_.largest));
    if (plan_.info.type == ElementType::float32 &&
        range_.largest > static_cast<double>(std::numeric_limits<float>::max()))
      ask("its largest value is {}, which is beyond float32; --type float64 would be right", range_.largest);
  }

  void plan_picture() {
    const std::size_t columns = plan_.values.size();
    if (options_.shape.empty()) {
      if (plan_.all_values) plan_.info.picture = info_.picture;
      return;
    }
    plan_.info.picture = options_.shape;
    const std::uint64_t height = options_.shape.front();
    if (options_.shape.size() != 2 || height == 0 || columns % height != 0 || columns / height != options_.shape.back())
      ask("its rows have {}, which does not fit the shape {}", plural(columns, "value"),
          fmt::join(options_.shape, "x"));
  }

  void plan_storage() {
    const double values = static_cast<double>(findings_.rows) * static_cast<double>(plan_.values.size());
    const bool few = info_.sparse && static_cast<double>(findings_.nonzeros) < values / 4;
    plan_.info.sparse = options_.sparse.value_or(few);
  }

  // What is empty gets a name that says where it was.
  void plan_column_names() {
    if (info_.names.empty()) return;
    std::map<std::string, std::size_t> seen;
    for (const std::size_t column : plan_.values) {
      const std::string& name = info_.names[column];
      plan_.info.column_names.push_back(name.empty() ? fmt::format("column {}", column + 1) : name);
      if (++seen[plan_.info.column_names.back()] == 2)
        note("Several columns are named '{}'.", shown_field(plan_.info.column_names.back()));
    }
  }

  void say_columns() {
    const std::size_t first = plan_.values.front();
    const std::size_t last = plan_.values.back();
    say(first == last ? name_of(first) : fmt::format("{} to {}", name_of(first), name_of(last)), "values",
        plan_.values.size());
    const ColumnUses& uses = plan_.uses;
    if (uses.label) plan_.columns.push_back(fmt::format("labels: {}", name_of(*uses.label)));
    if (uses.other_labels) plan_.columns.emplace_back("labels: those beside the columns");
    if (!uses.one_hot.empty())
      plan_.columns.push_back(fmt::format("labels: {} of ones and zeros", plural(uses.one_hot.size(), "column")));
    if (!plan_.info.class_names.empty()) say_classes();
    if (uses.weight) plan_.columns.push_back(fmt::format("weights: {}", name_of(*uses.weight)));
    if (uses.name) plan_.columns.push_back(fmt::format("names of the rows: {}", name_of(*uses.name)));
    const auto dropped = static_cast<std::size_t>(std::ranges::count(uses.uses, Use::dropped));
    if (dropped == 1) {
      const auto at = std::ranges::find(uses.uses, Use::dropped) - uses.uses.begin();
      plan_.columns.push_back(fmt::format("left out: {}", name_of(static_cast<std::size_t>(at))));
    } else if (dropped > 1) {
      plan_.columns.push_back(fmt::format("left out: {}", plural(dropped, "column")));
    }
  }

  void say(const std::string& which, const char* what, std::size_t count) {
    plan_.columns.push_back(count > 1 ? fmt::format("{}: {}, {}", what, plural(count, "column"), which)
                                      : fmt::format("{}: {}", what, which));
  }

  void say_classes() {
    constexpr std::size_t most = 5;
    const std::vector<std::string>& names = plan_.info.class_names;
    std::string text;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i)
      text += fmt::format("{}{} {}", i == 0 ? "" : ", ", i, shown_field(names[i]));
    plan_.columns.back() += fmt::format(" ({}{})", text, names.size() > most ? ", ..." : "");
  }

  const ImportOptions& options_;
  const TableInfo& info_;
  const Findings& findings_;
  ImportPlan plan_;
  Range range_;
};

}  // namespace

ImportPlan import_plan(const ImportOptions& options, const TableInfo& info, const ColumnUses& uses,
                       const Findings& findings) {
  return Planner(options, info, uses, findings).plan();
}

}  // namespace rbmpi
