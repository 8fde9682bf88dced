#include "import/other_files.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rbmpi {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

TEST(OtherFilesTest, WhatAFileIsIsSaidInWords) {
  const std::pair<std::string_view, const char*> files[] = {
      {""sv, "empty"},
      {" \n\t\r\n"sv, "empty"},
      {"  <!DocType HTML>"sv, "web page"},
      {"<HTML>"sv, "web page"},
      {"\xef\xbb\xbf<?xml version='1.0'?>"sv, "XML"},
      {"<!-- made --><html lang='en'>"sv, "web page"},
      {"<table class='a'><tr>"sv, "read_html"},
      {"<svg>"sv, "picture (SVG)"},
      {"<?xml version='1.0'?>\n<!-- made -->\n<svg xmlns='a'>"sv, "picture (SVG)"},
      {"<?xml version='1.0'?><?mso-application progid='Excel.Sheet'?>\n<Workbook xmlns='a'>"sv, "workbook"},
      {"<Error><Code>AccessDenied</Code></Error>"sv, "a server sent"},
      {"<PMML version='4.4'>"sv, "XML, its first element 'pmml'"},
      {"<?xml"sv, "XML"},
      {"{\"a\": 1}"sv, "JSON"},
      {"[ [\"a\", 1]]"sv, "JSON"},
      {"[1, \"a\"]"sv, "it is JSON"},
      {"[0, 1, 1]\n[1, 0, 1]\n"sv, "numpy.savetxt"},
      {"[[0 1 ... 1]\n [1 0 ... 1]]\n"sv, "numbers in brackets"},
      {"[[0. 0.5\n 1.]]\n"sv, "numbers in brackets"},
      {"[True, False]\r\n"sv, "numbers in brackets"},
      {"(0, 1)\n"sv, "numbers in brackets"},
      {"{{0, -1}, {1, 1}};\n"sv, "numbers in brackets"},
      {"[[0,1],[1,-"sv, "numbers in brackets"},
      {"<stata_dta><header><release>118</release><byteorder>LSF</byteorder><K>\2\0</K>"sv, "Stata"},
      {"\x71\2\1\0\2\0"sv, "Stata"},
      {"\x73\1\1\0\0\2"sv, "Stata"},
      {"$FL2@(#) SPSS DATA FILE\0"sv, "SPSS"},
      {"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"sv, "SAS"},
      {"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60\xb3\x14\x11\xcf"sv, "SAS"},
      {"%PDF-1.4\n"sv, "PDF"},
      {"\x89PNG\r\n\x1a\n\0"sv, "PNG"},
      {"\xff\xd8\xff\xe1"sv, "JPEG"},
      {"GIF87a"sv, "GIF"},
      {"II*\0\x08"sv, "TIFF"},
      {"MM\0*\0"sv, "TIFF"},
      {"PK\3\4 a.csv"sv, "zip"},
      {"PK\3\4 [Content_Types].xml"sv, "save it as CSV"},
      {"PK\3\4 archive/data.pkl"sv, "PyTorch"},
      {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, ".xls"},
      {"\x80\x04\x95\0\0"sv, "pickle"},
      {"RDX3\nX\n"sv, ".RData"},
      {"X\n\0\0\0\3"sv, ".rds"},
      {"PAR1\x15"sv, "Parquet"},
      {"ARROW1\0\0"sv, "Arrow"},
      {"SQLite format 3\0"sv, "SQLite"},
      {"# STOCKHOLM 1.0\n"sv, "another format"},
      {"CLUSTAL W (1.83)\n"sv, "another format"},
      {"@RELATION iris\n"sv, "ARFF"},
      {"version https://git-lfs.github.com/spec/v1\n"sv, "Git LFS"},
      {"\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0X\0\0"sv, "MATLAB's version 4"},
      {"\0\0\3\xe8\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\2X\0\0"sv, "MATLAB's version 4"},
      {"\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0XY\0"sv, "binary file"},
      {"PK\3\4 metadata.json {\"keras_version\""sv, "Keras"},
      {"\1\2\0\3"sv, "binary file"},
  };
  for (const auto& [beginning, words] : files) EXPECT_THAT(other_file(beginning), HasSubstr(words)) << beginning;
}

TEST(OtherFilesTest, TextsMayHaveTables) {
  for (const std::string_view beginning : {"1,2\n"sv, "BM,a\n1,2\n"sv, "a\n"sv, "\xff\xfe\x31\0\x0a\0"sv, "1\0\n\0"sv,
                                           "\xef\xbb\xbf"
                                           "a,b\n"sv,
                                           ">1,2\n"sv, "GIFT,a\n"sv, "<5,1\n3,0\n"sv, "<LOQ,1\n"sv, "<DATE>,<OPEN>\n"sv,
                                           "[mg],b\n1,2\n"sv, "(a),b\n"sv, "<!--"sv, "s\2\1"sv})
    EXPECT_EQ(other_file(beginning), "") << beginning;
}

}  // namespace
}  // namespace rbmpi
