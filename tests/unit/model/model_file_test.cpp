#include "rbmpi/model/model_file.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/child_process.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "support/expect_error.hpp"
#include "support/memory_limit.hpp"
#include "support/temporary_folder.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class ModelFileTest : public testing::Test {
 protected:
  /// A file as another program could have written it.
  void foreign(const std::function<void(Hdf5File&)>& fill) const {
    Hdf5File file = Hdf5File::create(path_);
    file.set_text_attribute("/", "format", "rbmpi-model");
    file.set_integers_attribute("/", "format_version", {1});
    fill(file);
    file.close();
  }
  void refused(const std::vector<std::string>& fragments, const std::function<void(Hdf5File&)>& fill) const {
    foreign(fill);
    std::vector<std::string> all = {"m.h5"};
    all.insert(all.end(), fragments.begin(), fragments.end());
    test::expect_error(Failure::file, all, [&] { (void)load_model(path_); });
  }

  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "m.h5";
};

void write_floats(Hdf5File& file, const std::string& name, const std::vector<std::uint64_t>& dimensions,
                  const std::vector<float>& values) {
  file.create_array(name, ElementType::float32, dimensions);
  file.write_rows(name, ElementType::float32, 0, dimensions[0], values.data());
}

/// A group of three arrays for 2 visible and 3 hidden units, except for the array `other`.
void write_layer(Hdf5File& file, const std::string& group = "/layer_0", const std::string& other = "") {
  file.create_group(group);
  if (other != "weights") write_floats(file, group + "/weights", {2, 3}, {1, 2, 3, 4, 5, 6});
  if (other != "visible_bias") write_floats(file, group + "/visible_bias", {2}, {7, 8});
  if (other != "hidden_bias") write_floats(file, group + "/hidden_bias", {3}, {9, 10, 11});
}

TEST_F(ModelFileTest, WhatIsSavedComesBack) {
  Model model;
  model.layers.emplace_back(RbmShape{5, 4});
  model.layers.emplace_back(RbmShape{4, 3});
  initialise_weights(model.layers[0], 0.3, 1, 0);
  initialise_weights(model.layers[1], 0.3, 1, 1);
  model.layers[1].view().hidden_bias[2] = -0.0F;
  model.configuration = "hidden = 4\nseed = 1\n";
  model.provenance = {{"program", "rbmpi 0.1.0"}, {"command", "rbmpi train --hidden 4"}, {"dataset", "a b.h5"}};
  save_model(path_, model);

  const Model loaded = load_model(path_);
  EXPECT_EQ(model_digest(loaded.layers), model_digest(model.layers));
  EXPECT_EQ(loaded.layers[1].shape(), (RbmShape{4, 3}));
  EXPECT_EQ(loaded.configuration, model.configuration);
  EXPECT_EQ(loaded.provenance, model.provenance);
  EXPECT_EQ(folder_.entries(), 1U);
}

TEST_F(ModelFileTest, ClassesHaveNames) {
  Model model;
  model.net.emplace(classifier_shape(4, std::vector<std::size_t>{3}, 2));
  model.classes = {0, 7};
  model.class_names = {"ant", "bee, wild"};
  save_model(path_, model);
  EXPECT_EQ(load_model(path_).class_names, model.class_names);
  EXPECT_TRUE(holds_description(Hdf5File::open(path_), model));
  model.class_names.back() = "cat";
  EXPECT_FALSE(holds_description(Hdf5File::open(path_), model));
}

TEST_F(ModelFileTest, NamesThatAreNotOfTheClassesAreRefused) {
  Model model;
  model.net.emplace(classifier_shape(4, std::vector<std::size_t>{3}, 2));
  model.classes = {0, 7};
  model.class_names = {"ant", "bee", "cat"};
  save_model(path_, model);
  test::expect_error(Failure::file, {"m.h5", "/class_names", "[3]", "[2]"}, [&] { (void)load_model(path_); });
}

