#include "app/configuration_keys.hpp"

#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/options.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/evaluate/annealed_importance_sampling.hpp"

namespace rbmpi {

std::string value_text(std::uint64_t value) {
  return fmt::format("{}", value);
}
std::string value_text(double value) {
  return fmt::format("{}", value);
}
std::string value_text(const Schedule& value) {
  return value.text();
}

std::string layers_text(const LayerSettings& layers) {
  return fmt::format("{}", fmt::join(layers.hidden, ","));
}

namespace {

bool parse_switch(const std::string& text) {
  if (text == "on") return true;
  if (text == "off") return false;
  refuse("must be on or off");
}

std::string switch_text(bool on) {
  return on ? "on" : "off";
}

/// The value of a choice, from pairs of name and value.
template <typename Value, std::size_t count>
Value parse_choice(const std::string& text, const std::pair<const char*, Value> (&choices)[count]) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (text == name) return value;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  refuse(fmt::format("must be one of {}", names));
}

template <typename Value, std::size_t count>
std::string choice_text(Value wanted, const std::pair<const char*, Value> (&choices)[count]) {
  return std::find_if(choices, choices + count, [&](const auto& choice) { return choice.second == wanted; })->first;
}

constexpr std::pair<const char*, Arithmetic> arithmetics[] = {{"exact", Arithmetic::exact},
                                                              {"plain", Arithmetic::plain}};
constexpr std::pair<const char*, Engine> engines[] = {
    {"auto", Engine::automatic}, {"blas", Engine::blas}, {"active", Engine::active}};
constexpr std::pair<const char*, Exchange> exchanges[] = {
    {"auto", Exchange::automatic}, {"shared", Exchange::shared}, {"allreduce", Exchange::allreduce}};
constexpr std::pair<const char*, VisibleBiasInit> bias_inits[] = {
    {"auto", VisibleBiasInit::automatic}, {"zero", VisibleBiasInit::zero}, {"data", VisibleBiasInit::data}};
constexpr std::pair<const char*, ValidationRows> validation_rows_choices[] = {{"tail", ValidationRows::tail},
                                                                              {"sample", ValidationRows::sample}};
constexpr std::pair<const char*, UnitValues> statistics[] = {
    {"auto", UnitValues::automatic}, {"states", UnitValues::states}, {"means", UnitValues::means}};
constexpr std::pair<const char*, UnitValues> reconstructions[] = {{"states", UnitValues::states},
                                                                  {"means", UnitValues::means}};
constexpr std::pair<const char*, ChainsFrom> chain_starts[] = {
    {"fields", ChainsFrom::fields}, {"data", ChainsFrom::data}, {"noise", ChainsFrom::noise}};
constexpr std::pair<const char*, CentringOffsets> centrings[] = {
    {"off", CentringOffsets::off}, {"batch", CentringOffsets::batch}, {"sliding", CentringOffsets::sliding}};
constexpr std::pair<const char*, EarlyStop> early_stops[] = {
    {"off", EarlyStop::off}, {"gap", EarlyStop::gap}, {"pseudo-likelihood", EarlyStop::pseudo_likelihood}};
constexpr std::pair<const char*, ProgressStyle> progress_styles[] = {{"auto", ProgressStyle::automatic},
                                                                     {"bar", ProgressStyle::bar},
                                                                     {"lines", ProgressStyle::lines},
                                                                     {"off", ProgressStyle::off}};

constexpr std::pair<const char*, Activation> code_units[] = {{"linear", Activation::linear},
                                                             {"sigmoid", Activation::sigmoid}};

std::uint64_t parse_time(const std::string& text) {
  const std::optional<std::uint64_t> seconds = parse_duration(text);
  if (!seconds || *seconds == 0) refuse("must be a time of a second or more, such as 90s, 15m, 2h or 1:30:00");
  return *seconds;
}

/// "500", "4G": bytes, with powers of 1000.
std::uint64_t parse_bytes(const std::string& text) {
  constexpr std::string_view units = "kMGT";
  std::uint64_t unit = 1;
  std::string number = text;
  if (const std::size_t power = number.empty() ? std::string_view::npos : units.find(number.back());
      power != std::string_view::npos) {
    for (std::size_t i = 0; i <= power; ++i) unit *= 1000;
    number.pop_back();
  }
  constexpr std::uint64_t most = std::uint64_t{1} << 50U;
  const std::optional<double> value = parse_number(number);
  if (!value || *value < 0 || *value * static_cast<double>(unit) > static_cast<double>(most)) {
    refuse("must be auto or a number of bytes such as 500M or 4G");
  }
  return static_cast<std::uint64_t>(*value * static_cast<double>(unit));
}

std::string bytes_text(std::uint64_t bytes) {
  for (const auto& [unit, size] : {std::pair{"G", std::uint64_t{1'000'000'000}}, {"M", 1'000'000}, {"k", 1000}}) {
    if (bytes > 0 && bytes % size == 0) return fmt::format("{}{}", bytes / size, unit);
  }
  return fmt::format("{}", bytes);
}

/// The parts of a text between separators.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
    part.erase(part.find_last_not_of(' ') + 1);
  }
  return parts;
}

std::uint64_t parse_epochs(const std::string& text) {
  return parse_count(text, 1, std::uint64_t{1} << 48U);
}

std::uint64_t parse_batch_size(const std::string& text) {
  return parse_count(text, 1, std::uint64_t{1} << 31U);
}

double parse_real(const std::string& text) {
  const std::optional<double> value = parse_number(text);
  if (!value) refuse(fmt::format("'{}' is no number", text));
  return *value;
}

std::optional<double> parse_scale(const std::string& text) {
  if (text == "auto") return std::nullopt;
  const std::optional<double> value = parse_number(text);
  if (!value || !is_scale(*value)) refuse("must be auto or a positive number that single precision can hold");
  return value;
}

/// "50/20": a value for each layer, the first of which is `first` as well.
template <typename Value, typename Parse>
void set_values(std::vector<Value>& values, Value& first, const std::string& text, const Parse& parse) {
  std::vector<Value> parsed;
  for (const std::string& part : split(text, '/')) parsed.push_back(parse(part));
  values = std::move(parsed);
  first = values.front();
}

template <typename Value>
std::string values_text(const std::vector<Value>& values, const Value& first) {
  if (values.empty()) return value_text(first);
  std::string text;
  for (const Value& value : values) {
    if (!text.empty()) text += '/';
    text += value_text(value);
  }
  return text;
}

constexpr std::size_t most_layers = 100;

void set_layers(TrainSettings& settings, const std::string& text) {
  std::vector<std::size_t>& layers = settings.layers.hidden;
  layers.clear();
  for (const std::string& part : split(text, ',')) layers.push_back(parse_count(part, 1, largest_layer));
  if (layers.size() > most_layers) refuse(fmt::format("at most {} layers can be trained", most_layers));
}

bool is_stack(const TrainSettings& settings) {
  return settings.layers.hidden.size() > 1;
}

// Whether a key may change when a run goes on.
constexpr bool fixed = true;
constexpr bool changeable = false;

constexpr std::uint64_t any_count = std::uint64_t{1} << 48;
constexpr std::uint64_t any_int = 1 << 20;

/// As config.ini holds it, so that it means the same wherever it is read.
std::string absolute_path(const std::filesystem::path& path) {
  return path.empty() ? std::string() : std::filesystem::absolute(path).lexically_normal().string();
}

std::string number_or(std::uint64_t value, const char* zero) {
  return value == 0 ? zero : fmt::format("{}", value);
}

// The keys, in the order of --help and of the effective configuration.
constexpr ConfigurationKey keys[] = {
    {"model", "FILE|FOLDER|none", changeable, "pre-trained: a model, a checkpoint, or the folder of a run",
     [](TrainSettings& s, const std::string& text) { s.finetune.model = text == "none" ? "" : text; },
     [](const TrainSettings& s) {
       return s.finetune.model.empty() ? std::string("none") : absolute_path(s.finetune.model);
     },
     KeyOf::finetune},
    {"unfinished", "on|off", changeable, "take a model whose pre-training is not finished, too",
     [](TrainSettings& s, const std::string& text) { s.finetune.unfinished = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.finetune.unfinished); }, KeyOf::finetune, "on"},
    {"from-scratch", "on|off", fixed, "begin with random weights, in the layers of the model or of 'layers'",
     [](TrainSettings& s, const std::string& text) { s.finetune.from_scratch = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.finetune.from_scratch); }, KeyOf::finetune, "on"},
    {"layers", "N,N,...", fixed, "hidden units of each layer of a net from scratch, if there is no model", set_layers,
     [](const TrainSettings& s) { return layers_text(s.layers); }, KeyOf::finetune},
    {"autoencoder", "on|off", fixed, "unroll the layers to reconstruct the data, instead of classifying them",
     [](TrainSettings& s, const std::string& text) { s.finetune.autoencoder = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.finetune.autoencoder); }, KeyOf::finetune, "on"},
    {"code-unit", "linear|sigmoid", fixed, "kind of the units in the middle of an autoencoder",
     [](TrainSettings& s, const std::string& text) { s.finetune.code_unit = parse_choice(text, code_units); },
     [](const TrainSettings& s) { return choice_text(s.finetune.code_unit, code_units); }, KeyOf::finetune},
    {"data", "FILE", changeable, "what to train on: a dataset, or any file that rbmpi import reads",
     [](TrainSettings& s, const std::string& text) { s.data = text; },
     [](const TrainSettings& s) { return absolute_path(s.data); }},
    {"output", "FOLDER", changeable, "folder of the run; the same command goes on with the run that it holds",
     [](TrainSettings& s, const std::string& text) { s.output = text; },
     [](const TrainSettings& s) { return absolute_path(s.output); }},
    {"rows", "N|all", fixed, "use only the first N rows of the data",
     [](TrainSettings& s, const std::string& text) { s.rows = text == "all" ? 0 : parse_count(text, 1, any_count); },
     [](const TrainSettings& s) { return number_or(s.rows, "all"); }},
    {"memory", "SIZE|auto", changeable,
     "keep at most so much (16M, 4G) of the rows in the memory of each node, for all its ranks, and read them from the "
     "file while they are used if they are more; auto: as much as is free; the same model",
     [](TrainSettings& s, const std::string& text) {
       s.memory = text == "auto" ? 0 : std::max<std::uint64_t>(1, parse_bytes(text));
     },
     [](const TrainSettings& s) { return s.memory == 0 ? std::string("auto") : bytes_text(s.memory); }},
    {"validation", "FILE|SHARE|none", changeable,
     "another such file, or a share of the rows (0.1: the last tenth), to validate on",
     [](TrainSettings& s, const std::string& text) { s.validation = text == "none" ? "" : text; },
     [](const TrainSettings& s) {
       if (s.validation.empty()) return std::string("none");
       return parse_number(s.validation) ? s.validation : absolute_path(s.validation);
     }},
    {"scale", "X|auto", changeable,
     "value of the data that means 1.0; auto: as the file says, else 255 for uint8, if the values look like it, and 1 "
     "for floats",
     [](TrainSettings& s, const std::string& text) { s.scale = parse_scale(text); },
     [](const TrainSettings& s) { return s.scale ? fmt::format("{}", *s.scale) : std::string("auto"); }},
    {"validation-rows", "tail|sample", fixed,
     "which rows a share is: the last ones, or rows from all over, drawn with the seed, of each class its share; not "
     "of rows that are read while they are used (memory)",
     [](TrainSettings& s, const std::string& text) { s.validation_rows = parse_choice(text, validation_rows_choices); },
     [](const TrainSettings& s) { return choice_text(s.validation_rows, validation_rows_choices); }},
    {"evaluate-every", "N", changeable,
     "measure the log-likelihood after each so many epochs, exactly or by AIS (rbmpi evaluate); 0: never",
     [](TrainSettings& s, const std::string& text) { s.training.evaluate_every = parse_count(text, 0, any_count); },
     [](const TrainSettings& s) { return fmt::format("{}", s.training.evaluate_every); }, KeyOf::train},
    {"evaluate-chains", "N", changeable, "AIS of evaluate-every: number of chains",
     [](TrainSettings& s, const std::string& text) {
       s.training.evaluate_chains = parse_count(text, 2, most_annealing_chains);
     },
     [](const TrainSettings& s) { return fmt::format("{}", s.training.evaluate_chains); }, KeyOf::train},
    {"evaluate-temperatures", "N|END:N,...,1:N", changeable,
     "AIS of evaluate-every: inverse temperatures from 0 to 1, evenly spread or in pieces",
     [](TrainSettings& s, const std::string& text) {
       (void)parse_temperatures(text);
       s.training.evaluate_temperatures = text;
     },
     [](const TrainSettings& s) { return s.training.evaluate_temperatures; }, KeyOf::train},
    {"early-stop", "off|gap|pseudo-likelihood", fixed,
     "stop when the free-energy gap grows, or the pseudo-likelihood of the validation rows no longer does",
     [](TrainSettings& s, const std::string& text) { s.training.early_stop = parse_choice(text, early_stops); },
     [](const TrainSettings& s) { return choice_text(s.training.early_stop, early_stops); }, KeyOf::train},
    {"early-stop", "on|off", fixed, "stop when the error of the validation rows gets no smaller",
     [](TrainSettings& s, const std::string& text) { s.finetune.early_stop = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.finetune.early_stop); }, KeyOf::finetune, "on"},
    {"patience", "N", changeable, "early-stop waits for so many epochs in a row",
     [](TrainSettings& s, const std::string& text) { s.training.patience = parse_count(text, 1, any_count); },
     [](const TrainSettings& s) { return fmt::format("{}", s.training.patience); }},
    {"hidden", "N", fixed, "number of hidden units",
     [](TrainSettings& s, const std::string& text) { s.training.hidden = parse_count(text, 1, largest_layer); },
     [](const TrainSettings& s) { return is_stack(s) ? std::string() : fmt::format("{}", s.training.hidden); },
     KeyOf::train},
    {"layers", "N,N,...", fixed,
     "hidden units of each layer of a stack, in place of hidden: each is trained on the features of the one below; "
     "layers can be added to a run",
     set_layers, [](const TrainSettings& s) { return is_stack(s) ? layers_text(s.layers) : std::string(); },
     KeyOf::train},
    {"join-labels", "on|off", fixed,
     "the highest layer is trained on the labels as well, one unit for each class beside the features",
     [](TrainSettings& s, const std::string& text) { s.layers.join_labels = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.layers.join_labels); }, KeyOf::train},
    {"features-memory", "SIZE|auto", changeable,
     "keep at most so much (500M, 4G) of a layer's features on each node, and make the others when they are wanted; "
     "auto: half of what is free; the same model",
     [](TrainSettings& s, const std::string& text) {
       s.layers.features_memory = text == "auto" ? std::nullopt : std::optional(parse_bytes(text));
     },
     [](const TrainSettings& s) {
       return s.layers.features_memory ? bytes_text(*s.layers.features_memory) : std::string("auto");
     },
     KeyOf::train},
    {"epochs", "N", changeable, "passes over the data",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.epochs, s.training.epochs, text, parse_epochs);
     },
     [](const TrainSettings& s) {
       return s.training.updates > 0 ? std::string() : values_text(s.layers.epochs, s.training.epochs);
     }},
    {"updates", "N", changeable, "in place of epochs: ends after so many steps, also in the middle of an epoch",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.updates, s.training.updates, text, parse_epochs);
     },
     [](const TrainSettings& s) {
       return s.training.updates > 0 ? values_text(s.layers.updates, s.training.updates) : std::string();
     }},
    {"batch-size", "N", fixed, "rows of one step, over all ranks",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.batch_size, s.training.batch_size, text, parse_batch_size);
     },
     [](const TrainSettings& s) { return values_text(s.layers.batch_size, s.training.batch_size); }},
    {"learning-rate", "X|SCHEDULE", fixed,
     "step length; with adam and rmsprop 0.001 if it is not given, of an autoencoder with the others 0.02; cossim "
     "changes it step by step, up to 10 times",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.learning_rate, s.training.learning_rate, text, Schedule::parse);
     },
     [](const TrainSettings& s) { return values_text(s.layers.learning_rate, s.training.learning_rate); }},
    {"rate-decay", "X", fixed,
     "factor of the learning rate from one epoch to the next, in (0, 1]: in epoch e that of the schedule times X^(e-1)",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.rate_decay, s.training.rate_decay, text, parse_real);
     },
     [](const TrainSettings& s) { return values_text(s.layers.rate_decay, s.training.rate_decay); }},
    {"momentum", "X|SCHEDULE", fixed,
     "share of the velocity, or of Adam's first moment, that is kept from step to step, in [0, 1); rmsprop and cossim "
     "have none",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.momentum, s.training.momentum, text, Schedule::parse);
     },
     [](const TrainSettings& s) { return values_text(s.layers.momentum, s.training.momentum); }},
    {"weight-cost", "X|SCHEDULE", fixed, "L2 penalty on the weights",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.weight_cost, s.training.weight_cost, text, Schedule::parse);
     },
     [](const TrainSettings& s) { return values_text(s.layers.weight_cost, s.training.weight_cost); }},
    {"field-cost", "X|SCHEDULE", fixed, "L2 penalty on the visible biases",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.field_cost, s.training.field_cost, text, Schedule::parse);
     },
     [](const TrainSettings& s) { return values_text(s.layers.field_cost, s.training.field_cost); }, KeyOf::train},
    {"l1", "X|SCHEDULE", fixed, "L1 penalty on the weights",
     [](TrainSettings& s, const std::string& text) { set_values(s.layers.l1, s.training.l1, text, Schedule::parse); },
     [](const TrainSettings& s) { return values_text(s.layers.l1, s.training.l1); }},
    {"clip-gradient", "X|SCHEDULE", fixed,
     "the most that a component of the average gradient may be, either way, before penalties are taken off; 0: any",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.clip_gradient, s.training.clip_gradient, text, Schedule::parse);
     },
     [](const TrainSettings& s) { return values_text(s.layers.clip_gradient, s.training.clip_gradient); }},
    {"weight-init", "X", fixed, "standard deviation of the initial weights",
     [](TrainSettings& s, const std::string& text) {
       set_values(s.layers.weight_init, s.training.weight_init, text, parse_real);
     },
     [](const TrainSettings& s) { return values_text(s.layers.weight_init, s.training.weight_init); }, KeyOf::train},
    {"visible-bias-init", "auto|zero|data", fixed,
     "initial visible biases: zero, or the log-odds of the means of the data; auto: data with persistent chains, which "
     "would be long on their way there, else zero",
     [](TrainSettings& s, const std::string& text) { s.training.visible_bias_init = parse_choice(text, bias_inits); },
     [](const TrainSettings& s) { return choice_text(s.training.visible_bias_init, bias_inits); }, KeyOf::train},
    {"input-dropout", "X", fixed, "share of the inputs that a step leaves out, in [0, 1)",
     [](TrainSettings& s, const std::string& text) { s.finetune.input_dropout = parse_real(text); },
     [](const TrainSettings& s) { return fmt::format("{}", s.finetune.input_dropout); }, KeyOf::finetune},
    {"hidden-dropout", "X", fixed, "share of the hidden units that a step leaves out, in [0, 1)",
     [](TrainSettings& s, const std::string& text) { s.finetune.hidden_dropout = parse_real(text); },
     [](const TrainSettings& s) { return fmt::format("{}", s.finetune.hidden_dropout); }, KeyOf::finetune},
    {"shuffle", "on|off", fixed, "another order of the rows in each epoch",
     [](TrainSettings& s, const std::string& text) { s.training.shuffle = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.training.shuffle); }},
    {"shuffle-block", "N|all|auto", fixed,
     "rows that are shuffled together: an epoch takes the blocks of so many rows one after the other, in another order "
     "each time; auto: all, or of more than 2 GB of data blocks of 256 MB",
     [](TrainSettings& s, const std::string& text) {
       s.shuffle_block = text == "auto"  ? std::nullopt
                         : text == "all" ? std::optional<std::uint64_t>(0)
                                         : std::optional(parse_count(text, 1, any_count));
     },
     [](const TrainSettings& s) { return s.shuffle_block ? number_or(*s.shuffle_block, "all") : std::string("auto"); }},
    {"sample-data", "on|off", fixed, "draw zeros and ones from the data, or use its values as they are",
     [](TrainSettings& s, const std::string& text) { s.training.sample_data = parse_switch(text); },
     [](const TrainSettings& s) { return switch_text(s.training.sample_data); }, KeyOf::train},
    {"seed", "N", fixed, "of all random numbers",
     [](TrainSettings& s, const std::string& text) {
       s.training.seed = parse_count(text, 0, std::numeric_limits<std::uint64_t>::max());
     },
     [](const TrainSettings& s) { return fmt::format("{}", s.training.seed); }},
    {"estimator", "NAME", fixed,
     "of the gradient: ", [](TrainSettings& s, const std::string& text) { s.training.estimator = text; },
     [](const TrainSettings& s) { return s.training.estimator; }, KeyOf::train},
    {"sweeps", "N", fixed, "of the Gibbs chains in a step: k of CD-k and PCD-k",
     [](TrainSettings& s, const std::string& text) { s.training.sweeps = parse_count(text, 1, most_sweeps); },
     [](const TrainSettings& s) { return fmt::format("{}", s.training.sweeps); }, KeyOf::train},
    {"chains", "N|auto", fixed, "persistent chains of pcd, over all ranks; auto: the batch size",
     [](TrainSettings& s, const std::string& text) {
       s.training.chains = text == "auto" ? 0 : parse_count(text, 1, most_chains);
     },
     [](const TrainSettings& s) { return number_or(s.training.chains, "auto"); }, KeyOf::train},
    {"chains-from", "fields|data|noise", fixed,
     "how persistent chains begin: drawn from the initial visible biases, as rows of the data, or at random",
     [](TrainSettings& s, const std::string& text) { s.training.chains_from = parse_choice(text, chain_starts); },
     [](const TrainSettings& s) { return choice_text(s.training.chains_from, chain_starts); }, KeyOf::train},
    {"statistics", "auto|states|means", fixed,
     "hidden units of the data in the gradient: drawn, or their means; auto: means with pcd, which is less noise, and "
     "states with cd, as it was from the beginning",
     [](TrainSettings& s, const std::string& text) { s.training.statistics = parse_choice(text, statistics); },
     [](const TrainSettings& s) { return choice_text(s.training.statistics, statistics); }, KeyOf::train},
    {"reconstruction", "states|means", fixed, "visible units of the chains of cd: drawn, or their means",
     [](TrainSettings& s, const std::string& text) { s.training.reconstruction = parse_choice(text, reconstructions); },
     [](const TrainSettings& s) { return choice_text(s.training.reconstruction, reconstructions); }, KeyOf::train},
    {"centring", "off|batch|sliding", fixed,
     "centred gradient, so that learning does not depend on what 0 and 1 stand for: by the means of the units in the "
     "batch, or by sliding means",
     [](TrainSettings& s, const std::string& text) { s.training.centring = parse_choice(text, centrings); },
     [](const TrainSettings& s) { return choice_text(s.training.centring, centrings); }, KeyOf::train},
    {"optimizer", "NAME", fixed,
     "of the parameters: ", [](TrainSettings& s, const std::string& text) { s.training.optimizer = text; },
     [](const TrainSettings& s) { return s.training.optimizer; }},
    {"arithmetic", "exact|plain", fixed,
     "exact: the same model on any number of ranks and threads; plain: for comparison",
     [](TrainSettings& s, const std::string& text) { s.training.arithmetic = parse_choice(text, arithmetics); },
     [](const TrainSettings& s) { return choice_text(s.training.arithmetic, arithmetics); }, KeyOf::train},
    {"engine", "auto|blas|active", changeable,
     "of the products: matrix products, or sums over the units that are on; auto: active where it can be; the same "
     "model",
     [](TrainSettings& s, const std::string& text) { s.training.engine = parse_choice(text, engines); },
     [](const TrainSettings& s) { return choice_text(s.training.engine, engines); }, KeyOf::train},
    {"exchange", "auto|shared|allreduce", changeable,
     "of the gradients: parameters shared on each node (of equally many ranks), or a copy for each rank",
     [](TrainSettings& s, const std::string& text) { s.training.exchange = parse_choice(text, exchanges); },
     [](const TrainSettings& s) { return choice_text(s.training.exchange, exchanges); }},
    {"threads", "N|auto", changeable,
     "threads of each rank; auto: OMP_NUM_THREADS, else the cores of the node over its ranks",
     [](TrainSettings& s, const std::string& text) {
       s.threads = text == "auto" ? 0 : static_cast<int>(parse_count(text, 1, any_int));
     },
     [](const TrainSettings& s) { return number_or(static_cast<std::uint64_t>(s.threads), "auto"); }},
    {"ranks-per-node", "N|auto", changeable,
     "cut each node into simulated nodes of N ranks, to try a cluster's layout on one machine",
     [](TrainSettings& s, const std::string& text) {
       s.training.ranks_per_node = text == "auto" ? 0 : static_cast<int>(parse_count(text, 1, any_int));
     },
     [](const TrainSettings& s) { return number_or(static_cast<std::uint64_t>(s.training.ranks_per_node), "auto"); }},
    {"progress", "auto|bar|lines|off", changeable, "a bar on a terminal, one line an epoch elsewhere",
     [](TrainSettings& s, const std::string& text) { s.progress = parse_choice(text, progress_styles); },
     [](const TrainSettings& s) { return choice_text(s.progress, progress_styles); }},
    {"checkpoint-seconds", "N", changeable, "keep a checkpoint after so many seconds; 0: not for this reason",
     [](TrainSettings& s, const std::string& text) { s.checkpoints.seconds = parse_count(text, 0, any_count); },
     [](const TrainSettings& s) { return fmt::format("{}", s.checkpoints.seconds); }},
    {"checkpoint-epochs", "N", changeable, "also after each so many epochs",
     [](TrainSettings& s, const std::string& text) { s.checkpoints.epochs = parse_count(text, 0, any_count); },
     [](const TrainSettings& s) { return fmt::format("{}", s.checkpoints.epochs); }},
    {"checkpoint-steps", "N", changeable, "also after each so many steps",
     [](TrainSettings& s, const std::string& text) { s.checkpoints.steps = parse_count(text, 0, any_count); },
     [](const TrainSettings& s) { return fmt::format("{}", s.checkpoints.steps); }},
    {"checkpoint-keep", "N", changeable, "so many of the newest checkpoints stay",
     [](TrainSettings& s, const std::string& text) { s.checkpoints.keep = parse_count(text, 1, any_int); },
     [](const TrainSettings& s) { return fmt::format("{}", s.checkpoints.keep); }},
    {"snapshots", "none|linear:N|log:N", changeable,
     "keep N models along the training, at equal distances or ratios of steps",
     [](TrainSettings& s, const std::string& text) { s.checkpoints.snapshots = SnapshotSchedule::parse(text); },
     [](const TrainSettings& s) { return s.checkpoints.snapshots.text(); }},
    {"time-limit", "TIME|none", changeable,
     "stop in good time before so long (90s, 15m, 2h, 1:30:00), with a checkpoint",
     [](TrainSettings& s, const std::string& text) { s.time_limit = text == "none" ? 0 : parse_time(text); },
     [](const TrainSettings& s) { return s.time_limit == 0 ? "none" : duration_text(s.time_limit); }},
    {"hang-timeout", "TIME|0", changeable, "end the job when a rank shows no sign of life for so long; 0: never",
     [](TrainSettings& s, const std::string& text) { s.hang_timeout = text == "0" ? 0 : parse_time(text); },
     [](const TrainSettings& s) { return s.hang_timeout == 0 ? "0" : duration_text(s.hang_timeout); }},
};

