#include "rbmpi/train/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/model/parameter_file.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"
#include "support/toy_unit.hpp"
#include "support/training_states.hpp"
#include "train/training_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class CheckpointTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  fs::path file_ = folder_ / "checkpoint-1001.h5";
};

void expect_same(const Checkpoint& a, const Checkpoint& b) {
  ASSERT_EQ(a.model.layers.size(), b.model.layers.size());
  for (std::size_t i = 0; i < a.model.layers.size(); ++i) {
    EXPECT_EQ(a.model.layers[i].shape(), b.model.layers[i].shape());
    EXPECT_EQ(test::copy(a.model.layers[i].parameters()), test::copy(b.model.layers[i].parameters()));
  }
  EXPECT_EQ(a.model.configuration, b.model.configuration);
  EXPECT_EQ(a.model.provenance, b.model.provenance);
  ASSERT_EQ(a.optimizer.size(), b.optimizer.size());
  for (std::size_t i = 0; i < a.optimizer.size(); ++i) {
    EXPECT_EQ(a.optimizer[i].name, b.optimizer[i].name);
    EXPECT_EQ(a.optimizer[i].rows, b.optimizer[i].rows);
    EXPECT_EQ(a.optimizer[i].columns, b.optimizer[i].columns);
    EXPECT_EQ(test::copy(a.optimizer[i].values.span()), test::copy(b.optimizer[i].values.span()));
  }
  ASSERT_EQ(a.arrays.size(), b.arrays.size());
  for (std::size_t i = 0; i < a.arrays.size(); ++i) {
    EXPECT_EQ(a.arrays[i].name, b.arrays[i].name);
    EXPECT_EQ(a.arrays[i].type, b.arrays[i].type);
    EXPECT_EQ(a.arrays[i].rows, b.arrays[i].rows);
    EXPECT_EQ(a.arrays[i].columns, b.arrays[i].columns);
    EXPECT_TRUE(std::ranges::equal(a.arrays[i].values.span(), b.arrays[i].values.span()));
  }
  EXPECT_EQ(a.progress, b.progress);
  EXPECT_EQ(a.metrics, b.metrics);
}

TEST_F(CheckpointTest, EverythingComesBack) {
  test::SomeTraining training;
  training.progress().epoch_loss = 0x1.fffffffffffffp60;
  training.progress().epoch_seconds = 1e-9;
  training.progress().best_epoch = 3;
  training.progress().best_figure = -20.5;
  training.progress().reported_rows = training.progress().epoch_rows;
  training.progress().steps = (std::uint64_t{1} << 60U) + 1;
  const Checkpoint written = training.checkpoint();
  save_checkpoint(file_, written);
  expect_same(load_checkpoint(file_), written);
  EXPECT_EQ(folder_.entries(), 1U);
}

/// A classifier whose layer below is linear, or the same as an autoencoder, in the middle of its training.
Checkpoint net_checkpoint(bool classifier) {
  const NetShape shape = classifier ? NetShape{{4, 3, 2}, {Activation::linear, Activation::softmax}}
                                    : NetShape{{4, 3, 4}, {Activation::linear, Activation::sigmoid}};
  Checkpoint checkpoint = test::SomeTraining().checkpoint();
  checkpoint.model.layers.clear();
  checkpoint.model.net.emplace(shape);
  for (Real& value : checkpoint.model.net->parameters()) value = Real{0.25};
  if (classifier) checkpoint.model.classes = {-3, 7};
  checkpoint.model.code_layer = classifier ? 0 : 1;
  checkpoint.optimizer.front().values = AlignedBuffer<Real>(shape.parameters());
  return checkpoint;
}

/// What an optimizer remembers in a shape of its own.
SavedState::Memory products(std::uint64_t rows, std::uint64_t columns) {
  SavedState::Memory memory{"products", AlignedBuffer<Real>(rows * columns), rows, columns};
  for (std::size_t i = 0; i < rows * columns; ++i) memory.values.data()[i] = static_cast<Real>(i) + 0.5F;
  return memory;
}

