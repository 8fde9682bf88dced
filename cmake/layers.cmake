# Compiler settings that every target of this project shares: rbmpi_language, and with sanitizers rbmpi_settings. Not
# exported: they are ours, not a consumer's.
add_library(rbmpi_language INTERFACE)
add_library(rbmpi_settings INTERFACE)
target_link_libraries(rbmpi_settings INTERFACE rbmpi_language)
target_compile_features(rbmpi_language INTERFACE cxx_std_20)
target_compile_options(rbmpi_language INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
  $<$<BOOL:${RBMPI_WERROR}>:-Werror>
  # Where sources are compiled as one, each sees the unnamed namespaces of others, and GCC takes all of them for headers.
  $<$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>:-Wno-shadow>
  $<$<AND:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>,$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>
  # Every float operation is rounded on its own, on every processor: the digest rests on it (docs/numerics.md).
  -ffp-contract=off)
# Highway's vectors whose length is known only at run time cannot stand in arrays, as our kernels want them to; where a
# processor has such (SVE), it has NEON as well.
set(rbmpi_disabled_kernels HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128|HWY_RVV)
if(RBMPI_FEW_KERNELS)
  string(APPEND rbmpi_disabled_kernels |HWY_SSSE3|HWY_SSE4|HWY_AVX3|HWY_AVX3_DL)
endif()
target_compile_definitions(rbmpi_language INTERFACE "HWY_DISABLED_TARGETS=(${rbmpi_disabled_kernels})")
# clang's address sanitizer comes with what the fuzzers steer by.
set(rbmpi_has_fuzzers OFF)
if(NOT RBMPI_SANITIZE)
  set(rbmpi_sanitizers "")
elseif(RBMPI_SANITIZE STREQUAL address)
  set(rbmpi_sanitizers address,undefined)
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    set(rbmpi_has_fuzzers ON)
    string(APPEND rbmpi_sanitizers ,fuzzer-no-link)
  endif()
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

# Sources that include themselves, once for each kind of processor: they are compiled by themselves. Of the sanitizers, those
# checks of pointers go that the address sanitizer makes as well, and what fuzzers steer by: they take 200 of 215 s there.
file(GLOB_RECURSE rbmpi_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.cpp)
set(rbmpi_kernel_sources "")
foreach(source IN LISTS rbmpi_sources)
  file(STRINGS ${source} foreach_target REGEX "hwy/foreach_target.h" LIMIT_COUNT 1)
  if(foreach_target)
    list(APPEND rbmpi_kernel_sources ${source})
  endif()
endforeach()
set_source_files_properties(${rbmpi_kernel_sources} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
# Tests compile these once more, with Real as double, and must not find them in the library as well.
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/model/net_pass.cpp ${PROJECT_SOURCE_DIR}/src/train/net_gradient.cpp
  PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
if(rbmpi_has_fuzzers)
  set_source_files_properties(${rbmpi_kernel_sources} PROPERTIES
    COMPILE_OPTIONS -fno-sanitize=null,alignment,pointer-overflow,fuzzer-no-link)
endif()

# rbmpi_unite(TARGET): as RBMPI_UNITY wants.
function(rbmpi_unite target)
  if(RBMPI_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
endfunction()

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
  rbmpi_unite(rbmpi_${name})
endfunction()