bool has(TrainingCommand command, const ConfigurationKey& key) {
  return key.commands == KeyOf::both ||
         key.commands == (command == TrainingCommand::train ? KeyOf::train : KeyOf::finetune);
}

}  // namespace

const char* name_of(TrainingCommand command) {
  return command == TrainingCommand::train ? "train" : "finetune";
}

std::vector<const ConfigurationKey*> keys_of(TrainingCommand command) {
  std::vector<const ConfigurationKey*> some;
  for (const ConfigurationKey& key : keys) {
    if (has(command, key)) some.push_back(&key);
  }
  return some;
}

const ConfigurationKey* find_key(TrainingCommand command, std::string_view name) {
  const auto* const found = std::find_if(std::begin(keys), std::end(keys), [&](const ConfigurationKey& key) {
    return name == key.name && has(command, key);
  });
  return found == std::end(keys) ? nullptr : found;
}

std::string unknown_key(TrainingCommand command, const std::string& name) {
  const TrainingCommand other = command == TrainingCommand::train ? TrainingCommand::finetune : TrainingCommand::train;
  if (find_key(other, name) != nullptr) {
    return fmt::format("key '{}' is one of rbmpi {}, not of rbmpi {}", name, name_of(other), name_of(command));
  }
  std::vector<std::string> names;
  for (const ConfigurationKey* const key : keys_of(command)) names.emplace_back(key->name);
  return unknown_name_message("key", name, names);
}

std::string length_text(const TrainSettings& settings) {
  const ConfigurationKey& key = configuration_key(settings.training.updates > 0 ? "updates" : "epochs");
  return fmt::format("{} = {}", key.name, key.get(settings));
}

std::string length_text(const OptimizationOptions& options) {
  return options.updates > 0 ? fmt::format("updates = {}", options.updates)
                             : fmt::format("epochs = {}", options.epochs);
}

std::string length_in_words(const OptimizationOptions& options) {
  return options.updates > 0 ? plural(options.updates, "update") : plural(options.epochs, "epoch");
}

std::string early_stop_text(EarlyStop rule) {
  return choice_text(rule, early_stops);
}

const ConfigurationKey& configuration_key(std::string_view name) {
  return *find_key(TrainingCommand::train, name);
}

}  // namespace rbmpi