TEST_F(CheckpointTest, MemoryOfItsOwnShapeComesBack) {
  for (const bool net : {false, true}) {
    Checkpoint written = net ? net_checkpoint(true) : test::SomeTraining().checkpoint();
    written.optimizer.push_back(products(2, 17));
    written.optimizer.push_back(products(2, 1));
    written.optimizer.back().name = "factors";
    save_checkpoint(file_, written);
    expect_same(load_checkpoint(file_), written);
    Checkpoint changed = load_checkpoint(file_);
    changed.optimizer.back().values.data()[1] += 1;
    EXPECT_FALSE(holds(Hdf5File::open(file_), changed));
  }
}

TEST_F(CheckpointTest, WithoutMetricsMemoryOrConfiguration) {
  Checkpoint written = test::SomeTraining().checkpoint();
  written.metrics.clear();
  written.optimizer.clear();
  written.arrays.clear();
  written.model.configuration.clear();
  written.model.provenance.clear();
  save_checkpoint(file_, written);
  expect_same(load_checkpoint(file_), written);
}

TEST_F(CheckpointTest, IsAModelToo) {
  const Checkpoint written = test::SomeTraining().checkpoint();
  save_checkpoint(file_, written);
  const Model model = load_model(file_);
  EXPECT_EQ(model_digest(model.layers), model_digest(written.model.layers));
  const Hdf5File file = Hdf5File::open(file_);
  EXPECT_TRUE(is_checkpoint(file));
  EXPECT_EQ(read_progress(file), written.progress);
}

TEST_F(CheckpointTest, AModelIsNoCheckpoint) {
  save_model(file_, test::SomeTraining().checkpoint().model);
  EXPECT_FALSE(is_checkpoint(Hdf5File::open(file_)));
  test::expect_error(Failure::file, {file_.string(), "damaged", "seal"}, [&] { (void)load_checkpoint(file_); });
}

TEST_F(CheckpointTest, EveryDamageIsFound) {
  save_checkpoint(file_, test::SomeTraining().checkpoint());
  const std::string whole = test::content(file_);
  test::Random random(7);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    const std::size_t place = random.below(damaged.size());
    damaged[place] = static_cast<char>(damaged[place] ^ static_cast<char>(1U << random.below(8)));
    (void)folder_.write("checkpoint-1001.h5", damaged);
    test::expect_error(Failure::file, {file_.string(), "damaged"}, [&] { (void)load_checkpoint(file_); });
    (void)folder_.write("checkpoint-1001.h5", whole.substr(0, place));
    test::expect_error(Failure::file, {file_.string(), "damaged"}, [&] { (void)load_checkpoint(file_); });
  }
}

TEST_F(CheckpointTest, NetsComeBack) {
  for (const bool classifier : {true, false}) {
    const Checkpoint written = net_checkpoint(classifier);
    save_checkpoint(file_, written);
    const Checkpoint read = load_checkpoint(file_);
    expect_same(read, written);
    ASSERT_TRUE(read.model.net);
    EXPECT_EQ(read.model.net->shape(), written.model.net->shape());
    EXPECT_EQ(model_digest(read.model), model_digest(written.model));
    EXPECT_EQ(read.model.classes, written.model.classes);
    EXPECT_EQ(read.model.code_layer, written.model.code_layer);
  }
}

/// A stack whose highest layer has two units for labels.
Checkpoint labelled_checkpoint() {
  Checkpoint checkpoint = test::SomeTraining().checkpoint();
  checkpoint.model.classes = {1, 2};
  return checkpoint;
}

