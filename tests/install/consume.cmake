# cmake -DBUILD=<build> -DSOURCE=<project> -DWORK=<dir> -DCXX=<compiler> [-DFLAGS=...] -P consume.cmake
# Installs the engine to a new prefix, builds the project against nothing but that, runs it, and
# looks at what the program is linked with.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
foreach(step
    "${CMAKE_COMMAND};--install;${BUILD};--component;gbdt;--prefix;${prefix}"
    "${CMAKE_COMMAND};-S;${SOURCE};-B;${WORK}/build;-DCMAKE_PREFIX_PATH=${prefix};-DCMAKE_CXX_COMPILER=${CXX};-DCMAKE_CXX_FLAGS=${FLAGS};-DCMAKE_BUILD_TYPE=Debug"
    "${CMAKE_COMMAND};--build;${WORK}/build")
  execute_process(COMMAND ${step} RESULT_VARIABLE failed OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(failed)
    message(FATAL_ERROR "${step}:\n${out}")
  endif()
endforeach()
execute_process(COMMAND ${WORK}/build/xgboost_library OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
if(NOT out MATCHES "AUC on data not seen before: 0\\.9[0-9]+")
  message(FATAL_ERROR "the example printed: ${out}")
endif()
file(GLOB_RECURSE installed RELATIVE ${prefix} ${prefix}/*)
foreach(file IN LISTS installed)
  if(NOT file MATCHES "^include/clary/(gbdt|error)\\.h$|claryConfig|claryTargets|/libclary_gbdt\\.a$")
    message(FATAL_ERROR "installed with the engine, but not of it: ${file}")
  endif()
endforeach()
# No service code, and none of its libraries.
find_program(NM nm REQUIRED)
execute_process(COMMAND ${NM} -C ${WORK}/build/xgboost_library OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "clary::gbdt::Train")
  message(FATAL_ERROR "nm does not show the engine: this check sees nothing")
endif()
if(symbols MATCHES "clary::(net|objects|exec|meta|api|runner|control|server|client|debugger)::|SSL_|sqlite3_|curl_")
  message(FATAL_ERROR "the example is linked with ${CMAKE_MATCH_0}")
endif()
