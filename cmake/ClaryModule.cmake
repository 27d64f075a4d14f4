# clary_module(NAME objects DEPS base net LIBS pugixml::pugixml
#   HEADERS object_store.h SOURCES file_store.cc TESTS file_store_test.cc TESTING testing/contract.cc)
#
# Declares the static library clary_<name> (alias clary::<name>) over the current directory, its
# header set (each header is compiled alone by the target all_verify_interface_header_sets), and
# one gtest binary clary_<name>_test. A DEP must have been declared earlier: the module graph is
# acyclic by order, and cmake/check_layers.cmake holds the #includes to the same edges.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
if(CMAKE_CXX_FLAGS_RELWITHDEBINFO STREQUAL "-O2 -g -DNDEBUG")  # CMake's own; a preset's stays
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
endif()

find_program(CLARY_CCACHE ccache)
if(CLARY_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CLARY_CCACHE})
endif()
find_program(CLARY_MOLD mold)
if(CLARY_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(clary_options INTERFACE)
target_include_directories(clary_options INTERFACE
  ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_options(clary_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual)
target_compile_definitions(clary_options INTERFACE CLARY_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(clary_options INTERFACE -Wthread-safety
    -Wno-missing-designated-field-initializers
    -Wno-sign-conversion            # as gcc's -Wconversion, which leaves it out for C++
    -Wno-deprecated-declarations)   # g++ 12's std::stable_sort uses what it deprecates itself
else()
  # Every field of our option structs has an initializer, so leaving one out is deliberate.
  # -Wrestrict: GCC 12 is wrong about std::string in optimised builds (its bug 105651).
  target_compile_options(clary_options INTERFACE -Wno-missing-field-initializers -Wno-restrict)
endif()
if(CLARY_SANITIZE)
  add_compile_options(-fsanitize=${CLARY_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CLARY_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-maybe-uninitialized)  # false alarms in Boost under -fsanitize
  endif()
  if(CLARY_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

set_property(GLOBAL PROPERTY CLARY_MODULES "")

function(clary_module)
  cmake_parse_arguments(M "" "NAME" "DEPS;LIBS;HEADERS;SOURCES;TESTS;TESTING;TEST_DEPS" ${ARGN})
  get_property(known GLOBAL PROPERTY CLARY_MODULES)
  foreach(dep IN LISTS M_DEPS)
    if(NOT dep IN_LIST known)
      message(FATAL_ERROR "module ${M_NAME}: '${dep}' is not declared before it (src/CMakeLists.txt)")
    endif()
  endforeach()
  set_property(GLOBAL APPEND PROPERTY CLARY_MODULES ${M_NAME})
  set_property(GLOBAL PROPERTY CLARY_DEPS_${M_NAME} "${M_DEPS}")

  list(TRANSFORM M_DEPS PREPEND clary_ OUTPUT_VARIABLE deps)
  add_library(clary_${M_NAME} STATIC ${M_SOURCES})
  add_library(clary::${M_NAME} ALIAS clary_${M_NAME})
  target_sources(clary_${M_NAME} PUBLIC FILE_SET HEADERS
    BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${M_HEADERS})
  target_link_libraries(clary_${M_NAME} PUBLIC clary_options ${deps} ${M_LIBS})

  if(CLARY_TESTS AND (M_TESTS OR M_TESTING))
    if(M_TESTING)  # fakes and contract suites, for this module's tests and those above it
      add_library(clary_${M_NAME}_testing STATIC ${M_TESTING})
      target_link_libraries(clary_${M_NAME}_testing PUBLIC clary_${M_NAME} GTest::gtest)
    endif()
    if(M_TESTS)
      add_executable(clary_${M_NAME}_test ${M_TESTS})
      target_link_libraries(clary_${M_NAME}_test PRIVATE clary_${M_NAME} GTest::gtest GTest::gmock GTest::gtest_main)
      target_compile_definitions(clary_${M_NAME}_test PRIVATE CLARY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      if(M_TESTING)
        target_link_libraries(clary_${M_NAME}_test PRIVATE clary_${M_NAME}_testing)
      endif()
      foreach(dep IN LISTS M_TEST_DEPS)
        target_link_libraries(clary_${M_NAME}_test PRIVATE ${dep})
      endforeach()
      include(GoogleTest)
      gtest_discover_tests(clary_${M_NAME}_test TEST_PREFIX ${M_NAME}. NO_PRETTY_VALUES
        DISCOVERY_MODE PRE_TEST PROPERTIES LABELS unit TIMEOUT 120)
    endif()
  endif()
endfunction()