TEST_F(CheckpointTest, WhatIsReadBackHasToBeAllThatWasWritten) {
  using Change = std::function<void(Checkpoint&)>;
  const auto told_apart = [&](const std::function<Checkpoint()>& made, const std::map<std::string, Change>& changes) {
    save_checkpoint(file_, made());
    const Hdf5File file = Hdf5File::open(file_);
    EXPECT_TRUE(holds(file, made()));
    for (const auto& [what, change] : changes) {
      Checkpoint other = made();
      change(other);
      EXPECT_FALSE(holds(file, other)) << what;
    }
  };
  const std::map<std::string, Change> of_all = {
      {"optimizer", [](Checkpoint& c) { c.optimizer.front().values.data()[3] += 1; }},
      {"progress", [](Checkpoint& c) { ++c.progress.steps; }},
      {"metrics", [](Checkpoint& c) { c.metrics += "x"; }},
      {"configuration", [](Checkpoint& c) { c.model.configuration += "x"; }},
      {"no configuration", [](Checkpoint& c) { c.model.configuration.clear(); }},
      {"provenance", [](Checkpoint& c) { c.model.provenance["program"] = "other"; }},
      {"more provenance", [](Checkpoint& c) { c.model.provenance["command"] = "x"; }},
      {"less provenance", [](Checkpoint& c) { c.model.provenance.erase("dataset_digest"); }},
  };
  const auto and_all = [&](std::map<std::string, Change> changes) {
    changes.insert(of_all.begin(), of_all.end());
    return changes;
  };
  // The same bytes, which mean something else.
  const auto of_other_units = [](Checkpoint& c) {
    RbmShape shape = c.model.layers.front().shape();
    shape.hidden_unit = &test::toy_unit();
    c.model.layers.front() = Rbm(shape, std::move(c.model.layers.front()).take_parameters());
  };
  const auto of_another_type = [](Checkpoint& c) {
    SavedState::Array& chains = c.arrays.front();
    AlignedBuffer<std::byte> numbers(chains.values.size() * sizeof(std::int32_t));
    for (std::size_t i = 0; i < chains.values.size(); ++i) {
      const auto number = std::to_integer<std::int32_t>(chains.values.data()[i]);
      std::memcpy(numbers.data() + i * sizeof(number), &number, sizeof(number));
    }
    chains.type = ElementType::int32;
    chains.values = std::move(numbers);
  };
  told_apart(labelled_checkpoint,
             and_all({{"parameters", [](Checkpoint& c) { c.model.layers.front().parameters().back() += 1; }},
                      {"kinds of units", of_other_units},
                      {"one layer more",
                       [](Checkpoint& c) {
                         c.model.layers.emplace_back(RbmShape{5, 2});
                       }},
                      {"fewer rows of an array", [](Checkpoint& c) { --c.arrays.front().rows; }},
                      {"type of an array", of_another_type},
                      {"classes", [](Checkpoint& c) { c.model.classes.back() = 3; }},
                      {"no classes", [](Checkpoint& c) { c.model.classes.clear(); }},
                      {"a net", [](Checkpoint& c) { c = net_checkpoint(true); }}}));
  const auto with_shape = [](NetShape shape) { return [shape](Checkpoint& c) { c.model.net.emplace(shape); }; };
  const auto with_chains = [] {
    Checkpoint checkpoint = test::SomeTraining().checkpoint();
    checkpoint.model.chains[0] = ChainStates(3, 7);
    return checkpoint;
  };
  told_apart(with_chains, {{"no chains", [](Checkpoint& c) { c.model.chains.clear(); }},
                           {"chains", [](Checkpoint& c) { c.model.chains[0].words[1] = 4; }}});
  told_apart([] { return net_checkpoint(true); },
             and_all({{"parameters", [](Checkpoint& c) { c.model.net->parameters().back() += 1; }},
                      {"units", with_shape({{4, 3, 3}, {Activation::linear, Activation::softmax}})},
                      {"activations", with_shape({{4, 3, 2}, {Activation::sigmoid, Activation::softmax}})},
                      {"classes", [](Checkpoint& c) { c.model.classes.front() = -4; }},
                      {"code layer", [](Checkpoint& c) { c.model.code_layer = 1; }},
                      {"a stack", [](Checkpoint& c) { c = test::SomeTraining().checkpoint(); }}}));
  told_apart([] { return net_checkpoint(false); }, {{"no code layer", [](Checkpoint& c) { c.model.code_layer = 0; }},
                                                    {"classes", [](Checkpoint& c) { c.model.classes = {1}; }}});
}

