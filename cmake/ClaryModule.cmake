# clary_module(NAME objects [HOT | COLD] [SEPARATE] DEPS base net LIBS pugixml::pugixml
#   HEADERS object_store.h SOURCES file_store.cc PACKAGED strings.cc
#   TESTS file_store_test.cc TESTING testing/contract.cc)
#
# Declares the static library clary_<name> (alias clary::<name>) over the current directory, its
# header sets, and one gtest binary clary_<name>_test. The target all_verify_interface_header_sets
# compiles alone each header that no source of its own includes first (house.layers sees to that; the
# preset clang compiles those sources alone). A DEP must have been declared earlier: the module graph is
# acyclic by order, and cmake/check_layers.cmake holds the #includes to the same edges.
#
# Most of compiling is headers and templates that every file needs again, so the presets join the
# sources of a module, several to a compilation (CMAKE_UNITY_BUILD). Names in anonymous namespaces
# must therefore be unique within a module; SEPARATE keeps its files apart. HOT modules are compiled
# with -O3, COLD ones (what nobody waits for) with -Og, the rest with the preset's -O2, tests with
# -O0. PACKAGED sources are also part of the installed library (ClaryPackage.cmake).

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
if(CMAKE_CXX_FLAGS_RELWITHDEBINFO STREQUAL "-O2 -g -DNDEBUG")  # CMake's own; a preset's stays
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
endif()
if(CMAKE_CXX_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG")  # CMake's own: -O3 is for HOT modules
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
endif()
string(REGEX MATCH "-O[01]" CLARY_LOW_OPTIMISATION "${CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}}")

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
  -Wall -Wextra -Wpedantic -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual)
target_compile_definitions(clary_options INTERFACE CLARY_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(clary_options INTERFACE -Wthread-safety
    -Wno-missing-field-initializers # every field has an initializer: leaving one out is deliberate
    -Wno-sign-conversion            # as gcc's -Wconversion, which leaves it out for C++
    -Wno-deprecated-declarations)   # g++ 12's std::stable_sort uses what it deprecates itself
  if(NOT CMAKE_UNITY_BUILD)  # joined sources may use a name of another's
    target_compile_options(clary_options INTERFACE -Wshadow)
  endif()
else()
  # -Wmissing-field-initializers as above.
  # -Wrestrict: GCC 12 is wrong about std::string in optimised builds (its bug 105651).
  # -Wsubobject-linkage, -Wshadow of globals: they take joined sources for headers.
  target_compile_options(clary_options INTERFACE -Wno-missing-field-initializers -Wno-restrict
    -Wno-subobject-linkage -Wshadow=local)
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

# clary_optimise(TARGET -O1): that level instead of the preset's, unless the preset's is low already
# (sanitizers, clang's analysis).
function(clary_optimise TARGET LEVEL)
  if(NOT CLARY_LOW_OPTIMISATION)
    target_compile_options(${TARGET} PRIVATE ${LEVEL})
  endif()
endfunction()

function(clary_module)
  cmake_parse_arguments(M "HOT;COLD;SEPARATE" "NAME"
    "DEPS;LIBS;HEADERS;SOURCES;PACKAGED;TESTS;TESTING;TEST_DEPS" ${ARGN})
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
  set(alone ${M_HEADERS})
  foreach(header IN LISTS M_HEADERS)
    get_filename_component(stem ${header} NAME_WE)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${stem}.cc)
      list(REMOVE_ITEM alone ${header})
    endif()
  endforeach()
  set(led ${M_HEADERS})
  if(alone)
    list(REMOVE_ITEM led ${alone})
  endif()
  target_sources(clary_${M_NAME} PUBLIC
    FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${led}
    FILE_SET alone TYPE HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${alone})
  set_target_properties(clary_${M_NAME} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY alone)
  target_link_libraries(clary_${M_NAME} PUBLIC clary_options ${deps} ${M_LIBS})
  set(libraries clary_${M_NAME})
  if(M_PACKAGED)
    add_library(clary_${M_NAME}_packaged OBJECT ${M_PACKAGED})
    target_link_libraries(clary_${M_NAME}_packaged PRIVATE clary_options ${deps} ${M_LIBS})
    target_sources(clary_${M_NAME} PRIVATE $<TARGET_OBJECTS:clary_${M_NAME}_packaged>)
    list(APPEND libraries clary_${M_NAME}_packaged)
  endif()
  foreach(library IN LISTS libraries)
    if(M_HOT)
      clary_optimise(${library} -O3)
    elseif(M_COLD)
      clary_optimise(${library} -Og)
    endif()
    if(M_SEPARATE)
      set_target_properties(${library} PROPERTIES UNITY_BUILD OFF)
    endif()
  endforeach()

  if(CLARY_TESTS AND (M_TESTS OR M_TESTING))
    if(M_TESTING)  # fakes and contract suites, for this module's tests and those above it
      add_library(clary_${M_NAME}_testing STATIC ${M_TESTING})
      target_link_libraries(clary_${M_NAME}_testing PUBLIC clary_${M_NAME} GTest::gtest)
    endif()
    if(M_TESTS)
      add_executable(clary_${M_NAME}_test ${M_TESTS})
      clary_optimise(clary_${M_NAME}_test -O0)
      set_target_properties(clary_${M_NAME}_test PROPERTIES UNITY_BUILD OFF)
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
