# clary_fuzz(NAME http SOURCE http_fuzz.cc LIBS clary::net)
#
# One fuzz target over LLVMFuzzerTestOneInput. With CLARY_FUZZ (clang) it is a libFuzzer binary;
# otherwise fuzz/replay.cc gives it a main() that replays the seeds of fuzz/seeds/<name>/ and
# deterministic mutations of them. ctest runs either for about a second.
function(clary_fuzz)
  cmake_parse_arguments(F "" "NAME;SOURCE" "LIBS" ${ARGN})
  set(target clary_fuzz_${F_NAME})
  set(seeds ${CMAKE_SOURCE_DIR}/fuzz/seeds/${F_NAME})
  if(CLARY_FUZZ)
    add_executable(${target} ${F_SOURCE})
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz.${F_NAME} COMMAND ${target} -max_total_time=2 -timeout=10 ${CMAKE_CURRENT_BINARY_DIR} ${seeds})
  else()
    add_executable(${target} ${F_SOURCE} ${CMAKE_SOURCE_DIR}/fuzz/replay.cc)
    add_test(NAME fuzz.${F_NAME} COMMAND ${target} ${seeds})
  endif()
  target_link_libraries(${target} PRIVATE clary_options ${F_LIBS})
  set_tests_properties(fuzz.${F_NAME} PROPERTIES LABELS fuzz TIMEOUT 60)
endfunction()
