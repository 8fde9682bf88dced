#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/command_start.hpp"
#include "app/configuration.hpp"
#include "app/layout.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "app/unit_selection.hpp"
#include "app/work_bar.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/evaluate/gibbs_chains.hpp"
#include "rbmpi/evaluate/stack_samples.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/report/picture.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct SampleSettings {
  fs::path model;
  fs::path data;    ///< where the chains begin; empty: noise
  fs::path output;  ///< a dataset, or empty
  fs::path png;     ///< a picture, or empty
  GibbsSettings gibbs;
  std::uint64_t first_row = 0;
  bool from_chains = false;  ///< the chains begin at those of the model's training
  bool write_probabilities = false;
  std::size_t layer = 0;  ///< 0: all of them
  std::string clamp;
  std::string free;
  std::vector<std::uint64_t> picture;
  TrainSettings train;  ///< of it the shared keys
};

constexpr const char* sample_shared_keys[] = {"scale", "threads", "progress", "hang-timeout"};
constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t most_chains = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t most_steps = std::uint64_t{1} << 47U;  // the counter of the random numbers has room for them
/// Chains in the picture.
constexpr std::uint64_t most_shown = 100;

constexpr CommandOption<SampleSettings> sample_own_options[] = {
    {"output", "FILE", "the dataset of samples to make", [](auto& s, const std::string& text) { s.output = text; }},
    {"png", "FILE", "a picture: a row a chain (the first 100), a column a time; probabilities",
     [](auto& s, const std::string& text) { s.png = text; }},
    {"layer", "K",
     "of a stack: this one of its layers alone, the lowest being 1; DATA are features for it (rbmpi transform) [all]",
     [](auto& s, const std::string& text) { s.layer = parse_count(text, 1, 1000); }},
    {"chains", "N", "number of chains [100]",
     [](auto& s, const std::string& text) { s.gibbs.chains = parse_count(text, 1, most_chains); }},
    {"steps", "N", "of each, from v to h and back [1000]",
     [](auto& s, const std::string& text) { s.gibbs.steps = parse_count(text, 1, most_steps); }},
    {"every", "N", "take samples after each N steps [after the last]",
     [](auto& s, const std::string& text) { s.gibbs.every = parse_count(text, 1, most_steps); }},
    {"seed", "N", "of all random numbers [1]",
     [](auto& s, const std::string& text) { s.gibbs.seed = parse_count(text, 0, any); }},
    {"values", "states|probabilities",
     "what --output holds: states, such as zeros and ones, or what they were drawn with [states]",
     [](auto& s, const std::string& text) {
       if (text != "states" && text != "probabilities") {
         throw Error(Failure::usage, "must be one of states, probabilities");
       }
       s.write_probabilities = text == "probabilities";
     }},
    {"first-row", "N", "the row of DATA at which the first chain begins, counted from 0 [0]",
     [](auto& s, const std::string& text) { s.first_row = parse_count(text, 0, any); }},
    {"start", "noise|chains",
     "without DATA, where the chains begin: at noise, or, one after the other, at the persistent chains that the "
     "training of the layer left [noise]",
     [](auto& s, const std::string& text) {
       if (text != "noise" && text != "chains") throw Error(Failure::usage, "must be one of noise, chains");
       s.from_chains = text == "chains";
     }},
    {"clamp", "UNITS", "these units stay as in the rows of DATA, the others begin as noise",
     [](auto& s, const std::string& text) { s.clamp = text; }},
    {"free", "UNITS", "the same with all others: these units are filled in",
     [](auto& s, const std::string& text) { s.free = text; }},
    {"picture", "HxW", "height and width of the pictures [of DATA, or what the model was trained on]",
     [](auto& s, const std::string& text) {
       s.picture = parse_picture(text);
       if (s.picture.empty()) throw Error(Failure::usage, "height x width, such as 28x28, would be right");
     }},
};

CommandOptions<SampleSettings> sample_options() {
  return {sample_own_options, sample_shared_keys};
}

