#include "app/configuration.hpp"

#include <array>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

TEST(Configuration, TheEffectiveOneMeansTheSame) {
  const TrainSettings settings =
      parse_configuration("my.ini",
                          "\xef\xbb\xbf"
                          "data = train.h5 # a comment\r\noutput = runs/a\nepochs=7\n"
                          "learning-rate = 1:0.1, 6 : 1e-3\nvalidation = 0.1\nshuffle = off\n");
  const std::string effective = effective_configuration(settings);
  EXPECT_THAT(effective, testing::HasSubstr("learning-rate = 1:0.1, 6:0.001\n"));
  EXPECT_EQ(effective_configuration(parse_configuration("config.ini", effective)), effective);
}

TEST(Configuration, LinesThatAreNone) {
  // The second was found by a fuzzer: Boost's own message for it never ends.
  for (const std::string line : {"epochs 7", "%invalid_line%"}) {
    test::expect_error(Failure::usage, {"'my.ini'", "the line '" + line + "'", "key = value"},
                       [&] { (void)parse_configuration("my.ini", line + "\n"); });
  }
}

TrainSettings settings_of(const std::string& lines) {
  return parse_configuration("my.ini", "data = a.h5\noutput = a\n" + lines);
}

// Each in a file and as an option.
TEST(Configuration, ValuesOutOfRange) {
  const Communicator alone;
  for (const auto& [key, value, right] :
       std::vector<std::array<std::string, 3>>{{"hidden", "0", "from 1"},
                                               {"hidden", "-3", "from 1"},
                                               {"hidden", "many", "from 1"},
                                               {"epochs", "0", "from 1"},
                                               {"epochs", "1.5", "from 1"},
                                               {"batch-size", "0", "from 1"},
                                               {"batch-size", "-1", "from 1"},
                                               {"learning-rate", "-0.1", ""},
                                               {"learning-rate", "0", ""},
                                               {"learning-rate", "nan", ""},
                                               {"learning-rate", "1e-46", ""},
                                               {"learning-rate", "1e+39", ""},
                                               {"learning-rate", "2:0.1", ""},
                                               {"learning-rate", "1:0.1,1:0.2", "epoch 1"},
                                               {"learning-rate", "1:0.1, 1:0.2", "epoch 1"},
                                               {"learning-rate", "1:", ""},
                                               {"momentum", "1", "less than 1"},
                                               {"momentum", "-0.5", "less than 1"},
                                               {"momentum", "1:0.5, 6:1.5", "less than 1"},
                                               {"weight-cost", "-1", "0 or more"},
                                               {"weight-cost", "inf", ""},
                                               {"field-cost", "-1", "0 or more"},
                                               {"l1", "1:0, 2:-1", "0 or more"},
                                               {"clip-gradient", "-0.1", "0 or more"},
                                               {"rate-decay", "0", "more than 0 and at most 1"},
                                               {"rate-decay", "1.01", "more than 0 and at most 1"},
                                               {"rate-decay", "1:0.9, 2:0.8", "no number"},
                                               {"weight-init", "-0.01", ""},
                                               {"visible-bias-init", "one", "zero"},
                                               {"shuffle", "yes", "on or off"},
                                               {"sample-data", "1", "on or off"},
                                               {"seed", "-1", ""},
                                               {"seed", "18446744073709551616", ""},
                                               {"threads", "0", ""},
                                               {"ranks-per-node", "0", ""},
                                               {"rows", "0", ""},
                                               {"arithmetic", "fast", "exact"},
                                               {"engine", "gemm", "active"},
                                               {"exchange", "none", "allreduce"},
                                               {"estimator", "ratio-matching", "pcd"},
                                               {"optimizer", "adagrad", "momentum, adam"},
                                               {"progress", "loud", ""},
                                               {"early-stop", "on", ""},
                                               {"evaluate-every", "-1", ""},
                                               {"evaluate-chains", "1", ""},
                                               {"evaluate-temperatures", "0.5:10", ""},
                                               {"patience", "0", ""},
                                               {"checkpoint-seconds", "-1", ""},
                                               {"checkpoint-seconds", "often", ""},
                                               {"checkpoint-epochs", "x", ""},
                                               {"checkpoint-epochs", "1.5", ""},
                                               {"checkpoint-steps", "1.5", ""},
                                               {"checkpoint-steps", "all", ""},
                                               {"checkpoint-keep", "0", ""},
                                               {"checkpoint-keep", "-1", ""},
                                               {"snapshots", "log", ""},
                                               {"snapshots", "linear", ""},
                                               {"snapshots", "linear:0", ""},
                                               {"snapshots", "cubic:3", ""},
                                               {"snapshots", "log:x", ""},
                                               {"time-limit", "0", ""},
                                               {"time-limit", "1h30m", ""},
                                               {"time-limit", "soon", ""},
                                               {"time-limit", "-1", ""},
                                               {"time-limit", "5 apples", ""},
                                               {"time-limit", "1:2", ""},
                                               {"hang-timeout", "-3", ""},
                                               {"hang-timeout", "never", ""}}) {
    const std::string line = key + " = " + value;
    test::expect_error(Failure::usage, {"my.ini", line, right}, [&] { settings_of(line + "\n"); });
    test::expect_error(Failure::usage, {"option --" + key, line, right}, [&, key = key, value = value] {
      (void)read_configuration(TrainingCommand::train, {"--data", "a.h5", "--output", "a", "--" + key, value}, alone);
    });
  }
}