TEST_F(ModelFileTest, ThreeArraysAreAModel) {
  foreign([](Hdf5File& file) { write_layer(file); });
  const Model model = load_model(path_);
  ASSERT_EQ(model.layers.size(), 1U);
  EXPECT_EQ(model.layers[0].shape(), (RbmShape{2, 3}));
  EXPECT_THAT(model.layers[0].parameters(), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_EQ(model.configuration, "");
  EXPECT_TRUE(model.provenance.empty());
}

TEST_F(ModelFileTest, AMissingArrayIsNamed) {
  for (const std::string name : {"weights", "visible_bias", "hidden_bias"}) {
    refused({"'/layer_0/" + name + "' is missing"}, [&](Hdf5File& file) { write_layer(file, "/layer_0", name); });
  }
}

TEST_F(ModelFileTest, ArraysOfTheWrongShapeAreRefused) {
  refused({"'/layer_0/hidden_bias' as float32 [2]; float32 [3] would be right"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "hidden_bias");
    write_floats(file, "/layer_0/hidden_bias", {2}, {1, 2});
  });
  refused({"'/layer_0/visible_bias' as float32 [3]; float32 [2] would be right"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "visible_bias");
    write_floats(file, "/layer_0/visible_bias", {3}, {1, 2, 3});
  });
  refused({"'/layer_0/weights' as [6]; two dimensions"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "weights");
    write_floats(file, "/layer_0/weights", {6}, {1, 2, 3, 4, 5, 6});
  });
  refused({"'/layer_0/hidden_bias' as float32 [1 x 3]; float32 [3] would be right"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "hidden_bias");
    write_floats(file, "/layer_0/hidden_bias", {1, 3}, {1, 2, 3});
  });
  refused({"'/layer_0/weights' as [0 x 3]", "1 to 4194304 units"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "weights");
    file.create_array("/layer_0/weights", ElementType::float32, {0, 3});
  });
}

TEST_F(ModelFileTest, ArraysOfTheWrongTypeAreRefused) {
  refused({"'/layer_0/weights' as float64", "float32"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "weights");
    file.create_array("/layer_0/weights", ElementType::float64, {2, 3});
    const std::vector<double> values(6);
    file.write_rows("/layer_0/weights", ElementType::float64, 0, 2, values.data());
  });
  refused({"'/layer_0/visible_bias'", "not an array"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "visible_bias");
    file.create_group("/layer_0/visible_bias");
  });
}

TEST_F(ModelFileTest, NumbersThatAreNotFiniteAreRefused) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    refused({"'/layer_0/weights'", "not finite"}, [&](Hdf5File& file) {
      write_layer(file, "/layer_0", "weights");
      write_floats(file, "/layer_0/weights", {2, 3}, {1, 2, 3, 4, 5, bad});
    });
    refused({"'/layer_0/hidden_bias'", "not finite"}, [&](Hdf5File& file) {
      write_layer(file, "/layer_0", "hidden_bias");
      write_floats(file, "/layer_0/hidden_bias", {3}, {bad, 2, 3});
    });
  }
}

TEST_F(ModelFileTest, ClaimsAreNotBelieved) {
  refused({"'/layer_0/weights' claims 4.0 EB, but the file holds only 0 bytes"}, [](Hdf5File& file) {
    file.create_group("/layer_0");
    const std::uint64_t huge = 1000000000;
    file.create_array("/layer_0/weights", ElementType::float32, {huge, huge}, {.chunk_rows = 1});
  });
  refused({"'/layer_0/weights' as [5000000 x 1]", "1 to 4194304 units"}, [](Hdf5File& file) {
    const std::vector<float> values(5000000);
    write_floats(file, "/layer_0/weights", {5000000, 1}, values);
    write_floats(file, "/layer_0/visible_bias", {5000000}, values);
    write_floats(file, "/layer_0/hidden_bias", {1}, values);
  });
}

/// Layers of this many units, of whose weights the disk holds but the first row, although the file has their length.
void write_large_layers(Hdf5File& file, std::size_t layers, std::uint64_t units) {
  const std::vector<float> row(units);
  for (std::size_t k = 0; k < layers; ++k) {
    const std::string group = layer_group(k);
    file.create_array(group + "/weights", ElementType::float32, {units, units});
    file.write_rows(group + "/weights", ElementType::float32, 0, 1, row.data());
    for (const char* bias : {"/visible_bias", "/hidden_bias", "/bias"}) write_floats(file, group + bias, {units}, row);
    file.set_text_attribute(group, "unit", "sigmoid");
  }
}

TEST_F(ModelFileTest, LayersHaveToFitTheMemoryTogether) {
  // Each fits, and three of them do not.
  const auto units = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(available_memory()) / 10));
  for (const char* const format : {"rbmpi-model", "rbmpi-net"}) {
    foreign([&](Hdf5File& file) {
      file.set_text_attribute("/", "format", format);
      write_large_layers(file, 3, units);
    });
    test::expect_error(Failure::other, {"not enough memory to read", "m.h5", "with '/layer_2/weights'"}, [&] {
      (void)run_in_child("read it", [&] {
        test::limit_further_memory(std::uint64_t{64} << 20U);  // what is found before anything is allocated
        (void)read_model(Hdf5File::open(path_));
        return std::string();
      });
    });
  }
}