std::string sample_help() {
  return "Draws samples from a model by block Gibbs sampling: the same ones on any number of ranks.\n\n"
         "Usage:\n"
         "  rbmpi sample MODEL [DATA] --output FILE [OPTIONS]\n"
         "  mpirun -n RANKS rbmpi sample MODEL [DATA] --png FILE [OPTIONS]\n\n"
         "MODEL is a model, a checkpoint, or the folder of a run. The chains begin at noise, or, one after the other,\n"
         "at the rows of the dataset DATA, which may be one that this command made. Of a stack the chains are in the\n"
         "highest layer; what they find goes down through the layers below, states drawn in each, to the data. Its "
         "chains\n"
         "begin at the features of the rows of DATA, beside their labels if the layer has units for them.\n\n"
         "Options:\n" +
         sample_options().help() +
         "\nUNITS (of a single layer): rows:0-13, columns:7 (of pictures), units:100-199, several with commas where "
         "they meet\n"
         "(rows:0-13,columns:0-13 is a rectangle), or a dataset of one row: its values above one half.\n\n"
         "Examples:\n"
         "  mpirun -n 2 rbmpi sample runs/a --chains 10 --steps 1000 --every 100 --png samples.png\n"
         "  rbmpi sample runs/a test.h5 --clamp rows:0-13 --chains 10 --every 100 --png halves.png --output "
         "halves.h5\n";
}

/// How often each chain is written down.
std::uint64_t times_of(const GibbsSettings& gibbs) {
  return gibbs.every == 0 ? 1 : gibbs.steps / gibbs.every;
}

constexpr const char* sample_usage = "sample MODEL [DATA] --output FILE";

SampleSettings sample_settings(const po::variables_map& values) {
  SampleSettings settings;
  settings.model = file_argument(values, "model", "model", sample_usage);
  if (values.count("data") != 0) settings.data = values["data"].as<std::string>();
  sample_options().set(settings, values);
  constexpr std::uint64_t most_samples = std::uint64_t{1} << 40U;
  if (times_of(settings.gibbs) > most_samples / settings.gibbs.chains) {
    throw Error(Failure::usage,
                fmt::format("--chains {} at {} times are more than {} samples; a larger --every takes fewer",
                            settings.gibbs.chains, times_of(settings.gibbs), most_samples));
  }

  GibbsSettings& gibbs = settings.gibbs;
  if (settings.output.empty() && settings.png.empty()) {
    throw Error(Failure::usage, "nothing to make: --output FILE or --png FILE is missing" + see_help(sample_usage));
  }
  if (gibbs.every > 0 && gibbs.steps % gibbs.every != 0) {
    throw Error(Failure::usage, fmt::format("steps = {} is no multiple of every = {}: the last steps would be in vain",
                                            gibbs.steps, gibbs.every));
  }
  if (!settings.clamp.empty() && !settings.free.empty()) {
    throw Error(Failure::usage, "--clamp and --free exclude each other: one names the units that the other leaves");
  }
  for (const auto& [option, text] : {std::pair("clamp", settings.clamp), std::pair("free", settings.free)}) {
    if (text.empty() || !settings.data.empty()) continue;
    throw Error(Failure::usage, fmt::format("--{} wants DATA, whose rows have the values that units stay at: rbmpi "
                                            "sample MODEL DATA",
                                            option));
  }
  if (values.count("first-row") != 0 && settings.data.empty()) {
    throw Error(Failure::usage, "--first-row wants DATA, whose rows it counts: rbmpi sample MODEL DATA");
  }
  if (settings.train.scale && settings.data.empty()) {
    throw Error(Failure::usage, "--scale wants DATA, whose values it is of: rbmpi sample MODEL DATA");
  }
  if (values.count("start") != 0 && !settings.data.empty()) {
    throw Error(Failure::usage,
                "--start is where chains begin without DATA, but there are some: leave out one of them");
  }
  const std::vector<fs::path> inputs = {settings.model, settings.data, settings.clamp, settings.free};
  check_output("output", settings.output, inputs, OutputKind::hdf5);
  check_output("png", settings.png, inputs, OutputKind::other);
  if (!settings.output.empty() && fs::weakly_canonical(settings.output) == fs::weakly_canonical(settings.png)) {
    throw Error(Failure::usage, fmt::format("--output and --png are the same file '{}'", settings.png.string()));
  }
  gibbs.probabilities = settings.write_probabilities || !settings.png.empty();
  gibbs.start_too = !settings.png.empty() && (!settings.data.empty() || settings.from_chains);
  return settings;
}