/// A file with a right checksum and a wrong content.
void forge(const fs::path& path, Checkpoint checkpoint, const std::function<void(Hdf5File&)>& change) {
  Hdf5File file = Hdf5File::create(path, {}, seal_bytes);
  write_model(file, checkpoint.model);
  change(file);
  file.close();
  seal_file(path, path);
}

TEST_F(CheckpointTest, AForgedContentIsRefused) {
  const Checkpoint good = test::SomeTraining().checkpoint();
  const auto progress = [](Hdf5File& file, std::int64_t layer, double seconds, const char* memory) {
    file.create_group("/progress");
    for (const char* name : {"epoch", "epoch_rows", "steps"}) file.set_integers_attribute("/progress", name, {3});
    file.set_integers_attribute("/progress", "layer", {layer});
    file.set_real_attribute("/progress", "epoch_seconds", seconds);
    file.set_real_attribute("/progress", "epoch_loss", 1);
    file.set_text_attribute("/progress", "optimizer", memory);
    file.write_text("/metrics", "x\n");
  };
  forge(file_, test::SomeTraining().checkpoint(), [&](Hdf5File& file) { progress(file, 0, 1, ""); });
  EXPECT_EQ(load_checkpoint(file_).metrics, "x\n");

  const auto refused = [&](const std::string& why, const std::function<void(Hdf5File&)>& change) {
    forge(file_, test::SomeTraining().checkpoint(), change);
    test::expect_error(Failure::file, {file_.string(), why}, [&] { (void)load_checkpoint(file_); });
  };
  refused("no checkpoint", [](Hdf5File&) {});
  refused("layer 1 of 1", [&](Hdf5File& file) { progress(file, 1, 1, ""); });
  refused("'layer'", [&](Hdf5File& file) { progress(file, -1, 1, ""); });
  refused("'epoch_seconds'", [&](Hdf5File& file) { progress(file, 0, -1, ""); });
  refused("'epoch_seconds'", [&](Hdf5File& file) { progress(file, 0, std::numeric_limits<double>::quiet_NaN(), ""); });
  const ParameterLayout layout = rbm_layout(good.model.layers.front().shape());
  const auto counts = [](const TrainingProgress& claimed) {
    return [claimed](Hdf5File& file) { write_progress(file, claimed); };
  };
  refused("its epoch is 0", counts({.epoch = 0}));
  refused("epoch 5 after 0 rows of it, but has done 3 steps", counts({.epoch = 5, .steps = 3}));
  refused("epoch 2 after 9 rows of it, but has done 1 step", counts({.epoch = 2, .epoch_rows = 9, .steps = 1}));
  refused("after 20 rows of an epoch that was reported after 10",
          counts({.epoch = 2, .epoch_rows = 20, .steps = 9, .reported_rows = 10}));
  refused("epoch 2, but its best is 3", counts({.epoch = 2, .steps = 9, .best_epoch = 3}));
  refused("velocity/weights", [&](Hdf5File& file) { progress(file, 0, 1, "velocity"); });
  refused("velocity/weights", [&](Hdf5File& file) {
    progress(file, 0, 1, "velocity");
    const std::vector<Real> other(3 * 2 + 3 + 2);
    write_parameters(file, rbm_layout({3, 2}).of_memory("velocity"), other);
  });
  refused("'/optimizer/factors' as [3]", [&](Hdf5File& file) {
    progress(file, 0, 1, "factors");
    file.create_group("/optimizer");
    file.create_array("/optimizer/factors", ElementType::float32, {3});
    file.write_rows("/optimizer/factors", ElementType::float32, 0, 3, good.optimizer.front().values.data());
  });
  refused("'/optimizer/factors' as float64 [2 x 1]", [&](Hdf5File& file) {
    progress(file, 0, 1, "factors");
    file.create_group("/optimizer");
    const std::vector<double> values(2);
    file.create_array("/optimizer/factors", ElementType::float64, {2, 1});
    file.write_rows("/optimizer/factors", ElementType::float64, 0, 2, values.data());
  });
  refused("'velocity' twice", [&](Hdf5File& file) {
    progress(file, 0, 1, "velocity other velocity");
    for (const char* const memory : {"velocity", "other"}) {
      write_parameters(file, layout.of_memory(memory), good.optimizer.front().values.span());
    }
  });
  refused("not finite", [&](Hdf5File& file) {
    progress(file, 0, 1, "velocity");
    std::vector<Real> values(layout.size());
    values.back() = std::numeric_limits<Real>::infinity();
    write_parameters(file, layout.of_memory("velocity"), values);
  });
}