TEST_F(ModelFileTest, AVersionFromTheFutureIsRefused) {
  refused({"format_version", "reads version 1"}, [](Hdf5File& file) {
    write_layer(file);
    file.set_integers_attribute("/", "format_version", {2});
  });
}

TEST_F(ModelFileTest, UnitsThatAreNotKnownAreRefused) {
  refused({"hidden_unit = gaussian", "bernoulli"}, [](Hdf5File& file) {
    write_layer(file);
    file.set_text_attribute("/layer_0", "hidden_unit", "gaussian");
  });
}

TEST_F(ModelFileTest, UnitsAreThoseOfTheTable) {
  const UnitEntry* const toy = &test::toy_unit();
  for (const RbmShape shape : {RbmShape{2, 3}, RbmShape{2, 3, toy, &bernoulli_unit}, RbmShape{2, 3, toy, toy}}) {
    Model model;
    model.layers.emplace_back(shape);
    save_model(path_, model);
    const Model read = load_model(path_);
    EXPECT_EQ(read.layers.front().shape(), shape);
    EXPECT_EQ(model_digest(read), model_digest(model));
  }
  // A file that does not tell has zeros and ones.
  foreign([](Hdf5File& file) { write_layer(file); });
  EXPECT_EQ(load_model(path_).layers.front().shape(), (RbmShape{2, 3}));
}

TEST_F(ModelFileTest, LayersHaveToFitEachOther) {
  Model spins_above_bits;
  spins_above_bits.layers.emplace_back(RbmShape{2, 3});
  spins_above_bits.layers.emplace_back(RbmShape{3, 2, &test::toy_unit(), &bernoulli_unit});
  save_model(path_, spins_above_bits);
  test::expect_error(Failure::file, {path_.string(), "toy-spin", "layer_1", "bernoulli"},
                     [&] { (void)load_model(path_); });
  refused({"2 visible units in layer_1", "3 hidden units"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0");
    write_layer(file, "/layer_1");
  });
}

TEST_F(ModelFileTest, WithoutALayerItIsNoModel) {
  refused({"no group 'layer_0'"}, [](Hdf5File&) {});
  refused({"no group 'layer_0'"}, [](Hdf5File& file) { write_layer(file, "/layer_1"); });
}

TEST_F(ModelFileTest, OtherFilesAreNoModels) {
  Hdf5File file = Hdf5File::create(path_);
  file.set_text_attribute("/", "format", "rbmpi-dataset");
  file.close();
  test::expect_error(Failure::file, {"m.h5", "is no model", "rbmpi-model"}, [&] { (void)load_model(path_); });

  const fs::path text = folder_.write("text.h5", "no HDF5");
  test::expect_error(Failure::file, {"text.h5"}, [&] { (void)load_model(text); });
  test::expect_error(Failure::file, {"none.h5", "no such file"}, [&] { (void)load_model(folder_ / "none.h5"); });
}

/// Chains with about every third unit on.
ChainStates some_chains(std::uint64_t chains, std::size_t visible) {
  ChainStates states(chains, visible);
  for (std::size_t i = 0; i < chains * visible; i += 3 - i % 2) {
    states.view().row(i / visible)[i % visible / 64] |= std::uint64_t{1} << (i % visible % 64);
  }
  return states;
}

TEST_F(ModelFileTest, ChainsComeBack) {
  Model model;
  for (const RbmShape shape : {RbmShape{70, 128}, RbmShape{128, 3}, RbmShape{3, 2}}) model.layers.emplace_back(shape);
  model.chains[0] = some_chains(9000, 70);  // several chunks
  model.chains[2] = some_chains(1, 3);
  save_model(path_, model);
  const Model loaded = load_model(path_);
  EXPECT_EQ(loaded.chains, model.chains);
  EXPECT_EQ(model_digest(loaded), model_digest(model));
  const Hdf5File file = Hdf5File::open(path_);
  const ArrayInfo info = file.array_info("/layer_0/chains");
  EXPECT_EQ(info.type, ElementType::uint8);
  EXPECT_LT(info.stored_bytes, 9000 * 70 / 2);
  std::vector<std::uint8_t> row(70);
  file.read_rows("/layer_0/chains", ElementType::uint8, 8999, 1, row.data());
  for (std::size_t unit = 0; unit < 70; ++unit) EXPECT_EQ(row[unit], model.chains[0].view().at(8999, unit) ? 1 : 0);
  EXPECT_TRUE(holds_description(file, model));
  for (const auto& change : std::vector<std::function<void(Model&)>>{
           [](Model& m) { m.chains.erase(2); }, [](Model& m) { m.chains[1] = some_chains(4, 128); },
           [](Model& m) { m.chains[0].words.back() ^= 1U; }, [](Model& m) { m.chains[0] = some_chains(8999, 70); }}) {
    Model other;
    for (const Rbm& layer : model.layers) other.layers.emplace_back(layer.shape());
    other.chains = model.chains;
    change(other);
    EXPECT_FALSE(holds_description(file, other));
  }
}