/// What is drawn from, the same on all ranks.
struct Sampled {
  LoadedModel model;
  bool whole = false;  ///< whether it is a stack, all of whose layers are sampled
  std::optional<NodeSamples> data = {};
  std::optional<LayerRows> rows = {};     ///< of a whole stack: the data as its highest layer sees them
  std::vector<std::uint8_t> chains = {};  ///< those of the model's training, zeros and ones, if it begins there
  std::vector<std::uint64_t> picture = {};
  ChainStart start = {};

  [[nodiscard]] std::vector<RbmView<const Real>> layers() const {
    return whole ? model.stack() : std::vector{model.rbm.view()};
  }
  /// Of the layer whose visible units are written.
  [[nodiscard]] RbmShape shape() const { return layers().front().shape(); }
};

/// Collective. Which units stay, from what the root finds that the text means.
std::vector<bool> clamped_units(const SampleSettings& settings, const Sampled& sampled, const Communicator& world) {
  if (settings.clamp.empty() && settings.free.empty()) return {};
  std::string bits;
  world.agree_on_root([&] {
    const bool stay = !settings.clamp.empty();
    const std::string& text = stay ? settings.clamp : settings.free;
    try {
      if (sampled.whole) {
        throw Error(Failure::usage, fmt::format("units stay in a single layer, but all {} of '{}' are sampled; --layer "
                                                "K takes one of them",
                                                plural(sampled.layers().size(), "layer"), settings.model.string()));
      }
      for (const bool named : select_units(text, sampled.shape().visible, sampled.picture)) {
        bits += named == stay ? '1' : '0';
      }
      if (bits.find('0') == std::string::npos) {
        throw Error(Failure::usage, fmt::format("all {} would stay as they are, and nothing would be drawn",
                                                plural(bits.size(), "visible unit")));
      }
    } catch (const Error& error) {
      throw Error(error.failure(), fmt::format("--{} {}: {}", stay ? "clamp" : "free", text, error.what()));
    }
  });
  bits = world.broadcast(bits);
  std::vector<bool> clamped;
  for (const char bit : bits) clamped.push_back(bit == '1');
  return clamped;
}

/// Collective. The chains of the model's training, on every rank, as rows to begin at.
void begin_at_chains(Sampled& sampled, const Communicator& world) {
  const ChainStates* chains = nullptr;
  world.agree_on_root([&] {
    chains = sampled.model.chains();
    if (chains != nullptr) return;
    throw Error(Failure::file, fmt::format("--start chains: '{}' has no chains{}; training with estimator = pcd leaves "
                                           "some, and --start noise needs none",
                                           sampled.model.named.file.string(),
                                           sampled.model.named.model.layers.size() > 1 ? " of this layer" : ""));
  });
  const std::uint64_t rows = from_root(chains == nullptr ? 0 : chains->rows, world);
  const std::size_t columns = sampled.model.rbm.shape().visible;
  world.agree([&] { sampled.chains.resize(rows * columns); });
  if (chains != nullptr) {
    for (std::uint64_t row = 0; row < rows; ++row) {
      for_each_unit_on(chains->view(), row, [&](std::size_t unit) { sampled.chains[row * columns + unit] = 1; });
    }
  }
  world.broadcast(std::as_writable_bytes(std::span(sampled.chains)));
  sampled.start.samples = Samples{.type = ElementType::uint8,
                                  .values = reinterpret_cast<const std::byte*>(sampled.chains.data()),
                                  .rows = rows,
                                  .columns = columns,
                                  .scale = 1};
}

