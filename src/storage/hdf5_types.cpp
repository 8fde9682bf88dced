#include "storage/hdf5_types.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "storage/hdf5_handle.hpp"

namespace rbmpi {

std::size_t element_size(ElementType type) noexcept {
  switch (type) {
    case ElementType::uint8:
      return 1;
    case ElementType::int32:
    case ElementType::float32:
      return 4;
    case ElementType::int64:
    case ElementType::float64:
      return 8;
    case ElementType::other:
      break;
  }
  return 0;
}

std::string_view element_name(ElementType type) noexcept {
  switch (type) {
    case ElementType::uint8:
      return "uint8";
    case ElementType::int32:
      return "int32";
    case ElementType::int64:
      return "int64";
    case ElementType::float32:
      return "float32";
    case ElementType::float64:
      return "float64";
    case ElementType::other:
      break;
  }
  return "other";
}

namespace hdf5 {
namespace {

bool equals_any(hid_t type, std::initializer_list<hid_t> standard) {
  return std::any_of(standard.begin(), standard.end(), [&](hid_t one) { return H5Tequal(type, one) > 0; });
}

bool is_standard_float(hid_t type) {
  return equals_any(type, {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_IEEE_F32BE, H5T_IEEE_F64BE});
}

/// IEEE 754 binary16, which the library has no name for: 1 bit of sign, 5 of exponent, 10 of fraction.
bool is_half(hid_t type) {
  if (H5Tget_class(type) != H5T_FLOAT || H5Tget_size(type) != 2) return false;
  const Handle half(H5Tcopy(H5T_IEEE_F32LE));
  H5Tset_fields(half.id(), 15, 10, 5, 0, 10);
  H5Tset_size(half.id(), 2);
  H5Tset_ebias(half.id(), 15);
  const bool low_first = H5Tequal(type, half.id()) > 0;
  H5Tset_order(half.id(), H5T_ORDER_BE);
  return low_first || H5Tequal(type, half.id()) > 0;
}

/// A truth value in one byte: h5py's enumeration of FALSE and TRUE, or PyTables' field of bits.
bool is_truth(hid_t type) {
  if (H5Tequal(type, H5T_STD_B8LE) > 0 || H5Tequal(type, H5T_STD_B8BE) > 0) return true;
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  const Handle base(H5Tget_super(type));
  if (base.id() < 0 || !is_standard_integer(base.id())) return false;
  for (const int value : {0, 1}) {
    char found = -1;
    if (H5Tenum_valueof(type, value == 0 ? "FALSE" : "TRUE", &found) < 0) H5Eclear2(H5E_DEFAULT);
    if (found != value) return false;
  }
  return true;
}

std::string class_name(hid_t type) {
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return fmt::format("unusual {}-byte integer", H5Tget_size(type));
    case H5T_FLOAT:
      return fmt::format("{}-bit float", 8 * H5Tget_size(type));
    case H5T_STRING:
      return "string";
    case H5T_COMPOUND:
      return "compound";
    case H5T_ENUM:
      return "enumeration";
    case H5T_VLEN:
      return "variable-length";
    case H5T_OPAQUE:
      return "opaque";
    case H5T_BITFIELD:
      return "bit field";
    case H5T_REFERENCE:
      return "reference";
    case H5T_ARRAY:
      return "array of arrays";
    case H5T_TIME:
      return "time";
    default:
      return "unknown";
  }
}

}  // namespace

hid_t native_type(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return H5T_NATIVE_UINT8;
    case ElementType::int32:
      return H5T_NATIVE_INT32;
    case ElementType::int64:
      return H5T_NATIVE_INT64;
    case ElementType::float32:
      return H5T_NATIVE_FLOAT;
    case ElementType::float64:
      return H5T_NATIVE_DOUBLE;
    case ElementType::other:
      break;
  }
  throw Error(Failure::other, "an HDF5 array of type 'other' can neither be read nor written");
}

hid_t stored_type(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return H5T_STD_U8LE;
    case ElementType::int32:
      return H5T_STD_I32LE;
    case ElementType::int64:
      return H5T_STD_I64LE;
    case ElementType::float32:
      return H5T_IEEE_F32LE;
    case ElementType::float64:
      return H5T_IEEE_F64LE;
    case ElementType::other:
      break;
  }
  return native_type(type);
}

bool same_or_wider(ElementType stored, ElementType wanted) {
  if (stored == wanted) return stored != ElementType::other;
  switch (stored) {
    case ElementType::uint8:
      return wanted != ElementType::other;
    case ElementType::int32:
    case ElementType::float32:
      return wanted == ElementType::float64;
    default:
      return false;
  }
}

bool is_standard_integer(hid_t type) {
  return equals_any(type, {H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE, H5T_STD_I8LE, H5T_STD_I16LE,
                           H5T_STD_I32LE, H5T_STD_I64LE, H5T_STD_U8BE, H5T_STD_U16BE, H5T_STD_U32BE, H5T_STD_U64BE,
                           H5T_STD_I8BE, H5T_STD_I16BE, H5T_STD_I32BE, H5T_STD_I64BE});
}

bool is_standard_number(hid_t type) {
  return H5Tcommitted(type) == 0 && (is_standard_integer(type) || is_standard_float(type));
}

ArrayOutline describe_type(hid_t type) {
  ArrayOutline outline;
  outline.type_name = class_name(type);
  if (H5Tcommitted(type) != 0) {
    outline.type_name = "a type that the file defines (" + outline.type_name + ")";
    return outline;
  }
  const std::size_t size = H5Tget_size(type);
  if (is_standard_float(type)) {
    outline.type = size == 4 ? ElementType::float32 : ElementType::float64;
    outline.numbers = true;
  } else if (is_half(type)) {
    outline.type_name = "float16";
    outline.numbers = true;
  } else if (is_truth(type)) {
    outline.type_name = "bool";
    outline.numbers = true;
    outline.truths = true;
  } else if (is_standard_integer(type)) {
    const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    outline.integers = true;
    outline.numbers = true;
    if (size == 1 && !is_signed) outline.type = ElementType::uint8;
    if (size == 4 && is_signed) outline.type = ElementType::int32;
    if (size == 8 && is_signed) outline.type = ElementType::int64;
    outline.type_name = fmt::format("{}{}-bit integer", is_signed ? "" : "unsigned ", 8 * size);
  } else if (H5Tget_class(type) == H5T_STRING) {
    outline.texts = true;
  } else if (H5Tget_class(type) == H5T_FLOAT && (size == 4 || size == 8)) {
    outline.type_name = "unusual " + outline.type_name;
  }
  if (outline.type != ElementType::other) outline.type_name = element_name(outline.type);
  return outline;
}

}  // namespace hdf5
}  // namespace rbmpi