TEST_F(CheckpointTest, OneMemoryUnderManyNamesIsRefused) {
  const Checkpoint good = test::SomeTraining({200, 100}).checkpoint();
  const auto name_it = [&](const std::string& names) {
    forge(file_, test::SomeTraining({200, 100}).checkpoint(), [&](Hdf5File& file) {
      write_progress(file, good.progress);
      write_parameters(file, rbm_layout({200, 100}).of_memory("velocity"), good.optimizer.front().values.span());
      file.set_text_attribute("/progress", "optimizer", names);
      file.write_text("/metrics", "x");
    });
  };
  name_it("velocity");
  EXPECT_EQ(load_checkpoint(file_).optimizer.size(), 1U);
  name_it("velocity ./velocity");
  test::expect_error(Failure::file,
                     {file_.string(), "'/layer_0/./velocity/weights'", "several names lead to one object"},
                     [&] { (void)load_checkpoint(file_); });
}

TEST_F(CheckpointTest, AForgedNetIsPassedOver) {
  const RunFolder run(folder_.path());
  const auto passed_over = [&](bool classifier, const std::string& why, const std::function<void(Hdf5File&)>& damage) {
    save_checkpoint(run.checkpoint(1001), net_checkpoint(classifier));
    save_checkpoint(run.checkpoint(900), [&] {
      Checkpoint older = net_checkpoint(classifier);
      older.progress.steps = 900;
      return older;
    }());
    {
      Hdf5File file = Hdf5File::create(run.checkpoint(1001), {}, seal_bytes);
      Checkpoint checkpoint = net_checkpoint(classifier);
      checkpoint.model.classes.clear();
      checkpoint.model.code_layer = 0;
      write_model(file, checkpoint.model);
      file.create_group("/progress");
      damage(file);
      file.close();
    }
    seal_file(run.checkpoint(1001), run.checkpoint(1001));
    std::vector<std::string> warnings;
    std::string unusable;
    const auto found = newest_checkpoint(
        run, [](const Checkpoint&) { return std::string(); },
        [&](const std::string& warning) { warnings.push_back(warning); }, unusable);
    ASSERT_TRUE(found) << why;
    EXPECT_EQ(found->progress.steps, 900U);
    EXPECT_THAT(warnings, ElementsAre(testing::AllOf(HasSubstr("checkpoint-1001.h5' is skipped"), HasSubstr(why))));
  };
  const auto classes = [](const std::vector<std::int32_t>& labels) {
    return [labels](Hdf5File& file) {
      file.create_array("/classes", ElementType::int32, {labels.size()});
      file.write_rows("/classes", ElementType::int32, 0, labels.size(), labels.data());
    };
  };
  passed_over(true, "'/classes' is missing", [](Hdf5File&) {});
  passed_over(true, "do not rise", classes({7, -3}));
  passed_over(true, "int32 [2], one for each output, would be right", classes({1, 2, 3}));
  passed_over(false, "code_layer", [](Hdf5File& file) { file.set_integers_attribute("/", "code_layer", {2}); });
  passed_over(false, "unit = tanh", [](Hdf5File& file) { file.set_text_attribute(layer_group(1), "unit", "tanh"); });
}