/// Collective.
Sampled load(const SampleSettings& settings, const Layout& layout, const Communicator& world) {
  Sampled sampled{.model = LoadedModel(settings.model, world, settings.layer == 0 ? highest_layer : settings.layer),
                  .picture = settings.picture};
  sampled.whole = settings.layer == 0 && !sampled.model.below.empty();
  const RbmShape shape = sampled.shape();
  if (!settings.data.empty()) {
    const RbmShape shape_for_data = sampled.whole ? sampled.model.shape_for_data() : shape;
    sampled.data.emplace(
        load_rows(settings.data, 0, settings.model, shape_for_data, layout, world, settings.train.scale));
    sampled.start.samples = sampled.data->rows();
    if (sampled.whole) {
      sampled.rows.emplace(sampled.model, sampled.data->rows(), world);
      sampled.start.samples = sampled.rows->rows();
    }
    sampled.start.first_row = settings.first_row;
    world.agree([&] {
      if (settings.first_row < sampled.start.samples.rows) return;
      throw Error(Failure::usage, fmt::format("first-row = {}: '{}' has rows 0 to {}", settings.first_row,
                                              settings.data.string(), sampled.start.samples.rows - 1));
    });
    if (sampled.picture.empty()) sampled.picture = sampled.data->info().picture;
  }
  if (settings.from_chains) begin_at_chains(sampled, world);
  world.agree_on_root([&] {
    // The units of a higher layer are no points of a picture.
    if (sampled.picture.empty() && (sampled.whole || sampled.model.below.empty())) {
      sampled.picture = picture_of(sampled.model.named.model);
    }
    if (sampled.picture.empty()) {
      if (settings.png.empty()) return;
      throw Error(Failure::usage, "--png wants pictures, but nothing says their height and width: --picture HxW does");
    }
    if (sampled.picture[0] * sampled.picture[1] != shape.visible) {
      throw Error(Failure::usage, fmt::format("picture = {}x{}: the model has {} visible units", sampled.picture[0],
                                              sampled.picture[1], shape.visible));
    }
  });
  sampled.start.clamped = clamped_units(settings, sampled, world);
  return sampled;
}

std::string times_text(const GibbsSettings& gibbs) {
  if (gibbs.every == 0 || gibbs.every == gibbs.steps) return fmt::format("after {}", plural(gibbs.steps, "step"));
  return fmt::format("after {}, {}, ... {} steps", gibbs.every, 2 * gibbs.every, gibbs.steps);
}

/// What the samples are, for people and for the file.
std::string description(const SampleSettings& settings, const Sampled& sampled) {
  std::string begin = "noise";
  if (sampled.data) {
    begin = fmt::format("rows of '{}' from {} on", settings.data.string(), settings.first_row);
    const auto stay = std::ranges::count(sampled.start.clamped, true);
    if (stay > 0) begin += fmt::format(", of which {} of {} units stay", stay, sampled.start.clamped.size());
  }
  if (settings.from_chains) begin = fmt::format("the {} of the training", sampled.start.samples.rows);
  return fmt::format("{} from {}, {}, seed {}", plural(settings.gibbs.chains, "chain"), begin,
                     times_text(settings.gibbs), settings.gibbs.seed);
}

/// On the root: which layers of a stack these samples are of, in front of its name.
std::string which_layers(const SampleSettings& settings, const Sampled& sampled) {
  if (sampled.whole) return fmt::format("the highest of {}, taken down, of ", plural(sampled.layers().size(), "layer"));
  return sampled.model.named.model.layers.size() == 1 ? "" : fmt::format("layer {} of ", settings.layer);
}

/// "784 x 300", of a stack "784 x 500 x 300, with chains in the highest layer". Units for labels are not shown.
std::string shape_text(const Sampled& sampled) {
  std::string text = fmt::format("{}", sampled.shape().visible);
  for (const RbmView<const Real>& layer : sampled.layers()) text += fmt::format(" x {}", layer.shape().hidden);
  return sampled.whole ? text + ", with chains in the highest layer" : text;
}

/// The dataset of samples, written time by time.
class SampleWriter {
 public:
  SampleWriter(const SampleSettings& settings, const Sampled& sampled)
      : probabilities_(settings.write_probabilities), writer_(settings.output, info(settings, sampled)) {}

  void append(const ChainRecord& record) {
    if (probabilities_) {
      writer_.append({.count = record.probabilities.rows, .samples = record.probabilities.values});
      return;
    }
    if (record.numbers.values != nullptr) {
      writer_.append({.count = record.numbers.rows, .samples = record.numbers.values});
      return;
    }
    const ConstBitMatrixView states = record.states;
    values_.resize(states.columns);
    for (std::size_t row = 0; row < states.rows; ++row) {
      for (std::size_t unit = 0; unit < states.columns; ++unit) {
        values_[unit] = states.at(row, unit) ? 1 : 0;
      }
      writer_.append({.count = 1, .samples = values_.data()});
    }
  }
  void finish() { writer_.finish(); }

