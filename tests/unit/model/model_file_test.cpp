#include "rbmpi/model/model_file.hpp"

#include <functional>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/storage/hdf5_file.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

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
  refused({"[2 x 3], visible_bias [2] and hidden_bias [2]", "do not fit"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "hidden_bias");
    write_floats(file, "/layer_0/hidden_bias", {2}, {1, 2});
  });
  refused({"visible_bias [3]", "do not fit"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "visible_bias");
    write_floats(file, "/layer_0/visible_bias", {3}, {1, 2, 3});
  });
  refused({"'/layer_0/weights' as float32 with 1 dimension"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "weights");
    write_floats(file, "/layer_0/weights", {6}, {1, 2, 3, 4, 5, 6});
  });
  refused({"'/layer_0/hidden_bias' as float32 with 2 dimension"}, [](Hdf5File& file) {
    write_layer(file, "/layer_0", "hidden_bias");
    write_floats(file, "/layer_0/hidden_bias", {1, 3}, {1, 2, 3});
  });
  refused({"weights [0 x 3]"}, [](Hdf5File& file) {
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
  refused({"do not fit the memory", "[2000000 x 1000000]"}, [](Hdf5File& file) {
    // A file of that length, although the disk holds only what was written.
    const std::vector<float> row(2000000);
    file.create_array("/layer_0/weights", ElementType::float32, {2000000, 1000000});
    file.write_rows("/layer_0/weights", ElementType::float32, 0, 1, row.data());
    write_floats(file, "/layer_0/visible_bias", {2000000}, row);
    write_floats(file, "/layer_0/hidden_bias", {1000000}, row);
  });
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

TEST_F(ModelFileTest, LayersHaveToFitEachOther) {
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

TEST_F(ModelFileTest, AFolderThatIsNotThereIsNamed) {
  Model model;
  model.layers.emplace_back(RbmShape{1, 1});
  test::expect_error(Failure::file, {"nowhere"}, [&] { save_model(folder_ / "nowhere" / "m.h5", model); });
}

}  // namespace
}  // namespace rbmpi
