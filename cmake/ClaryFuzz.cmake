# clary_fuzz(NAME http SOURCE http_fuzz.cc LIBS clary::net)
#
# One fuzz target over LLVMFuzzerTestOneInput. With CLARY_FUZZ (clang) it is a libFuzzer binary;
# otherwise fuzz/replay.cc gives it a main() that replays the seeds of fuzz/seeds/<name>/ and
# deterministic mutations of them. ctest runs either for about a second.
set(CLARY_FUZZ_SECONDS 10 CACHE STRING "How long ctest runs each libFuzzer target")
add_custom_target(fuzz_targets)
if(CLARY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage of what the targets call
elseif(CLARY_TESTS)
  add_library(clary_fuzz_replay STATIC fuzz/replay.cc)
  target_link_libraries(clary_fuzz_replay PRIVATE clary_options)
endif()

function(clary_fuzz)
  cmake_parse_arguments(F "" "NAME;SOURCE" "LIBS" ${ARGN})
  set(target clary_fuzz_${F_NAME})
  set(seeds ${CMAKE_SOURCE_DIR}/fuzz/seeds/${F_NAME})
  if(CLARY_FUZZ)
    add_executable(${target} ${F_SOURCE})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(corpus ${CMAKE_CURRENT_BINARY_DIR}/corpus/${F_NAME})  # what it finds stays for the next run
    file(MAKE_DIRECTORY ${corpus})
    add_test(NAME fuzz.${F_NAME} COMMAND ${target} -max_total_time=${CLARY_FUZZ_SECONDS} -timeout=10
      ${corpus} ${seeds})
  else()
    add_executable(${target} ${F_SOURCE})
    target_link_libraries(${target} PRIVATE clary_fuzz_replay)
    clary_optimise(${target} -O0)
    add_test(NAME fuzz.${F_NAME} COMMAND ${target} ${seeds})
  endif()
  target_link_libraries(${target} PRIVATE clary_options ${F_LIBS})
  add_dependencies(fuzz_targets ${target})
  set_tests_properties(fuzz.${F_NAME} PROPERTIES LABELS fuzz TIMEOUT 60)
endfunction()