 private:
  static DatasetInfo info(const SampleSettings& settings, const Sampled& sampled) {
    const GibbsSettings& gibbs = settings.gibbs;
    DatasetInfo info;
    const RbmShape shape = sampled.shape();
    info.type = settings.write_probabilities || !is_logistic(shape) ? ElementType::float32 : ElementType::uint8;
    if (shape.visible_unit->least_data < 0 || shape.visible_unit->most_data > 1) info.kind = ValueKind::numbers;
    info.rows = gibbs.chains * times_of(gibbs);
    info.columns = shape.visible;
    info.scale = 1.0;
    info.picture = sampled.picture;
    info.source = fmt::format("Gibbs samples ({}) of {}'{}' (digest {}): {}; all chains at the first time come first",
                              settings.write_probabilities ? "probabilities" : "states",
                              which_layers(settings, sampled), sampled.model.named.file.string(),
                              model_digest(sampled.model.named.model.layers), description(settings, sampled));
    return info;
  }

  bool probabilities_;
  std::vector<std::uint8_t> values_;
  DatasetWriter writer_;
};

/// The picture of the first chains: a row a chain, a column a time; or, of one time, as a square.
class SamplePicture {
 public:
  SamplePicture(const SampleSettings& settings, const Sampled& sampled) : file_(settings.png) {
    const GibbsSettings& gibbs = settings.gibbs;
    times_ = (gibbs.start_too ? 1 : 0) + times_of(gibbs);
    shown_ = std::min(gibbs.chains, most_shown);
    layout_ = {.height = sampled.picture[0],
               .width = sampled.picture[1],
               .columns = times_ == 1 ? 0 : times_,
               .zoom = readable_zoom(sampled.picture[0])};
    check_grid(shown_ * times_, layout_);
    tiles_.resize(shown_ * times_ * layout_.height * layout_.width);
  }

  void add(const ChainRecord& record) {
    const std::size_t columns = record.probabilities.columns;
    for (std::size_t chain = 0; chain < shown_; ++chain) {
      std::copy_n(record.probabilities.row(chain), columns, tiles_.data() + (chain * times_ + time_) * columns);
    }
    ++time_;
  }
  void write() const {
    const ConstMatrixView tiles{tiles_.data(), shown_ * times_, layout_.height * layout_.width};
    const std::vector<std::byte> bytes = png(picture_grid(tiles, layout_, Shading::probabilities));
    write_text_file(file_, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  [[nodiscard]] std::string description() const {
    return fmt::format("{} (rows) at {} (columns)", plural(shown_, "chain"), plural(times_, "time"));
  }

 private:
  fs::path file_;
  std::uint64_t times_ = 0;
  std::uint64_t shown_ = 0;
  GridLayout layout_;
  std::vector<Real> tiles_;
  std::uint64_t time_ = 0;
};

/// Collective.
void draw(const SampleSettings& settings, const Sampled& sampled, const Communicator& world) {
  std::optional<SampleWriter> writer;
  std::optional<SamplePicture> picture;
  world.agree_on_root([&] {
    if (!settings.png.empty()) picture.emplace(settings, sampled);
    if (!settings.output.empty()) writer.emplace(settings, sampled);
    say("  model   {}: {}\n", sampled.model.named.file.string(), shape_text(sampled));
    say("  chains  {}\n", description(settings, sampled));
  });
  const std::vector<RbmView<const Real>> layers = sampled.layers();
  const auto add = [&](const ChainRecord& record) {
    if (picture) picture->add(record);
    if (writer && record.step > 0) writer->append(record);
  };
  with_bar(settings.train.progress, "sampling", world, [&](const ProgressReport& progress) {
    sample_stack(layers, sampled.start, settings.gibbs, world, add, progress);
  });
  world.agree_on_root([&] {
    if (writer) {
      writer->finish();
      say("{}: {} of {}, {}\n", settings.output.string(),
          plural(settings.gibbs.chains * times_of(settings.gibbs), "row"), plural(sampled.shape().visible, "value"),
          settings.write_probabilities ? "probabilities" : states_in_words(*sampled.shape().visible_unit));
    }
    if (picture) {
      picture->write();
      say("{}: {}\n", settings.png.string(), picture->description());
    }
  });
}

}  // namespace

void run_sample(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto parsed = parse_command("sample", arguments, sample_options().description(), {"model", "data"},
                                    sample_settings, sample_help, world);
  if (!parsed) return;
  const SampleSettings& settings = *parsed;
  const StartedCommand started(world, settings.train);
  Sampled sampled = load(settings, started.layout, world);
  draw(settings, sampled, world);
}

}  // namespace rbmpi