// Those that a run keeps from its beginning to its end, but for the layers.
TEST(Configuration, EveryKeyThatTheModelDependsOnMakesADifference) {
  const std::map<std::string, std::string> usual = {{"data", "a.h5"},
                                                    {"output", "a"},
                                                    {"hidden", "200"},
                                                    {"validation", "0.1"},
                                                    {"momentum", "1:0.5, 6:0.9"},
                                                    {"learning-rate", "1:0.1, 20:0.05"},
                                                    {"weight-cost", "0.0002"},
                                                    {"visible-bias-init", "data"}};
  const auto settings_with = [&](const std::string& key, const std::string& value) {
    std::map<std::string, std::string> keys = usual;
    keys[key] = value;
    std::string text;
    for (const auto& [name, setting] : keys) text += fmt::format("{} = {}\n", name, setting);
    return parse_configuration("my.ini", text);
  };
  const std::string run = effective_configuration(settings_with("data", "b.h5"));
  for (const auto& [key, value, in_the_run] :
       std::vector<std::array<std::string, 3>>{{"rows", "1000", "all"},
                                               {"validation", "0.2", "0.1"},
                                               {"hidden", "201", "200"},
                                               {"batch-size", "99", "100"},
                                               {"learning-rate", "0.1", "1:0.1, 20:0.05"},
                                               {"momentum", "0.9", "1:0.5, 6:0.9"},
                                               {"weight-cost", "0", "0.0002"},
                                               {"rate-decay", "0.99", "1"},
                                               {"field-cost", "0.001", "0"},
                                               {"l1", "1:0, 2:0.01", "0"},
                                               {"clip-gradient", "0.5", "0"},
                                               {"optimizer", "adam", "momentum"},
                                               {"weight-init", "0.02", "0.01"},
                                               {"visible-bias-init", "zero", "data"},
                                               {"shuffle", "off", "on"},
                                               {"sample-data", "off", "on"},
                                               {"seed", "2", "1"},
                                               {"arithmetic", "plain", "exact"}}) {
    EXPECT_THAT(configuration_differences("the run", run, settings_with(key, value)),
                testing::ElementsAre(fmt::format("{} = {}, but {} in the run", key, value, in_the_run)));
  }
}

