# The layer check must fail on a planted upward include and on a foreign internal/ header, and
# pass without them.
function(expect want)
  execute_process(COMMAND ${CMAKE_COMMAND} -DSRC=${DIR} "-DEDGES=low=;high=low" -P ${CHECK}
    RESULT_VARIABLE got OUTPUT_QUIET ERROR_QUIET)
  if((want STREQUAL pass AND NOT got EQUAL 0) OR (want STREQUAL fail AND got EQUAL 0))
    message(FATAL_ERROR "expected ${want}, exit code ${got}")
  endif()
endfunction()
file(REMOVE_RECURSE ${DIR})
file(WRITE ${DIR}/low/a.h "#include <vector>\n")
file(WRITE ${DIR}/high/b.cc "#include \"low/a.h\"\n")
expect(pass)
file(WRITE ${DIR}/high/c.cc "#include \"low/internal/d.h\"\n")
expect(fail)
file(REMOVE ${DIR}/high/c.cc)
file(WRITE ${DIR}/low/e.cc "#include \"high/b.h\"\n")
expect(fail)