TEST_F(CheckpointTest, OneThatCannotBeWrittenLeavesTheOldOne) {
  save_checkpoint(file_, test::SomeTraining().checkpoint());
  const std::string before = test::content(file_);
  Checkpoint impossible = test::SomeTraining().checkpoint();
  impossible.progress.layer = 9;
  EXPECT_ANY_THROW(save_checkpoint(file_, impossible));
  EXPECT_EQ(test::content(file_), before);
  EXPECT_EQ(folder_.entries(), 1U);
  test::expect_error(Failure::file, {"nowhere"},
                     [&] { save_checkpoint(folder_ / "nowhere" / "a.h5", test::SomeTraining().checkpoint()); });
}

TEST_F(CheckpointTest, TheNewestThatIsWholeIsTaken) {
  const RunFolder run(folder_.path());
  const auto save = [&](std::uint64_t steps) {
    test::SomeTraining training;
    training.progress().steps = steps;
    save_checkpoint(run.checkpoint(steps), training.checkpoint());
  };
  std::vector<std::string> warnings;
  std::string unusable;
  const auto newest = [&](const std::string& foreign = "") {
    warnings.clear();
    unusable.clear();
    const auto found = newest_checkpoint(
        run, [&](const Checkpoint& c) { return c.progress.steps == 30 ? foreign : std::string(); },
        [&](const std::string& warning) { warnings.push_back(warning); }, unusable);
    return found ? found->progress.steps : 0;
  };
  EXPECT_EQ(newest(), 0U);
  for (const std::uint64_t steps : {10U, 20U, 30U, 40U}) save(steps);
  EXPECT_EQ(newest(), 40U);
  EXPECT_THAT(warnings, ElementsAre());

  fs::resize_file(run.checkpoint(40), 5000);
  EXPECT_EQ(newest("hidden = 3, but 4"), 20U);
  EXPECT_THAT(warnings,
              ElementsAre(HasSubstr("checkpoint-40.h5' is skipped: "),
                          HasSubstr("checkpoint-30.h5' is skipped: it is not of this run: hidden = 3, but 4")));
  EXPECT_THAT(run.checkpoints(), ElementsAre(20, 10));
  EXPECT_TRUE(fs::exists(folder_ / "checkpoint-40.h5.damaged"));
  EXPECT_TRUE(fs::exists(folder_ / "checkpoint-30.h5.foreign"));

  fs::rename(run.checkpoint(10), run.checkpoint(50));
  EXPECT_EQ(newest(), 20U);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("it is of step 10")));
  (void)folder_.write("checkpoint-20.h5", "");
  EXPECT_EQ(newest(), 0U);
  EXPECT_EQ(warnings.size(), 1U);

  save(30);
  forge(run.checkpoint(60), test::SomeTraining().checkpoint(), [](Hdf5File& file) {
    TrainingProgress progress{.epoch = 0, .steps = 60};
    write_progress(file, progress);
    file.set_text_attribute("/progress", "optimizer", "");
    file.write_text("/metrics", "");
  });
  EXPECT_EQ(newest(), 30U) << "a whole seal around what cannot be";
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("checkpoint-60.h5' is skipped: its epoch is 0")));
  EXPECT_TRUE(fs::exists(folder_ / "checkpoint-60.h5.damaged"));

  EXPECT_EQ(newest("of another run"), 0U) << "nothing to go on from, and nothing is touched";
  EXPECT_THAT(warnings, ElementsAre());
  EXPECT_EQ(unusable, "'checkpoint-30.h5': of another run");
  EXPECT_THAT(run.checkpoints(), ElementsAre(30));

  // One that cannot be read just now, as on a file system that has a bad moment, is not the file's fault.
  fs::rename(run.checkpoint(30), folder_ / "elsewhere");
  fs::create_symlink("checkpoint-40.h5", run.checkpoint(40));
  test::expect_error(Failure::file, {"checkpoint-40.h5", "cannot read"}, [&] { (void)newest(); });
  EXPECT_THAT(warnings, ElementsAre());
  EXPECT_THAT(run.checkpoints(), ElementsAre(40));
}

}  // namespace
}  // namespace rbmpi