TEST_F(ModelFileTest, ManyChainsThatAreAllEqualComeBack) {
  // They shrink more than anything else that is written, and are not taken for a file that would fill the memory.
  Model model;
  model.layers.emplace_back(RbmShape{1024, 1});
  model.chains[0] = ChainStates(360'000, 1024);
  save_model(path_, model);
  EXPECT_EQ(load_model(path_).chains, model.chains);
}

TEST_F(ModelFileTest, ChainsThatCannotBeAreRefused) {
  const auto with_chains = [&](ElementType type, const std::vector<std::uint64_t>& dimensions, const auto& values) {
    return [=](Hdf5File& file) {
      write_layer(file);
      file.create_array("/layer_0/chains", type, dimensions);
      file.write_rows("/layer_0/chains", type, 0, dimensions[0], values.data());
    };
  };
  const std::vector<std::uint8_t> bytes = {0, 1, 1, 2, 0, 0};
  const std::vector<float> floats = {0, 1, 0.25F, 0};
  constexpr ElementType uint8 = ElementType::uint8;
  refused({"'/layer_0/chains' as uint8 [2 x 3]", "[chains x 2]"}, with_chains(uint8, {2, 3}, bytes));
  refused({"'/layer_0/chains' as uint8 [6]", "[chains x 2]"}, with_chains(uint8, {6}, bytes));
  refused({"'/layer_0/chains' as uint8 [0 x 2]", "[chains x 2]"}, with_chains(uint8, {0, 2}, bytes));
  refused({"the value 2 in row 1, column 1 of '/layer_0/chains'; zeros and ones"}, with_chains(uint8, {3, 2}, bytes));
  refused({"the value 0.25 in row 1, column 0 of '/layer_0/chains'"},
          with_chains(ElementType::float32, {2, 2}, floats));
  refused({"'/layer_0/chains'", "units of the layer are toy-spin"}, [&](Hdf5File& file) {
    with_chains(uint8, {2, 2}, bytes)(file);
    file.set_text_attribute("/layer_0", "visible_unit", std::string(test::toy_unit().name));
  });
}

TEST_F(ModelFileTest, ANetComesBack) {
  Model model;
  model.net.emplace(classifier_shape(5, std::vector<std::size_t>{4}, 3));
  initialise_net(*model.net, 1);
  model.net->layer(0).bias[2] = -0.0F;
  model.classes = {-1, 4, 9};
  model.configuration = "seed = 1\n";
  model.provenance = {{"program", "rbmpi 0.1.0"}};
  save_model(path_, model);
  const Model loaded = load_model(path_);
  ASSERT_TRUE(loaded.net);
  EXPECT_EQ(loaded.net->shape(), model.net->shape());
  EXPECT_EQ(model_digest(loaded), net_digest(*model.net));
  EXPECT_EQ(loaded.classes, model.classes);
  EXPECT_EQ(loaded.code_layer, 0U);
  EXPECT_EQ(loaded.configuration, model.configuration);
  EXPECT_EQ(loaded.provenance, model.provenance);
  EXPECT_TRUE(loaded.layers.empty());
  test::expect_error(Failure::file, {"m.h5", "net of 5-4-3 units", "predict"}, [&] { refuse_net(loaded, path_); });
  EXPECT_NO_THROW(refuse_stack(loaded, path_));
}

TEST_F(ModelFileTest, AnAutoencoderComesBack) {
  Model model;
  model.net.emplace(autoencoder_shape(5, std::vector<std::size_t>{4, 2}, Activation::linear));
  initialise_net(*model.net, 1);
  model.code_layer = 2;
  save_model(path_, model);
  const Model loaded = load_model(path_);
  EXPECT_EQ(loaded.net->shape(), model.net->shape());
  EXPECT_EQ(model_digest(loaded), model_digest(model));
  EXPECT_EQ(loaded.code_layer, 2U);
  EXPECT_TRUE(loaded.classes.empty());
}

/// A net of 2 inputs and 3 outputs, except for what `other` names.
void write_net(Hdf5File& file, const std::string& other = "", const std::string& unit = "softmax") {
  file.set_text_attribute("/", "format", "rbmpi-net");
  file.create_group("/layer_0");
  if (!unit.empty()) file.set_text_attribute("/layer_0", "unit", unit);
  if (other != "weights") write_floats(file, "/layer_0/weights", {2, 3}, {1, 2, 3, 4, 5, 6});
  if (other != "bias") write_floats(file, "/layer_0/bias", {3}, {7, 8, 9});
  const std::vector<std::int32_t> classes = {0, 1, 2};
  if (other == "classes") return;
  file.create_array("/classes", ElementType::int32, {3});
  file.write_rows("/classes", ElementType::int32, 0, 3, classes.data());
}

TEST_F(ModelFileTest, NetsThatAreNotWholeAreRefused) {
  foreign([](Hdf5File& file) { write_net(file); });
  EXPECT_THAT(load_model(path_).net->parameters(), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  refused({"'/layer_0/bias' is missing"}, [](Hdf5File& file) { write_net(file, "bias"); });
  refused({"'/classes' is missing"}, [](Hdf5File& file) { write_net(file, "classes"); });
  refused({"unit = gaussian", "sigmoid, linear and softmax"}, [](Hdf5File& file) { write_net(file, "", "gaussian"); });
  refused({"unit = ", "sigmoid, linear and softmax"}, [](Hdf5File& file) { write_net(file, "", ""); });
  refused({"'/layer_0/bias' as float32 [2]; float32 [3] would be right"}, [](Hdf5File& file) {
    write_net(file, "bias");
    write_floats(file, "/layer_0/bias", {2}, {1, 2});
  });
  refused({"'/classes' as float32 [3]", "int32 [3]"}, [](Hdf5File& file) {
    write_net(file, "classes");
    write_floats(file, "/classes", {3}, {1, 2, 3});
  });
  refused({"classes", "do not rise"}, [](Hdf5File& file) {
    write_net(file, "classes");
    const std::vector<std::int32_t> classes = {0, 2, 2};
    file.create_array("/classes", ElementType::int32, {3});
    file.write_rows("/classes", ElementType::int32, 0, 3, classes.data());
  });
  refused({"'/layer_0/bias'", "not finite"}, [](Hdf5File& file) {
    write_net(file, "bias");
    write_floats(file, "/layer_0/bias", {3}, {1, 2, std::numeric_limits<float>::infinity()});
  });
  refused({"code_layer", "none of its 0 layers"}, [](Hdf5File& file) {
    write_net(file);
    file.set_integers_attribute("/", "code_layer", {1});
  });
  refused({"4 inputs in layer_1", "3 units"}, [](Hdf5File& file) {
    write_net(file, "", "sigmoid");
    file.create_group("/layer_1");
    file.set_text_attribute("/layer_1", "unit", "softmax");
    write_floats(file, "/layer_1/weights", {4, 1}, {1, 2, 3, 4});
    write_floats(file, "/layer_1/bias", {1}, {1});
  });
  refused({"softmax below its outputs"}, [](Hdf5File& file) {
    write_net(file);
    file.create_group("/layer_1");
    file.set_text_attribute("/layer_1", "unit", "softmax");
    write_floats(file, "/layer_1/weights", {3, 1}, {1, 2, 3});
    write_floats(file, "/layer_1/bias", {1}, {1});
  });
  refused({"no group 'layer_0'"}, [](Hdf5File& file) { file.set_text_attribute("/", "format", "rbmpi-net"); });
}

TEST_F(ModelFileTest, AStackIsNoNet) {
  Model model;
  model.layers.emplace_back(RbmShape{1, 1});
  EXPECT_EQ(model_digest(model), model_digest(model.layers));
  EXPECT_NO_THROW(refuse_net(model, path_));
  test::expect_error(Failure::file, {"m.h5", "not a net", "finetune"}, [&] { refuse_stack(model, path_); });
}

TEST_F(ModelFileTest, AFolderThatIsNotThereIsNamed) {
  Model model;
  model.layers.emplace_back(RbmShape{1, 1});
  test::expect_error(Failure::file, {"nowhere"}, [&] { save_model(folder_ / "nowhere" / "m.h5", model); });
}

}  // namespace
}  // namespace rbmpi