TEST(Configuration, ValuesForEachLayer) {
  const TrainSettings settings = settings_of(
      "layers = 500, 400,30\nepochs = 50/20\nlearning-rate = 1:0.1,6:0.05 / 0.2\nbatch-size = 10\n"
      "features-memory = 1.5G\n");
  const GreedyOptions options = greedy_options(settings);
  ASSERT_EQ(options.layers.size(), 3U);
  EXPECT_EQ(options.layers[1].hidden, 400U);
  EXPECT_EQ(options.layers[0].epochs, 50U);
  EXPECT_EQ(options.layers[2].epochs, 20U);
  EXPECT_EQ(options.layers[0].learning_rate.at(6), 0.05);
  EXPECT_EQ(options.layers[2].learning_rate.at(1), 0.2);
  EXPECT_EQ(options.layers[2].batch_size, 10U);
  EXPECT_EQ(options.features_memory, 1'500'000'000U);
  const std::string effective = effective_configuration(settings);
  EXPECT_THAT(effective, testing::HasSubstr("layers = 500,400,30\n"));
  EXPECT_THAT(effective, testing::HasSubstr("learning-rate = 1:0.1, 6:0.05/0.2\n"));
  EXPECT_THAT(effective, testing::HasSubstr("features-memory = 1500M\n"));
  EXPECT_THAT(effective, testing::Not(testing::HasSubstr("hidden = ")));
  EXPECT_EQ(effective_configuration(parse_configuration("config.ini", effective)), effective);
}

TEST(Configuration, TheLearningRateThatNobodyGaveFitsTheRest) {
  const auto learning_rate = [](TrainingCommand command, const std::string& text) {
    const std::string whole = "data = train.h5\noutput = runs/a\n" + text;
    return parse_configuration("my.ini", whole, command).training.learning_rate.text();
  };
  const std::string net = "from-scratch = on\nlayers = 20,10\n";
  EXPECT_EQ(learning_rate(TrainingCommand::train, ""), "0.1");
  EXPECT_EQ(learning_rate(TrainingCommand::train, "optimizer = adam\n"), "0.001");
  EXPECT_EQ(learning_rate(TrainingCommand::train, "optimizer = rmsprop\n"), "0.001");
  EXPECT_EQ(learning_rate(TrainingCommand::train, "optimizer = cossim\n"), "0.1");
  EXPECT_EQ(learning_rate(TrainingCommand::finetune, net + "autoencoder = on\noptimizer = cossim\n"), "0.02");
  EXPECT_EQ(learning_rate(TrainingCommand::finetune, net), "0.1");
  EXPECT_EQ(learning_rate(TrainingCommand::finetune, net + "optimizer = adam\n"), "0.001");
  EXPECT_EQ(learning_rate(TrainingCommand::finetune, net + "autoencoder = on\n"), "0.02");
  EXPECT_EQ(learning_rate(TrainingCommand::finetune, net + "autoencoder = on\noptimizer = adam\n"), "0.001");
  EXPECT_EQ(learning_rate(TrainingCommand::finetune, net + "autoencoder = on\nlearning-rate = 0.1\n"), "0.1");
}

TEST(Configuration, PenaltiesClippingAndDecayAreForEachLayer) {
  const TrainSettings settings = settings_of(
      "layers = 5,4,3\nrate-decay = 0.9/1\nfield-cost = 0.1\nl1 = 0/1:0.2, 3:0\nclip-gradient = 0.5/0.25/0\n");
  const GreedyOptions options = greedy_options(settings);
  ASSERT_EQ(options.layers.size(), 3U);
  EXPECT_EQ(options.layers[0].rate_decay, 0.9);
  EXPECT_EQ(options.layers[2].rate_decay, 1);
  EXPECT_EQ(options.layers[2].field_cost.text(), "0.1");
  EXPECT_EQ(options.layers[0].l1.text(), "0");
  EXPECT_EQ(options.layers[2].l1.text(), "1:0.2, 3:0");
  EXPECT_EQ(options.layers[1].clip_gradient.text(), "0.25");
  EXPECT_EQ(options.layers[2].clip_gradient.text(), "0");
  // A net has no visible biases.
  test::expect_error(Failure::usage, {"'field-cost' is one of rbmpi train"},
                     [] { (void)parse_configuration("my.ini", "field-cost = 1\n", TrainingCommand::finetune); });
}

TEST(Configuration, UpdatesAreInPlaceOfEpochs) {
  const auto lengths = [](const std::string& text) {
    const std::string effective = effective_configuration(settings_of(text));
    EXPECT_EQ(effective_configuration(parse_configuration("config.ini", effective)), effective);
    const auto line = [&](const std::string& key) {
      const std::size_t at = ("\n" + effective).find("\n" + key + " = ");
      return at == std::string::npos ? "" : effective.substr(at, effective.find('\n', at) - at);
    };
    return line("epochs") + line("updates");
  };
  EXPECT_EQ(lengths(""), "epochs = 10");
  EXPECT_EQ(lengths("updates = 130\n"), "updates = 130");
  EXPECT_EQ(lengths("layers = 5,4\nupdates = 130/20\n"), "updates = 130/20");
  const GreedyOptions options = greedy_options(settings_of("layers = 5,4\nupdates = 130/20\n"));
  EXPECT_EQ(options.layers[1].updates, 20U);
  test::expect_error(Failure::usage, {"my.ini", "updates = 130", "epochs = 5/7", "give one of the two"},
                     [] { settings_of("layers = 5,4\nepochs = 5/7\nupdates = 130\n"); });
  test::expect_error(Failure::usage, {"my.ini", "updates = 0", "1"}, [] { settings_of("updates = 0\n"); });
  // How long it is may change when a run goes on.
  EXPECT_THAT(configuration_differences("run", effective_configuration(settings_of("epochs = 5\n")),
                                        settings_of("updates = 130\n")),
              testing::IsEmpty());
}

TEST(Configuration, AnOptionSaysHowLongInPlaceOfTheFile) {
  const test::TemporaryFolder folder;
  const Communicator alone;
  const auto read = [&](const char* in_file, const std::vector<std::string>& options) {
    (void)folder.write("my.ini", fmt::format("data = a.h5\noutput = a\n{}\n", in_file));
    std::vector<std::string> words = {"--config", (folder / "my.ini").string()};
    words.insert(words.end(), options.begin(), options.end());
    return read_configuration(TrainingCommand::train, words, alone)->training;
  };
  EXPECT_EQ(read("epochs = 20", {"--updates", "130"}).updates, 130U);
  EXPECT_EQ(read("updates = 130", {"--epochs", "20"}).updates, 0U);
  EXPECT_EQ(read("updates = 130", {"--epochs", "20"}).epochs, 20U);
  test::expect_error(Failure::usage, {"option --updates", "option --epochs"}, [&] {
    (void)read("", {"--updates", "130", "--epochs", "20"});
  });
}

TEST(Configuration, ASingleLayerHasTwoNames) {
  EXPECT_EQ(effective_configuration(settings_of("layers = 30\n")),
            effective_configuration(settings_of("hidden = 30\n")));
  EXPECT_EQ(effective_configuration(settings_of("layers = 30\nhidden = 30\n")),
            effective_configuration(settings_of("hidden = 30\n")));
}

TEST(Configuration, LayersThatAreAddedMakeNoDifference) {
  const std::string run = effective_configuration(settings_of("hidden = 30\nlearning-rate = 0.1\n"));
  const auto differences = [](const std::string& before, const std::string& now) {
    return configuration_differences("the run", before, settings_of(now));
  };
  EXPECT_THAT(differences(run, "layers = 30,20\nlearning-rate = 0.1/0.3\n"), testing::IsEmpty());
  EXPECT_THAT(differences(run, "layers = 30,20\nlearning-rate = 0.2/0.1\n"),
              testing::ElementsAre("learning-rate = 0.2, but 0.1 in the run"));
  EXPECT_THAT(differences(run, "layers = 20,30\n"), testing::ElementsAre("layers = 20,30, but 30 in the run"));
  EXPECT_THAT(differences(run, "hidden = 20\n"), testing::ElementsAre("hidden = 20, but 30 in the run"));
  const std::string stack = effective_configuration(settings_of("layers = 30,20\nepochs = 2/3\nbatch-size = 5/5\n"));
  EXPECT_THAT(differences(stack, "layers = 30,20,10\nbatch-size = 5/5/7\n"), testing::IsEmpty());
  EXPECT_THAT(differences(stack, "layers = 30,20\nbatch-size = 5\n"), testing::IsEmpty());
  EXPECT_THAT(differences(stack, "hidden = 30\nbatch-size = 5\n"),
              testing::ElementsAre("layers = 30, but 30,20 in the run"));
  const std::string joined = effective_configuration(settings_of("layers = 30,20\njoin-labels = on\n"));
  EXPECT_THAT(differences(joined, "layers = 30,20,10\njoin-labels = on\n"),
              testing::ElementsAre("layers = 30,20,10, but 30,20 in the run"));
}

}  // namespace
}  // namespace rbmpi
