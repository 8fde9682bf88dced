# Compiler settings that every target of this project shares. Not exported: they are ours, not a consumer's.
add_library(rbmpi_settings INTERFACE)
target_compile_features(rbmpi_settings INTERFACE cxx_std_20)
target_compile_options(rbmpi_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  $<$<BOOL:${RBMPI_WERROR}>:-Werror>
  # Every float operation is rounded on its own, on every processor: the digest rests on it (docs/numerics.md).
  -ffp-contract=off)
# Highway's vectors whose length is known only at run time cannot stand in arrays, as our kernels want them to; where a
# processor has such (SVE), it has NEON as well.
target_compile_definitions(rbmpi_settings INTERFACE
  "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128|HWY_RVV)")
if(RBMPI_FUZZ)
  set(rbmpi_sanitizers fuzzer-no-link,address,undefined)
elseif(NOT RBMPI_SANITIZE)
  set(rbmpi_sanitizers "")
elseif(RBMPI_SANITIZE STREQUAL address)
  set(rbmpi_sanitizers address,undefined)
elseif(RBMPI_SANITIZE STREQUAL thread)
  set(rbmpi_sanitizers thread)
else()
  message(FATAL_ERROR "RBMPI_SANITIZE = ${RBMPI_SANITIZE}: off, address or thread would be right")
endif()
if(rbmpi_sanitizers)
  target_compile_options(rbmpi_settings INTERFACE -fsanitize=${rbmpi_sanitizers} -fno-sanitize-recover=undefined
                                                  -fno-omit-frame-pointer)
  target_link_options(rbmpi_settings INTERFACE -fsanitize=${rbmpi_sanitizers})
endif()

# rbmpi_add_layer(NAME LINKS ...): the static library rbmpi_NAME (alias rbmpi::NAME) from src/NAME/*.cpp, with the
# public headers include/rbmpi/NAME.
function(rbmpi_add_layer name)
  cmake_parse_arguments(layer "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(rbmpi_${name} STATIC ${sources})
  add_library(rbmpi::${name} ALIAS rbmpi_${name})
  set_target_properties(rbmpi_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(rbmpi_${name} PUBLIC cxx_std_20)
  target_include_directories(rbmpi_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(rbmpi_${name} PRIVATE $<BUILD_INTERFACE:rbmpi_settings>)
  target_link_libraries(rbmpi_${name} ${layer_LINKS})
endfunction()
